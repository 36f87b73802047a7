#include "sqlite_check.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stddef.h>

#include "rf_buf.h"
#include "sqlite_fixture.h"
#include "store_rules.h"

static sqlite3 *open_db(const char *path)
{
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK, "%s", path);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

void sqlite_check_rules(const char *path, const char *context)
{
    sqlite3 *db = open_db(path);
    cr_assert_eq(
        db_number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check<>'ok'"), 0,
        "%s: the file is damaged", context);
    for (size_t i = 0; i < store_n_rules; i++) {
        cr_assert_eq(db_number(db, store_rules[i].sql), 0, "%s: %s", context, store_rules[i].rule);
    }
    sqlite3_close(db);
}

int64_t sqlite_check_one(const char *path, const char *sql)
{
    sqlite3 *db = open_db(path);
    int64_t value = db_number(db, sql);
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
