#include "recorder_past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECES 2048U /* of 100 ms: more than 120 s, and gaps */
#define BATCH_MS 100
#define SPARE 64U /* pieces */
#define MEMORY_MAX ((size_t)4 << 20)
#define SPARE_S 2 /* of file beyond what is wanted: what comes in one block */

typedef struct bytes {
    uint8_t *data;
    size_t cap;
    int64_t from; /* number of the first frame */
    int64_t n;
} bytes;

/* Frames of audio are numbered as they come, gaps apart: frame i lies at i % cap in the file. */
struct recorder_past {
    int fd;
    size_t frame_bytes;
    int64_t wanted;
    int64_t batch;
    int64_t cap;
    recorder_past_piece pieces[PIECES]; /* a ring */
    uint32_t first;
    uint32_t n;
    int64_t total; /* frames of all pieces */
    int64_t head;  /* of the next frame */
    bytes filling; /* the last frames */
    bytes writing; /* those before them, while busy */
    bool busy;
};

int recorder_past_new(const char *dir, uint32_t frame_bytes, uint32_t rate_hz, int64_t wanted,
                      recorder_past **ret)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/past-XXXXXX", dir);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    (void)unlink(path);
    recorder_past *past = RF_NEW(recorder_past);
    past->fd = fd;
    past->frame_bytes = frame_bytes;
    past->wanted = wanted;
    past->batch = (int64_t)rate_hz * BATCH_MS / 1000;
    past->cap = wanted + (int64_t)SPARE_S * rate_hz;
    *ret = past;
    return 0;
}

recorder_past *recorder_past_free(recorder_past *past)
{
    if (past != NULL) {
        close(past->fd);
        free(past->filling.data);
        free(past->writing.data);
        free(past);
    }
    return NULL;
}

/* ---- pieces ---- */

static recorder_past_piece *piece_at(recorder_past *past, uint32_t i)
{
    return &past->pieces[(past->first + i) % PIECES];
}

static void drop_oldest(recorder_past *past)
{
    past->total -= piece_at(past, 0)->n_frames;
    past->first = (past->first + 1) % PIECES;
    past->n--;
}

static void cut_oldest(recorder_past *past, int64_t n)
{
    recorder_past_piece *oldest = piece_at(past, 0);
    oldest->n_frames -= n;
    oldest->at += n;
    past->total -= n;
}

/* Audio that the file has written over, or soon will, is no past any more. */
static int64_t written_over(recorder_past *past)
{
    const recorder_past_piece *oldest = piece_at(past, 0);
    return oldest->is_gap ? 0 : RF_MAX(past->head - past->cap - oldest->at, (int64_t)0);
}

static void forget(recorder_past *past)
{
    while (past->n > 0) {
        int64_t n = piece_at(past, 0)->n_frames;
        int64_t stale = written_over(past);
        if (stale < n && past->total - n < past->wanted) {
            cut_oldest(past, stale);
            return;
        }
        drop_oldest(past);
    }
}

static recorder_past_piece *add_piece(recorder_past *past, const recorder_past_piece *piece)
{
    if (past->n == PIECES) {
        drop_oldest(past);
    }
    recorder_past_piece *new = piece_at(past, past->n++);
    *new = *piece;
    return new;
}

/* Frames go on in a piece that is short, and as a whole in memory. */
static recorder_past_piece *open_piece(recorder_past *past)
{
    recorder_past_piece *last = past->n > 0 ? piece_at(past, past->n - 1) : NULL;
    bool goes_on = last != NULL && !last->is_gap && last->n_frames < past->batch &&
                   last->at >= past->filling.from;
    return goes_on ? last : add_piece(past, &(recorder_past_piece){.at = past->head});
}

static void append(recorder_past *past, const void *data, int64_t n)
{
    bytes *b = &past->filling;
    size_t len = (size_t)b->n * past->frame_bytes;
    size_t more = (size_t)n * past->frame_bytes;
    if (len + more > b->cap) {
        b->cap = 2 * (len + more);
        b->data = rf_grow(b->data, b->cap, 1);
    }
    memcpy(b->data + len, data, more);
    b->n += n;
}

void recorder_past_frames(recorder_past *past, const void *data, int64_t n, int64_t mono_ns,
                          bool keep)
{
    recorder_past_piece *piece = open_piece(past);
    append(past, data, n);
    piece->n_frames += n;
    piece->mono_ns = mono_ns;
    past->total += n;
    past->head += n;
    if (!keep) {
        forget(past);
    }
}

void recorder_past_gap(recorder_past *past, recorder_gap_cause cause, int64_t n, bool exact,
                       int64_t mono_ns, bool keep)
{
    recorder_past_piece *last = past->n > 0 ? piece_at(past, past->n - 1) : NULL;
    if (last == NULL || !last->is_gap || last->cause != cause || last->exact != exact) {
        last =
            add_piece(past, &(recorder_past_piece){.is_gap = true, .exact = exact, .cause = cause});
    }
    last->n_frames += n;
    last->mono_ns = mono_ns;
    past->total += n;
    if (!keep) {
        forget(past);
    }
}

void recorder_past_clear(recorder_past *past)
{
    past->n = 0;
    past->total = 0;
}

int64_t recorder_past_cut(recorder_past *past)
{
    forget(past);
    int64_t surplus = past->total - past->wanted;
    if (past->n > 0 && surplus > 0) {
        cut_oldest(past, surplus);
    }
    return past->total;
}

bool recorder_past_is_full(const recorder_past *past)
{
    return (size_t)past->filling.n * past->frame_bytes >= MEMORY_MAX || past->n + SPARE >= PIECES;
}

/* ---- the file ---- */

bool recorder_past_write_begin(recorder_past *past)
{
    if (past->busy || past->filling.n < past->batch) {
        return false;
    }
    bytes full = past->filling;
    past->filling = past->writing;
    past->filling.from = past->head;
    past->filling.n = 0;
    past->writing = full;
    past->busy = true;
    return true;
}

static int transfer(const recorder_past *past, bool reads, int64_t at, int64_t n, uint8_t *data)
{
    size_t done = 0;
    size_t len = (size_t)n * past->frame_bytes;
    while (done < len) {
        int64_t offset = (at * (int64_t)past->frame_bytes + (int64_t)done) %
                         (past->cap * (int64_t)past->frame_bytes);
        size_t part = RF_MIN(len - done, (size_t)(past->cap * (int64_t)past->frame_bytes - offset));
        ssize_t got = reads ? pread(past->fd, data + done, part, offset)
                            : pwrite(past->fd, data + done, part, offset);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return got == 0 ? -EIO : -errno;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

int recorder_past_write(recorder_past *past)
{
    const bytes *b = &past->writing;
    int64_t skip = RF_MAX(b->n - past->cap, (int64_t)0);
    return transfer(past, false, b->from + skip, b->n - skip,
                    b->data + (size_t)skip * past->frame_bytes);
}

void recorder_past_write_end(recorder_past *past, int err)
{
    int64_t end = past->writing.from + past->writing.n;
    for (uint32_t i = 0; err < 0 && i < past->n; i++) {
        recorder_past_piece *piece = piece_at(past, i);
        if (!piece->is_gap && piece->at < end && piece->at + piece->n_frames > past->writing.from) {
            piece->is_gap = true;
            piece->exact = true;
            piece->cause = RECORDER_GAP_DISK_FULL;
        }
    }
    past->busy = false;
}

/* ---- reading ---- */

recorder_past_kind recorder_past_look(const recorder_past *past, recorder_past_piece *ret,
                                      const void **ret_data)
{
    if (past->n == 0) {
        return RECORDER_PAST_NOTHING;
    }
    *ret = past->pieces[past->first];
    if (ret->is_gap) {
        return RECORDER_PAST_GAP;
    }
    if (ret->at >= past->filling.from) {
        *ret_data = past->filling.data + (size_t)(ret->at - past->filling.from) * past->frame_bytes;
        return RECORDER_PAST_MEMORY;
    }
    return past->busy && ret->at + ret->n_frames > past->writing.from ? RECORDER_PAST_WRITING
                                                                      : RECORDER_PAST_FILE;
}

int recorder_past_read(recorder_past *past, const recorder_past_piece *piece, void *out)
{
    return transfer(past, true, piece->at, piece->n_frames, out);
}

/* What is taken from memory need not be written any more. */
void recorder_past_take(recorder_past *past)
{
    const recorder_past_piece piece = past->pieces[past->first];
    drop_oldest(past);
    int64_t end = piece.at + piece.n_frames;
    bytes *b = &past->filling;
    if (!piece.is_gap && piece.at >= b->from) {
        int64_t n = end - b->from;
        b->n -= n;
        b->from = end;
        memmove(b->data, b->data + (size_t)n * past->frame_bytes, (size_t)b->n * past->frame_bytes);
    }
}
