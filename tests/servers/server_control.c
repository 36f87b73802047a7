#include "server_control.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX 16384

bool server_is_there(void)
{
    return getenv("REFLECTION_SERVER") != NULL;
}

static int connect_to_server(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    cr_assert(server_is_there(), "this program runs under tests/servers/with");
    cr_assert_eq(rf_copy_str(to.sun_path, sizeof(to.sun_path), getenv("REFLECTION_SERVER")), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0, "no server: %m");
    return fd;
}

static void read_line(int fd, char line[ANSWER_MAX])
{
    size_t n = 0;
    while (n < ANSWER_MAX - 1 && read(fd, line + n, 1) == 1 && line[n] != '\n') {
        n++;
    }
    line[n] = '\0';
}

const char *server_say(const char *fmt, ...)
{
    static _Thread_local char answer[ANSWER_MAX];
    char line[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line) - 1, fmt, args);
    va_end(args);
    line[n++] = '\n';
    int fd = connect_to_server();
    cr_assert_eq(write(fd, line, (size_t)n), n);
    read_line(fd, answer);
    rf_close(&fd);
    cr_assert_eq(strncmp(answer, "ok", 2), 0, "%.*s: %s", n - 1, line, answer);
    return answer[2] == ' ' ? answer + 3 : "";
}
