/*
 * The driver of PostgreSQL (job_sql.h): values, errors, locks, the schema and URLs.
 */
#include "job_fixture.h"
#include "postgres_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job_migrations.h"
#include "job_sql.h"
#include "job_sql_check.h"
#include "rf_file.h"

static char *url;
static job_sql *db;

static void set_up(void)
{
    url = postgres_database();
    cr_assert_eq(job_sql_open(url, JOB_SQL_WRITER, &db), 0);
}

static void tear_down(void)
{
    job_sql_close(db);
    postgres_drop(url);
    free(url);
}

TestSuite(postgres_layer, .init = set_up, .fini = tear_down);

Test(postgres_layer, values_come_back_as_they_went_in)
{
    static const uint8_t blob[] = {0, 1, 0xff, 0};
    job_arena arena = {.blocks = NULL};
    job_sql_script(db, "CREATE TABLE t(i BIGINT, t TEXT, b BYTEA, n TEXT)");
    job_sql_begin(db);
    cr_assert_eq(job_sql_exec(db, "INSERT INTO t VALUES(?,?,?,?)", "itbn", INT64_MIN,
                              "\xc3\xa9'?\"", blob, sizeof(blob)),
                 1);
    job_rows *rows = job_sql_query(db, "SELECT i, t, n, b=?1, -1, 1::smallint FROM t WHERE t=?2",
                                   "bt", blob, sizeof(blob), "\xc3\xa9'?\"");
    cr_assert(job_sql_next(db, rows));
    cr_assert_eq(job_sql_int(rows, 0), INT64_MIN);
    cr_assert_str_eq(job_sql_str(rows, 1, &arena), "\xc3\xa9'?\"");
    cr_assert(job_sql_is(rows, 1, "\xc3\xa9'?\""));
    cr_assert_not(job_sql_is(rows, 2, ""), "NULL is no text");
    cr_assert_null(job_sql_str(rows, 2, &arena));
    cr_assert_eq(job_sql_int(rows, 2), 0, "NULL counts as 0");
    cr_assert_eq(job_sql_int(rows, 3), 1);
    cr_assert_eq(job_sql_int(rows, 4), -1, "a narrower number keeps its sign");
    cr_assert_eq(job_sql_int(rows, 5), 1);
    cr_assert_not(job_sql_next(db, rows));
    cr_assert_eq(job_sql_commit(db), 0);
    job_arena_done(&arena);
}

Test(postgres_layer, an_error_sticks_until_the_end_of_the_transaction)
{
    job_sql_script(db, "CREATE TABLE t(a BIGINT PRIMARY KEY, b TEXT NOT NULL)");
    job_sql_begin(db);
    job_sql_run(db, "INSERT INTO t VALUES(1,'x')", "");
    job_sql_run(db, "INSERT INTO t VALUES(1,'y')", "");
    cr_assert_eq(job_sql_exec(db, "INSERT INTO t VALUES(2,'y')", ""), 0, "nothing is done");
    cr_assert_eq(job_sql_error(db), -EEXIST);
    cr_assert_null(job_sql_query(db, "SELECT 1", ""));
    cr_assert_null(job_sql_prepare(db, "SELECT 1"));
    cr_assert_eq(job_sql_one(db, -7, "SELECT 1", ""), -7, "the fallback");
    cr_assert_eq(job_sql_commit(db), -EEXIST);
    cr_assert(job_sql_again(db), "the other row may be another transaction's");
    job_sql_begin(db);
    cr_assert_eq(job_sql_one(db, -7, "SELECT count(*) FROM t", ""), 0, "all was undone");
    cr_assert_eq(job_sql_exec(db, "INSERT INTO t VALUES(2,'y')", ""), 1, "and is prepared anew");
    cr_assert_eq(job_sql_commit(db), 0);
}

Test(postgres_layer, a_query_that_failed_before_its_rows_were_read_gives_none)
{
    job_sql_begin(db);
    job_rows *rows = job_sql_query(db, "SELECT 1/0", "");
    cr_assert_not(job_sql_next(db, rows));
    cr_assert_eq(job_sql_commit(db), -EIO);
    cr_assert_not(job_sql_again(db));
}

Test(postgres_layer, errors_are_told_apart)
{
    static const struct {
        const char *sql;
        int err;
        bool again;
    } rows[] = {{"NONSENSE", -EIO, false},
                {"SELECT * FROM nowhere", -EIO, false},
                {"INSERT INTO t VALUES(1)", -EEXIST, true},
                {"INSERT INTO t VALUES(NULL)", -EEXIST, false},
                {"DO $$BEGIN RAISE SQLSTATE '40P01'$$", -EIO, false},
                {"SELECT pg_sleep(60)", -EAGAIN, false}};
    job_sql_script(db, "CREATE TABLE t(a BIGINT PRIMARY KEY); INSERT INTO t VALUES(1);"
                       "SET statement_timeout=50");
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        job_sql_begin(db);
        job_sql_script(db, rows[i].sql);
        cr_assert_eq(job_sql_commit(db), rows[i].err, "%s", rows[i].sql);
        cr_assert_eq(job_sql_again(db), rows[i].again, "%s", rows[i].sql);
    }
}

Test(postgres_layer, readers_cannot_write)
{
    job_sql *reader = NULL;
    job_sql_script(db, "CREATE TABLE t(a BIGINT)");
    cr_assert_eq(job_sql_open(url, JOB_SQL_READER, &reader), 0);
    job_sql_begin(reader);
    job_sql_run(reader, "INSERT INTO t VALUES(1)", "");
    cr_assert_eq(job_sql_commit(reader), -EIO);
    job_sql_close(reader);
}

typedef struct heard {
    size_t n;
    int64_t sum;
} heard;

static void add(void *user, size_t i, job_rows *rows)
{
    heard *h = user;
    h->n++;
    h->sum += (int64_t)(i + 1) * job_sql_int(rows, 0);
}

Test(postgres_layer, many_queries_are_answered_in_their_order)
{
    const char *texts[] = {"a", "nobody", "b", "a"};
    heard h = {.n = 0};
    const job_sql_many many = {.texts = texts, .n = RF_ARRAY_LEN(texts), .row = add, .user = &h};
    job_sql_script(db, "CREATE TABLE t(k TEXT, v BIGINT); INSERT INTO t VALUES('a',1),('b',10)");
    job_sql_begin(db);
    job_sql_each(db, "SELECT v FROM t WHERE k=?", &many);
    cr_assert_eq(job_sql_commit(db), 0);
    cr_assert_eq(h.n, 3);
    cr_assert_eq(h.sum, 1 + 3 * 10 + 4);
}

Test(postgres_layer, a_query_with_numbers_runs_for_each_of_them_and_locks_what_it_finds)
{
    static const int64_t numbers[] = {2, 1, 7, 5, 0, 2};
    heard h = {.n = 0};
    const job_sql_many many = {
        .ints = numbers, .n_ints = 2, .n = RF_ARRAY_LEN(numbers) / 2, .row = add, .user = &h};
    const job_sql_many none = {.ints = numbers, .n_ints = 2, .row = add, .user = &h};
    job_sql_script(db, "CREATE TABLE t(k BIGINT, v BIGINT);"
                       "INSERT INTO t VALUES(2,1),(2,10),(0,100),(0,1000)");
    job_sql_begin(db);
    job_sql_each(db, "SELECT v FROM t WHERE k=? ORDER BY v LIMIT ? FOR UPDATE", &none);
    cr_assert_eq(h.n, 0);
    job_sql_each(db, "SELECT v FROM t WHERE k=? ORDER BY v LIMIT ? FOR UPDATE", &many);
    cr_assert_eq(h.n, 3);
    cr_assert_eq(h.sum, 1 + 3 * (100 + 1000));
    cr_assert_eq(job_sql_one(db, 0, "SELECT count(*) FROM t WHERE xmax<>0", ""), 3);
    cr_assert_eq(job_sql_commit(db), 0);
}

Test(postgres_layer, many_changes_give_the_rows_that_they_changed)
{
    static const int64_t numbers[] = {5, 2, 7, 9, 3, 1};
    heard h = {.n = 0};
    const job_sql_many updates = {
        .ints = numbers, .n_ints = 2, .n = RF_ARRAY_LEN(numbers) / 2, .row = add, .user = &h};
    const job_sql_many deletes = {
        .ints = numbers, .n_ints = 1, .n = RF_ARRAY_LEN(numbers), .row = add, .user = &h};
    job_sql_script(db, "CREATE TABLE t(k BIGINT, v BIGINT); INSERT INTO t VALUES(1,10),(2,100)");
    job_sql_begin(db);
    job_sql_each(db, "UPDATE t SET v=v+? WHERE k=? RETURNING v", &updates);
    cr_assert_eq(h.n, 2, "nobody has the number 9");
    cr_assert_eq(h.sum, 105 + 3 * 13);
    h = (heard){.n = 0};
    job_sql_each(db, "DELETE FROM t WHERE k=? RETURNING v", &deletes);
    cr_assert_eq(h.n, 2);
    cr_assert_eq(h.sum, 2 * 105 + 6 * 13);
    cr_assert_eq(job_sql_one(db, -1, "SELECT count(*) FROM t", ""), 0);
    cr_assert_eq(job_sql_commit(db), 0);
}

Test(postgres_layer, many_rows_of_an_update_from_another_table_go_as_one)
{
    job_sql_script(db, "CREATE TABLE t(k BIGINT, v BIGINT); INSERT INTO t VALUES(1,0),(2,0),(3,0);"
                       "CREATE TABLE names(k BIGINT, name TEXT); INSERT INTO names VALUES(1,'a'),"
                       "(3,'c')");
    job_sql_begin(db);
    for (const char *const *name = (const char *const[]){"a", "b", "c", NULL}; *name; name++) {
        job_sql_run(db, "UPDATE t SET v=v+1 FROM names n WHERE n.name=? AND t.k=n.k", "t", *name);
    }
    cr_assert_eq(job_sql_one(db, 0, "SELECT sum(v*k)::bigint FROM t", ""), 4);
    cr_assert_eq(job_sql_commit(db), 0);
}

Test(postgres_layer, one_connection_at_a_time_leads_and_the_next_takes_over)
{
    job_sql *other = NULL;
    cr_assert_eq(job_sql_open(url, JOB_SQL_READER, &other), 0);
    job_sql_begin(db);
    cr_assert(job_sql_lead(db, 1));
    cr_assert_eq(job_sql_commit(db), 0);
    job_sql_begin(other);
    cr_assert_not(job_sql_lead(other, 1));
    cr_assert(job_sql_lead(other, 2), "another number");
    cr_assert_eq(job_sql_commit(other), 0);
    db = job_sql_close(db);
    bool leads = false;
    while (!leads) { /* the server notices the end on its own time */
        job_sql_begin(other);
        leads = job_sql_lead(other, 1);
        cr_assert_eq(job_sql_commit(other), 0);
    }
    job_sql_close(other);
}

/* ---- the schema ---- */

Test(postgres_layer, migrations_run_once)
{
    cr_assert_eq(job_sql_version(db), 0);
    cr_assert_eq(job_migrations_run(db), 0);
    cr_assert_eq(job_sql_version(db), job_migrations_latest());
    cr_assert_eq(job_migrations_run(db), 0);
    postgres_rules(url);
}

Test(postgres_layer, databases_of_every_earlier_schema_are_brought_up)
{
    for (int version = 1; version <= job_migrations_latest(); version++) {
        cr_assert_eq(job_migrations_upto(db, version), 0, "version %d", version);
        cr_assert_eq(job_sql_version(db), version);
    }
    postgres_rules(url);
}

Test(postgres_layer, a_database_of_a_newer_program_is_refused)
{
    cr_assert_eq(job_migrations_run(db), 0);
    job_sql_script(db, "UPDATE schema_version SET version=9999");
    cr_assert_eq(job_migrations_run(db), -EPROTO);
}

Test(postgres_layer, a_migration_that_fails_leaves_the_database_as_it_was)
{
    job_sql_script(db, "CREATE TABLE garbage(of_another_program TEXT)");
    cr_assert_lt(job_migrations_run(db), 0);
    cr_assert_eq(job_sql_version(db), 0);
    job_sql_script(db, "DROP TABLE garbage");
    cr_assert_eq(job_migrations_run(db), 0, "once the way is free it works");
}

Test(postgres_layer, a_migration_may_take_longer_than_any_other_statement, .timeout = 60)
{
    cr_assert_eq(job_migrations_run(db), 0);
    job_sql_begin(db);
    job_sql_schema(db, "SELECT pg_sleep(6.5)", job_migrations_latest());
    cr_assert_eq(job_sql_commit(db), 0);
}

Test(postgres_layer, replicas_that_start_at_once_migrate_a_database_once)
{
    pid_t children[4];
    for (size_t i = 0; i < RF_ARRAY_LEN(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            job_sql *own = NULL;
            int err = job_sql_open(url, JOB_SQL_WRITER, &own);
            _exit(err == 0 && job_migrations_run(own) == 0 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(children); i++) {
        int status = 0;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert_eq(status, 0, "child %zu", i);
    }
    cr_assert_eq(job_sql_version(db), job_migrations_latest());
    cr_assert_eq(postgres_one(url, "SELECT count(*) FROM schema_version"), 1);
}

/* ---- URLs ---- */

static int open_it(const char *tried)
{
    job_sql *none = NULL;
    int err = job_sql_open(tried, JOB_SQL_WRITER, &none);
    cr_assert_null(none);
    return err;
}

/* What is logged while the URL is tried. */
static char *log_of(int (*fn)(const char *url), const char *tried)
{
    char path[] = "/tmp/reflection-log-XXXXXX";
    rf_buf text;
    rf_buf_init(&text, 1 << 16);
    int fd = mkstemp(path);
    int kept = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    int err = fn(tried);
    dup2(kept, STDERR_FILENO);
    cr_assert_lt(err, 0, "%s", tried);
    cr_assert_eq(rf_file_read(path, &text), 0);
    close(fd);
    close(kept);
    unlink(path);
    return rf_buf_steal(&text);
}

Test(postgres_layer, a_url_that_does_not_work_is_named_and_its_password_is_not)
{
    static const char *const urls[] = {
        "postgresql://user:hidden%zz@127.0.0.1/db",
        "postgresql://user:hidden@127.0.0.1:1/db",
        "postgresql://user:hidden@127.0.0.1:99999/db",
        "postgresql://user:hidden@nowhere.invalid/db",
        "postgresql://user:hidden@127.0.0.1:1/db?nonsense=1",
        "mysql://user:hidden@127.0.0.1/db",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(urls); i++) {
        RF_CLEANUP(rf_cleanup_free) char *text = log_of(open_it, urls[i]);
        cr_assert_not_null(strstr(text, "sql.url"), "%s: %s", urls[i], text);
        cr_assert_null(strstr(text, "hidden"), "%s: %s", urls[i], text);
    }
}

Test(postgres_layer, a_user_who_may_not_log_in_is_told_so)
{
    RF_CLEANUP(rf_cleanup_free)
    char *stranger = rf_asprintf("%s&user=stranger&password=hidden", url);
    RF_CLEANUP(rf_cleanup_free) char *text = log_of(open_it, stranger);
    cr_assert_not_null(strstr(text, "sql.url"), "%s", text);
    cr_assert_not_null(strstr(text, "stranger"), "%s", text);
    cr_assert_null(strstr(text, "hidden"), "%s", text);
}

/* ---- the check ---- */

Test(postgres_layer, a_check_of_what_works_leaves_nothing_behind)
{
    cr_assert_eq(job_sql_check(url), 0);
    cr_assert_eq(job_sql_version(db), 0);
    cr_assert_eq(postgres_one(url, "SELECT count(*) FROM pg_tables WHERE"
                                   " schemaname=current_schema()"),
                 0);
    cr_assert_eq(job_migrations_run(db), 0);
    cr_assert_eq(job_sql_check(url), 0);
    postgres_rules(url);
    cr_assert_eq(job_sql_check(""), 0, "the data directory is not looked at");
}

static void expect_complaint(const char *tried, const char *why)
{
    RF_CLEANUP(rf_cleanup_free) char *text = log_of(job_sql_check, tried);
    cr_assert_not_null(strstr(text, "setting=sql.url"), "%s", text);
    cr_assert_not_null(strstr(text, why), "no \"%s\" in: %s", why, text);
}

Test(postgres_layer, a_check_tells_of_a_server_that_only_reads)
{
    RF_CLEANUP(rf_cleanup_free)
    char *read_only = rf_asprintf("%s&options=-csearch_path%%3D%s%%20-c%%20"
                                  "default_transaction_read_only%%3Don",
                                  url, strrchr(url, '=') + 1);
    expect_complaint(read_only, "in a read-only transaction");
    cr_assert_eq(job_migrations_run(db), 0);
    expect_complaint(read_only, "in a read-only transaction");
}

Test(postgres_layer, a_check_tells_of_a_user_who_may_not_write)
{
    const char *name = strrchr(url, '=') + 1;
    RF_CLEANUP(rf_cleanup_free)
    char *guest = rf_asprintf("CREATE ROLE %s_guest LOGIN; GRANT USAGE ON SCHEMA %s TO %s_guest",
                              name, name, name);
    RF_CLEANUP(rf_cleanup_free)
    char *gone = rf_asprintf("DROP OWNED BY %s_guest; DROP ROLE %s_guest", name, name);
    RF_CLEANUP(rf_cleanup_free) char *his = rf_asprintf("%s&user=%s_guest", url, name);
    postgres_run(url, guest);
    expect_complaint(his, "permission denied for schema");
    cr_assert_eq(job_migrations_run(db), 0);
    expect_complaint(his, "permission denied for table");
    postgres_run(url, gone);
}

Test(postgres_layer, a_check_tells_of_a_database_of_a_newer_program)
{
    cr_assert_eq(job_migrations_run(db), 0);
    job_sql_script(db, "UPDATE schema_version SET version=9999");
    expect_complaint(url, "newer version");
}
