/*
 * Attempts: heartbeat, durable steps and the end of each (spec jobs.md E1-E4).
 */
#include "job_store_sql_batch.h"
#include "job_store_sql_reuse.h"

#include "job_retry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void job_tx_read_running(job_tx *tx, job_rows *rows, job_running *run)
{
    run->job = job_sql_int(rows, 0);
    run->id = job_sql_str(rows, 1, &tx->arena);
    run->app = job_tx_app_id(tx, job_sql_int(rows, 2));
    run->fence = (uint64_t)job_sql_int(rows, 3);
    run->state = (job_state)job_sql_int(rows, 4);
    run->pool = (job_pool)job_sql_int(rows, 5);
    run->worker = job_sql_str(rows, 6, &tx->arena);
    run->claimed_ms = job_sql_int(rows, 7);
    run->limit_s = job_sql_int(rows, 8);
    run->retries = (uint32_t)job_sql_int(rows, 9);
    run->crashes = (uint32_t)job_sql_int(rows, 10);
    run->workflow = job_sql_str(rows, 11, &tx->arena);
    run->started_ms = job_sql_int(rows, 12);
    run->batch = job_sql_str(rows, 13, &tx->arena);
    run->hook = job_sql_int(rows, 14);
    run->reusable = job_sql_int(rows, 15) != 0;
    run->inputs = (job_sql_int(rows, 16) & JOB_BRINGS_INPUTS) != 0;
    run->steps = job_sql_int(rows, 17) != 0;
    run->step = job_sql_str(rows, 18, &tx->arena);
    run->percent = job_sql_int(rows, 19);
}

bool job_tx_running(job_tx *tx, const char *id, job_running *ret)
{
    const job_running *found = NULL;
    if (job_tx_ahead(tx, id, &found)) {
        *ret = found == NULL ? (job_running){.job = 0} : *found;
        return found != NULL;
    }
    job_rows *rows = job_sql_query(tx->db, JOB_RUNNING_QUERY, "t", id);
    if (!job_sql_next(tx->db, rows)) {
        return false;
    }
    job_tx_read_running(tx, rows, ret);
    job_sql_end(rows);
    return true;
}

void job_tx_end_attempt(job_tx *tx, const job_running *run, job_attempt_state state,
                        const char *code, const char *step)
{
    job_sql_run(tx->db,
                "INSERT INTO attempts(job, fence, state, worker, started_ms, ended_ms, code, step)"
                " VALUES(?,?,?,?,?,?,?,?)",
                "iiitiitt", run->job, (int64_t)run->fence, (int64_t)state, run->worker,
                run->claimed_ms, tx->now_ms, code, step != NULL ? step : run->step);
    job_sql_run(tx->db, "DELETE FROM leases WHERE job=?", "i", run->job);
    const job_fact fact = {.kind = JOB_FACT_ENDED,
                           .pool = run->pool,
                           .workflow = run->workflow,
                           .attempt = state,
                           .code = code};
    job_tx_fact(tx, &fact);
}

void job_tx_wait(job_tx *tx, const job_running *run, int64_t due_ms)
{
    job_sql_run(tx->db, "UPDATE jobs SET due_ms=? WHERE seq=?", "ii", due_ms, run->job);
    job_sql_run(tx->db,
                "INSERT INTO ready(pool, due_ms, job, app, priority)"
                " SELECT pool, ?, seq, app, priority FROM jobs WHERE seq=?",
                "ii", due_ms, run->job);
    tx->outbox = true;
}

/* What only a live job needs goes; its pins too, so that uploads keep their own expiry. An
 * object whose upload is gone already is put up for removal. */
void job_tx_release_inputs(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db,
                "INSERT INTO garbage(due_ms, key) SELECT ?1, object_key FROM inputs"
                " WHERE job=?2 AND object_key IS NOT NULL AND NOT EXISTS"
                " (SELECT 1 FROM uploads u WHERE u.object_key=inputs.object_key)"
                " ON CONFLICT DO NOTHING",
                "ii", tx->now_ms, job);
    job_sql_run(tx->db, "UPDATE inputs SET object_key=NULL WHERE job=? AND object_key IS NOT NULL",
                "i", job);
}

/* Files that no result refers to are looked for after a job that had durable steps, more than one
 * attempt (a stale one may have left some), or no success. */
static void release_steps(job_tx *tx, int64_t job, const char *id)
{
    char *prefix = job_arena_printf(&tx->arena, "jobs/%s/", id);
    job_tx_garbage(tx, prefix, tx->now_ms);
    job_sql_run(tx->db, "DELETE FROM steps WHERE job=?", "i", job);
}

static void note_final(job_tx *tx, job_pool pool, const char *workflow, int64_t started_ms,
                       const char *code)
{
    const job_fact fact = {.kind = JOB_FACT_FINAL,
                           .pool = pool,
                           .workflow = workflow,
                           .state = code == NULL ? JOB_SUCCEEDED : JOB_FAILED,
                           .code = code,
                           .ms = started_ms == 0 ? -1 : tx->now_ms - started_ms};
    job_tx_fact(tx, &fact);
}

void job_tx_fail(job_tx *tx, const job_ending *end)
{
    job_sql_run(tx->db, "UPDATE jobs SET state=?, code=?, message=?, completed_ms=? WHERE seq=?",
                "ittii", (int64_t)job_tx_next(tx, end->from, end->event), end->code, end->message,
                tx->now_ms, end->job);
    job_sql_run(tx->db,
                "UPDATE uploads SET job=NULL WHERE job=?1 AND object_key IS NULL AND id IN"
                " (SELECT upload FROM targets WHERE job=?1)",
                "i", end->job);
    if (end->fence > 0) {
        release_steps(tx, end->job, end->id);
    }
    job_tx_batch_move(tx, end->app, end->batch, end->from, JOB_FAILED);
    job_tx_progress_ends(tx, end->job);
    job_tx_hook(tx, end->job, end->hook, JOB_HOOK_FAILED);
    job_tx_event(tx, end->id, end->fence, "failed");
    job_tx_changed(tx, end->app, end->id, JOB_FAILED);
    note_final(tx, end->pool, end->workflow, end->started_ms, end->code);
}

/* The attempt has failed: another one after a delay, or the end of the job. */
void job_tx_fail_or_retry(job_tx *tx, const job_running *run, const job_failure *failure)
{
    job_verdict verdict = job_retry_decide(failure);
    job_sql_run(tx->db, "UPDATE jobs SET retries=retries+?, crashes=crashes+? WHERE seq=?", "iii",
                (int64_t)verdict.retry, (int64_t)failure->decoder_crash, run->job);
    if (verdict.retry) {
        job_tx_wait(tx, run, tx->now_ms + verdict.delay_ms);
        return;
    }
    const job_ending end = {.job = run->job,
                            .app = run->app,
                            .id = run->id,
                            .fence = run->fence,
                            .pool = run->pool,
                            .workflow = run->workflow,
                            .started_ms = run->started_ms,
                            .batch = run->batch,
                            .hook = run->hook,
                            .from = run->state,
                            .event = JOB_EVENT_FAIL,
                            .code = verdict.code,
                            .message = verdict.message};
    job_tx_fail(tx, &end);
    if (verdict.dead_letter) {
        job_sql_run(tx->db,
                    "INSERT INTO dead_letters(job, at_ms) VALUES(?,?) ON CONFLICT DO NOTHING", "ii",
                    run->job, tx->now_ms);
    } else {
        job_tx_release_inputs(tx, run->job);
    }
}

/* ---- while it runs ---- */

int job_store_sql_heartbeat(job_tx *tx, job_op *op)
{
    job_op_heartbeat *in = (job_op_heartbeat *)op;
    for (size_t i = 0; i < in->n_leases; i++) {
        job_lease *lease = &in->leases[i];
        const char *step = lease->step != NULL && lease->step[0] != '\0' ? lease->step : NULL;
        lease->lost = job_sql_exec(tx->db,
                                   "UPDATE leases SET until_ms=?1, step=coalesce(?2,step), percent="
                                   "CASE WHEN percent<?3 THEN ?3 ELSE percent END"
                                   " WHERE job=(SELECT seq FROM jobs WHERE id=?4) AND fence=?5",
                                   "ititi", tx->now_ms + in->lease_ms, step,
                                   (int64_t)RF_MIN(lease->percent, 100U), lease->id,
                                   (int64_t)lease->fence) == 0;
        if (lease->lost) {
            job_tx_fenced(tx, lease->id);
        } else {
            job_tx_progress(tx, lease->id, lease->fence);
        }
    }
    return 0;
}

/* An attempt writes below its own prefix only. */
static bool in_attempt(const job_running *run, const char *key)
{
    char prefix[RF_UUID_LEN + 32];
    int n =
        snprintf(prefix, sizeof(prefix), "jobs/%s/%llu/", run->id, (unsigned long long)run->fence);
    return n > 0 && strncmp(key, prefix, (size_t)n) == 0;
}

int job_store_sql_step_done(job_tx *tx, job_op *op)
{
    job_op_step_done *in = (job_op_step_done *)op;
    job_running run;
    if (!job_tx_running(tx, in->id, &run) || run.fence != in->fence) {
        job_tx_fenced(tx, in->id);
        return -ESTALE;
    }
    for (size_t i = 0; i < in->n_outputs; i++) {
        if (in->outputs[i].object_key != NULL && !in_attempt(&run, in->outputs[i].object_key)) {
            return -EPERM;
        }
    }
    for (size_t i = 0; i < in->n_outputs; i++) {
        const job_step_output *o = &in->outputs[i];
        job_sql_run(tx->db,
                    "INSERT INTO steps(job, step, port, object_key, size, text) VALUES(?,?,?,?,?,?)"
                    " ON CONFLICT(job, step, port) DO UPDATE SET object_key=excluded.object_key,"
                    " size=excluded.size, text=excluded.text",
                    "itttit", run.job, o->step, o->port, o->object_key, o->size, o->text);
    }
    return 0;
}

/* ---- the end of an attempt ---- */

/* A file of this attempt, a pinned input passed on, or the durable output of an earlier step. */
static bool owns(job_tx *tx, const job_running *run, const char *key)
{
    return in_attempt(run, key) ||
           job_sql_one(tx->db, 0,
                       "SELECT 1 WHERE EXISTS (SELECT 1 FROM inputs WHERE object_key=?1 AND job=?2)"
                       " OR EXISTS (SELECT 1 FROM steps WHERE object_key=?1 AND job=?2)",
                       "ti", key, run->job) != 0;
}

/* Writes an output to the own upload it was meant for; false when that is not this job's. */
static bool complete_target(job_tx *tx, const job_running *run, const job_result *r)
{
    return job_sql_exec(tx->db,
                        "UPDATE uploads SET object_key=?1, size=?2 WHERE job=?3 AND id="
                        "(SELECT upload FROM targets WHERE job=?3 AND output=?4)",
                        "tiit", r->object_key, r->size, run->job, r->output) > 0;
}

static bool has_upload_target(job_tx *tx, const job_running *run, const char *output)
{
    return job_sql_one(tx->db, 0,
                       "SELECT 1 FROM targets WHERE job=? AND output=? AND upload IS NOT NULL",
                       "it", run->job, output) != 0;
}

static void insert_result(job_tx *tx, const job_running *run, const job_result *r, bool custom)
{
    job_sql_run(tx->db,
                "INSERT INTO results(job, output, kind, text, object_key, extension, content_type,"
                " size) VALUES(?,?,?,?,?,?,?,?)",
                "ititttti", run->job, r->output, (int64_t)(custom ? JOB_RESULT_CUSTOM : r->kind),
                r->text, custom ? NULL : r->object_key, r->extension, r->content_type, r->size);
}

/* NULL, or what the client is told when the results cannot be published. Nothing is written yet. */
static const char *refuse_results(job_tx *tx, const job_running *run, const job_finish *item)
{
    for (size_t i = 0; i < item->n_results; i++) {
        const job_result *r = &item->results[i];
        if (r->kind == JOB_RESULT_FILE &&
            (r->object_key == NULL || !owns(tx, run, r->object_key))) {
            return job_arena_printf(&tx->arena, "Output '%s' could not be stored.", r->output);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(item->results[k].output, r->output) == 0) {
                return job_arena_printf(&tx->arena, "Output '%s' was made twice.", r->output);
            }
        }
    }
    return NULL;
}

void job_tx_succeed(job_tx *tx, const job_running *run)
{
    job_sql_run(tx->db, "UPDATE jobs SET state=?, completed_ms=?, spare='' WHERE seq=?", "iii",
                (int64_t)job_tx_next(tx, run->state, JOB_EVENT_SUCCEED), tx->now_ms, run->job);
    job_tx_end_attempt(tx, run, JOB_ATTEMPT_DONE, NULL, NULL);
    if (run->inputs) {
        job_tx_release_inputs(tx, run->job);
    }
    if (run->steps || run->fence > 1) {
        release_steps(tx, run->job, run->id);
    }
    if (run->reusable) {
        job_tx_reuse_offer(tx, run->job);
    }
    job_tx_batch_move(tx, run->app, run->batch, run->state, JOB_SUCCEEDED);
    if (job_running_told(run)) {
        job_tx_progress_ends(tx, run->job);
    }
    job_tx_hook(tx, run->job, run->hook, JOB_HOOK_SUCCEEDED);
    job_tx_event(tx, run->id, run->fence, "succeeded");
    job_tx_changed(tx, run->app, run->id, JOB_SUCCEEDED);
    note_final(tx, run->pool, run->workflow, run->started_ms, NULL);
}

static void publish(job_tx *tx, const job_running *run, const job_finish *item)
{
    for (size_t i = 0; i < item->n_results; i++) {
        const job_result *r = &item->results[i];
        bool custom = r->kind == JOB_RESULT_FILE && has_upload_target(tx, run, r->output) &&
                      complete_target(tx, run, r);
        insert_result(tx, run, r, custom);
    }
    job_tx_succeed(tx, run);
}

static void fail_attempt(job_tx *tx, const job_running *run, const job_finish *item)
{
    const job_failure failure = {.code = item->code,
                                 .message = item->message,
                                 .decoder_crash = item->decoder_crash,
                                 .retries_used = run->retries,
                                 .crashes_before = run->crashes};
    const char *step = item->step != NULL && item->step[0] != '\0' ? item->step : NULL;
    job_tx_end_attempt(tx, run, JOB_ATTEMPT_ERROR, item->code, step);
    job_tx_fail_or_retry(tx, run, &failure);
}

/* A repeat of what was accepted before is accepted again. */
static bool was_accepted(job_tx *tx, const job_finish *item)
{
    static const job_attempt_state ends[] = {[JOB_OUTCOME_SUCCESS] = JOB_ATTEMPT_DONE,
                                             [JOB_OUTCOME_FAILURE] = JOB_ATTEMPT_ERROR,
                                             [JOB_OUTCOME_RELEASED] = JOB_ATTEMPT_RELEASED};
    return job_sql_one(tx->db, 0,
                       "SELECT 1 FROM attempts WHERE job=(SELECT seq FROM jobs WHERE id=?)"
                       " AND fence=? AND state=? AND code IS DISTINCT FROM ?",
                       "tiit", item->id, (int64_t)item->fence, (int64_t)ends[item->outcome],
                       JOB_CODE_CANCELLED) != 0;
}

static void finish_success(job_tx *tx, const job_running *run, const job_finish *item)
{
    const char *refused = refuse_results(tx, run, item);
    if (refused == NULL) {
        publish(tx, run, item);
        return;
    }
    const job_finish failed = {.id = item->id, .code = JOB_CODE_INTERNAL, .message = refused};
    fail_attempt(tx, run, &failed);
}

static void finish_one(job_tx *tx, job_finish *item)
{
    job_running run;
    if (!job_tx_running(tx, item->id, &run) || run.fence != item->fence) {
        item->accepted = was_accepted(tx, item);
        if (!item->accepted) {
            job_tx_fenced(tx, item->id);
        }
        return;
    }
    item->accepted = true;
    if (item->outcome == JOB_OUTCOME_SUCCESS) {
        finish_success(tx, &run, item);
    } else if (item->outcome == JOB_OUTCOME_FAILURE) {
        fail_attempt(tx, &run, item);
    } else {
        job_tx_end_attempt(tx, &run, JOB_ATTEMPT_RELEASED, NULL, NULL);
        job_tx_wait(tx, &run, tx->now_ms);
    }
}

int job_store_sql_finish(job_tx *tx, job_op *op)
{
    job_op_finish *in = (job_op_finish *)op;
    for (size_t i = 0; i < in->n_items; i++) {
        finish_one(tx, &in->items[i]);
    }
    return 0;
}
