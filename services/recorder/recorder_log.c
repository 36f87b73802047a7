#include "recorder_log.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>

/* Something that waits for room in the journal. */
typedef struct waiting {
    struct waiting *next;
    enum { RECORD, SESSION, CHECKPOINT } kind;
    recorder_record record;
    recorder_mark mark;
    uint32_t frame_bytes; /* SESSION */
    uint64_t file;        /* CHECKPOINT */
    char data[];          /* of the record, or the path */
} waiting;

typedef struct marked {
    uint64_t lsn;
    recorder_mark mark;
} marked;

struct recorder_log {
    recorder_journal *journal;
    waiting *first;
    waiting **last;
    marked *ring; /* in order of lsn; cap is a power of two */
    size_t cap;
    uint64_t head; /* counts of marks: pushed, */
    uint64_t tail; /* released, */
    uint64_t written;
    uint64_t durable; /* and told */
};

recorder_log *recorder_log_new(recorder_journal *journal)
{
    recorder_log *log = RF_NEW(recorder_log);
    log->journal = journal;
    log->last = &log->first;
    log->cap = 1024;
    log->ring = RF_NEW_ARRAY(marked, log->cap);
    return log;
}

static void release(recorder_log *log);

recorder_log *recorder_log_free(recorder_log *log)
{
    if (log != NULL) {
        while (log->first != NULL) {
            waiting *w = log->first;
            log->first = w->next;
            free(w);
        }
        log->written = log->durable = log->head; /* never to be told */
        release(log);
        free(log->ring);
        free(log);
    }
    return NULL;
}

/* ---- marks: as many as there are records in the journal's hands ---- */

static marked *at(const recorder_log *log, uint64_t number)
{
    return &log->ring[number & (log->cap - 1)];
}

static void grow(recorder_log *log)
{
    recorder_log old = *log;
    log->cap *= 2;
    log->ring = RF_NEW_ARRAY(marked, log->cap);
    for (uint64_t i = log->tail; i < log->head; i++) {
        *at(log, i) = *at(&old, i);
    }
    free(old.ring);
}

static void push(recorder_log *log, uint64_t lsn, const recorder_mark *mark)
{
    if (mark == NULL) {
        return;
    }
    if (log->head - log->tail == log->cap) {
        grow(log);
    }
    *at(log, log->head++) = (marked){lsn, *mark};
}

static void release(recorder_log *log)
{
    while (log->tail < log->written && log->tail < log->durable) {
        recorder_mark mark = at(log, log->tail++)->mark;
        if (mark.fns->release != NULL) {
            mark.fns->release(mark.user);
        }
    }
}

void recorder_log_written(recorder_log *log, uint64_t lsn)
{
    while (log->written < log->head && at(log, log->written)->lsn <= lsn) {
        recorder_mark mark = at(log, log->written++)->mark;
        if (mark.fns->written != NULL) {
            mark.fns->written(mark.user, mark.value);
        }
    }
    release(log);
}

/* ---- the journal ---- */

static int give(recorder_log *log, const waiting *w)
{
    uint64_t lsn = 0;
    if (w->kind == CHECKPOINT) {
        return recorder_journal_checkpoint(log->journal, w->file);
    }
    if (w->kind == SESSION) {
        return recorder_journal_session(log->journal, w->record.session, w->frame_bytes, w->data);
    }
    int err = recorder_journal_append(log->journal, &w->record, &lsn);
    if (err == 0) {
        push(log, lsn, w->mark.fns != NULL ? &w->mark : NULL);
    }
    return err;
}

static void give_waiting(recorder_log *log)
{
    while (log->first != NULL) {
        waiting *w = log->first;
        int err = give(log, w);
        if (err == -ENOBUFS) {
            return;
        }
        if (err < 0) {
            RF_LOG_ERROR("the journal refuses a record", RF_STR("why", strerror(-err)));
        }
        log->first = w->next;
        log->last = log->first == NULL ? &log->first : log->last;
        free(w);
    }
}

static void put(recorder_log *log, const waiting *head, const void *data, size_t len)
{
    waiting *w = rf_alloc(sizeof(*w) + len + 1);
    *w = *head;
    if (len > 0) {
        memcpy(w->data, data, len);
    }
    w->record.data = w->data;
    *log->last = w;
    log->last = &w->next;
    give_waiting(log);
}

void recorder_log_durable(recorder_log *log, uint64_t lsn)
{
    while (log->durable < log->head && at(log, log->durable)->lsn <= lsn) {
        recorder_mark mark = at(log, log->durable++)->mark;
        if (mark.fns->durable != NULL) {
            mark.fns->durable(mark.user, mark.value);
        }
    }
    release(log);
    give_waiting(log);
}

void recorder_log_session(recorder_log *log, const uint8_t *session, uint32_t frame_bytes,
                          const char *path)
{
    waiting w = {.kind = SESSION, .frame_bytes = frame_bytes};
    memcpy(w.record.session, session, sizeof(w.record.session));
    put(log, &w, path, strlen(path));
}

void recorder_log_put(recorder_log *log, const recorder_record *r, const recorder_mark *mark)
{
    waiting w = {.kind = RECORD, .record = *r};
    if (mark != NULL) {
        w.mark = *mark;
    }
    put(log, &w, r->data, r->len);
}

int recorder_log_audio(recorder_log *log, const recorder_record *r, const recorder_mark *mark)
{
    uint64_t lsn;
    if (log->first != NULL) {
        return -ENOBUFS;
    }
    int err = recorder_journal_append(log->journal, r, &lsn);
    if (err == 0) {
        push(log, lsn, mark);
    }
    return err;
}

void recorder_log_checkpoint(recorder_log *log, uint64_t file)
{
    put(log, &(waiting){.kind = CHECKPOINT, .file = file}, NULL, 0);
}
