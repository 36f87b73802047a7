#include "cli_supervisor.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAY_READY "eval \"echo '{\\\"internal\\\":\\\"http://here\\\"}' >&$REFLECTION_READY_FD\"; "

typedef struct fixture {
    rf_loop *loop;
    cli_supervisor *s;
    rf_timer *later;
    int ready_count;
    char gave_up[32];
    pid_t first_pid;
    bool kill_once;
} fixture;

static void on_all_ready(void *user)
{
    fixture *f = user;
    cli_child_info info = cli_supervisor_info(f->s, 0);
    f->ready_count++;
    cr_expect_str_eq(info.internal, "http://here");
    if (f->kill_once && f->ready_count == 1) {
        f->first_pid = info.pid;
        kill(info.pid, SIGKILL);
        return;
    }
    cli_supervisor_stop(f->s, 5000);
}

static void on_gave_up(const char *name, void *user)
{
    fixture *f = user;
    rf_copy_str(f->gave_up, sizeof(f->gave_up), name);
    cli_supervisor_stop(f->s, 5000);
}

static void on_ended(void *user)
{
    rf_loop_stop(((fixture *)user)->loop);
}

static void run(fixture *f, const cli_child_spec *specs, size_t n)
{
    static const cli_supervisor_events events = {on_all_ready, on_gave_up, on_ended};
    f->loop = rf_loop_new();
    f->s = cli_supervisor_new(f->loop, &events, f);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(cli_supervisor_start(f->s, &specs[i]), 0);
    }
    cr_assert_eq(rf_loop_run(f->loop), 0);
    cli_supervisor_free(f->s);
    rf_loop_free(f->loop);
}

#define SHELL(script) ((char *[]){"/bin/sh", "-c", (char *)(script), NULL})

Test(supervisor, all_ready_then_all_ended)
{
    fixture f = {0};
    const cli_child_spec specs[] = {
        {.name = "a", .argv = SHELL(SAY_READY "exec sleep 60")},
        {.name = "b", .argv = SHELL("sleep 0.1; " SAY_READY "exec sleep 60"), .stop_order = 1},
    };
    run(&f, specs, 2);
    cr_expect_eq(f.ready_count, 1);
}

Test(supervisor, a_killed_child_is_restarted_and_ready_is_told_again)
{
    fixture f = {.kill_once = true};
    const cli_child_spec spec = {.name = "a", .argv = SHELL(SAY_READY "exec sleep 60")};
    run(&f, &spec, 1);
    cr_expect_eq(f.ready_count, 2);
    cr_expect_gt(f.first_pid, 0);
    cr_expect_eq(kill(f.first_pid, 0), -1);
}

Test(supervisor, a_child_that_never_becomes_ready_ends_the_start)
{
    fixture f = {0};
    const cli_child_spec spec = {.name = "broken", .argv = SHELL("exit 3")};
    run(&f, &spec, 1);
    cr_expect_str_eq(f.gave_up, "broken");
    cr_expect_eq(f.ready_count, 0);
}

Test(supervisor, a_child_that_ignores_sigterm_is_killed_in_time)
{
    fixture f = {0};
    const cli_child_spec spec = {
        .name = "deaf", .argv = SHELL("trap '' TERM; " SAY_READY "while :; do sleep 1; done")};
    int64_t begin = rf_time_ns();
    run(&f, &spec, 1);
    cr_expect_lt(rf_time_ns() - begin, 15 * RF_NS_PER_S);
}

Test(supervisor, sockets_arrive_as_listen_fds)
{
    fixture f = {0};
    int pairs[2][2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
    }
    const int fds[] = {pairs[0][1], pairs[1][1]};
    const cli_child_spec spec = {
        .name = "a",
        .argv = SHELL(
            "echo \"$LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID == $$))\" >&3; echo second >&4; "
            "ls /proc/self/fd | wc -l >&4; " SAY_READY "exec sleep 60"),
        .listen_fds = fds,
        .n_listen_fds = 2,
        .listen_names = "http:https"};
    run(&f, &spec, 1);
    char text[2][64] = {{0}};
    for (int i = 0; i < 2; i++) {
        cr_assert_gt(read(pairs[i][0], text[i], sizeof(text[i]) - 1), 0);
    }
    cr_expect_str_eq(text[0], "2 http:https 1\n");
    cr_expect_eq(strncmp(text[1], "second\n", 7), 0);
}
