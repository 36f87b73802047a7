/* The VFS that gathers what a commit writes to the log: what is in the files is what SQLite alone
 * would have written, and others see it as soon. */
#include "fault_vfs.h"
#include "sqlite_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(log, .init = sqlite_fixture_open, .fini = sqlite_fixture_close, .timeout = 60);

static int64_t size_of(const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = sqlite_fixture_path(name);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0, "%s", path);
    return st.st_size;
}

/* Small and large commits; savepoints whose pages were written to the log and are taken back; pages
 * read again and changed after they were; a log that begins anew. */
static const char *const work[] = {
    "BEGIN; INSERT INTO t(text) VALUES('one'); COMMIT",
    "BEGIN IMMEDIATE; fill 400; COMMIT",
    "BEGIN; fill 300; ROLLBACK",
    "BEGIN; fill 50; SAVEPOINT a; fill 300; ROLLBACK TO a; fill 20; COMMIT",
    "BEGIN; SAVEPOINT a; fill 200; SAVEPOINT b; fill 200; ROLLBACK TO b; RELEASE a; COMMIT",
    "BEGIN; fill 200; UPDATE t SET text='y'||text; DELETE FROM t WHERE id%3=0; COMMIT",
    "PRAGMA wal_checkpoint(PASSIVE)",
    "DELETE FROM t WHERE id%5=1",
    "BEGIN; fill 500; DELETE FROM t WHERE id>400; COMMIT",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "BEGIN; fill 100; COMMIT",
    "VACUUM",
};

static void do_step(sqlite3 *db, const char *text)
{
    RF_CLEANUP(rf_cleanup_free) char *copy = rf_strdup(text);
    char *rest = NULL;
    for (char *s = strtok_r(copy, ";", &rest); s != NULL; s = strtok_r(NULL, ";", &rest)) {
        const char *fill = strstr(s, "fill ");
        if (fill != NULL) {
            cr_assert_eq(db_fill(db, atoi(fill + 5)), SQLITE_OK, "%s", sqlite3_errmsg(db));
        } else {
            db_run(db, s);
        }
    }
}

/* Each with another connection that looks after every step. */
typedef struct side {
    const char *name;
    sqlite3 *db;
    sqlite3 *other;
} side;

static void compare(const side *a, const side *b, const char *step)
{
    RF_CLEANUP(rf_cleanup_free) char *a_log = rf_asprintf("%s-wal", a->name);
    RF_CLEANUP(rf_cleanup_free) char *b_log = rf_asprintf("%s-wal", b->name);
    int64_t digest = db_digest(b->db);
    cr_assert_eq(db_digest(a->db), digest, "%s", step);
    cr_assert_eq(db_digest(a->other), digest, "%s: seen by another", step);
    cr_assert_eq(db_digest(b->other), digest, "%s: seen by another", step);
    cr_assert_eq(size_of(a_log), size_of(b_log), "%s", step);
    db_check(a->other);
    db_check(b->other);
}

static void close_both(side *s)
{
    sqlite3_close(s->other);
    sqlite3_close(s->db);
}

Test(log, contents_are_those_of_the_plain_vfs)
{
    side ours = {"ours.db", db_ours("ours.db"), db_plain("ours.db")};
    side plain = {"plain.db", db_plain("plain.db"), db_plain("plain.db")};
    for (size_t i = 0; i < RF_ARRAY_LEN(work); i++) {
        do_step(ours.db, work[i]);
        do_step(plain.db, work[i]);
        compare(&ours, &plain, work[i]);
    }
    close_both(&ours);
    close_both(&plain);
    cr_assert_eq(size_of(ours.name), size_of(plain.name));
}

Test(log, what_was_spilled_is_read_within_the_transaction)
{
    sqlite3 *db = db_ours("a.db");
    db_run(db, "BEGIN");
    cr_assert_eq(db_fill(db, 700), SQLITE_OK);
    cr_assert_eq(db_number(db, "SELECT count(*) FROM t"), 700);
    cr_assert_eq(db_number(db, "SELECT count(*) FROM t INDEXED BY t_text WHERE text>''"), 700);
    db_run(db, "COMMIT");
    db_check(db);
    sqlite3_close(db);
}

/* Answers each byte from one pipe with what the database holds then. */
static _Noreturn void watch(int asks, int answers)
{
    sqlite3 *db = db_plain("a.db");
    char byte;
    while (read(asks, &byte, 1) == 1) {
        int64_t n = db_number(db, "SELECT count(*) FROM t");
        if (write(answers, &n, sizeof(n)) != (ssize_t)sizeof(n)) {
            break;
        }
    }
    sqlite3_close(db);
    _exit(0);
}

Test(log, another_process_sees_a_commit_at_once)
{
    int asks[2], answers[2];
    cr_assert_eq(pipe(asks), 0);
    cr_assert_eq(pipe(answers), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        close(asks[1]);
        watch(asks[0], answers[1]);
    }
    close(asks[0]);
    sqlite3 *db = db_ours("a.db");
    int64_t expected = 0;
    for (int n = 1; n <= 60; n++) {
        int64_t seen = -1;
        db_run(db, "BEGIN");
        cr_assert_eq(db_fill(db, n), SQLITE_OK);
        db_run(db, "COMMIT");
        expected += n;
        cr_assert_eq(write(asks[1], "", 1), 1);
        cr_assert_eq(read(answers[0], &seen, sizeof(seen)), (ssize_t)sizeof(seen));
        cr_assert_eq(seen, expected, "commit %d", n);
        if (n % 20 == 0) {
            db_run(db, "PRAGMA wal_checkpoint(RESTART)");
        }
    }
    close(asks[1]);
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    sqlite3_close(db);
}

/* Whoever gave a transaction up must not write what is left of it over the next writer's. */
Test(log, a_rollback_leaves_nothing_to_write)
{
    sqlite3 *db = db_ours("a.db");
    sqlite3 *other = db_plain("a.db");
    for (int i = 0; i < 20; i++) {
        db_run(db, "BEGIN");
        cr_assert_eq(db_fill(db, 40 + i), SQLITE_OK);
        db_run(db, "ROLLBACK");
        db_run(other, "BEGIN");
        cr_assert_eq(db_fill(other, 90), SQLITE_OK);
        db_run(other, "COMMIT");
        cr_assert_eq(db_digest(db), db_digest(other));
    }
    sqlite3_close(db);
    db_check(other);
    cr_assert_eq(db_number(other, "SELECT count(*) FROM t"), 20 * 90);
    sqlite3_close(other);
}

Test(log, a_commit_is_one_write)
{
    fault_vfs_install();
    sqlite3 *db = db_ours("a.db");
    db_run(db, "PRAGMA cache_size=1000; INSERT INTO t(text) VALUES('first')");
    fault_vfs_arm(FAULT_NONE, 0);
    db_run(db, "BEGIN");
    cr_assert_eq(db_fill(db, 30), SQLITE_OK);
    db_run(db, "COMMIT");
    cr_assert_eq(fault_vfs_steps(), 2, "a write and a sync, not %u", fault_vfs_steps());
    sqlite3_close(db);
}
