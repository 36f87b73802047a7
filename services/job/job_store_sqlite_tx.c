/*
 * What operations share within a transaction: notes for the hooks, events, small look-ups.
 */
#include "job_store_sqlite.h"

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

void job_tx_event(job_tx *tx, const char *id, uint64_t fence, const char *kind)
{
    if (tx->options->events) {
        job_sql_exec(tx->db, "INSERT INTO outbox(job, fence, kind, created_ms) VALUES(?,?,?,?)",
                     "titi", id, (int64_t)fence, kind, tx->now_ms);
        tx->outbox = true;
    }
}

int64_t job_tx_application(job_tx *tx, const char *app)
{
    return job_sql_one(tx->db, 0, "SELECT seq FROM applications WHERE id=?", "t", app);
}

void job_tx_garbage(job_tx *tx, const char *key, int64_t due_ms)
{
    job_sql_exec(tx->db, "INSERT OR IGNORE INTO garbage(due_ms, key) VALUES(?,?)", "it", due_ms,
                 key);
}
