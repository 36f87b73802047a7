#include "world.h"

#include "processor_host.h"
#include "rf_file.h"
#include "rf_time.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the job side ---- */

static int board_claim(void *self, uint32_t max, const char *const *hints, size_t n_hints,
                       processor_claims *ret)
{
    (void)hints;
    (void)n_hints;
    world_board *b = self;
    if (atomic_load(&b->is_down)) {
        return -EHOSTUNREACH;
    }
    pthread_mutex_lock(&b->lock);
    size_t n = RF_MIN((size_t)max, b->n_ready);
    *ret = (processor_claims){.items = RF_NEW_ARRAY(processor_claim *, n), .n = n};
    memcpy(ret->items, b->ready, n * sizeof(b->ready[0]));
    memmove(b->ready, b->ready + n, (b->n_ready - n) * sizeof(b->ready[0]));
    b->n_ready -= n;
    b->asked[b->n_claims++ % WORLD_KEPT_MAX] = max;
    pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; i < n; i++) {
        ret->items[i]->claimed_ns = rf_time_ns();
    }
    return 0;
}

static int board_heartbeat(void *self, processor_lease_state *leases, size_t n, uint32_t free_slots)
{
    world_board *b = self;
    atomic_fetch_add(&b->n_heartbeats, 1);
    if (atomic_load(&b->is_down)) {
        return -EHOSTUNREACH;
    }
    atomic_store(&b->free_slots, free_slots);
    for (size_t i = 0; i < n; i++) {
        leases[i].is_lost = atomic_load(&b->refuses_lease);
    }
    return 0;
}

static char *copy_text(const char *s)
{
    return s == NULL ? NULL : rf_strdup(s);
}

static int board_step_done(void *self, const char *job_id, uint64_t fence,
                           const processor_step_output *outputs, size_t n)
{
    (void)job_id;
    (void)fence;
    world_board *b = self;
    if (atomic_load(&b->is_down) || atomic_load(&b->refuses_lease)) {
        return atomic_load(&b->is_down) ? -EHOSTUNREACH : -ESTALE;
    }
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < n && b->n_steps < RF_ARRAY_LEN(b->steps); i++) {
        b->steps[b->n_steps++] =
            (processor_step_output){.step = copy_text(outputs[i].step),
                                    .port = copy_text(outputs[i].port),
                                    .object_key = copy_text(outputs[i].object_key),
                                    .size = outputs[i].size,
                                    .text = copy_text(outputs[i].text)};
    }
    pthread_mutex_unlock(&b->lock);
    return 0;
}

static int board_fetched(void *self, const char *job_id, uint64_t fence,
                         const processor_digest *digests, size_t n, bool *ret_taken)
{
    (void)job_id;
    (void)fence;
    world_board *b = self;
    if (atomic_load(&b->is_down) || atomic_load(&b->refuses_lease)) {
        return atomic_load(&b->is_down) ? -EHOSTUNREACH : -ESTALE;
    }
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < n && b->n_fetched < RF_ARRAY_LEN(b->sha256); i++) {
        memcpy(b->sha256[b->n_fetched++], digests[i].sha256, RF_SHA256_LEN);
    }
    pthread_mutex_unlock(&b->lock);
    *ret_taken = atomic_load(&b->takes);
    return 0;
}

static int board_finish(void *self, processor_finish *const *items, size_t n)
{
    world_board *b = self;
    if (atomic_load(&b->is_down)) {
        return -EHOSTUNREACH;
    }
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < n; i++) {
        items[i]->is_accepted = !atomic_load(&b->refuses_lease);
        processor_finish *kept = &b->kept[b->n_kept++ % WORLD_KEPT_MAX];
        *kept = *items[i];
        kept->results = NULL;
        kept->n_results = 0;
    }
    pthread_mutex_unlock(&b->lock);
    return 0;
}

static void board_init(world_board *b)
{
    *b = (world_board){0};
    pthread_mutex_init(&b->lock, NULL);
    b->calls = (processor_board){.claim = board_claim,
                                 .heartbeat = board_heartbeat,
                                 .step_done = board_step_done,
                                 .fetched = board_fetched,
                                 .finish = board_finish,
                                 .self = b};
}

/* ---- surroundings ---- */

static void open_fetch(world *w)
{
    const rf_fetch_config config = {
        .allow_loopback = true, .max_tries = 1, .connect_timeout_ms = 2000};
    cr_assert_eq(rf_fetch_new(&config, &w->fetch, NULL), 0);
}

static void open_host(world *w)
{
    const processor_host_config config = {.n_ready = 1,
                                          .max_children = 16,
                                          .memory_bytes = 4ull << 30,
                                          .max_file_bytes = 1ull << 30,
                                          .max_input_bytes = 64u << 20,
                                          .max_duration_s = 3600};
    cr_assert_eq(processor_host_new(&config, &w->env.host), 0);
}

void world_open(world *w)
{
    *w = (world){.dir = "/tmp/reflection-processor-XXXXXX"};
    cr_assert_not_null(mkdtemp(w->dir));
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("dir:%s/objects", w->dir);
    cr_assert_eq(rf_store_open(url, &w->store), 0);
    board_init(&w->board);
    open_fetch(w);
    open_host(w);
    w->env.board = &w->board.calls;
    w->env.store = w->store;
    w->env.fetch = w->fetch;
    w->env.scratch_dir = w->dir;
    w->env.max_input_bytes = 64u << 20;
    w->env.max_duration_s = 3600;
    w->env.max_files_bytes = 1ull << 30;
    w->env.parallel_steps = 4;
    w->env.silent_ns = 25 * RF_NS_PER_S;
}

void world_close(world *w)
{
    processor_host_free(w->env.host);
    rf_fetch_free(w->fetch);
    rf_store_close(w->store);
    for (size_t i = 0; i < w->board.n_steps; i++) {
        processor_step_output_done(&w->board.steps[i]);
    }
    for (size_t i = 0; i < w->board.n_ready; i++) {
        processor_claim_free(w->board.ready[i]);
    }
    pthread_mutex_destroy(&w->board.lock);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", w->dir);
    cr_assert_eq(system(command), 0);
}

/* ---- files ---- */

void world_put(world *w, const char *key, const void *data, size_t len)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(w->store, key, len, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, data, len), 0);
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
}

static void put_u32(rf_buf *b, uint32_t v)
{
    rf_buf_append(b, &v, sizeof(v));
}

static void put_u16(rf_buf *b, unsigned v)
{
    uint16_t u = (uint16_t)v;
    rf_buf_append(b, &u, sizeof(u));
}

void world_put_wav(world *w, const char *key, uint32_t rate_hz, uint32_t channels,
                   const int16_t *samples, size_t n_frames)
{
    rf_buf b;
    uint32_t bytes = (uint32_t)(n_frames * channels * 2);
    rf_buf_init(&b, 1u << 30);
    rf_buf_append_str(&b, "RIFF");
    put_u32(&b, 36 + bytes);
    rf_buf_append_str(&b, "WAVEfmt ");
    put_u32(&b, 16);
    put_u16(&b, 1);
    put_u16(&b, channels);
    put_u32(&b, rate_hz);
    put_u32(&b, rate_hz * channels * 2);
    put_u16(&b, channels * 2);
    put_u16(&b, 16);
    rf_buf_append_str(&b, "data");
    put_u32(&b, bytes);
    rf_buf_append(&b, samples, bytes);
    world_put(w, key, b.data, b.len);
    rf_buf_done(&b);
}

int16_t *world_sine(uint32_t rate_hz, uint32_t channels, size_t n_frames, double freq_hz,
                    double level_dbfs)
{
    int16_t *samples = RF_NEW_ARRAY(int16_t, n_frames * channels);
    double peak = 32767.0 * pow(10.0, level_dbfs / 20.0);
    for (size_t i = 0; i < n_frames * channels; i++) {
        double t = (double)(i / channels) / rate_hz;
        samples[i] = (int16_t)lrint(peak * sin(2.0 * M_PI * freq_hz * t));
    }
    return samples;
}

int16_t *world_noise(uint32_t channels, size_t n_frames)
{
    int16_t *samples = RF_NEW_ARRAY(int16_t, n_frames * channels);
    uint32_t state = 12345;
    for (size_t i = 0; i < n_frames * channels; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = (int16_t)(state >> 16);
    }
    return samples;
}

char *world_read(world *w, const char *key, size_t *ret_len)
{
    rf_store_object *o = NULL;
    cr_assert_eq(rf_store_get(w->store, key, &o), 0, "no object %s", key);
    size_t len = rf_store_object_info(o)->size;
    char *data = malloc(len + 1);
    size_t at = 0;
    while (at < len) {
        ssize_t n = rf_store_object_read(o, at, data + at, len - at);
        cr_assert_gt(n, 0);
        at += (size_t)n;
    }
    data[len] = '\0';
    rf_store_object_free(o);
    if (ret_len != NULL) {
        *ret_len = len;
    }
    return data;
}

/* ---- claims ---- */

static char *shipped(const char *slug)
{
    char name[128];
    rf_buf b;
    snprintf(name, sizeof(name), "%s", slug);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '-' : *c;
    }
    RF_CLEANUP(rf_cleanup_free)
    char *path =
        rf_asprintf("%s/services/processor/workflows/%s.json", getenv("REFLECTION_SOURCE"), name);
    rf_buf_init(&b, 1 << 20);
    cr_assert_eq(rf_file_read(path, &b), 0, "%s", path);
    rf_buf_append_char(&b, '\0');
    return rf_buf_steal(&b);
}

processor_claim *world_claim(const char *document, const char *params)
{
    processor_claim *c = RF_NEW(processor_claim);
    rf_uuid4(c->job_id);
    c->fence = 1;
    c->workflow_json = document[0] == '{' ? rf_strdup(document) : shipped(document);
    c->params_json = rf_strdup(params);
    c->limit_seconds = 600;
    c->request_id = rf_strdup("");
    c->claimed_ns = rf_time_ns();
    return c;
}

void world_input(processor_claim *c, const char *param, processor_input_source source,
                 const char *value)
{
    c->inputs = rf_grow(c->inputs, c->n_inputs + 1, sizeof(*c->inputs));
    processor_input *in = &c->inputs[c->n_inputs++];
    in->param = rf_strdup(param);
    in->source = source;
    in->value = rf_strdup(value);
}

void world_target(processor_claim *c, const char *output, const char *url)
{
    c->targets = rf_grow(c->targets, c->n_targets + 1, sizeof(*c->targets));
    c->targets[c->n_targets++] =
        (processor_target){.output = rf_strdup(output), .url = copy_text(url)};
}

void world_done(processor_claim *c, const char *step, const char *port, const char *object_key,
                const char *text)
{
    c->done = rf_grow(c->done, c->n_done + 1, sizeof(*c->done));
    c->done[c->n_done++] = (processor_step_output){.step = rf_strdup(step),
                                                   .port = rf_strdup(port),
                                                   .object_key = copy_text(object_key),
                                                   .text = copy_text(text)};
}

processor_finish *world_run(world *w, processor_claim *c)
{
    processor_attempt *a = NULL;
    cr_assert_eq(processor_attempt_new(&w->env, c, &a), 0);
    processor_finish *f = processor_run(a);
    processor_attempt_free(a);
    return f;
}

const processor_result *world_result(const processor_finish *f, const char *output)
{
    cr_assert_not_null(f);
    cr_assert_eq(f->outcome, PROCESSOR_SUCCEEDED, "failed: %s", f->failure.message);
    for (size_t i = 0; i < f->n_results; i++) {
        if (strcmp(f->results[i].output, output) == 0) {
            return &f->results[i];
        }
    }
    cr_assert_fail("no output %s", output);
    return NULL;
}

/* ---- HTTP ---- */

#define HTTP_BODY_MAX (16u << 20)

struct world_http {
    int fd;
    int status;
    const char *body;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    rf_buf put;
    unsigned count;
};

static size_t content_length(const char *head)
{
    const char *field = strcasestr(head, "content-length:");
    return field == NULL ? 0 : (size_t)strtoul(field + strlen("content-length:"), NULL, 10);
}

static void serve(world_http *h, int fd)
{
    rf_buf in;
    char chunk[4096];
    const char *end = NULL;
    rf_buf_init(&in, HTTP_BODY_MAX);
    while (end == NULL ||
           in.len - (size_t)(end + 4 - (char *)in.data) < content_length((char *)in.data)) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n <= 0) {
            break;
        }
        rf_buf_append(&in, chunk, (size_t)n);
        end = strstr(rf_buf_str(&in), "\r\n\r\n");
    }
    pthread_mutex_lock(&h->lock);
    h->count++;
    rf_buf_clear(&h->put);
    if (end != NULL) {
        rf_buf_append(&h->put, end + 4, in.len - (size_t)(end + 4 - (char *)in.data));
    }
    pthread_mutex_unlock(&h->lock);
    bool is_get = in.len > 3 && memcmp(in.data, "GET", 3) == 0;
    const char *body = is_get ? h->body : "";
    dprintf(fd, "HTTP/1.1 %d Answer\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
            h->status, strlen(body), body);
    rf_buf_done(&in);
}

static void *http_loop(void *user)
{
    world_http *h = user;
    int fd;
    while ((fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        serve(h, fd);
        close(fd);
    }
    return NULL;
}

world_http *world_http_start(int status, const char *body)
{
    world_http *h = RF_NEW(world_http);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    h->status = status;
    h->body = body;
    rf_buf_init(&h->put, HTTP_BODY_MAX);
    pthread_mutex_init(&h->lock, NULL);
    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(h->fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(h->fd, 16), 0);
    cr_assert_eq(getsockname(h->fd, (struct sockaddr *)&address, &len), 0);
    snprintf(h->url, sizeof(h->url), "http://127.0.0.1:%d/file", ntohs(address.sin_port));
    cr_assert_eq(pthread_create(&h->thread, NULL, http_loop, h), 0);
    return h;
}

world_http *world_http_stop(world_http *h)
{
    shutdown(h->fd, SHUT_RDWR);
    pthread_join(h->thread, NULL);
    close(h->fd);
    rf_buf_done(&h->put);
    pthread_mutex_destroy(&h->lock);
    free(h);
    return NULL;
}

const char *world_http_url(const world_http *h)
{
    return h->url;
}

const char *world_http_body(world_http *h, size_t *ret_len)
{
    pthread_mutex_lock(&h->lock);
    const char *body = rf_buf_str(&h->put);
    *ret_len = h->put.len;
    pthread_mutex_unlock(&h->lock);
    return body;
}

unsigned world_http_count(world_http *h)
{
    pthread_mutex_lock(&h->lock);
    unsigned count = h->count;
    pthread_mutex_unlock(&h->lock);
    return count;
}
