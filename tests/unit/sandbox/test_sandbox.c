/* Children of a pool: what they cannot do, how their ends are told apart, and the pool itself. */
#include "rf_sandbox.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOW_MEMORY 1
#endif

static rf_sandbox_pool *make_pool(uint32_t n_ready, uint32_t max_children, const char *arg)
{
    rf_sandbox_pool *pool = NULL;
    const rf_sandbox_pool_config config = {.program = SANDBOX_PROBE,
                                           .args = (const char *const[]){arg, NULL},
                                           .n_ready = n_ready,
                                           .max_children = max_children};
    cr_assert_eq(rf_sandbox_pool_new(&config, &pool), 0);
    return pool;
}

static rf_sandbox_task make_task(const char *name)
{
    return (rf_sandbox_task){.data = name,
                             .len = strlen(name),
                             .cancel_fd = -1,
                             .limits = {.cpu_s = 10, .wall_ms = 20000}};
}

static rf_sandbox_child *start(rf_sandbox_pool *pool, const rf_sandbox_task *task)
{
    rf_sandbox_child *child = NULL;
    cr_assert_eq(rf_sandbox_start(pool, task, rf_time_ns() + 30 * RF_NS_PER_S, &child), 0, "%s",
                 (const char *)task->data);
    return child;
}

/* Runs one task to its end; answer is its first message or "". */
static rf_sandbox_end run_task(rf_sandbox_pool *pool, const rf_sandbox_task *task, char *answer,
                               size_t answer_size)
{
    rf_sandbox_end end;
    rf_sandbox_child *child = start(pool, task);
    ssize_t n = rf_sandbox_recv(child, answer, answer_size - 1, RF_NEVER_NS);
    answer[n > 0 ? n : 0] = '\0';
    cr_assert_null(rf_sandbox_finish(child, 10000, &end));
    return end;
}

static rf_sandbox_end run_named(rf_sandbox_pool *pool, const char *name, char *answer,
                                size_t answer_size)
{
    rf_sandbox_task task = make_task(name);
    return run_task(pool, &task, answer, answer_size);
}

/* S11 */
Test(sandbox, a_child_cannot_reach_anything)
{
    static const struct {
        const char *attempt;
        rf_sandbox_end_kind end;
        const char *answer;
    } cases[] = {
        {"open", RF_SANDBOX_EXITED, "EACCES"},       {"create", RF_SANDBOX_EXITED, "EACCES"},
        {"stat", RF_SANDBOX_EXITED, "EACCES"},       {"socket", RF_SANDBOX_FORBIDDEN, ""},
        {"connect", RF_SANDBOX_FORBIDDEN, ""},       {"exec", RF_SANDBOX_FORBIDDEN, ""},
        {"fork", RF_SANDBOX_FORBIDDEN, ""},          {"raw fork", RF_SANDBOX_FORBIDDEN, ""},
        {"clone3", RF_SANDBOX_EXITED, "ENOSYS"},     {"kill", RF_SANDBOX_FORBIDDEN, ""},
        {"ptrace", RF_SANDBOX_FORBIDDEN, ""},        {"code", RF_SANDBOX_EXITED, "EPERM"},
        {"raise limit", RF_SANDBOX_EXITED, "EPERM"}, {"open files", RF_SANDBOX_EXITED, "4"},
        {"thread", RF_SANDBOX_FORBIDDEN, ""},
    };
    rf_sandbox_pool *pool = make_pool(1, 4, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        char answer[64];
        rf_sandbox_end end = run_named(pool, cases[i].attempt, answer, sizeof(answer));
        cr_expect_eq(end.kind, cases[i].end, "%s ended %s", cases[i].attempt,
                     rf_sandbox_end_name(end.kind));
        cr_expect_str_eq(answer, cases[i].answer, "%s answered '%s'", cases[i].attempt, answer);
    }
    rf_sandbox_pool_free(pool);
}

/* E5 */
Test(sandbox, ends_are_told_apart)
{
    static const struct {
        const char *attempt;
        rf_sandbox_limits limits;
        rf_sandbox_end_kind end;
        const char *name;
    } cases[] = {
        {"crash", {.wall_ms = 20000}, RF_SANDBOX_CRASHED, "crashed"},
        {"abort", {.wall_ms = 20000}, RF_SANDBOX_CRASHED, "crashed"},
        {"spin", {.cpu_s = 1, .wall_ms = 20000}, RF_SANDBOX_CPU, "cpu"},
        {"wait", {.wall_ms = 200}, RF_SANDBOX_WALL, "wall"},
        {"unknown", {.wall_ms = 20000}, RF_SANDBOX_EXITED, "exited"},
    };
    rf_sandbox_pool *pool = make_pool(1, 4, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        char answer[64];
        rf_sandbox_task task = make_task(cases[i].attempt);
        task.limits = cases[i].limits;
        rf_sandbox_end end = run_task(pool, &task, answer, sizeof(answer));
        cr_expect_eq(end.kind, cases[i].end, "%s", cases[i].attempt);
        cr_expect_str_eq(rf_sandbox_end_name(end.kind), cases[i].name);
    }
    rf_sandbox_pool_free(pool);
}

Test(sandbox, an_end_carries_code_signal_usage_and_last_words)
{
    char answer[64];
    rf_sandbox_pool *pool = make_pool(0, 1, NULL);
    rf_sandbox_end end = run_named(pool, "crash", answer, sizeof(answer));
    cr_expect_eq(end.signal, SIGILL);
    cr_expect(strstr(end.output, "about to die") != NULL, "%s", end.output);
    end = run_named(pool, "no such attempt", answer, sizeof(answer));
    cr_expect_eq(end.exit_code, 99);
    cr_expect_gt(end.max_rss_bytes, 0);
    end = run_named(pool, "chatter", answer, sizeof(answer));
    cr_expect_str_eq(answer, "did", "a full standard error must not block");
    cr_expect_leq(strlen(end.output), RF_SANDBOX_STDERR_MAX - 1);
    rf_sandbox_pool_free(pool);
}

Test(sandbox, descriptors_of_the_task_are_all_it_has)
{
    char answer[64];
    int fd = memfd_create("probe", MFD_CLOEXEC);
    cr_assert_eq(write(fd, "contents", 8), 8);
    rf_sandbox_pool *pool = make_pool(1, 2, NULL);
    rf_sandbox_task task = make_task("read file");
    task.fds = &fd;
    task.n_fds = 1;
    run_task(pool, &task, answer, sizeof(answer));
    cr_expect_str_eq(answer, "contents");
    task = make_task("open files");
    task.fds = (const int[]){fd, fd, fd};
    task.n_fds = 3;
    run_task(pool, &task, answer, sizeof(answer));
    cr_expect_str_eq(answer, "7");
    close(fd);
    rf_sandbox_pool_free(pool);
}

Test(sandbox, files_are_written_up_to_the_limit_only)
{
    char answer[64];
    int fd = memfd_create("probe", MFD_CLOEXEC);
    rf_sandbox_pool *pool = make_pool(1, 2, NULL);
    rf_sandbox_task task = make_task("write file");
    task.fds = &fd;
    task.n_fds = 1;
    run_task(pool, &task, answer, sizeof(answer));
    cr_expect_str_eq(answer, "EFBIG");
    task.limits.file_bytes = 4096;
    run_task(pool, &task, answer, sizeof(answer));
    cr_expect_str_eq(answer, "did");
    task.data = "overrun file";
    task.len = strlen(task.data);
    rf_sandbox_end end = run_task(pool, &task, answer, sizeof(answer));
    cr_expect_eq(end.kind, RF_SANDBOX_FILE);
    close(fd);
    rf_sandbox_pool_free(pool);
}

#ifndef SHADOW_MEMORY
/* S11 */
Test(sandbox, address_space_is_bounded)
{
    char answer[64];
    rf_sandbox_pool *pool = make_pool(1, 2, NULL);
    rf_sandbox_task task = make_task("memory");
    task.limits.address_bytes = 512ULL << 20;
    run_task(pool, &task, answer, sizeof(answer));
    cr_expect_str_eq(answer, "ENOMEM");
    task.limits.address_bytes = 0;
    run_task(pool, &task, answer, sizeof(answer));
    cr_expect_str_eq(answer, "did");
    rf_sandbox_pool_free(pool);
}
#endif

Test(sandbox, threads_only_when_the_profile_allows_them)
{
    char answer[64];
    rf_sandbox_pool *pool = make_pool(1, 2, "threads");
    rf_sandbox_end end = run_named(pool, "thread", answer, sizeof(answer));
    cr_expect_eq(end.kind, RF_SANDBOX_EXITED);
    cr_expect_str_eq(answer, "did");
    end = run_named(pool, "fork", answer, sizeof(answer));
    cr_expect_eq(end.kind, RF_SANDBOX_FORBIDDEN);
    rf_sandbox_pool_free(pool);
}

Test(sandbox, messages_go_both_ways_and_the_end_is_seen)
{
    char text[64];
    static char big[RF_SANDBOX_MESSAGE_MAX];
    rf_sandbox_end end;
    rf_sandbox_pool *pool = make_pool(1, 2, NULL);
    rf_sandbox_task task = make_task("echo");
    rf_sandbox_child *child = start(pool, &task);
    cr_expect_eq(rf_sandbox_recv(child, text, sizeof(text), rf_time_ns() + RF_NS_PER_MS),
                 -ETIMEDOUT);
    cr_expect_eq(rf_sandbox_send(child, "hello", 5), 0);
    cr_expect_eq(rf_sandbox_recv(child, text, sizeof(text), RF_NEVER_NS), 5);
    cr_expect_eq(rf_sandbox_recv(child, text, sizeof(text), RF_NEVER_NS), -EPIPE);
    rf_sandbox_finish(child, 5000, &end);
    cr_expect_eq(end.kind, RF_SANDBOX_EXITED);
    task = make_task("flood");
    child = start(pool, &task);
    cr_expect_eq(rf_sandbox_recv(child, text, sizeof(text), RF_NEVER_NS), -EMSGSIZE);
    for (int i = 1; i < 64; i++) {
        cr_assert_eq(rf_sandbox_recv(child, big, sizeof(big), RF_NEVER_NS), (ssize_t)sizeof(big));
        cr_assert_eq(big[0], (char)i);
    }
    rf_sandbox_finish(child, 5000, &end);
    cr_expect_eq(end.exit_code, 7);
    rf_sandbox_pool_free(pool);
}

Test(sandbox, cancel_kills_at_once)
{
    char text[8];
    rf_sandbox_end end;
    int cancel_fd = eventfd(0, EFD_CLOEXEC);
    rf_sandbox_pool *pool = make_pool(1, 2, NULL);
    rf_sandbox_task task = make_task("wait");
    task.cancel_fd = cancel_fd;
    rf_sandbox_child *child = start(pool, &task);
    cr_assert_eq(eventfd_write(cancel_fd, 1), 0);
    int64_t before_ns = rf_time_ns();
    cr_expect_eq(rf_sandbox_recv(child, text, sizeof(text), RF_NEVER_NS), -ECANCELED);
    rf_sandbox_finish(child, 5000, &end);
    cr_expect_eq(end.kind, RF_SANDBOX_CANCELLED);
    cr_expect_lt(rf_time_ns() - before_ns, 500 * RF_NS_PER_MS);
    cr_expect_eq(rf_sandbox_start(pool, &task, RF_NEVER_NS, &child), -ECANCELED);
    rf_sandbox_pool_free(pool);
    close(cancel_fd);
}

Test(sandbox, no_more_children_than_the_pool_allows)
{
    rf_sandbox_child *second = NULL;
    rf_sandbox_pool *pool = make_pool(1, 1, NULL);
    rf_sandbox_task task = make_task("wait");
    rf_sandbox_child *first = start(pool, &task);
    cr_expect_eq(rf_sandbox_start(pool, &task, rf_time_ns() + 50 * RF_NS_PER_MS, &second),
                 -ETIMEDOUT);
    rf_sandbox_finish(first, 0, NULL);
    cr_expect_eq(rf_sandbox_start(pool, &task, rf_time_ns() + 10 * RF_NS_PER_S, &second), 0);
    rf_sandbox_finish(second, 0, NULL);
    rf_sandbox_pool_free(pool);
}

Test(sandbox, a_program_that_does_not_start_is_an_error)
{
    static const char *const programs[] = {"/nonexistent/program", "/bin/true"};
    for (size_t i = 0; i < RF_ARRAY_LEN(programs); i++) {
        rf_sandbox_pool *pool = NULL;
        rf_sandbox_child *child = NULL;
        const rf_sandbox_pool_config config = {.program = programs[i], .max_children = 1};
        rf_sandbox_task task = make_task("echo");
        cr_assert_eq(rf_sandbox_pool_new(&config, &pool), 0);
        cr_expect_eq(rf_sandbox_start(pool, &task, rf_time_ns() + 10 * RF_NS_PER_S, &child), -EIO);
        rf_sandbox_pool_free(pool);
    }
}

Test(sandbox, impossible_configurations_and_tasks_are_refused)
{
    rf_sandbox_pool *pool = NULL;
    rf_sandbox_child *child = NULL;
    static const rf_sandbox_pool_config wrong[] = {
        {.program = "relative", .max_children = 1},
        {.program = SANDBOX_PROBE, .max_children = 0},
        {.program = SANDBOX_PROBE, .max_children = 1025},
        {.program = SANDBOX_PROBE, .max_children = 1, .n_ready = 65},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        cr_expect_eq(rf_sandbox_pool_new(&wrong[i], &pool), -EINVAL);
    }
    pool = make_pool(0, 1, NULL);
    rf_sandbox_task task = make_task("");
    cr_expect_eq(rf_sandbox_start(pool, &task, RF_NEVER_NS, &child), -EINVAL);
    task = make_task("echo");
    task.n_fds = RF_SANDBOX_FDS_MAX + 1;
    cr_expect_eq(rf_sandbox_start(pool, &task, RF_NEVER_NS, &child), -EINVAL);
    rf_sandbox_pool_free(pool);
}

Test(sandbox, a_hundred_children_leave_nothing_behind)
{
    char answer[64];
    rf_sandbox_pool *pool = make_pool(2, 8, NULL);
    run_named(pool, "open files", answer, sizeof(answer));
    int before = dup(0);
    for (int i = 0; i < 100; i++) {
        run_named(pool, "open", answer, sizeof(answer));
        cr_assert_str_eq(answer, "EACCES");
    }
    rf_sandbox_pool_free(pool);
    int after = dup(0);
    cr_expect_leq(after, before, "descriptors leaked");
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_expect_eq(errno, ECHILD, "processes leaked");
}
