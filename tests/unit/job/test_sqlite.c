/*
 * What is SQLite's own below the store: migrations, durability, files that are broken.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "job_migrations.h"
#include "job_sql.h"
#include "rf_time.h"

static fixture f;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(sqlite, .init = set_up, .fini = tear_down);

Test(sqlite, migrations_run_once)
{
    job_sql *db;
    f.store = job_store_close(f.store);
    cr_assert_eq(job_sql_open(f.path, false, &db), 0);
    cr_assert_eq(job_sql_one(db, -1, "PRAGMA user_version", ""), job_migrations_latest());
    cr_assert_eq(job_migrations_run(db), 0);
    job_sql_close(db);
    cr_assert_eq(fixture_try_open(&f), 0);
}

Test(sqlite, a_database_of_a_newer_program_is_refused)
{
    job_sql *db;
    f.store = job_store_close(f.store);
    cr_assert_eq(job_sql_open(f.path, false, &db), 0);
    cr_assert_eq(job_sql_script(db, "PRAGMA user_version=9999"), 0);
    job_sql_close(db);
    cr_assert_eq(fixture_try_open(&f), -EPROTO);
    f.store = NULL;
}

Test(sqlite, the_database_is_durable_by_its_settings)
{
    job_sql *db;
    cr_assert_eq(job_sql_open(f.path, false, &db), 0);
    cr_assert_eq(job_sql_one(db, -1, "PRAGMA synchronous", ""), 2, "2 is FULL");
    job_rows *rows = job_sql_query(db, "PRAGMA journal_mode", "");
    cr_assert(job_sql_next(db, rows));
    cr_assert(job_sql_is(rows, 0, "wal"));
    job_sql_end(rows);
    job_sql_close(db);
}

Test(sqlite, a_file_that_is_no_database_is_an_error)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/garbage.db", f.dir);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database ", file);
    }
    fclose(file);
    job_store_options options = f.options;
    job_store *store = NULL;
    options.path = path;
    cr_assert_eq(job_store_sqlite_open(&options, &store), -EIO);
    cr_assert_null(store);
    remove(path);
}
