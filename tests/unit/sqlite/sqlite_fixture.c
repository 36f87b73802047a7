#include "sqlite_fixture.h"

#include "rf_sqlite.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/rf-sqlite-XXXXXX";

void sqlite_fixture_open(void)
{
    cr_assert_not_null(mkdtemp(folder));
}

void sqlite_fixture_close(void)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

char *sqlite_fixture_path(const char *name)
{
    return rf_asprintf("%s/%s", folder, name);
}

int db_try(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

void db_run(sqlite3 *db, const char *sql)
{
    cr_assert_eq(db_try(db, sql), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
}

static void set_up(sqlite3 *db)
{
    sqlite3_busy_timeout(db, 10000);
    db_run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
               "PRAGMA cache_size=8; PRAGMA secure_delete=FAST;"
               "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
               "CREATE INDEX IF NOT EXISTS t_text ON t(text)");
}

sqlite3 *db_ours(const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = sqlite_fixture_path(name);
    sqlite3 *db = NULL;
    cr_assert_eq(rf_sqlite_open(path, &db), SQLITE_OK);
    set_up(db);
    return db;
}

sqlite3 *db_plain(const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = sqlite_fixture_path(name);
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    cr_assert_eq(sqlite3_open_v2(path, &db, flags, "unix"), SQLITE_OK);
    set_up(db);
    return db;
}

int db_fill(sqlite3 *db, int n)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d)"
             " INSERT INTO t(text) SELECT hex(i*7919%%1000)||printf('%%0300d', i) FROM n;"
             "UPDATE t SET text=text||'x' WHERE id%%7=%d",
             n, n % 7);
    return db_try(db, sql);
}

int64_t db_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s: %s", sql, sqlite3_errmsg(db));
    int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

/* FNV-1a of the rows' bytes. */
int64_t db_digest(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t h = 14695981039346656037ULL;
    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT id||':'||text FROM t ORDER BY id", -1, &stmt, NULL),
                 SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (const unsigned char *c = sqlite3_column_text(stmt, 0); *c != '\0'; c++) {
            h = (h ^ *c) * 1099511628211ULL;
        }
    }
    cr_assert_eq(sqlite3_finalize(stmt), SQLITE_OK);
    return (int64_t)h;
}

void db_check(sqlite3 *db)
{
    cr_assert_eq(
        db_number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check<>'ok'"),
        0);
}
