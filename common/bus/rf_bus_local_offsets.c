#include "rf_bus_local_sub.h"

#include "rf_time.h"

#include <errno.h>

static int commit_slot(rf_bus_local *local, rf_bus_local_sub *s, rf_bus_slot *sl)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_OFFSET_SET, s->member.group, sl->part,
                                    sl->stored, s->member.id, sl->generation);
    int err = rf_bus_db_run(local->db, stmt);
    if (err == 0) {
        s->refused |= rf_bus_db_changes(local->db) == 0;
        sl->taken = sl->stored;
    }
    return err;
}

static int commit_run(rf_bus_local *local, rf_bus_op *op)
{
    rf_bus_local_sub *s = (rf_bus_local_sub *)op;
    int err = 0;
    pthread_mutex_lock(&s->mutex);
    s->n_taken = s->n_stored;
    for (uint32_t i = 0; err == 0 && i < s->n_slots; i++) {
        err = s->slots[i].dirty ? commit_slot(local, s, &s->slots[i]) : 0;
    }
    pthread_mutex_unlock(&s->mutex);
    return err;
}

/* After a failure the offsets stay dirty, and the next commit writes them again. */
static void commit_done(rf_bus_local *local, rf_bus_op *op, int err)
{
    (void)local;
    rf_bus_local_sub *s = (rf_bus_local_sub *)op;
    pthread_mutex_lock(&s->mutex);
    s->n_committed = s->n_taken;
    s->commit_err = err;
    s->commit_waits = s->n_stored > s->n_taken && err == 0;
    bool again = s->commit_waits;
    for (uint32_t i = 0; err == 0 && i < s->n_slots; i++) {
        s->slots[i].dirty &= s->slots[i].stored != s->slots[i].taken;
    }
    pthread_cond_broadcast(&s->committed);
    pthread_mutex_unlock(&s->mutex);
    if (again) {
        rf_bus_local_post(s->local, &s->commit_op, true);
    }
}

void rf_bus_offsets_init(rf_bus_local_sub *s)
{
    s->commit_op = (rf_bus_op){.run = commit_run, .done = commit_done};
}

int rf_bus_local_commit(void *self, const rf_bus_message *message)
{
    rf_bus_local_sub *s = self;
    const rf_bus_held *h = (const rf_bus_held *)message;
    pthread_mutex_lock(&s->mutex);
    rf_bus_slot *sl = &s->slots[h->slot];
    bool ours = sl->owned && sl->generation == h->generation;
    bool post = false;
    if (ours && s->grouped) {
        sl->stored = RF_MAX(sl->stored, message->offset + 1);
        sl->dirty = true;
        s->n_stored++;
        post = !s->commit_waits;
        s->commit_waits = true;
    }
    pthread_mutex_unlock(&s->mutex);
    if (post) {
        rf_bus_local_post(s->local, &s->commit_op, true);
    }
    return ours ? 0 : -ESTALE;
}

/* Offsets that could not be written have another go when somebody asks for them. */
static void commit_again(rf_bus_local_sub *s)
{
    pthread_mutex_lock(&s->mutex);
    bool post = s->commit_err < 0 && !s->commit_waits;
    if (post) {
        s->n_stored++;
        s->commit_waits = true;
    }
    pthread_mutex_unlock(&s->mutex);
    if (post) {
        rf_bus_local_post(s->local, &s->commit_op, false);
    }
}

int rf_bus_local_commit_wait(void *self, int64_t at_ns)
{
    rf_bus_local_sub *s = self;
    int err = 0;
    commit_again(s);
    rf_bus_local_hurry(s->local);
    pthread_mutex_lock(&s->mutex);
    uint64_t until = s->n_stored;
    while (s->n_committed < until && s->commit_waits && err == 0) {
        err = rf_time_wait_until(&s->committed, &s->mutex, at_ns);
    }
    if (s->n_committed >= until || !s->commit_waits) {
        err = s->commit_err < 0 ? s->commit_err : s->refused ? -ESTALE : 0;
        s->refused = false;
    }
    pthread_mutex_unlock(&s->mutex);
    return err;
}
