#include "job_migrations.h"

#include <errno.h>

#include "rf_log.h"

/* Times are ms since 1970, UTC. job is the integer key of a job row everywhere. */
static const char first[] =
    "CREATE TABLE applications("
    " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
    " created_ms INTEGER NOT NULL, queued INTEGER NOT NULL DEFAULT 0);"

    /* hash: HMAC of the SHA-256 of the key. revoked_ms in the future: works until then. */
    "CREATE TABLE keys("
    " id TEXT PRIMARY KEY, app INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, prefix TEXT NOT NULL,"
    " rate INTEGER NOT NULL, burst INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    " revoked_ms INTEGER) WITHOUT ROWID;"
    "CREATE INDEX keys_of_app ON keys(app);"

    "CREATE TABLE workflows("
    " slug TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;"
    /* Jobs keep the version they were accepted with, so documents stay. */
    "CREATE TABLE workflow_versions("
    " version INTEGER PRIMARY KEY, slug TEXT NOT NULL, document TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL);"

    "CREATE TABLE jobs("
    " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, app INTEGER NOT NULL,"
    " state INTEGER NOT NULL, fence INTEGER NOT NULL DEFAULT 0,"
    " retries INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,"
    " pool INTEGER NOT NULL, due_ms INTEGER NOT NULL, limit_s INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, started_ms INTEGER, completed_ms INTEGER,"
    " code TEXT, message TEXT,"
    " name TEXT NOT NULL, batch_name TEXT, workflow TEXT NOT NULL, version INTEGER NOT NULL,"
    " request_id TEXT, traceparent TEXT, metadata TEXT NOT NULL, params TEXT NOT NULL);"
    "CREATE INDEX jobs_of_app ON jobs(app, created_ms);"

    /* A row for each job that waits for its next attempt: the order of claims, and the outbox row
     * of the reference that goes to the bus. sent_ms NULL: not published yet. */
    "CREATE TABLE ready("
    " pool INTEGER NOT NULL, due_ms INTEGER NOT NULL, job INTEGER NOT NULL, sent_ms INTEGER,"
    " PRIMARY KEY(pool, due_ms, job)) WITHOUT ROWID;"
    /* State changes to publish. */
    "CREATE TABLE outbox("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, fence INTEGER NOT NULL,"
    " kind TEXT NOT NULL, created_ms INTEGER NOT NULL);"

    /* The running attempt of a job. */
    "CREATE TABLE leases("
    " job INTEGER PRIMARY KEY, fence INTEGER NOT NULL, worker TEXT NOT NULL, pool INTEGER NOT NULL,"
    " claimed_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, limit_ms INTEGER NOT NULL,"
    " step TEXT, percent INTEGER NOT NULL DEFAULT 0);"
    /* Attempts that have ended. */
    "CREATE TABLE attempts("
    " job INTEGER NOT NULL, fence INTEGER NOT NULL, state INTEGER NOT NULL, worker TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, code TEXT, step TEXT,"
    " PRIMARY KEY(job, fence)) WITHOUT ROWID;"

    /* Inputs that name bytes: url, object_key (pinned) or bad. upload: where the bytes came from.
     */
    "CREATE TABLE inputs("
    " job INTEGER NOT NULL, param TEXT NOT NULL, url TEXT, object_key TEXT, bad TEXT, upload TEXT,"
    " PRIMARY KEY(job, param)) WITHOUT ROWID;"
    "CREATE INDEX inputs_key ON inputs(object_key) WHERE object_key IS NOT NULL;"
    "CREATE TABLE targets("
    " job INTEGER NOT NULL, output TEXT NOT NULL, url TEXT, upload TEXT,"
    " PRIMARY KEY(job, output)) WITHOUT ROWID;"
    "CREATE TABLE steps("
    " job INTEGER NOT NULL, step TEXT NOT NULL, port TEXT NOT NULL, object_key TEXT,"
    " size INTEGER NOT NULL, text TEXT, PRIMARY KEY(job, step, port)) WITHOUT ROWID;"
    "CREATE INDEX steps_key ON steps(object_key) WHERE object_key IS NOT NULL;"
    "CREATE TABLE results("
    " job INTEGER NOT NULL, output TEXT NOT NULL, kind INTEGER NOT NULL, text TEXT,"
    " object_key TEXT, extension TEXT, content_type TEXT, size INTEGER NOT NULL,"
    " PRIMARY KEY(job, output)) WITHOUT ROWID;"
    "CREATE INDEX results_key ON results(object_key) WHERE object_key IS NOT NULL;"
    "CREATE TABLE dead_letters(job INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL);"

    /* job: the job that will write the upload, or wrote it (copyResultsTo). */
    "CREATE TABLE uploads("
    " id TEXT PRIMARY KEY, app INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    " put_until_ms INTEGER NOT NULL, keep_until_ms INTEGER NOT NULL, job INTEGER,"
    " object_key TEXT, size INTEGER NOT NULL DEFAULT 0, sha256 BLOB) WITHOUT ROWID;"
    "CREATE INDEX uploads_key ON uploads(object_key) WHERE object_key IS NOT NULL;"
    "CREATE INDEX uploads_expiry ON uploads(keep_until_ms);"

    "CREATE TABLE idempotency("
    " app INTEGER NOT NULL, key TEXT NOT NULL, sha256 BLOB NOT NULL, job TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, PRIMARY KEY(app, key)) WITHOUT ROWID;"
    "CREATE INDEX idempotency_age ON idempotency(created_ms);"

    /* Objects to remove: a key, or a prefix that ends in '/'. What something still refers to stays.
     */
    "CREATE TABLE garbage("
    " due_ms INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY(due_ms, key)) WITHOUT ROWID;";

static const char *const steps[] = {first};

int job_migrations_latest(void)
{
    return (int)RF_ARRAY_LEN(steps);
}

static int64_t version_of(job_sql *db)
{
    return job_sql_one(db, -1, "PRAGMA user_version", "");
}

/* Applies the step that follows; nothing when another program did meanwhile. */
static int apply(job_sql *db, size_t version)
{
    RF_CLEANUP(rf_cleanup_free)
    char *number = rf_asprintf("PRAGMA user_version=%zu", version);
    job_sql_script(db, "BEGIN IMMEDIATE");
    if (version_of(db) < (int64_t)version) {
        job_sql_script(db, steps[version - 1]);
        job_sql_script(db, number);
    }
    job_sql_script(db, "COMMIT");
    int err = job_sql_error(db);
    if (err != 0) {
        job_sql_clear(db);
        job_sql_script(db, "ROLLBACK");
        job_sql_clear(db);
        return err;
    }
    RF_LOG_INFO("store migrated", RF_INT("version", version));
    return 0;
}

int job_migrations_upto(job_sql *db, int last)
{
    int64_t version = version_of(db);
    if (version < 0) {
        return job_sql_error(db);
    }
    if (version > job_migrations_latest()) {
        return -EPROTO;
    }
    int err = 0;
    while (err == 0 && version < last) {
        err = apply(db, (size_t)++version);
    }
    return err;
}

int job_migrations_run(job_sql *db)
{
    return job_migrations_upto(db, job_migrations_latest());
}
