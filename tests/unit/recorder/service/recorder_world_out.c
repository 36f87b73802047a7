#include "recorder_world_out.h"

#include "recorder_streams.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

typedef struct reading {
    recorder_session *session;
    const recorder_slice_ask *ask;
    recorder_listen listen;
    recorder_consumer *consumer;
    world_bytes *bytes;
    sem_t done;
} reading;

static void add(world_bytes *b, const void *data, size_t len)
{
    b->data = rf_grow(b->data, b->len + len + 1, 1);
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
}

static void slice_begin(void *user, int64_t first, int64_t count, bool exact,
                        const char *content_type)
{
    reading *r = user;
    cr_expect_neq(content_type[0], '\0');
    r->bytes->first = first;
    r->bytes->count = count;
    r->bytes->exact = exact;
}

static int slice_write(void *user, const void *data, size_t len)
{
    reading *r = user;
    add(r->bytes, data, len);
    return 0;
}

static void on_end(void *user, const recorder_error *error)
{
    reading *r = user;
    r->bytes->error = *error;
    sem_post(&r->done);
}

static void ask_slice(recorder_world *w, void *user)
{
    static const recorder_slice_ops ops = {slice_begin, slice_write, on_end};
    reading *r = user;
    (void)w;
    recorder_slice(r->session, r->ask, &ops, r);
}

static void run(recorder_world *w, reading *r, void (*fn)(recorder_world *w, void *user))
{
    memset(r->bytes, 0, sizeof(*r->bytes));
    sem_init(&r->done, 0, 0);
    world_do(w, fn, r);
    while (sem_wait(&r->done) != 0) {
    }
    sem_destroy(&r->done);
}

void world_slice(recorder_world *w, recorder_session *s, const recorder_slice_ask *ask,
                 world_bytes *ret)
{
    reading r = {.session = s, .ask = ask, .bytes = ret};
    run(w, &r, ask_slice);
}

void world_segment(recorder_world *w, recorder_session *s, int64_t first, int64_t n,
                   recorder_format format, world_bytes *ret)
{
    char from[32] = "";
    char to[32] = "";
    if (n > 0) {
        const int64_t end = first + n;
        (void)snprintf(from, sizeof(from), "f:%lld", (long long)first);
        (void)snprintf(to, sizeof(to), "f:%lld", (long long)end);
    }
    const recorder_slice_ask ask = {
        .from = from, .to = to, .output = {.format = format, .flac_level = -1}};
    world_slice(w, s, &ask, ret);
}

void world_peaks(recorder_world *w, recorder_session *s, world_bytes *ret)
{
    const recorder_overview overview = {.spp = 256, .bits = 8};
    const recorder_slice_ask ask = {.from = "", .to = "", .overview = &overview};
    world_slice(w, s, &ask, ret);
}

static int on_piece(void *user, const recorder_stream_piece *piece)
{
    reading *r = user;
    add(r->bytes, piece->data, piece->len);
    r->bytes->count += piece->n_frames;
    return 0;
}

static void listen(recorder_world *w, void *user)
{
    static const recorder_outlet outlet = {.piece = on_piece, .end = on_end};
    reading *r = user;
    (void)w;
    if (recorder_streams_open(r->session, &r->listen, &outlet, r, &r->consumer, &r->bytes->error) !=
        RECORDER_OK) {
        sem_post(&r->done);
    }
}

void world_stream(recorder_world *w, recorder_session *s, int64_t first, world_bytes *ret)
{
    reading r = {.session = s,
                 .listen = {.from = RECORDER_FROM_FRAME, .frame = first, .chunk_frames = 1600},
                 .bytes = ret};
    run(w, &r, listen);
}

void world_bytes_done(world_bytes *b)
{
    free(b->data);
    b->data = NULL;
}

bool world_equal(const world_bytes *a, const world_bytes *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}
