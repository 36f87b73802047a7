#include "job_migrations.h"

#include <errno.h>

#include "rf_log.h"
#include "rf_scope.h"

/* In SQLite's words for types, which the driver of another engine translates (job_sql_schema).
 * Times are ms since 1970, UTC. job is the integer key of a job row everywhere. */
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

/* Keys made before there were scopes have those of a key made without a word about them. */
static const char scopes[] =
    "ALTER TABLE keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '" RF_SCOPES_DEFAULT "';";

/* Workflows that applications post; the documents stand with the versions of the others. */
static const char posted[] =
    "CREATE TABLE posted("
    " app BIGINT NOT NULL, slug TEXT NOT NULL, id TEXT NOT NULL UNIQUE, version BIGINT NOT NULL,"
    " created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, PRIMARY KEY(app, slug));";

/* What workers have told of attempts, for listeners. gone_ms: forgotten then. */
static const char progress[] =
    "CREATE TABLE progress("
    " job INTEGER NOT NULL, id INTEGER NOT NULL, step TEXT, percent INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, gone_ms INTEGER, PRIMARY KEY(job, id)) WITHOUT ROWID;"
    "CREATE INDEX progress_gone ON progress(gone_ms) WHERE gone_ms IS NOT NULL;";

/* jobs.hook: events that the job's webhook wants (job_op_hook.h), 0 for none; hooks: where it is.
 * hook_messages: what waits to be sent. hook_secrets.until_ms: NULL for the present one. */
static const char hooks[] =
    "ALTER TABLE jobs ADD COLUMN hook INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE hooks(job INTEGER PRIMARY KEY, url TEXT NOT NULL, host TEXT NOT NULL);"
    "CREATE TABLE hook_messages("
    " id TEXT PRIMARY KEY, type TEXT NOT NULL, app INTEGER NOT NULL, job TEXT NOT NULL,"
    " status INTEGER NOT NULL, batch_name TEXT, metadata TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " url TEXT NOT NULL, host TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    " due_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX hook_messages_due ON hook_messages(due_ms);"
    "CREATE INDEX hook_messages_age ON hook_messages(at_ms);"
    "CREATE TABLE hook_secrets("
    " app INTEGER NOT NULL, secret TEXT NOT NULL, created_ms INTEGER NOT NULL, until_ms INTEGER,"
    " PRIMARY KEY(app, secret)) WITHOUT ROWID;";

/* The order of claims: by application and priority. An application without a number of its own has
 * that of the settings. */
static const char turns[] =
    "ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 5;"
    "ALTER TABLE ready ADD COLUMN app INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE ready ADD COLUMN priority INTEGER NOT NULL DEFAULT 5;"
    "UPDATE ready SET app=(SELECT app FROM jobs WHERE seq=ready.job);"
    "CREATE INDEX ready_turns ON ready(pool, app, priority, due_ms, job);"
    "ALTER TABLE leases ADD COLUMN app INTEGER NOT NULL DEFAULT 0;"
    "UPDATE leases SET app=(SELECT app FROM jobs WHERE seq=leases.job);"
    "CREATE INDEX leases_of_app ON leases(app);"
    "ALTER TABLE applications ADD COLUMN concurrency INTEGER;"
    "ALTER TABLE applications ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;";

/* Counters of the jobs that bear a name; app is the application's id. kept: those not deleted. size
 * 0: not told. completed: that size jobs are final has been told. */
static const char batches[] =
    "CREATE TABLE batches("
    " app TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, total INTEGER NOT NULL,"
    " kept INTEGER NOT NULL, queued INTEGER NOT NULL, started INTEGER NOT NULL,"
    " succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    " final_ms INTEGER, completed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(app, name)) WITHOUT "
    "ROWID;"
    "CREATE INDEX jobs_of_batch ON jobs(app, batch_name, created_ms) WHERE batch_name IS NOT NULL;"
    "ALTER TABLE jobs ADD COLUMN retention_s INTEGER;"
    "CREATE INDEX jobs_retention ON jobs((completed_ms+retention_s*1000))"
    " WHERE retention_s IS NOT NULL;";

/* Results that may be taken over: of the job, for new ones of the same key. digest: of the bytes of
 * an upload, hex. */
static const char reuse[] =
    "ALTER TABLE uploads ADD COLUMN digest TEXT;"
    "ALTER TABLE jobs ADD COLUMN reuse_key TEXT;"
    "CREATE TABLE reuse("
    " app INTEGER NOT NULL, key TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY(app, key))"
    " WITHOUT ROWID;"
    "CREATE INDEX reuse_of_job ON reuse(job);";

/* What gateways have made of rate limits in the last seconds, in thousandths a second. */
static const char limits[] =
    "CREATE TABLE limit_use("
    " name TEXT NOT NULL, gateway TEXT NOT NULL, offered INTEGER NOT NULL,"
    " admitted INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY(name, gateway)) WITHOUT ROWID;"
    "CREATE INDEX limit_use_age ON limit_use(at_ms);";

/* An index of what does not change, so that the end of a job writes to none of the indexes of jobs
 * (PostgreSQL: a HOT update). It finds those whose own retention may be over. */
static const char retention[] =
    "DROP INDEX jobs_retention;"
    "CREATE INDEX jobs_own_retention ON jobs((created_ms+retention_s*1000))"
    " WHERE retention_s IS NOT NULL;";

/* What an application may make a day (0: any number). application_counts: what each connection that
 * writes has counted, in a row of its own, so that it does not wait for the commits of others: jobs
 * queued (added to applications.queued), and those made on the day that it last counted one (UTC,
 * from 1970). */
static const char counts[] =
    "ALTER TABLE applications ADD COLUMN per_day INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE application_counts("
    " app INTEGER NOT NULL, part INTEGER NOT NULL, queued INTEGER NOT NULL, day INTEGER NOT NULL,"
    " made INTEGER NOT NULL, PRIMARY KEY(app, part)) WITHOUT ROWID;";

/* What is known of the key of a job before its inputs are fetched: a digest of all but the inputs,
 * and a line "param=digest" for each input that is there. */
static const char fetched[] = "ALTER TABLE jobs ADD COLUMN reuse_seed TEXT;";

/* JOB_BRINGS_*: rows of other tables that the job may have. Of those made before, nobody knows. */
static const char brings[] = "ALTER TABLE jobs ADD COLUMN brings INTEGER NOT NULL DEFAULT 3;";

/* State changes to publish, those of a transaction packed into rows of n: a line "kind fence id"
 * for each. How many wait stands in application_counts, for application 0. A version before this
 * one writes each into a row of outbox still. */
static const char packs[] =
    "CREATE TABLE packs("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL, events TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL);";

/* One index of what waits, in the order of turns: each job goes through it twice. */
static const char one_order[] =
    "CREATE TABLE waiting("
    " pool INTEGER NOT NULL, app INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " due_ms INTEGER NOT NULL, job INTEGER NOT NULL, sent_ms INTEGER,"
    " PRIMARY KEY(pool, app, priority, due_ms, job)) WITHOUT ROWID;"
    "INSERT INTO waiting(pool, app, priority, due_ms, job, sent_ms)"
    " SELECT pool, app, priority, due_ms, job, sent_ms FROM ready;"
    "DROP TABLE ready;"
    "ALTER TABLE waiting RENAME TO ready;";

/* Characters that make up for what the row grows by later (job_tx_spare). */
static const char spare[] = "ALTER TABLE jobs ADD COLUMN spare TEXT;";

static const char *const steps[] = {first,   scopes, posted,    progress,  hooks,  turns,
                                    batches, limits, reuse,     retention, counts, fetched,
                                    brings,  packs,  one_order, spare};

int job_migrations_latest(void)
{
    return (int)RF_ARRAY_LEN(steps);
}

/* Applies what is missing up to a version, all or nothing; another program may have done so
 * meanwhile. */
static int apply(job_sql *db, int last)
{
    job_sql_begin(db);
    job_sql_lock(db, JOB_LOCK_SCHEMA);
    int64_t version = job_sql_version(db);
    bool missing = version >= 0 && version < last;
    for (; missing && version < last; version++) {
        job_sql_schema(db, steps[version], version + 1);
    }
    if (missing) {
        job_sql_tune(db);
    }
    int err = job_sql_commit(db);
    if (err == 0 && missing) {
        RF_LOG_INFO("store migrated", RF_INT("version", version));
    }
    return err;
}

int job_migrations_upto(job_sql *db, int last)
{
    int64_t version = job_sql_version(db);
    if (version >= 0 && version < last) {
        int err = apply(db, last);
        if (err < 0) {
            return err;
        }
        version = job_sql_version(db);
    }
    return version < 0 ? job_sql_error(db) : version > job_migrations_latest() ? -EPROTO : 0;
}

int job_migrations_run(job_sql *db)
{
    return job_migrations_upto(db, job_migrations_latest());
}
