#include "rf_outbox_internal.h"

#include "rf_log.h"

/* ---- the writer thread ---- */

static void place_batch(rf_outbox *o, const rf_outbox_batch *b, rf_outbox_file *file,
                        uint64_t offset)
{
    RF_CLEANUP(rf_cleanup_free) rf_outbox_record *record = RF_NEW(rf_outbox_record);
    for (size_t i = 0; i < b->n_entries; i++) {
        rf_outbox_entry *e = b->entries[i];
        uint64_t at = e->offset;
        rf_outbox_record_unpack(b->bytes.data + at, e->len, record);
        rf_outbox_move(o, e, file, offset + at, e->len);
        rf_outbox_enqueue(o, e, &record->event);
    }
}

static void fail_batch(rf_outbox *o, const rf_outbox_batch *b, int err)
{
    RF_LOG_ERROR("outbox cannot be written", RF_INT("errno", -err));
    for (size_t i = 0; i < b->n_entries; i++) {
        rf_outbox_forget(o, b->entries[i]);
    }
}

static void notify(rf_outbox *o)
{
    pthread_mutex_lock(&o->notify_mutex);
    for (size_t i = 0; i < RF_OUTBOX_N_ROUTES; i++) {
        if (o->listeners[i].fn != NULL) {
            o->listeners[i].fn(o->listeners[i].user);
        }
    }
    pthread_mutex_unlock(&o->notify_mutex);
}

void rf_outbox_batch_free(rf_outbox_batch *b)
{
    rf_buf_done(&b->bytes);
    free(b->entries);
    free(b->acks);
}

/* Takes what is pending. With the lock. */
static rf_outbox_batch take_pending(rf_outbox *o)
{
    rf_outbox_batch b = o->pending;
    o->pending = (rf_outbox_batch){0};
    rf_buf_init(&o->pending.bytes, RF_OUTBOX_MAX_BATCH);
    return b;
}

static void write_batch(rf_outbox *o, rf_outbox_batch *b, uint64_t n_queued)
{
    rf_outbox_file *file = NULL;
    uint64_t offset = 0;
    int err = rf_outbox_log_write(&o->log, &b->bytes, &file, &offset);
    pthread_mutex_lock(&o->mutex);
    if (err == 0) {
        place_batch(o, b, file, offset);
    } else {
        fail_batch(o, b, err);
    }
    o->last_err = err;
    o->n_syncs++;
    rf_outbox_show(o);
    pthread_mutex_unlock(&o->mutex);
    for (size_t i = 0; i < b->n_acks; i++) {
        if (b->acks[i].fn != NULL) {
            b->acks[i].fn(err, b->acks[i].user);
        }
    }
    notify(o);
    pthread_mutex_lock(&o->mutex);
    o->n_settled = n_queued;
    pthread_cond_broadcast(&o->written);
    pthread_mutex_unlock(&o->mutex);
}

/* ---- making room on disk ---- */

/* A copy of an event's place and state, for the time in which its file is rewritten. */
typedef struct moved {
    uint64_t number;
    uint64_t offset;
    size_t len;
    uint64_t new_offset;
    size_t new_len;
    int64_t due_ms;
    unsigned attempts;
} moved;

static moved *list_live(rf_outbox *o, const rf_outbox_file *file, size_t *ret_n)
{
    moved *list = NULL;
    size_t n = 0;
    pthread_mutex_lock(&o->mutex);
    list = RF_NEW_ARRAY(moved, file->n_live + 1);
    for (const rf_outbox_known *k = o->by_number; k != NULL; k = k->hh.next) {
        const rf_outbox_entry *e = &k->entry;
        if (e->file == file) {
            list[n++] = (moved){.number = e->number, .offset = e->offset, .len = e->len};
            list[n - 1].due_ms = e->due_ms;
            list[n - 1].attempts = e->attempts;
        }
    }
    pthread_mutex_unlock(&o->mutex);
    *ret_n = n;
    return list;
}

static int copy_live(const rf_outbox_file *file, moved *list, size_t n, rf_buf *out)
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *data = rf_alloc(RF_OUTBOX_MAX_RECORD);
    RF_CLEANUP(rf_cleanup_free) rf_outbox_record *record = RF_NEW(rf_outbox_record);
    for (size_t i = 0; i < n; i++) {
        int err = rf_outbox_read(file, list[i].offset, list[i].len, data, record);
        if (err < 0) {
            return err;
        }
        record->event.due_ms = list[i].due_ms;
        record->event.attempts = list[i].attempts;
        list[i].new_offset = out->len;
        err = rf_outbox_record_pack(RF_OUTBOX_ADD, false, list[i].number, &record->event, out);
        if (err < 0) {
            return err;
        }
        list[i].new_len = out->len - list[i].new_offset;
    }
    return 0;
}

/* Copies what is left of the oldest file to the newest. */
static void compact_oldest(rf_outbox *o)
{
    size_t n = 0;
    rf_buf out;
    rf_outbox_file *old = o->log.oldest;
    rf_outbox_file *file = NULL;
    uint64_t offset = 0;
    rf_buf_init(&out, RF_OUTBOX_MAX_BATCH);
    RF_CLEANUP(rf_cleanup_free) moved *list = list_live(o, old, &n);
    int err = copy_live(old, list, n, &out);
    err = err == 0 && n > 0 ? rf_outbox_log_write(&o->log, &out, &file, &offset) : err;
    pthread_mutex_lock(&o->mutex);
    for (size_t i = 0; err == 0 && i < n; i++) {
        rf_outbox_entry *e = rf_outbox_find(o, list[i].number);
        if (e != NULL && e->file == old) {
            rf_outbox_move(o, e, file, offset + list[i].new_offset, list[i].new_len);
        }
    }
    pthread_mutex_unlock(&o->mutex);
    rf_buf_done(&out);
}

static bool worth_compacting(rf_outbox *o)
{
    pthread_mutex_lock(&o->mutex);
    uint64_t limit = 2 * o->live_bytes + 2 * o->config.rotate_bytes;
    pthread_mutex_unlock(&o->mutex);
    return o->log.oldest != o->log.newest && atomic_load(&o->log.n_bytes) > limit;
}

static void drop_files(rf_outbox *o)
{
    pthread_mutex_lock(&o->mutex);
    while (o->log.oldest != o->log.newest && o->log.oldest->n_live == 0 &&
           o->log.oldest->n_pins == 0) {
        rf_outbox_log_drop_oldest(&o->log);
    }
    pthread_mutex_unlock(&o->mutex);
}

void *rf_outbox_writer(void *arg)
{
    rf_outbox *o = arg;
    pthread_mutex_lock(&o->mutex);
    for (;;) {
        while (o->pending.bytes.len == 0 && !o->closing) {
            pthread_cond_wait(&o->work, &o->mutex);
        }
        if (o->pending.bytes.len == 0) {
            break;
        }
        rf_outbox_batch b = take_pending(o);
        uint64_t n_queued = o->n_queued;
        pthread_mutex_unlock(&o->mutex);
        write_batch(o, &b, n_queued);
        rf_outbox_batch_free(&b);
        if (worth_compacting(o)) {
            compact_oldest(o);
        }
        drop_files(o);
        pthread_mutex_lock(&o->mutex);
    }
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}
