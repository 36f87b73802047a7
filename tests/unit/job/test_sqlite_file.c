/*
 * The file below the store: its versions, what a broken one does, and what happens without room.
 */
#include "job_fixture.h"
#include "sqlite_check.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job_migrations.h"
#include "job_sql.h"
#include "rf_file.h"
#include "rf_log.h"
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

TestSuite(sqlite_file, .init = set_up, .fini = tear_down);

/* ---- migrations ---- */

Test(sqlite_file, migrations_run_once)
{
    job_sql *db;
    f.store = job_store_close(f.store);
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, &db), 0);
    cr_assert_eq(job_sql_one(db, -1, "PRAGMA user_version", ""), job_migrations_latest());
    cr_assert_eq(job_migrations_run(db), 0);
    job_sql_close(db);
    cr_assert_eq(fixture_try_open(&f), 0);
}

Test(sqlite_file, a_database_of_a_newer_program_is_refused)
{
    job_sql *db;
    f.store = job_store_close(f.store);
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, &db), 0);
    cr_assert_eq(job_sql_script(db, "PRAGMA user_version=9999"), 0);
    job_sql_close(db);
    cr_assert_eq(fixture_try_open(&f), -EPROTO);
    f.store = NULL;
}

/* Every number that a released program wrote, brought to the present one. */
Test(sqlite_file, databases_of_every_earlier_schema_are_brought_up)
{
    for (int version = 0; version < job_migrations_latest(); version++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/v%d.db", f.dir, version);
        RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("sqlite:%s", path);
        job_sql *db = NULL;
        cr_assert_eq(job_sql_open(url, JOB_SQL_WRITER, &db), 0);
        cr_assert_eq(job_migrations_upto(db, version), 0);
        cr_assert_eq(job_sql_one(db, -1, "PRAGMA user_version", ""), version);
        job_sql_close(db);
        job_store_options options = f.options;
        job_store *store = NULL;
        options.url = url;
        cr_assert_eq(job_store_open(&options, &store), 0, "version %d", version);
        job_store_close(store);
        cr_assert_eq(sqlite_check_one(path, "PRAGMA user_version"), job_migrations_latest());
        sqlite_check_rules(path, "a fresh database");
        unlink(path);
    }
}

Test(sqlite_file, keys_of_before_there_were_scopes_have_all_but_the_device)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/keys.db", f.dir);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("sqlite:%s", path);
    job_sql *db = NULL;
    cr_assert_eq(job_sql_open(url, JOB_SQL_WRITER, &db), 0);
    cr_assert_eq(job_migrations_upto(db, 1), 0);
    cr_assert_eq(job_sql_script(db,
                                "INSERT INTO keys(id, app, hash, prefix, rate, burst, created_ms)"
                                " VALUES('k', 1, x'00', 'rk_', 0, 0, 0)"),
                 0);
    cr_assert_eq(job_migrations_run(db), 0);
    cr_assert_eq(job_sql_one(db, -1, "SELECT count(*) FROM keys WHERE scopes='jam.record'", ""), 1);
    job_sql_close(db);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -f '%s'*", path);
    cr_assert_eq(system(command), 0);
}

Test(sqlite_file, a_migration_that_fails_leaves_the_database_as_it_was)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/taken.db", f.dir);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("sqlite:%s", path);
    job_sql *db = NULL;
    cr_assert_eq(job_sql_open(url, JOB_SQL_WRITER, &db), 0);
    cr_assert_eq(job_sql_script(db, "CREATE TABLE garbage(of_another_program)"), 0);
    cr_assert_lt(job_migrations_run(db), 0);
    cr_assert_eq(job_sql_error(db), 0, "ready for the next");
    cr_assert_eq(job_sql_one(db, -1, "PRAGMA user_version", ""), 0);
    cr_assert_eq(job_sql_one(db, -1, "SELECT count(*) FROM sqlite_master", ""), 1);
    job_sql_script(db, "DROP TABLE garbage");
    cr_assert_eq(job_migrations_run(db), 0, "once the way is free it works");
    job_sql_close(db);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -f '%s'*", path);
    cr_assert_eq(system(command), 0);
}

Test(sqlite_file, two_programs_that_open_one_new_file_migrate_it_once)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/both.db", f.dir);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("sqlite:%s", path);
    pid_t children[4];
    for (size_t i = 0; i < RF_ARRAY_LEN(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            job_sql *db = NULL;
            int err = job_sql_open(url, JOB_SQL_WRITER, &db);
            _exit(err == 0 && job_migrations_run(db) == 0 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(children); i++) {
        int status = 0;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert_eq(status, 0, "child %zu", i);
    }
    cr_assert_eq(sqlite_check_one(path, "PRAGMA user_version"), job_migrations_latest());
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -f '%s'*", path);
    cr_assert_eq(system(command), 0);
}

/* ---- reads that fail ---- */

static int read_job(const char *id)
{
    job_op_get *op = JOB_OP_NEW(JOB_OP_GET, job_op_get, NULL, NULL);
    op->app = f.app;
    op->id = id;
    int err = fixture_run(&f, &op->op);
    job_op_free(&op->op);
    return err;
}

/* A row that grew would split its page, which is full of those made before and after it. */
Test(sqlite_file, rows_of_jobs_keep_their_place_from_the_queue_to_success)
{
    enum { JOBS = 500 };
    static const char pages[] = "SELECT count(*) FROM dbstat WHERE name='jobs'";
    char id[RF_UUID_LEN];
    for (int i = 0; i < JOBS; i++) {
        fixture_create(&f, id);
    }
    int64_t before = sqlite_check_one(f.path, pages);
    cr_assert_gt(before, JOBS / 100);
    for (int i = 0; i < JOBS; i++) {
        uint64_t fence = fixture_claim_one(&f, "worker", id);
        cr_assert(fixture_succeed(&f, id, fence));
    }
    cr_assert_eq(sqlite_check_one(f.path, pages), before);
}

Test(sqlite_file, a_read_that_fails_spoils_none_after_it)
{
    char id[RF_UUID_LEN];
    job_sql *other = NULL;
    f.store = job_store_close(f.store);
    f.options.n_readers = 1;
    cr_assert_eq(fixture_try_open(&f), 0);
    fixture_create(&f, id);
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, &other), 0);
    cr_assert_eq(job_sql_script(other, "ALTER TABLE jobs RENAME TO away"), 0);
    cr_assert_eq(read_job(id), -EIO);
    cr_assert_eq(job_sql_script(other, "ALTER TABLE away RENAME TO jobs"), 0);
    job_sql_close(other);
    cr_assert_eq(read_job(id), 0);
    cr_assert_eq(fixture_state(&f, id), JOB_QUEUED);
}

/* ---- files that are broken ---- */

Test(sqlite_file, a_file_that_is_no_database_is_an_error)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/garbage.db", f.dir);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("sqlite:%s", path);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database ", file);
    }
    fclose(file);
    job_store_options options = f.options;
    job_store *store = NULL;
    options.url = url;
    cr_assert_eq(job_store_open(&options, &store), -EIO);
    cr_assert_null(store);
    remove(path);
}

enum { HEADER = 16, PAGE = 4096, N_SAVED = 60 };

/* A database with jobs in every table, closed. */
static void fill(void)
{
    char id[RF_UUID_LEN];
    char key[128];
    for (int i = 0; i < N_SAVED; i++) {
        fixture_create(&f, id);
        fixture_upload(&f, id);
        cr_assert_eq(fixture_complete(&f, id, key), 0);
        uint64_t fence = fixture_claim_one(&f, "w", id);
        if (i % 2 == 0) {
            cr_assert(fixture_succeed(&f, id, fence));
        }
    }
    f.store = job_store_close(f.store);
}

static void overwrite(const char *path, off_t at, size_t len, int byte)
{
    char block[PAGE];
    memset(block, byte, sizeof(block));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    for (size_t done = 0; done < len; done += sizeof(block)) {
        size_t n = RF_MIN(len - done, sizeof(block));
        cr_assert_eq(pwrite(fd, block, n, at + (off_t)done), (ssize_t)n);
    }
    close(fd);
}

/* Tries everything on a file that may be broken anywhere; what matters is that it ends with an
 * answer, and that an answer is an outage or a refusal, never a made-up job. */
static void use_broken(const char *what)
{
    if (fixture_try_open(&f) != 0) {
        f.store = NULL;
        return;
    }
    job_op_list *list = JOB_OP_NEW(JOB_OP_LIST, job_op_list, NULL, NULL);
    list->app = f.app;
    list->size = JOB_LIST_MAX;
    int err = fixture_run(&f, &list->op);
    cr_assert(err == 0 || job_op_is_outage(err), "%s: %d", what, err);
    cr_assert_leq(list->n_jobs, N_SAVED, "%s", what);
    job_op_free(&list->op);
    job_op_create *create = fixture_request(&f);
    err = fixture_run(&f, &create->op);
    cr_assert(err == 0 || err == -ENOENT || err == -EEXIST || job_op_is_outage(err), "%s: %d", what,
              err);
    job_op_free(&create->op);
    job_op_stats *stats = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, NULL, NULL);
    err = fixture_run(&f, &stats->op);
    cr_assert(err == 0 || job_op_is_outage(err), "%s: %d", what, err);
    job_op_free(&stats->op);
    f.store = job_store_close(f.store);
}

Test(sqlite_file, a_damaged_page_anywhere_is_an_answer_and_no_crash)
{
    rf_buf good;
    fill();
    rf_log_setup("test", RF_ERROR, RF_LOGFMT);
    rf_buf_init(&good, 8 << 20);
    cr_assert_eq(rf_file_read(f.path, &good), 0);
    for (size_t page = 0; page < good.len / PAGE; page++) {
        static const int bytes[] = {0x00, 0xff, 0x5a};
        char what[64];
        snprintf(what, sizeof(what), "page %zu", page);
        cr_assert_eq(rf_file_write_atomic(f.path, good.data, good.len, 0600), 0);
        /* The magic stays, or SQLite would not look further. */
        overwrite(f.path, (off_t)(page * PAGE + (page == 0 ? 2 * HEADER : 0)), PAGE / 2,
                  bytes[page % RF_ARRAY_LEN(bytes)]);
        use_broken(what);
    }
    rf_buf_done(&good);
}

Test(sqlite_file, a_file_cut_off_anywhere_is_an_answer_and_no_crash)
{
    rf_buf good;
    fill();
    rf_log_setup("test", RF_ERROR, RF_LOGFMT);
    rf_buf_init(&good, 8 << 20);
    cr_assert_eq(rf_file_read(f.path, &good), 0);
    const size_t lengths[] = {
        1,        HEADER,   99,           100,          PAGE / 2,        PAGE - 1,    PAGE,
        PAGE + 1, 3 * PAGE, 7 * PAGE + 5, good.len / 2, good.len - PAGE, good.len - 1};
    for (size_t i = 0; i < RF_ARRAY_LEN(lengths); i++) {
        char what[64];
        snprintf(what, sizeof(what), "%zu bytes", lengths[i]);
        cr_assert_eq(rf_file_write_atomic(f.path, good.data, lengths[i], 0600), 0);
        use_broken(what);
    }
    rf_buf_done(&good);
}

Test(sqlite_file, a_journal_of_garbage_costs_nothing_that_was_in_the_file)
{
    fill();
    for (size_t len = 1; len < 10 * PAGE; len = len * 3 + 1) {
        RF_CLEANUP(rf_cleanup_free) char *wal = rf_asprintf("%s-wal", f.path);
        overwrite(wal, 0, len, (int)len);
        cr_assert_eq(fixture_try_open(&f), 0, "%zu bytes", len);
        cr_assert_eq(fixture_count(&f, 0), N_SAVED, "%zu bytes", len);
        f.store = job_store_close(f.store);
        sqlite_check_rules(f.path, "after a journal of garbage");
    }
}

Test(sqlite_file, a_place_that_cannot_be_had_is_an_error_at_once)
{
    static const char *const paths[] = {"/nonexistent/job.db", "/dev/null/job.db", "/proc/job.db",
                                        "/"};
    for (size_t i = 0; i < RF_ARRAY_LEN(paths); i++) {
        job_store_options options = f.options;
        job_store *store = NULL;
        RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("sqlite:%s", paths[i]);
        options.url = url;
        cr_assert_lt(job_store_open(&options, &store), 0, "%s", paths[i]);
        cr_assert_null(store);
    }
}

/* ---- no room ---- */

Test(sqlite_file, a_file_that_may_not_grow_refuses_writes_and_answers_reads)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    signal(SIGXFSZ, SIG_IGN);
    RF_CLEANUP(rf_cleanup_free) char *wal = rf_asprintf("%s-wal", f.path);
    struct stat info;
    cr_assert_eq(stat(wal, &info), 0);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    const struct rlimit none = {.rlim_cur = (rlim_t)info.st_size, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
    for (int i = 0; i < 3; i++) {
        job_op_create *op = fixture_request(&f);
        int err = fixture_run(&f, &op->op);
        cr_assert(job_op_is_outage(err), "%d", err);
        job_op_free(&op->op);
        cr_assert_eq(fixture_state(&f, id), JOB_QUEUED);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    fixture_create(&f, id);
    cr_assert_eq(fixture_count(&f, 0), 2, "what was refused is not there");
    sqlite_check_rules(f.path, "after a full disk");
}
