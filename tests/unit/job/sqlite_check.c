#include "sqlite_check.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stddef.h>

#include "rf_buf.h"

/* Each query counts what breaks the rule. States: 1 QUEUED, 2 STARTED, 3 SUCCEEDED, 4 FAILED. */
static const struct {
    const char *rule;
    const char *sql;
} rules[] = {
    {"a live job waits or runs, never both and never neither",
     "SELECT count(*) FROM jobs j WHERE state IN (1,2) AND"
     " (SELECT count(*) FROM ready r WHERE r.job=j.seq)"
     " + (SELECT count(*) FROM leases l WHERE l.job=j.seq) <> 1"},
    {"a final job neither waits nor runs",
     "SELECT count(*) FROM jobs j WHERE state IN (3,4) AND (EXISTS (SELECT 1 FROM ready r WHERE"
     " r.job=j.seq) OR EXISTS (SELECT 1 FROM leases l WHERE l.job=j.seq))"},
    {"a reference is found by the job's due time",
     "SELECT count(*) FROM ready r JOIN jobs j ON j.seq=r.job WHERE r.due_ms<>j.due_ms OR"
     " r.pool<>j.pool"},
    {"references and leases belong to jobs",
     "SELECT (SELECT count(*) FROM ready WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM leases WHERE job NOT IN (SELECT seq FROM jobs))"},
    {"an application knows how many of its jobs are queued",
     "SELECT count(*) FROM applications a WHERE queued <>"
     " (SELECT count(*) FROM jobs j WHERE j.app=a.seq AND j.state=1)"},
    {"a job has results when it succeeded and only then",
     "SELECT count(*) FROM jobs j WHERE (state=3) <>"
     " EXISTS (SELECT 1 FROM results r WHERE r.job=j.seq)"},
    {"a job that succeeded has one attempt that did",
     "SELECT count(*) FROM jobs j WHERE state=3 AND"
     " (SELECT count(*) FROM attempts a WHERE a.job=j.seq AND a.state=3) <> 1"},
    {"no attempt of a job that did not succeed did",
     "SELECT count(*) FROM jobs j WHERE state<>3 AND"
     " EXISTS (SELECT 1 FROM attempts a WHERE a.job=j.seq AND a.state=3)"},
    {"a job that failed says why, others do not",
     "SELECT count(*) FROM jobs WHERE (state=4) <> (code IS NOT NULL AND message IS NOT NULL)"},
    {"times are in order",
     "SELECT count(*) FROM jobs WHERE started_ms<created_ms OR completed_ms<created_ms OR"
     " (state=1 AND started_ms IS NOT NULL) OR (state IN (3,4)) <> (completed_ms IS NOT NULL)"},
    {"no attempt has a fence above its job's",
     "SELECT count(*) FROM attempts a JOIN jobs j ON j.seq=a.job WHERE a.fence>j.fence"},
    {"the running attempt has the job's fence",
     "SELECT count(*) FROM leases l JOIN jobs j ON j.seq=l.job WHERE l.fence<>j.fence"},
    {"dead letters failed", "SELECT count(*) FROM dead_letters d WHERE NOT EXISTS"
                            " (SELECT 1 FROM jobs j WHERE j.seq=d.job AND j.state=4)"},
    {"steps are kept for live jobs only",
     "SELECT count(*) FROM steps s WHERE NOT EXISTS"
     " (SELECT 1 FROM jobs j WHERE j.seq=s.job AND j.state IN (1,2))"},
    {"rows of deleted jobs are gone",
     "SELECT (SELECT count(*) FROM inputs WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM targets WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM results WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM attempts WHERE job NOT IN (SELECT seq FROM jobs))"},
    {"a job's document is there",
     "SELECT count(*) FROM jobs WHERE version NOT IN (SELECT version FROM workflow_versions)"},
    {"an application has one key that was not revoked",
     "SELECT count(*) FROM (SELECT app FROM keys WHERE revoked_ms IS NULL GROUP BY app"
     " HAVING count(*)>1)"},
};

static sqlite3 *open_db(const char *path)
{
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK, "%s", path);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s: %s", sql, sqlite3_errmsg(db));
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

void sqlite_check_rules(const char *path, const char *context)
{
    sqlite3 *db = open_db(path);
    cr_assert_eq(ask(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check<>'ok'"),
                 0, "%s: the file is damaged", context);
    for (size_t i = 0; i < RF_ARRAY_LEN(rules); i++) {
        cr_assert_eq(ask(db, rules[i].sql), 0, "%s: %s", context, rules[i].rule);
    }
    sqlite3_close(db);
}

int64_t sqlite_check_one(const char *path, const char *sql)
{
    sqlite3 *db = open_db(path);
    int64_t value = ask(db, sql);
    sqlite3_close(db);
    return value;
}

static int add_row(void *user, int n, char **values, char **names)
{
    rf_buf *all = user;
    (void)names;
    for (int i = 0; i < n; i++) {
        rf_buf_printf(all, "%s|", values[i] == NULL ? "\\N" : values[i]);
    }
    rf_buf_append_str(all, "\n");
    return 0;
}

static int add_table(void *user, int n, char **values, char **names)
{
    RF_CLEANUP(rf_cleanup_free) char *sql = rf_asprintf("SELECT * FROM %s", values[0]);
    sqlite3 *db = ((void **)user)[0];
    (void)n;
    (void)names;
    rf_buf_printf(((void **)user)[1], "# %s\n", values[0]);
    return sqlite3_exec(db, sql, add_row, ((void **)user)[1], NULL);
}

void sqlite_check_digest(const char *path, uint8_t digest[RF_SHA256_LEN])
{
    sqlite3 *db = open_db(path);
    rf_buf all;
    rf_buf_init(&all, 16 << 20);
    void *both[] = {db, &all};
    cr_assert_eq(sqlite3_exec(db, "SELECT name FROM sqlite_master WHERE type='table' ORDER BY name",
                              add_table, both, NULL),
                 SQLITE_OK);
    rf_sha256_of(all.data, all.len, digest);
    rf_buf_done(&all);
    sqlite3_close(db);
}

void sqlite_check_run(const char *path, const char *sql)
{
    sqlite3 *db = open_db(path);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(db));
    sqlite3_close(db);
}
