#include "rf_outbox_internal.h"

#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_EVENTS 100000
#define DEFAULT_BYTES (256ULL << 20)
#define DEFAULT_ROTATE (8ULL << 20)
#define DEFAULT_PER_HOST 4
#define MAX_PENDING (16u << 20) /* bytes appended and not yet written */
#define READ_RETRY_MS 1000

/* An item with what it points to. */
typedef struct flight {
    rf_outbox_item item;
    rf_outbox_entry *entry;
    rf_outbox_record record;
    uint8_t data[];
} flight;

/* ---- recovery ---- */

/* The numbers of an append of which the last record was not seen yet. */
typedef struct recovery {
    rf_outbox *o;
    rf_outbox_file *file;
    uint64_t group[RF_OUTBOX_MAX_EVENTS];
    size_t n_group;
} recovery;

static void drop_group(recovery *r)
{
    for (size_t i = 0; i < r->n_group; i++) {
        rf_outbox_entry *e = rf_outbox_find(r->o, r->group[i]);
        if (e != NULL) {
            rf_outbox_forget(r->o, e);
        }
    }
    r->n_group = 0;
}

static void recover_add(recovery *r, uint64_t offset, size_t len, const rf_outbox_record *record)
{
    rf_outbox_entry *e = rf_outbox_find(r->o, record->number);
    if (e == NULL) {
        e = rf_outbox_remember(r->o, record->number, &record->event);
    }
    e->attempts = record->event.attempts;
    e->due_ms = record->event.due_ms;
    rf_outbox_move(r->o, e, r->file, offset, len);
    if (record->more && r->n_group < RF_OUTBOX_MAX_EVENTS) {
        r->group[r->n_group++] = record->number;
    } else {
        r->n_group = 0;
    }
}

static int recover_record(rf_outbox_file *file, uint64_t offset, size_t len,
                          const rf_outbox_record *record, void *user)
{
    recovery *r = user;
    if (file != r->file || record->kind != RF_OUTBOX_ADD) {
        drop_group(r); /* a crash cut it off */
    }
    r->file = file;
    r->o->next_number = RF_MAX(r->o->next_number, record->number + 1);
    rf_outbox_entry *e = rf_outbox_find(r->o, record->number);
    if (record->kind == RF_OUTBOX_ADD) {
        recover_add(r, offset, len, record);
    } else if (e != NULL && record->kind == RF_OUTBOX_STATE) {
        e->attempts = record->event.attempts;
        e->due_ms = record->event.due_ms;
    } else if (e != NULL) {
        rf_outbox_forget(r->o, e);
    }
    return 0;
}

/* Puts all that was recovered into its lane. */
static int enqueue_all(rf_outbox *o)
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *data = rf_alloc(RF_OUTBOX_MAX_RECORD);
    RF_CLEANUP(rf_cleanup_free) rf_outbox_record *record = RF_NEW(rf_outbox_record);
    rf_outbox_known *k = NULL;
    rf_outbox_known *next = NULL;
    HASH_ITER(hh, o->by_number, k, next)
    {
        int err = rf_outbox_read(k->entry.file, k->entry.offset, k->entry.len, data, record);
        if (err < 0) {
            return err;
        }
        rf_outbox_enqueue(o, &k->entry, &record->event);
    }
    return 0;
}

/* ---- life ---- */

static void fill_config(rf_outbox_config *to, const rf_outbox_config *from)
{
    to->max_events = from->max_events != 0 ? from->max_events : DEFAULT_EVENTS;
    to->max_bytes = from->max_bytes != 0 ? from->max_bytes : DEFAULT_BYTES;
    to->rotate_bytes = from->rotate_bytes != 0 ? from->rotate_bytes : DEFAULT_ROTATE;
    to->per_host = from->per_host != 0 ? from->per_host : DEFAULT_PER_HOST;
}

static void free_outbox(rf_outbox *o)
{
    rf_outbox_known *k = NULL;
    rf_outbox_known *next = NULL;
    HASH_ITER(hh, o->by_number, k, next)
    {
        HASH_DEL(o->by_number, k);
        free(k);
    }
    for (size_t i = 0; i < RF_OUTBOX_N_ROUTES; i++) {
        rf_outbox_lanes_free(o->lanes[i]);
    }
    rf_outbox_log_close(&o->log);
    rf_outbox_batch_free(&o->pending);
    pthread_cond_destroy(&o->written);
    pthread_cond_destroy(&o->work);
    pthread_mutex_destroy(&o->mutex);
    pthread_mutex_destroy(&o->notify_mutex);
    free(o);
}

static int recover(rf_outbox *o, const char *dir)
{
    recovery r = {.o = o};
    int err =
        rf_outbox_log_open(&o->log, dir, o->config.rotate_bytes, recover_record, &r, &o->n_torn);
    drop_group(&r);
    err = err == 0 ? enqueue_all(o) : err;
    return err == 0 ? -pthread_create(&o->thread, NULL, rf_outbox_writer, o) : err;
}

int rf_outbox_open(const rf_outbox_config *config, rf_outbox **ret)
{
    if (config->dir == NULL || config->dir[0] == '\0') {
        return -EINVAL;
    }
    rf_outbox *o = RF_NEW(rf_outbox);
    fill_config(&o->config, config);
    o->next_number = 1;
    rf_buf_init(&o->pending.bytes, RF_OUTBOX_MAX_BATCH);
    pthread_mutex_init(&o->notify_mutex, NULL);
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->work, NULL);
    rf_cond_init(&o->written);
    o->lanes[RF_OUTBOX_BUS] = rf_outbox_lanes_new(true, 1);
    o->lanes[RF_OUTBOX_HOOK] = rf_outbox_lanes_new(false, o->config.per_host);
    if (config->gauge != NULL) {
        o->gauge = rf_metric_gauge(config->gauge, "Events that wait to be sent.", NULL);
    }
    int err = recover(o, config->dir);
    if (err < 0) {
        free_outbox(o);
        return err;
    }
    rf_outbox_show(o);
    *ret = o;
    return 0;
}

rf_outbox *rf_outbox_close(rf_outbox *o)
{
    if (o != NULL) {
        pthread_mutex_lock(&o->mutex);
        o->closing = true;
        pthread_cond_signal(&o->work);
        pthread_mutex_unlock(&o->mutex);
        pthread_join(o->thread, NULL);
        free_outbox(o);
    }
    return NULL;
}

/* ---- appending ---- */

static void queued(rf_outbox *o)
{
    o->n_queued++;
    pthread_cond_signal(&o->work);
}

static bool has_room(const rf_outbox *o, const rf_outbox_event *events, size_t n)
{
    uint64_t len = o->pending.bytes.len;
    for (size_t i = 0; i < n; i++) {
        len += RF_OUTBOX_MAX_RECORD - RF_OUTBOX_MAX_BODY + events[i].body_len;
    }
    return o->n_known + n <= o->config.max_events && len <= MAX_PENDING &&
           atomic_load(&o->log.n_bytes) + len <= o->config.max_bytes;
}

static int pack_all(rf_outbox *o, const rf_outbox_event *events, size_t n,
                    rf_outbox_entry **entries)
{
    rf_buf *bytes = &o->pending.bytes;
    for (size_t i = 0; i < n; i++) {
        rf_outbox_event e = events[i];
        size_t start = bytes->len;
        e.at_ms = rf_time_wall_ms();
        e.attempts = 0;
        int err = rf_outbox_record_pack(RF_OUTBOX_ADD, i + 1 < n, o->next_number, &e, bytes);
        if (err < 0) {
            return err;
        }
        entries[i] = rf_outbox_remember(o, o->next_number++, &e);
        entries[i]->offset = start;
        entries[i]->len = bytes->len - start;
    }
    return 0;
}

/* With the lock. */
static int append_locked(rf_outbox *o, const rf_outbox_event *events, size_t n, rf_outbox_ack done)
{
    rf_outbox_batch *b = &o->pending;
    size_t start = b->bytes.len;
    rf_outbox_entry *entries[RF_OUTBOX_MAX_EVENTS] = {0};
    if (!has_room(o, events, n)) {
        return -ENOBUFS;
    }
    if (pack_all(o, events, n, entries) < 0) {
        for (size_t i = 0; i < n && entries[i] != NULL; i++) {
            rf_outbox_forget(o, entries[i]);
        }
        b->bytes.len = start;
        b->bytes.err = 0;
        return -ENOBUFS;
    }
    b->entries = rf_grow(b->entries, b->n_entries + n, sizeof(*b->entries));
    memcpy(b->entries + b->n_entries, entries, n * sizeof(*entries));
    b->n_entries += n;
    b->acks = rf_grow(b->acks, b->n_acks + 1, sizeof(*b->acks));
    b->acks[b->n_acks++] = done;
    queued(o);
    rf_outbox_show(o);
    return 0;
}

int rf_outbox_append(rf_outbox *o, const rf_outbox_event *events, size_t n, rf_outbox_durable_fn fn,
                     void *user)
{
    if (n == 0 || n > RF_OUTBOX_MAX_EVENTS) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        int err = rf_outbox_event_check(&events[i]);
        if (err < 0) {
            return err;
        }
    }
    pthread_mutex_lock(&o->mutex);
    int err = append_locked(o, events, n, (rf_outbox_ack){fn, user});
    pthread_mutex_unlock(&o->mutex);
    return err;
}

int rf_outbox_flush(rf_outbox *o, int64_t at_ns)
{
    int err = 0;
    pthread_mutex_lock(&o->mutex);
    uint64_t target = o->n_queued;
    while (err == 0 && o->n_settled < target) {
        err = rf_time_wait_until(&o->written, &o->mutex, at_ns);
    }
    err = o->n_settled < target ? err : o->last_err;
    pthread_mutex_unlock(&o->mutex);
    return err;
}

/* ---- taking and settling ---- */

static int read_flight(rf_outbox *o, rf_outbox_entry *e, flight *f)
{
    rf_outbox_file *file = e->file;
    uint64_t offset = e->offset;
    size_t len = e->len;
    file->n_pins++;
    pthread_mutex_unlock(&o->mutex);
    int err = rf_outbox_read(file, offset, len, f->data, &f->record);
    pthread_mutex_lock(&o->mutex);
    file->n_pins--;
    return err;
}

static void fill_item(flight *f, rf_outbox_entry *e)
{
    f->entry = e;
    f->item.event = f->record.event;
    f->item.event.attempts = e->attempts;
    f->item.event.due_ms = e->due_ms;
    f->item.number = e->number;
}

/* With the lock. */
static int take_locked(rf_outbox *o, rf_outbox_lanes *lanes, int64_t now_ms, rf_outbox_item **ret,
                       int64_t *ret_due_ms)
{
    rf_outbox_entry *e = rf_outbox_lanes_take(lanes, now_ms, ret_due_ms);
    if (e == NULL) {
        return -EAGAIN;
    }
    flight *f = rf_alloc(sizeof(*f) + e->len);
    int err = read_flight(o, e, f);
    if (err < 0) {
        free(f);
        e->due_ms = now_ms + READ_RETRY_MS;
        rf_outbox_lanes_settle(lanes, e, true);
        return err;
    }
    fill_item(f, e);
    *ret = &f->item;
    return 0;
}

int rf_outbox_take(rf_outbox *o, rf_outbox_route route, int64_t now_ms, rf_outbox_item **ret,
                   int64_t *ret_due_ms)
{
    pthread_mutex_lock(&o->mutex);
    int err = take_locked(o, o->lanes[route], now_ms, ret, ret_due_ms);
    pthread_mutex_unlock(&o->mutex);
    return err;
}

void rf_outbox_done(rf_outbox *o, rf_outbox_item *item)
{
    flight *f = (flight *)item;
    rf_outbox_entry *e = f->entry;
    pthread_mutex_lock(&o->mutex);
    rf_outbox_record_pack(RF_OUTBOX_DONE, false, e->number, NULL, &o->pending.bytes);
    queued(o);
    rf_outbox_lanes_settle(o->lanes[e->route], e, false);
    rf_outbox_forget(o, e);
    rf_outbox_show(o);
    pthread_mutex_unlock(&o->mutex);
    free(f);
}

void rf_outbox_retry(rf_outbox *o, rf_outbox_item *item, int64_t due_ms)
{
    flight *f = (flight *)item;
    rf_outbox_entry *e = f->entry;
    pthread_mutex_lock(&o->mutex);
    e->attempts++;
    e->due_ms = due_ms;
    rf_outbox_event state = {.attempts = e->attempts, .due_ms = due_ms};
    rf_outbox_record_pack(RF_OUTBOX_STATE, false, e->number, &state, &o->pending.bytes);
    queued(o);
    rf_outbox_lanes_settle(o->lanes[e->route], e, true);
    pthread_mutex_unlock(&o->mutex);
    free(f);
}

void rf_outbox_release(rf_outbox *o, rf_outbox_item *item, int64_t due_ms)
{
    flight *f = (flight *)item;
    pthread_mutex_lock(&o->mutex);
    f->entry->due_ms = due_ms;
    rf_outbox_lanes_settle(o->lanes[f->entry->route], f->entry, true);
    pthread_mutex_unlock(&o->mutex);
    free(f);
}

void rf_outbox_notify(rf_outbox *o, rf_outbox_route route, void (*fn)(void *user), void *user)
{
    pthread_mutex_lock(&o->notify_mutex);
    o->listeners[route] = (rf_outbox_listener){fn, user};
    pthread_mutex_unlock(&o->notify_mutex);
}

void rf_outbox_get_stats(rf_outbox *o, rf_outbox_stats *ret)
{
    pthread_mutex_lock(&o->mutex);
    *ret = (rf_outbox_stats){.n_torn = o->n_torn, .n_syncs = o->n_syncs};
    for (size_t i = 0; i < RF_OUTBOX_N_ROUTES; i++) {
        ret->n_events[i] = rf_outbox_lanes_count(o->lanes[i]);
    }
    ret->n_bytes = atomic_load(&o->log.n_bytes);
    ret->n_files = atomic_load(&o->log.n_files);
    pthread_mutex_unlock(&o->mutex);
}
