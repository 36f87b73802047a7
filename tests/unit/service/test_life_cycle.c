#include "rf_base.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct process {
    pid_t pid;
    int out;   /* standard output and error */
    int ready; /* REFLECTION_READY_FD */
} process;

static process launch(const char *const *words)
{
    int out[2];
    int ready[2];
    cr_assert_eq(pipe(out), 0);
    cr_assert_eq(pipe(ready), 0);
    process p = {.pid = fork(), .out = out[0], .ready = ready[0]};
    if (p.pid == 0) {
        char text[16];
        const char *argv[16] = {getenv("PROGRAM"), "--data.dir=/tmp/rf_test_service"};
        for (size_t i = 0; words[i] != NULL && i < 13; i++) {
            argv[2 + i] = words[i];
        }
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        snprintf(text, sizeof(text), "%d", ready[1]);
        setenv("REFLECTION_READY_FD", text, 1);
        execv(argv[0], (char **)argv);
        _exit(127);
    }
    close(out[1]);
    close(ready[1]);
    return p;
}

static void read_text(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    close(fd);
}

static int wait_exit(const process *p)
{
    int status = 0;
    cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(life_cycle, says_ready_once_drains_on_sigterm_and_ends_with_0)
{
    char line[512];
    char text[8192];
    process p = launch((const char *[]){"--ready.after=30", NULL});
    read_text(p.ready, line, sizeof(line));
    cr_expect_not_null(strstr(line, "{\"service\":\"program\",\"pid\":"));
    cr_expect_not_null(strstr(line, "\"internal\":\"http://127.0.0.1:"));
    cr_expect_eq(line[strlen(line) - 1], '\n');
    kill(p.pid, SIGTERM);
    cr_expect_eq(wait_exit(&p), 0);
    read_text(p.out, text, sizeof(text));
    cr_expect_not_null(strstr(text, "drain"));
    cr_expect_not_null(strstr(text, "stop"));
}

/* E6 */
Test(life_cycle, waits_for_work_in_hand)
{
    char line[512];
    process p = launch((const char *[]){"--work=300", NULL});
    read_text(p.ready, line, sizeof(line));
    int64_t begin = rf_time_ns();
    kill(p.pid, SIGTERM);
    cr_expect_eq(wait_exit(&p), 0);
    cr_expect_geq(rf_time_ns() - begin, 300 * RF_NS_PER_MS);
    close(p.out);
}

Test(life_cycle, does_not_wait_longer_than_drain_seconds)
{
    char line[512];
    process p = launch((const char *[]){"--work=60000", "--drain.seconds=1", NULL});
    read_text(p.ready, line, sizeof(line));
    int64_t begin = rf_time_ns();
    kill(p.pid, SIGINT);
    cr_expect_eq(wait_exit(&p), 0);
    cr_expect_lt(rf_time_ns() - begin, 20 * RF_NS_PER_S);
    close(p.out);
}

Test(life_cycle, E6_works_on_for_25_s_unless_told)
{
    char text[16384];
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("'%s' --help", getenv("PROGRAM"));
    FILE *help = popen(command, "r");
    cr_assert_not_null(help);
    text[fread(text, 1, sizeof(text) - 1, help)] = '\0';
    cr_expect_eq(pclose(help), 0);
    const char *at = strstr(text, "--drain.seconds=s\n");
    cr_assert_not_null(at, "%s", text);
    cr_expect_not_null(strstr(at, "[0 to 3600] (default 25)\n"), "%s", at);
    const char *next = strstr(at + 1, "\n  --");
    cr_expect(next == NULL || strstr(at, "(default 25)") < next, "%s", at);
}

static void expect_refused(const char *const *words, const char *wanted)
{
    char text[8192];
    process p = launch(words);
    close(p.ready);
    read_text(p.out, text, sizeof(text));
    cr_expect_eq(wait_exit(&p), 1);
    cr_expect_not_null(strstr(text, wanted), "no \"%s\" in: %s", wanted, text);
}

Test(life_cycle, refuses_bad_settings_by_name_and_range)
{
    expect_refused((const char *[]){"--work=70000", NULL},
                   "setting work: \"70000\" is not a number from 0 to 60000 ms");
    expect_refused((const char *[]){"--wrok=1", NULL},
                   "unknown setting \"wrok\"; did you mean work?");
    expect_refused((const char *[]){"--log.level=loud", NULL},
                   "log.level is debug, info, warn or error");
    expect_refused((const char *[]){"--environment=prod", NULL}, "environment: \"prod\" is not");
    expect_refused((const char *[]){"--internal.listen=nowhere", NULL},
                   "internal.listen cannot be used");
    expect_refused((const char *[]){"--fail=true", NULL}, "");
}

Test(life_cycle, a_check_says_what_cannot_be_used_and_starts_nothing)
{
    char text[8192];
    process p = launch((const char *[]){"--outside=a.url", "--check", NULL});
    read_text(p.ready, text, sizeof(text));
    cr_expect_str_eq(text, "", "nobody is told that it is ready");
    read_text(p.out, text, sizeof(text));
    cr_expect_eq(wait_exit(&p), 1);
    cr_expect_not_null(strstr(text, "a.url: it is away (asked twice)\nother: so is this\n"), "%s",
                       text);
    cr_expect_null(strstr(text, "third: "), "%s", text);
}

Test(life_cycle, a_check_of_what_can_be_used_is_silent_and_ends_with_0)
{
    char text[8192];
    process p = launch((const char *[]){"--check", "--fail=true", NULL});
    close(p.ready);
    read_text(p.out, text, sizeof(text));
    cr_expect_eq(wait_exit(&p), 0, "start was not asked");
    cr_expect_str_eq(text, "");
}
