/*
 * What operations share within a transaction: notes for the hooks, events, small look-ups.
 */
#include "job_store_sql.h"

#include "job_migrations.h"

#include <string.h>

#include "rf_log.h"

void job_tx_changed(job_tx *tx, const char *app, const char *id, job_state state)
{
    job_change *change = job_arena_alloc(&tx->arena, sizeof(*change));
    change->app = job_arena_str(&tx->arena, app);
    change->id = job_arena_str(&tx->arena, id);
    change->state = state;
    *tx->changes_end = change;
    tx->changes_end = &change->next;
}

void job_tx_fact(job_tx *tx, const job_fact *fact)
{
    job_noted *noted = job_arena_alloc(&tx->arena, sizeof(*noted));
    noted->fact = *fact;
    noted->fact.workflow = job_arena_str(&tx->arena, fact->workflow);
    noted->fact.code = job_arena_str(&tx->arena, fact->code);
    *tx->facts_end = noted;
    tx->facts_end = &noted->next;
}

void job_tx_fenced(job_tx *tx, const char *id)
{
    const job_fact fact = {.kind = JOB_FACT_FENCED,
                           .pool = (job_pool)job_sql_one(
                               tx->db, JOB_N_POOLS, "SELECT pool FROM jobs WHERE id=?", "t", id)};
    job_tx_fact(tx, &fact);
}

job_state job_tx_next(job_tx *tx, job_state from, job_event event)
{
    int next = job_lifecycle_next(from, event);
    if (next < 0) {
        RF_LOG_ERROR("impossible step of a job", RF_STR("state", job_state_name(from)),
                     RF_STR("event", job_event_name(event)));
        job_sql_fail(tx->db, next);
        return from;
    }
    return (job_state)next;
}

int64_t job_tx_application(job_tx *tx, const char *app)
{
    return job_sql_one(tx->db, 0, "SELECT seq FROM applications WHERE id=?", "t", app);
}

/* The lock belongs to a connection: any of the store's will do, and it is gone with it. */
bool job_tx_leads(job_tx *tx)
{
    job_common *l = tx->common;
    pthread_mutex_lock(&l->mutex);
    bool leads = l->holder != NULL && job_sql_session(l->holder) == l->session;
    if (!leads) {
        leads = job_sql_lead(tx->db, JOB_LOCK_RELAY);
        l->holder = leads ? tx->db : NULL;
        l->session = job_sql_session(tx->db);
    }
    pthread_mutex_unlock(&l->mutex);
    return leads;
}

/* Keys that were given out before a crash of the server may be given out again, so a new connection
 * does not use what is left of them. */
int64_t job_tx_new_seq(job_tx *tx)
{
    job_common *c = tx->common;
    unsigned session = job_sql_session(tx->db);
    pthread_mutex_lock(&c->mutex);
    if (tx->session != session) {
        tx->session = session;
        c->n_seqs = 0;
    }
    if (c->n_seqs == 0) {
        c->next_seq = job_sql_new_seqs(tx->db, &c->n_seqs);
    }
    c->n_seqs -= c->n_seqs > 0;
    int64_t seq = c->next_seq++;
    pthread_mutex_unlock(&c->mutex);
    return seq;
}

/* ---- how many jobs of each application are queued ---- */

static job_tally *new_tally(job_tx *tx, int64_t app)
{
    job_tally *t = job_arena_alloc(&tx->arena, sizeof(*t));
    t->app = app;
    job_tally **end =
        &tx->tallies; /* in the order of keys, so that writers do not lock crosswise */
    while (*end != NULL && (*end)->app < app) {
        end = &(*end)->next;
    }
    t->next = *end;
    *end = t;
    return t;
}

static job_tally *tally_of(job_tx *tx, int64_t app)
{
    for (job_tally *t = tx->tallies; t != NULL; t = t->next) {
        if (t->app == app) {
            return t;
        }
    }
    return new_tally(tx, app);
}

void job_tx_queued(job_tx *tx, int64_t app, int64_t more)
{
    tally_of(tx, app)->more += more;
}

void job_tx_made(job_tx *tx, int64_t app)
{
    tally_of(tx, app)->made++;
}

static job_tally *known_tally(job_tx *tx, const char *app)
{
    for (job_tally *t = tx->tallies; t != NULL; t = t->next) {
        if (t->id != NULL && strcmp(t->id, app) == 0) {
            return t;
        }
    }
    return NULL;
}

const job_tally *job_tx_tally(job_tx *tx, const char *app)
{
    job_tally *t = known_tally(tx, app);
    if (t != NULL) {
        return t;
    }
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT a.seq, " JOB_QUEUED_OF_A ", a.per_day, " JOB_MADE_OF_A
                                   " FROM applications a WHERE a.id=?",
                                   "it", tx->now_ms / JOB_DAY_MS, app);
    if (!job_sql_next(tx->db, rows)) {
        return NULL;
    }
    t = tally_of(tx, job_sql_int(rows, 0));
    t->id = job_arena_str(&tx->arena, app);
    t->queued = job_sql_int(rows, 1);
    t->per_day = job_sql_int(rows, 2);
    t->today = job_sql_int(rows, 3);
    job_sql_end(rows);
    return t;
}

void job_tx_settle(job_tx *tx)
{
    for (const job_tally *t = tx->tallies; t != NULL; t = t->next) {
        if (t->more != 0 || t->made != 0) {
            job_sql_run(tx->db,
                        "INSERT INTO application_counts AS c(app, part, queued, day, made) "
                        "VALUES(?,?,?,?,?)"
                        " ON CONFLICT(app, part) DO UPDATE SET"
                        " queued=c.queued+excluded.queued, day=excluded.day,"
                        " made=excluded.made+CASE WHEN c.day=excluded.day THEN c.made"
                        " ELSE 0 END",
                        "iiiii", t->app, tx->part, t->more, tx->now_ms / JOB_DAY_MS, t->made);
        }
    }
    tx->tallies = NULL;
}

void job_tx_ready_delete(job_tx *tx, const job_ready *row)
{
    job_sql_run(tx->db, "DELETE FROM ready WHERE " JOB_READY_ROW, "iiiii", row->pool, row->app,
                row->priority, row->due_ms, row->job);
}

void job_tx_garbage(job_tx *tx, const char *key, int64_t due_ms)
{
    job_sql_run(tx->db, "INSERT INTO garbage(due_ms, key) VALUES(?,?) ON CONFLICT DO NOTHING", "it",
                due_ms, key);
}
