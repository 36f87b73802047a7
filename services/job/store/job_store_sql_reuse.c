#include "job_store_sql_reuse.h"

#include "job_store_sql_batch.h"
#include "job_urls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_SIZE (2 * RF_SHA256_LEN + 1)

/* The digest of an upload that is complete and not expired; NULL when there is none. */
static char *upload_digest(job_tx *tx, int64_t app, const char *upload)
{
    char *digest = NULL;
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT digest FROM uploads WHERE id=? AND app=?"
                                   " AND keep_until_ms>? AND object_key IS NOT NULL LIMIT 1",
                                   "tii", upload, app, tx->now_ms);
    if (job_sql_next(tx->db, rows)) {
        digest = job_sql_str(rows, 0, &tx->arena);
        job_sql_end(rows);
    }
    return digest;
}

static char *hex_of(job_tx *tx, const char *text)
{
    uint8_t sum[RF_SHA256_LEN];
    char *hex = job_arena_alloc(&tx->arena, DIGEST_SIZE);
    rf_sha256_of(text, strlen(text), sum);
    rf_hex(sum, sizeof(sum), hex);
    return hex;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The head and its lines "param=digest", sorted: the same text whatever was known first. */
static char *text_of(job_tx *tx, const char *head, const char **lines, size_t n)
{
    char *text = job_arena_str(&tx->arena, head);
    qsort(lines, n, sizeof(*lines), by_text);
    for (size_t i = 0; i < n; i++) {
        text = job_arena_printf(&tx->arena, "%s\n%s", text, lines[i]);
    }
    return text;
}

static bool is_fetched(const job_input *input)
{
    return input->url != NULL && job_urls_recording_key(input->url) == NULL;
}

char *job_tx_reuse_key(job_tx *tx, int64_t app, const job_op_create *in, char **ret_seed)
{
    const char **lines = job_arena_array(&tx->arena, in->n_inputs, sizeof(*lines));
    size_t n = 0;
    *ret_seed = NULL;
    for (size_t i = 0; i < in->n_inputs; i++) {
        const job_input *input = &in->inputs[i];
        const char *digest =
            input->upload_id != NULL ? upload_digest(tx, app, input->upload_id) : NULL;
        if (digest != NULL) {
            lines[n++] = job_arena_printf(&tx->arena, "%s=%s", input->param, digest);
        } else if (!is_fetched(input)) {
            return NULL;
        }
    }
    if (in->reuse_seed == NULL || in->n_inputs == 0) {
        return NULL;
    }
    char *text = text_of(tx, hex_of(tx, in->reuse_seed), lines, n);
    if (n == in->n_inputs) {
        return hex_of(tx, text);
    }
    *ret_seed = text;
    return NULL;
}

int64_t job_tx_reuse_find(job_tx *tx, int64_t app, const char *key)
{
    return key == NULL
               ? 0
               : job_sql_one(tx->db, 0,
                             "SELECT job FROM reuse WHERE app=? AND key=? LIMIT 1 FOR SHARE", "it",
                             app, key);
}

static void copy_results(job_tx *tx, int64_t job, int64_t from)
{
    job_sql_run(tx->db,
                "INSERT INTO results(job, output, kind, text, object_key, extension, content_type,"
                " size) SELECT ?1, output, kind, text, object_key, extension, content_type, size"
                " FROM results WHERE job=?2",
                "ii", job, from);
}

void job_tx_reuse_take(job_tx *tx, const job_op_create *in, int64_t job, int64_t from)
{
    job_state started = job_tx_next(tx, JOB_QUEUED, JOB_EVENT_CLAIM);
    job_state state = job_tx_next(tx, started, JOB_EVENT_SUCCEED);
    job_sql_run(tx->db,
                "UPDATE jobs SET state=?, started_ms=?, completed_ms=?, spare='' WHERE seq=?",
                "iiii", (int64_t)state, tx->now_ms, tx->now_ms, job);
    copy_results(tx, job, from);
    job_tx_release_inputs(tx, job);
    job_tx_batch_move(tx, in->app, in->batch_name, JOB_QUEUED, state);
    job_tx_event(tx, in->id, 0, "succeeded");
    job_tx_changed(tx, in->app, in->id, state);
    if (in->hook.url != NULL) {
        job_tx_hook(tx, job, (int64_t)in->hook.events, JOB_HOOK_SUCCEEDED);
    }
    const job_fact fact = {
        .kind = JOB_FACT_FINAL, .pool = in->pool, .workflow = in->workflow, .state = state};
    job_tx_fact(tx, &fact);
}

void job_tx_reuse_offer(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db,
                "INSERT INTO reuse(app, key, job) SELECT app, reuse_key, seq FROM jobs"
                " WHERE seq=? AND reuse_key IS NOT NULL"
                " ON CONFLICT(app, key) DO UPDATE SET job=excluded.job",
                "i", job);
}

void job_tx_reuse_forget(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db, "DELETE FROM reuse WHERE job=?", "i", job);
}

/* ---- inputs that a worker fetched ---- */

static const char *digest_in(const job_op_fetched *in, const char *param, job_arena *arena)
{
    for (size_t i = 0; i < in->n_digests; i++) {
        if (strcmp(in->digests[i].param, param) == 0) {
            char *hex = job_arena_alloc(arena, DIGEST_SIZE);
            rf_hex(in->digests[i].sha256, RF_SHA256_LEN, hex);
            return hex;
        }
    }
    return NULL;
}

/* The key of a job by its seed and what was fetched; NULL when an input is missing. */
static char *fetched_key(job_tx *tx, int64_t job, char *seed, const job_op_fetched *in)
{
    const char *lines[2 * JOB_INPUTS_MAX];
    size_t n = 0;
    char *rest = seed;
    const char *head = strsep(&rest, "\n");
    for (char *line; n < JOB_INPUTS_MAX && (line = strsep(&rest, "\n")) != NULL;) {
        lines[n++] = line;
    }
    job_rows *rows =
        job_sql_query(tx->db, "SELECT param FROM inputs WHERE job=? AND url IS NOT NULL", "i", job);
    while (job_sql_next(tx->db, rows)) {
        const char *param = job_sql_str(rows, 0, &tx->arena);
        const char *digest = digest_in(in, param, &tx->arena);
        if (digest == NULL || n == RF_ARRAY_LEN(lines)) {
            job_sql_end(rows);
            return NULL;
        }
        lines[n++] = job_arena_printf(&tx->arena, "%s=%s", param, digest);
    }
    return hex_of(tx, text_of(tx, head, lines, n));
}

/* What an attempt read is not what an earlier one did, or not all of it is known: what it makes is
 * nobody else's. */
static void never_offer(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db, "UPDATE jobs SET reuse_seed=NULL, reuse_key=NULL WHERE seq=?", "i", job);
}

static void take_or_offer(job_tx *tx, job_running *run, const char *key, job_op_fetched *in)
{
    int64_t app = job_sql_one(tx->db, 0, "SELECT app FROM jobs WHERE seq=?", "i", run->job);
    int64_t same = job_tx_reuse_find(tx, app, key);
    if (same == 0) {
        job_sql_run(tx->db, "UPDATE jobs SET reuse_key=? WHERE seq=?", "ti", key, run->job);
        return;
    }
    copy_results(tx, run->job, same);
    run->reusable = false; /* the one that ran is offered */
    job_tx_succeed(tx, run);
    in->taken = true;
}

int job_store_sql_fetched(job_tx *tx, job_op *op)
{
    job_op_fetched *in = (job_op_fetched *)op;
    job_running run;
    in->taken = false; /* an operation of a failed group runs again */
    if (!job_tx_running(tx, in->id, &run) || run.fence != in->fence) {
        job_tx_fenced(tx, in->id);
        return -ESTALE;
    }
    job_rows *rows =
        job_sql_query(tx->db, "SELECT reuse_seed, reuse_key FROM jobs WHERE seq=?", "i", run.job);
    if (!job_sql_next(tx->db, rows)) {
        return 0;
    }
    char *seed = job_sql_str(rows, 0, &tx->arena);
    const char *before = job_sql_str(rows, 1, &tx->arena);
    job_sql_end(rows);
    if (seed == NULL) {
        return 0;
    }
    const char *key = fetched_key(tx, run.job, seed, in);
    bool known = before != NULL ? key != NULL && strcmp(key, before) == 0 : !run.steps;
    if (key == NULL || !known) {
        never_offer(tx, run.job);
    } else {
        take_or_offer(tx, &run, key, in);
    }
    return 0;
}
