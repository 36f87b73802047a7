/*
 * Every write of the store, cut off at every point at which it touches the disk: the process is
 * killed there (half of the write arrives), or the disk fails or is full from there on. What was
 * answered stays, what was not is there wholly or not at all, and the store goes on.
 */
#include "fault_vfs.h"
#include "scenes.h"
#include "sqlite_check.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job_migrations.h"
#include "rf_file.h"
#include "rf_log.h"
#include "rf_time.h"

#define FILE_MAX (4 << 20)
#define POINTS_MAX 400 /* no operation touches the disk so often */
#define ANSWERED 42

static fixture f;
static rf_buf before; /* the database before the operation */
static uint8_t digest_before[RF_SHA256_LEN];

static void set_up(void)
{
    rf_time_drive();
    rf_log_setup("test", RF_ERROR, RF_LOGFMT);
    fault_vfs_install();
    fixture_open(&f);
    f.options.n_readers = 1;
    rf_buf_init(&before, FILE_MAX);
}

static void tear_down(void)
{
    rf_buf_done(&before);
    fixture_close(&f);
}

TestSuite(crashes, .init = set_up, .fini = tear_down, .timeout = 100);

static void remove_beside(const char *suffix)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s%s", f.path, suffix);
    unlink(path);
}

/* Makes what the scene needs and keeps the file; the store is closed afterwards. */
static void keep(const scene *s)
{
    if (s->prepare != NULL) {
        s->prepare(&f);
    }
    f.store = job_store_close(f.store);
    sqlite_check_digest(f.path, digest_before);
    cr_assert_eq(rf_file_read(f.path, &before), 0);
}

static void restore(void)
{
    remove_beside("-wal");
    remove_beside("-shm");
    int fd = open(f.path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq(write(fd, before.data, before.len), (ssize_t)before.len);
    close(fd);
}

static bool untouched(void)
{
    uint8_t digest[RF_SHA256_LEN];
    sqlite_check_digest(f.path, digest);
    return memcmp(digest, digest_before, sizeof(digest)) == 0;
}

/* Parameters are numbers: they cross to the process of the test. */
static struct criterion_test_params each_scene(void)
{
    static int numbers[SCENES_MAX];
    for (int i = 0; i < SCENES_MAX; i++) {
        numbers[i] = i;
    }
    return cr_make_param_array(int, numbers, n_scenes);
}

/* ---- killed ---- */

/* The life of a process that is killed at a point of the operation: exits with ANSWERED when the
 * point never came. */
static _Noreturn void live(const scene *s, unsigned point)
{
    if (fixture_try_open(&f) != 0) {
        _exit(1);
    }
    fault_vfs_arm(FAULT_KILL, point);
    int err = s->act(&f);
    _exit(err == 0 ? ANSWERED : 2);
}

/* Returns whether the process was killed before it had its answer. */
static bool killed_at(const scene *s, unsigned point)
{
    int status = 0;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        live(s, point);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        cr_assert_eq(WTERMSIG(status), SIGKILL, "%s, point %u", s->name, point);
        return true;
    }
    cr_assert_eq(WEXITSTATUS(status), ANSWERED, "%s, point %u", s->name, point);
    return false;
}

/* After the crash: the store opens, nothing is half done, and a repeat does what is missing. */
static void check_recovery(const scene *s, bool answered)
{
    cr_assert_eq(fixture_try_open(&f), 0, "%s", s->name);
    bool there = sqlite_check_one(f.path, s->took_place) != 0;
    cr_assert(there || !answered, "%s: answered, and lost", s->name);
    cr_assert(there || untouched(), "%s: half done", s->name);
    sqlite_check_rules(f.path, s->name);
    if (!there) {
        cr_assert_eq(s->act(&f), 0, "%s: again", s->name);
        cr_assert_neq(sqlite_check_one(f.path, s->took_place), 0, "%s: again", s->name);
    }
    f.store = job_store_close(f.store);
}

static void kill_everywhere(const scene *s)
{
    keep(s);
    bool killed = true;
    unsigned point = 0;
    while (killed) {
        cr_assert_lt(++point, POINTS_MAX);
        restore();
        killed = killed_at(s, point);
        check_recovery(s, !killed);
    }
    cr_assert_gt(point, 3U, "%s does not touch the disk", s->name);
}

ParameterizedTestParameters(crashes, killed_at_every_point)
{
    return each_scene();
}

ParameterizedTest(int *i, crashes, killed_at_every_point)
{
    kill_everywhere(&scenes[*i]);
}

/* ---- a disk that fails ---- */

/* Returns whether the point came. */
static bool fails_at(const scene *s, fault_kind kind, unsigned point)
{
    restore();
    fault_vfs_arm(FAULT_NONE, 0);
    cr_assert_eq(fixture_try_open(&f), 0);
    fault_vfs_arm(kind, point);
    int err = s->act(&f);
    bool came = fault_vfs_steps() >= point;
    fault_vfs_arm(FAULT_NONE, 0);
    if (err == 0) {
        cr_assert_neq(sqlite_check_one(f.path, s->took_place), 0, "%s, point %u", s->name, point);
    } else {
        cr_assert(came && job_op_is_outage(err), "%s, point %u: %d", s->name, point, err);
        cr_assert(untouched(), "%s, point %u: half done", s->name, point);
        cr_assert_eq(s->act(&f), 0, "%s, point %u: the store does not go on", s->name, point);
    }
    sqlite_check_rules(f.path, s->name);
    f.store = job_store_close(f.store);
    return came;
}

static void fail_everywhere(const scene *s, fault_kind kind)
{
    keep(s);
    unsigned point = 1;
    while (fails_at(s, kind, point)) {
        cr_assert_lt(++point, POINTS_MAX);
    }
    cr_assert_gt(point, 1U);
}

ParameterizedTestParameters(crashes, a_failing_disk_at_every_point)
{
    return each_scene();
}

ParameterizedTest(int *i, crashes, a_failing_disk_at_every_point)
{
    fail_everywhere(&scenes[*i], FAULT_EIO);
}

ParameterizedTestParameters(crashes, a_full_disk_at_every_point)
{
    return each_scene();
}

ParameterizedTest(int *i, crashes, a_full_disk_at_every_point)
{
    fail_everywhere(&scenes[*i], FAULT_FULL);
}

/* ---- the first start ---- */

Test(crashes, a_first_start_killed_at_every_point_is_made_good_by_the_next)
{
    f.store = job_store_close(f.store);
    bool killed = true;
    for (unsigned point = 1; killed; point++) {
        cr_assert_lt(point, POINTS_MAX);
        remove_beside("");
        remove_beside("-wal");
        remove_beside("-shm");
        remove_beside("-journal");
        pid_t pid = fork();
        if (pid == 0) {
            fault_vfs_arm(FAULT_KILL, point);
            _exit(fixture_try_open(&f) == 0 ? ANSWERED : 1);
        }
        int status = 0;
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        killed = WIFSIGNALED(status);
        cr_assert(killed || WEXITSTATUS(status) == ANSWERED, "point %u", point);
        cr_assert_eq(fixture_try_open(&f), 0, "point %u", point);
        cr_assert_eq(sqlite_check_one(f.path, "PRAGMA user_version"), job_migrations_latest());
        sqlite_check_rules(f.path, "the first start");
        f.store = job_store_close(f.store);
    }
}
