/* The VFS that gathers what a commit writes to the log, on a disk that fails or is full, and in a
 * process that dies: a commit is whole or not there, and SQLite is told which. */
#include "fault_vfs.h"
#include "sqlite_fixture.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define POINTS_MAX 5000
#define ROWS                                                                                       \
    120 /* of a transaction: more than the cache holds, so that it writes before its end           \
         */
#define TRANSACTIONS 2

/* Every one of the first, then ever fewer. */
static unsigned next_point(unsigned point)
{
    cr_assert_lt(point, POINTS_MAX);
    return point + 1 + point / 16;
}

TestSuite(log_faults, .init = sqlite_fixture_open, .fini = sqlite_fixture_close, .timeout = 200);

static int transaction(sqlite3 *db)
{
    int code = db_try(db, "BEGIN IMMEDIATE");
    code = code == SQLITE_OK ? db_fill(db, ROWS / 2) : code;
    code = code == SQLITE_OK ? db_try(db, "SAVEPOINT a") : code;
    code = code == SQLITE_OK ? db_fill(db, ROWS) : code;
    code = code == SQLITE_OK ? db_try(db, "ROLLBACK TO a") : code;
    code = code == SQLITE_OK ? db_fill(db, ROWS / 2) : code;
    return code == SQLITE_OK ? db_try(db, "COMMIT") : code;
}

static void give_up(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db)) {
        db_run(db, "ROLLBACK");
    }
}

static bool is_of_disk(fault_kind kind, int code)
{
    return (code & 0xff) == SQLITE_IOERR || (kind == FAULT_FULL && (code & 0xff) == SQLITE_FULL);
}

/* The disk fails from a point of a transaction on. Returns false when the point never came. */
static bool fail_at(sqlite3 *db, fault_kind kind, unsigned point)
{
    int64_t before = db_digest(db);
    int64_t n = db_number(db, "SELECT count(*) FROM t");
    fault_vfs_arm(kind, point);
    int code = transaction(db);
    bool came = fault_vfs_steps() >= point;
    give_up(db);
    fault_vfs_arm(FAULT_NONE, 0);
    if (code == SQLITE_OK) {
        cr_assert(!came || kind == FAULT_FULL, "point %u: a failure was not told", point);
        cr_assert_eq(db_number(db, "SELECT count(*) FROM t"), n + ROWS);
    } else {
        cr_assert(is_of_disk(kind, code), "point %u: %d", point, code);
        cr_assert_eq(db_digest(db), before, "point %u: half done", point);
        cr_assert_eq(transaction(db), SQLITE_OK, "point %u: %s", point, sqlite3_errmsg(db));
    }
    return came;
}

static void fail_everywhere(fault_kind kind)
{
    fault_vfs_install();
    sqlite3 *db = db_ours("a.db");
    unsigned point = 1;
    while (fail_at(db, kind, point)) {
        sqlite3 *other = db_plain("a.db");
        db_check(other);
        cr_assert_eq(db_digest(other), db_digest(db), "point %u", point);
        sqlite3_close(other);
        db_run(db, "DELETE FROM t");
        point = next_point(point);
    }
    cr_assert_gt(point, 3);
    sqlite3_close(db);
}

Test(log_faults, errors_of_the_disk_are_those_of_the_commit)
{
    fail_everywhere(FAULT_EIO);
}

Test(log_faults, a_full_disk_is_told)
{
    fail_everywhere(FAULT_FULL);
}

/* The error of the one write of a small commit. */
Test(log_faults, the_gathered_write_fails)
{
    static const struct {
        fault_kind kind;
        int code;
    } cases[] = {{FAULT_FULL, SQLITE_FULL}, {FAULT_EIO, SQLITE_IOERR_WRITE}};
    fault_vfs_install();
    sqlite3 *db = db_ours("a.db");
    db_run(db, "INSERT INTO t(text) VALUES('first')");
    sqlite3_extended_result_codes(db, 1);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        fault_vfs_arm(cases[i].kind, 1);
        cr_assert_eq(db_try(db, "INSERT INTO t(text) VALUES('refused')"), cases[i].code);
        fault_vfs_arm(FAULT_NONE, 0);
        cr_assert_eq(db_number(db, "SELECT count(*) FROM t"), 1);
    }
    db_run(db, "INSERT INTO t(text) VALUES('second')");
    cr_assert_eq(db_number(db, "SELECT count(*) FROM t"), 2);
    db_check(db);
    sqlite3_close(db);
}

/* Commits until it is killed at a point; each is told by a byte. */
static _Noreturn void live(int tell, unsigned point)
{
    fault_vfs_install();
    sqlite3 *db = db_ours("a.db");
    fault_vfs_arm(FAULT_KILL, point);
    for (int i = 0; i < TRANSACTIONS; i++) {
        if (transaction(db) != SQLITE_OK || write(tell, "", 1) != 1) {
            _exit(1);
        }
    }
    _exit(0);
}

/* Returns whether it was killed; how many commits it told of. */
static bool killed_at(unsigned point, int *ret_told)
{
    int tells[2];
    char bytes[TRANSACTIONS + 1];
    int status = 0;
    cr_assert_eq(pipe(tells), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        close(tells[0]);
        live(tells[1], point);
    }
    close(tells[1]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    *ret_told = (int)read(tells[0], bytes, sizeof(bytes));
    close(tells[0]);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "point %u", point);
    return WIFSIGNALED(status);
}

Test(log_faults, what_was_told_survives_a_kill_at_any_write)
{
    bool killed = true;
    int told = 0;
    for (unsigned point = 1; killed; point = next_point(point)) {
        RF_CLEANUP(rf_cleanup_free) char *path = sqlite_fixture_path("a.db");
        RF_CLEANUP(rf_cleanup_free) char *log = sqlite_fixture_path("a.db-wal");
        unlink(path);
        unlink(log);
        killed = killed_at(point, &told);
        sqlite3 *db = db_plain("a.db");
        int64_t n = db_number(db, "SELECT count(*) FROM t");
        db_check(db);
        cr_assert_eq(n % ROWS, 0, "point %u: half a commit", point);
        cr_assert(n / ROWS == told || n / ROWS == told + 1, "point %u: %d told, %d there", point,
                  told, (int)(n / ROWS));
        sqlite3_close(db);
    }
    cr_assert_eq(told, TRANSACTIONS);
}
