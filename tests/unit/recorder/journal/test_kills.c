/* The journal in a child process that is killed, loses power or has a failing disk; each round goes
 * on with what the one before has left. Nothing that was acknowledged is missing afterwards (D2-D5,
 * Q5). */
#include "figures.h"
#include "journal_load.h"
#include "rf_id.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSIONS 10
#define LOST_MS 50

static char dir[64];
static load_ledger ledger;

static void open_dir(void)
{
    rf_copy_str(dir, sizeof(dir), "/tmp/reflection-journal-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void close_dir(void)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
    load_ledger_done(&ledger);
}

TestSuite(kills, .init = open_dir, .fini = close_dir, .timeout = 3600);

static bool was_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void check(const char *what, uint64_t round)
{
    cr_assert(load_check(&ledger, dir), "%s, round %llu: %s", what, (unsigned long long)round,
              ledger.fault);
}

Test(kills, D2_D3_no_acknowledged_frame_is_lost_by_sigkill_at_random)
{
    uint64_t rounds = figures_are_long() ? 200 : 20;
    uint64_t late = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        load_run run = {.dir = dir,
                        .sessions = SESSIONS,
                        .run_ms = 60000,
                        .kill_ms = 20 + (int)rf_random_u64(200)};
        cr_assert(was_killed(load_child(&ledger, &run)));
        check("kill", i);
        late += load_lost_ms(&ledger) > LOST_MS ? 1 : 0;
    }
    cr_assert_gt(ledger.words, rounds);
    cr_assert_leq(late, rounds / 10, "%llu", (unsigned long long)late); /* a machine may be busy */
}

static void kill_at(const char *point)
{
    uint64_t rounds = figures_are_long() ? 100 : 20;
    uint64_t reached = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        char variable[64];
        snprintf(variable, sizeof(variable), "REFLECTION_RECORDER_KILL=%s:%llu", point,
                 1 + (unsigned long long)rf_random_u64(6));
        char *env[] = {variable, NULL};
        load_run run = {.dir = dir, .sessions = SESSIONS, .run_ms = 500, .env = env};
        reached += was_killed(load_child(&ledger, &run)) ? 1 : 0;
        check(point, i);
    }
    cr_assert_geq(reached, rounds / 2, "%s was reached %llu times", point,
                  (unsigned long long)reached);
}

#define POINT(name)                                                                                \
    Test(kills, D2_D3_no_acknowledged_frame_is_lost_by_sigkill_at_##name)                          \
    {                                                                                              \
        kill_at(#name);                                                                            \
    }

POINT(append)
POINT(master)
POINT(sync)
POINT(durable)
POINT(rename)
POINT(seal)
POINT(floor)
POINT(remove)
POINT(recover)

/* ---- power ---- */

static void cut_power(uint64_t round, const char *fail)
{
    char cut[64];
    char seed[64];
    char delay[] = "REFLECTION_DISK_SYNC_US=4000";
    char failing[64];
    snprintf(cut, sizeof(cut), "REFLECTION_DISK_CUT=%llu",
             20 + (unsigned long long)rf_random_u64(3000));
    snprintf(seed, sizeof(seed), "REFLECTION_DISK_SEED=%llu",
             (unsigned long long)rf_random_u64(1u << 30));
    snprintf(failing, sizeof(failing), "REFLECTION_DISK_FAIL=%s", fail == NULL ? "" : fail);
    char *env[] = {cut, seed, delay, failing, NULL};
    load_run run = {.dir = dir, .sessions = SESSIONS, .run_ms = 10000, .env = env, .disk = true};
    int status = load_child(&ledger, &run);
    /* A sync that fails while the journal is opened is the end before the cut. */
    cr_assert(was_killed(status) || (fail != NULL && WEXITSTATUS(status) == 6), "status %x",
              (unsigned)status);
    /* Checking recovers, and so repairs, too: every third time the next child has to do it alone.
     */
    cr_assert(round % 3 == 0 || load_check(&ledger, dir), "round %llu, %s %s %s: %s",
              (unsigned long long)round, cut, seed, failing, ledger.fault);
}

Test(kills, D2_D3_D5_no_acknowledged_frame_is_lost_by_power_cuts)
{
    uint64_t rounds = figures_are_long() ? 200 : 20;
    for (uint64_t i = 0; i < rounds; i++) {
        cut_power(i, NULL);
    }
    cr_assert_gt(ledger.words, rounds);
}

Test(kills, D4_no_acknowledged_frame_is_lost_by_power_cuts_after_failed_syncs)
{
    uint64_t rounds = figures_are_long() ? 200 : 20;
    for (uint64_t i = 0; i < rounds; i++) {
        char fail[32];
        snprintf(fail, sizeof(fail), "sync:%llu+%llu:%d", 8 + (unsigned long long)rf_random_u64(40),
                 1 + (unsigned long long)rf_random_u64(4), EIO);
        cut_power(i, fail);
    }
    cr_assert_gt(ledger.words, rounds);
}

/* ---- failing calls ---- */

static void fail_once(const char *call, int err, int nth)
{
    char failing[64];
    snprintf(failing, sizeof(failing), "REFLECTION_DISK_FAIL=%s:%d:%d", call, nth, err);
    char *env[] = {failing, NULL};
    load_run run = {.dir = dir, .sessions = SESSIONS, .run_ms = 200, .env = env, .disk = true};
    int status = load_child(&ledger, &run);
    /* Opening may fail and say so; what runs must go on. */
    cr_assert(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 6),
              "%s: status %x", failing, (unsigned)status);
    cr_assert(load_check(&ledger, dir), "%s: %s", failing, ledger.fault);
}

/* Each of the first calls of a kind fails in turn, in a new journal and in one that is recovered.
 */
static void fail_each(const char *call, int err, int n)
{
    for (int i = 1; i <= n; i++) {
        fail_once(call, err, i);
        fail_once(call, err, i);
        close_dir();
        open_dir();
    }
}

Test(kills, D4_D10_each_write_may_fail_with_EIO)
{
    fail_each("write", EIO, figures_are_long() ? 100 : 30);
}

Test(kills, D10_each_write_may_fail_with_ENOSPC)
{
    fail_each("write", ENOSPC, figures_are_long() ? 100 : 30);
}

Test(kills, D4_each_sync_may_fail)
{
    fail_each("sync", EIO, figures_are_long() ? 100 : 30);
}

Test(kills, D4_each_rename_open_truncate_allocate_and_unlink_may_fail)
{
    fail_each("rename", EIO, 4);
    fail_each("open", EMFILE, 16);
    fail_each("truncate", ENOSPC, 8);
    fail_each("allocate", ENOSPC, 5);
    fail_each("unlink", EIO, 4);
}

/* ---- slow and full disks ---- */

Test(kills, D4_slow_syncs_are_told_of_and_acknowledge_nothing_early)
{
    char *env[] = {(char *)"REFLECTION_DISK_SYNC_US=150000", (char *)"REFLECTION_DISK_CUT=1500",
                   NULL};
    load_run run = {.dir = dir, .sessions = SESSIONS, .run_ms = 3000, .env = env, .disk = true};
    (void)load_child(&ledger, &run);
    cr_assert_gt(ledger.degraded, 0);
    check("slow", 0);
}

Test(kills, D10_a_full_disk_is_waited_for_and_nothing_is_lost)
{
    char *env[] = {(char *)"REFLECTION_DISK_FAIL=write:100+5:28", NULL};
    load_run run = {.dir = dir, .sessions = SESSIONS, .run_ms = 3000, .env = env, .disk = true};
    int status = load_child(&ledger, &run);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    cr_assert_eq(ledger.full, 1);
    cr_assert_eq(ledger.no_longer_full, 1);
    check("full", 0);
}

Test(kills, D4_a_log_that_fails_again_and_again_goes_on_in_other_files)
{
    char *env[] = {(char *)"REFLECTION_DISK_FAIL=sync:12+6:5", NULL};
    load_run run = {.dir = dir, .sessions = SESSIONS, .run_ms = 3000, .env = env, .disk = true};
    int status = load_child(&ledger, &run);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    check("failing", 0);
}

/* A small file system of our own, where the kernel lets us have one. */
static bool mount_small(void)
{
    bool alone = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    return alone && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", dir, "tmpfs", 0, "size=64m,mode=0777") == 0;
}

static pid_t remove_later(const char *path, unsigned seconds)
{
    pid_t pid = fork();
    if (pid == 0) {
        sleep(seconds);
        unlink(path);
        _exit(0);
    }
    return pid;
}

Test(kills, D10_on_a_file_system_that_is_really_full_nothing_is_lost)
{
    if (!mount_small()) {
        cr_skip_test("no namespace of our own");
    }
    RF_CLEANUP(rf_cleanup_free) char *filler = rf_asprintf("%s/filler", dir);
    RF_CLEANUP(rf_cleanup_close) int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(fallocate(fd, 0, 0, 60 << 20), 0);
    rf_close(&fd);
    pid_t remover = remove_later(filler, 4);
    load_run run = {.dir = dir, .sessions = SESSIONS, .run_ms = 6000};
    int status = load_child(&ledger, &run);
    waitpid(remover, NULL, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    cr_assert_geq(ledger.full, 1);
    cr_assert_eq(ledger.no_longer_full, ledger.full);
    check("really full", 0);
    cr_assert_eq(umount2(dir, MNT_DETACH), 0);
}
