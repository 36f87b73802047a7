#include "receiver.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void receiver_start(receiver *r, const char *certificate, const char *key)
{
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    RF_CLEANUP(rf_cleanup_free)
    char *script = rf_asprintf("%s/tests/unit/outbox/receiver.py", getenv("REFLECTION_SOURCE"));
    r->pid = fork();
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies takes it along */
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        execlp("python3", "python3", script, certificate, key, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    r->lines = fdopen(fds[0], "r");
    setvbuf(r->lines, NULL, _IONBF, 0); /* so that poll tells all there is */
    cr_assert_eq(fscanf(r->lines, "%d", &r->port), 1);
    cr_assert_eq(fgetc(r->lines), (int)'\n');
}

void receiver_stop(receiver *r)
{
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    fclose(r->lines);
}

bool receiver_next(receiver *r, int wait_ms, received *ret)
{
    char line[512];
    struct pollfd p = {.fd = fileno(r->lines), .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0 || fgets(line, sizeof(line), r->lines) == NULL) {
        return false;
    }
    *ret = (received){.len = 0};
    int n = sscanf(line, "%63s %79s %lld %d %d %d %79[^\n]", ret->path, ret->id, &ret->timestamp_s,
                   &ret->verified, &ret->active, &ret->len, ret->body);
    cr_assert_geq(n, 6, "%s", line);
    return true;
}
