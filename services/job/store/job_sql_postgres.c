/*
 * The PostgreSQL driver (job_sql_driver.h) over libpq in pipeline mode: a statement goes out when
 * it is called, its answer is read when somebody asks for it, at the latest at the commit. So a
 * chain of writes costs one round trip; and rows for the same statement wait for each other until a
 * question is asked, and go as one statement (job_pg_bulk.h). A failed statement makes the server
 * skip the rest up to the next sync, which the rollback sends.
 *
 * A connection that is lost is made again at the next begin, with a back-off during which begin
 * fails at once. Every transaction of a writer counts up a row of its own in the table commits, so
 * that whether a commit that was cut off took effect can be read there; while that cannot be had,
 * the error is -ECANCELED. (Numbers of transactions would not do: a crash may give one out twice.)
 */
#include "job_pg_session.h"

#include <errno.h>
#include <poll.h>

#include "rf_log.h"
#include "rf_time.h"

#define SEQ_BLOCK 256  /* as in the sequence */
#define OUTCOME_MS 800 /* the caller waits meanwhile */
#define CLOCK_TRIES 4
#define CLOCK_MS 10000 /* how long it is trusted */

static job_pg_session *pg_of(job_sql *db)
{
    return (job_pg_session *)db;
}

static void on_end(job_rows *rows)
{
    job_pg_rows *r = (job_pg_rows *)rows;
    job_pg_session *s = pg_of(rows->db);
    while (r->waiting && s->state != JOB_PG_DOWN) {
        job_pg_session_read(s);
    }
    PQclear(r->result);
    r->result = NULL;
}

static job_rows *on_query(job_sql *db, const char *sql, const char *types, va_list args)
{
    job_pg_session *s = pg_of(db);
    job_pg_rows *rows = job_pg_send_slot(s, sql);
    on_end(&rows->base);
    job_pg_send_rows(s);
    rows->row = -1;
    job_pg_send_literal(s, rows, types, args, &rows->result);
    job_pg_session_ask(s);
    return &rows->base;
}

static void on_run(job_sql *db, const char *sql, const char *types, va_list args)
{
    job_pg_session *s = pg_of(db);
    job_pg_rows *rows = job_pg_send_slot(s, sql);
    if (job_pg_send_later(s, rows, types, args)) {
        return;
    }
    job_pg_send_rows(s);
    job_pg_send_literal(s, rows, types, args, NULL);
}

static int64_t on_exec(job_sql *db, const char *sql, const char *types, va_list args)
{
    job_pg_session *s = pg_of(db);
    job_pg_send_rows(s);
    job_pg_send_literal(s, job_pg_send_slot(s, sql), types, args, NULL);
    job_pg_session_ask(s);
    job_pg_session_read_all(s);
    return s->changed;
}

static void send_composed(job_pg_session *s, job_pg_rows *r)
{
    const job_pg_values *v = r->values;
    job_pg_send_rows(s);
    if (job_pg_session_sent(s, PQsendQueryParams(s->conn, r->text, v->n, v->types, v->values,
                                                 v->lengths, v->formats, JOB_PG_BINARY))) {
        r->waiting = true;
        job_pg_session_expect(s, (job_pg_answer){.rows = r, .keep = &r->result});
        job_pg_session_ask(s);
    }
}

static bool on_next(job_rows *rows)
{
    job_pg_rows *r = (job_pg_rows *)rows;
    job_pg_session *s = pg_of(rows->db);
    if (r->text != NULL && r->row < 0 && r->result == NULL) {
        send_composed(s, r);
    }
    while (r->waiting && s->state != JOB_PG_DOWN) {
        job_pg_session_read(s);
    }
    return s->base.err == 0 && r->result != NULL && ++r->row < PQntuples(r->result);
}

static job_rows *on_prepare(job_sql *db, const char *text)
{
    job_pg_rows *rows = RF_NEW(job_pg_rows);
    rows->base.db = db;
    rows->text = job_pg_text(text);
    rows->row = -1;
    rows->values = RF_NEW(job_pg_values);
    return &rows->base;
}

static void on_bind_int(job_rows *rows, int at, int64_t value)
{
    job_pg_rows *r = (job_pg_rows *)rows;
    if (!job_pg_set_int(r->values, at, value)) {
        job_sql_fail(rows->db, -E2BIG);
    }
}

static void on_bind_text(job_rows *rows, int at, const char *value)
{
    job_pg_rows *r = (job_pg_rows *)rows;
    if (!job_pg_set_text(r->values, at, value)) {
        job_sql_fail(rows->db, -E2BIG);
    }
}

static void on_drop(job_rows *rows)
{
    job_pg_rows *r = (job_pg_rows *)rows;
    on_end(rows);
    free(r->values);
    free(r->text);
    free(r);
}

static int64_t on_column_int(job_rows *rows, int column)
{
    const job_pg_rows *r = (const job_pg_rows *)rows;
    return job_pg_int(r->result, r->row, column);
}

static const char *on_column_text(job_rows *rows, int column, size_t *ret_len)
{
    const job_pg_rows *r = (const job_pg_rows *)rows;
    *ret_len = (size_t)PQgetlength(r->result, r->row, column);
    return PQgetisnull(r->result, r->row, column) ? NULL : PQgetvalue(r->result, r->row, column);
}

/* One statement, so that its many runs cost one execution. */
static void on_each(job_sql *db, const char *sql, const job_sql_many *many)
{
    job_pg_session *s = pg_of(db);
    job_pg_rows *rows = job_pg_send_slot(s, sql);
    on_end(&rows->base);
    job_pg_send_rows(s);
    rows->row = -1;
    job_pg_send_each(s, rows, many);
    job_pg_session_ask(s);
    while (job_sql_next(db, &rows->base)) {
        int number = PQnfields(rows->result) - 1;
        many->row(many->user, (size_t)job_pg_int(rows->result, rows->row, number) - 1, &rows->base);
    }
}

/* ---- transactions ---- */

static void on_script(job_sql *db, const char *text)
{
    job_pg_session *s = pg_of(db);
    if (!job_pg_session_need(s)) {
        return;
    }
    job_pg_send_rows(s);
    rf_buf one;
    rf_buf_init(&one, 1 << 20);
    while (s->base.err == 0 && job_pg_statement(&text, &one)) {
        job_pg_send_text(s, rf_buf_str(&one));
    }
    rf_buf_done(&one);
    job_pg_session_ask(s);
    job_pg_session_read_all(s);
    if (s->base.err != 0 || s->state == JOB_PG_IDLE) {
        job_pg_session_sync(s);
    }
}

static int64_t on_version(job_sql *db);

static void on_begin(job_sql *db)
{
    job_pg_session *s = pg_of(db);
    if (s->state == JOB_PG_IDLE) {
        job_pg_session_check(s);
    }
    if (!job_pg_session_need(s)) {
        return;
    }
    if (s->role == JOB_SQL_WRITER && !s->counting) {
        on_version(db);
    }
    s->state = JOB_PG_BUSY;
    s->patient = false;
    if (s->role == JOB_SQL_READER) {
        job_pg_send_text(s, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        return;
    }
    job_pg_send_text(s, "BEGIN");
}

static void on_lazy(job_sql *db)
{
    job_pg_send_text(pg_of(db), "SET LOCAL synchronous_commit=off");
}

#define CLOCK "(extract(epoch from clock_timestamp())*1000)::bigint"

/* The quickest of a few answers is the most exact. */
static void ask_clock(job_pg_session *s)
{
    int64_t quickest_ns = INT64_MAX;
    for (int i = 0; i < CLOCK_TRIES && quickest_ns > RF_NS_PER_MS; i++) {
        int64_t from_ns = rf_time_real_ns();
        int64_t server_ms = job_sql_one(&s->base, 0, "SELECT " CLOCK, "");
        int64_t took_ns = rf_time_real_ns() - from_ns;
        if (took_ns < quickest_ns) {
            quickest_ns = took_ns;
            s->clock_ms = server_ms;
            s->clock_ns = from_ns + took_ns / 2;
        }
    }
}

/* The server's clock, asked for now and then; in between it goes as fast as ours. A test that
 * drives the clock drives the server's as well. */
static int64_t on_now_ms(job_sql *db)
{
    job_pg_session *s = pg_of(db);
    int64_t now_ns = rf_time_real_ns();
    if (rf_time_is_driven()) {
        return rf_time_wall_ms();
    }
    if (s->clock_ms == 0 || now_ns - s->clock_ns > CLOCK_MS * RF_NS_PER_MS) {
        ask_clock(s);
        now_ns = rf_time_real_ns();
    }
    return s->clock_ms + (now_ns - s->clock_ns) / RF_NS_PER_MS;
}

/* How many transactions of this writer were committed; -1 when nobody can tell. */
static int64_t ask_commits(const job_pg_session *s)
{
    int64_t end_ns = rf_time_real_ns() + OUTCOME_MS * RF_NS_PER_MS;
    int64_t n = -1;
    while (n < 0 && rf_time_real_ns() < end_ns) {
        char *why = NULL;
        PGconn *conn = job_pg_connect(s->url, job_pg_left_ms(end_ns), &why);
        free(why);
        n = conn == NULL ? -1 : job_pg_commits(conn, s->id, job_pg_left_ms(end_ns));
        PQfinish(conn);
        if (n < 0) {
            poll(NULL, 0, JOB_PG_BACKOFF_MIN_MS);
        }
    }
    return n;
}

/* The commit was not answered: 0 when it took effect, -EIO when not, -ECANCELED unknown. A server
 * that hangs may still carry out what it was sent. */
static int outcome(job_pg_session *s)
{
    int64_t n = s->hangs ? -1 : ask_commits(s);
    int err = n < 0 ? -ECANCELED : n > s->commits ? 0 : -EIO;
    s->commits = RF_MAX(s->commits, n);
    RF_LOG_WARN("a commit was cut off", RF_STR("outcome", err == 0      ? "committed"
                                                          : err == -EIO ? "undone"
                                                                        : "unknown"));
    if (err == -ECANCELED) {
        rf_uuid4(s->id); /* the old row may still count one more */
        s->commits = 0;
    }
    return err;
}

static void count_commit(job_pg_session *s)
{
    job_sql_run(&s->base,
                "INSERT INTO commits(id, n, at_ms) VALUES(?, 1, " CLOCK ")"
                " ON CONFLICT(id) DO UPDATE SET n=commits.n+1, at_ms=excluded.at_ms",
                "t", s->id);
}

static void on_commit(job_sql *db)
{
    job_pg_session *s = pg_of(db);
    bool counted = s->role == JOB_SQL_WRITER && s->counting;
    if (counted) {
        count_commit(s);
    }
    job_pg_send_rows(s);
    job_pg_send_text(s, "COMMIT");
    bool under_way = s->base.err == 0;
    job_pg_session_sync(s);
    if (s->state != JOB_PG_DOWN) {
        s->state = s->base.err == 0 ? JOB_PG_IDLE : s->state;
        s->commits += counted && s->base.err == 0;
    } else if (under_way && counted) {
        int err = outcome(s);
        job_sql_clear(db);
        job_sql_fail(db, err);
    }
}

static void on_rollback(job_sql *db)
{
    job_pg_session *s = pg_of(db);
    job_pg_send_forget(s);
    job_pg_session_sync(s);
    job_sql_clear(db);
    if (s->state == JOB_PG_BUSY) {
        s->state = JOB_PG_IDLE;
        job_pg_send_text(s, "ROLLBACK");
        job_pg_session_sync(s);
    }
}

/* Deployments may share a database, each with a schema of its own. */
static void on_lock(job_sql *db, int64_t number)
{
    job_sql_run(db, "SELECT pg_advisory_xact_lock(?::int, hashtext(current_schema()))", "i",
                number);
}

static bool on_lead(job_sql *db, int64_t number)
{
    return job_sql_one(db, 0, "SELECT pg_try_advisory_lock(?::int, hashtext(current_schema()))",
                       "i", number) != 0;
}

static int64_t on_new_seqs(job_sql *db, int64_t *ret_n)
{
    *ret_n = SEQ_BLOCK;
    return job_sql_one(db, 0, "SELECT nextval('job_seq')", "");
}

/* ---- the schema ---- */

/* By the rows of the catalogue: to_regclass may remember that there was none before a lock was
 * waited for. */
static int64_t on_version(job_sql *db)
{
    job_pg_session *s = pg_of(db);
    if (!job_pg_session_need(s)) {
        return -1;
    }
    bool alone = s->state == JOB_PG_IDLE;
    int64_t version = 0;
    if (job_sql_one(db, 0,
                    "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace"
                    " WHERE n.nspname=current_schema() AND c.relname='schema_version'",
                    "") != 0) {
        version = job_sql_one(db, -1, "SELECT version FROM schema_version", "");
    }
    if (alone) {
        job_pg_session_sync(s);
    }
    s->counting = db->err == 0 && version > 0;
    return db->err == 0 ? version : -1;
}

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS schema_version(version BIGINT NOT NULL);"
    "INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version);"
    "CREATE SEQUENCE IF NOT EXISTS job_seq INCREMENT BY 256;"
    /* One row a writer (job_sql_postgres.c); those of writers that died go after a day. */
    "CREATE TABLE IF NOT EXISTS commits("
    " id TEXT PRIMARY KEY, n BIGINT NOT NULL, at_ms BIGINT NOT NULL) WITH (fillfactor=25);";

/* Rows that are updated stay on their page (of jobs all of a page's may be, in one transaction);
 * the queues are cleaned before they grow. */
static const char tuning[] =
    "ALTER TABLE jobs SET (fillfactor=50, autovacuum_vacuum_scale_factor=0.02);"
    "ALTER TABLE ready SET (fillfactor=75, autovacuum_vacuum_scale_factor=0,"
    " autovacuum_vacuum_threshold=20000);"
    "ALTER TABLE leases SET (fillfactor=75, autovacuum_vacuum_scale_factor=0,"
    " autovacuum_vacuum_threshold=20000);"
    "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=20000);"
    "ALTER TABLE IF EXISTS packs SET (autovacuum_vacuum_scale_factor=0,"
    " autovacuum_vacuum_threshold=20000);"
    "ALTER TABLE applications SET (fillfactor=25);"
    "ALTER TABLE IF EXISTS application_counts SET (fillfactor=25);";

static void on_schema(job_sql *db, const char *text, int64_t version)
{
    RF_CLEANUP(rf_cleanup_free) char *translated = job_pg_schema(text);
    pg_of(db)->patient = true;
    job_sql_script(db, "SET LOCAL statement_timeout=0");
    job_sql_script(db, tables);
    job_sql_script(db, translated);
    job_sql_run(db, "UPDATE schema_version SET version=?", "i", version);
}

static void on_tune(job_sql *db)
{
    job_sql_script(db, tuning);
}

static void forget_commits(job_pg_session *s)
{
    job_sql_clear(&s->base);
    if (s->role == JOB_SQL_WRITER && s->state == JOB_PG_IDLE && on_version(&s->base) > 0) {
        job_sql_exec(&s->base, "DELETE FROM commits WHERE id=? OR at_ms<" CLOCK "-86400000", "t",
                     s->id);
        job_pg_session_sync(s);
    }
}

static void on_close(job_sql *db)
{
    job_pg_session *s = pg_of(db);
    forget_commits(s);
    for (size_t i = 0; i < JOB_PG_STATEMENTS_MAX; i++) {
        PQclear(s->statements[i].result);
        job_pg_bulk_free(s->statements[i].bulk);
    }
    PQfinish(s->conn);
    job_pg_attempt_end(&s->attempt);
    free(s->answers);
    free(s->url);
    free(s);
}

static void on_share(job_sql *db, job_sql_health *health)
{
    pg_of(db)->health = health;
}

static bool on_lost(const job_sql *db)
{
    return ((const job_pg_session *)db)->state == JOB_PG_DOWN;
}

static const job_sql_driver driver = {
    .name = "postgresql",
    .shared = true,
    .close = on_close,
    .share = on_share,
    .lost = on_lost,
    .script = on_script,
    .begin = on_begin,
    .commit = on_commit,
    .rollback = on_rollback,
    .lazy = on_lazy,
    .now_ms = on_now_ms,
    .lock = on_lock,
    .lead = on_lead,
    .new_seqs = on_new_seqs,
    .version = on_version,
    .schema = on_schema,
    .tune = on_tune,
    .exec = on_exec,
    .run = on_run,
    .query = on_query,
    .each = on_each,
    .prepare = on_prepare,
    .bind_int = on_bind_int,
    .bind_text = on_bind_text,
    .next = on_next,
    .end = on_end,
    .drop = on_drop,
    .column_int = on_column_int,
    .column_text = on_column_text,
};

int job_sql_postgres_open(const char *url, job_sql_role role, job_sql **ret)
{
    job_pg_session *s = RF_NEW(job_pg_session);
    s->base.driver = &driver;
    s->url = rf_strdup(url);
    s->role = role;
    s->health = &s->own_health;
    rf_uuid4(s->id);
    if (!job_pg_session_connect(s, JOB_PG_CONNECT_MS)) {
        int err = s->base.err;
        on_close(&s->base);
        return err;
    }
    *ret = &s->base;
    return 0;
}
