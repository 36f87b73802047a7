#include "reflection_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_AFTER_MAX_S 86400

bool reflection_head_is_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f) {
            return false;
        }
    }
    return true;
}

int reflection_head_send(reflection_net *net, const char *data, size_t len, int64_t deadline_ns,
                         reflection_jam_fault *fault)
{
    while (len > 0) {
        ssize_t n = reflection_net_write(net, data, len);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        int err = n == -EAGAIN ? reflection_net_wait(net, true, deadline_ns) : (int)n;
        if (err < 0) {
            return reflection_fail(fault, err, "the request could not be sent: %s", strerror(-err));
        }
    }
    return 0;
}

int reflection_head_more(reflection_net *net, reflection_early *in, int64_t deadline_ns)
{
    for (;;) {
        if (in->len == sizeof(in->data)) {
            return -EMSGSIZE;
        }
        ssize_t n = reflection_net_read(net, in->data + in->len, sizeof(in->data) - in->len);
        if (n >= 0) {
            in->len += (size_t)n;
            return n > 0;
        }
        int err = n == -EAGAIN ? reflection_net_wait(net, false, deadline_ns) : (int)n;
        if (err < 0) {
            return err;
        }
    }
}

ssize_t reflection_head_read(reflection_net *net, reflection_early *in, int64_t deadline_ns)
{
    for (;;) {
        const uint8_t *end = memmem(in->data, in->len, "\r\n\r\n", 4);
        if (end != NULL) {
            return end + 4 - in->data;
        }
        int n = reflection_head_more(net, in, deadline_ns);
        if (n <= 0) {
            return n == 0 ? -ECONNRESET : n;
        }
    }
}

void reflection_head_value(const char *head, const char *name, char *ret, size_t size)
{
    size_t len = strlen(name);
    ret[0] = '\0';
    for (const char *line = strstr(head, "\r\n"); line != NULL && line[2] != '\r';
         line = strstr(line + 2, "\r\n")) {
        const char *text = line + 2;
        if (strncasecmp(text, name, len) != 0 || text[len] != ':') {
            continue;
        }
        const char *value = text + len + 1 + strspn(text + len + 1, " \t");
        size_t n = strcspn(value, "\r");
        while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t')) {
            n--;
        }
        reflection_copy(ret, n + 1 < size ? n + 1 : size, value);
        return;
    }
}

int reflection_head_status(const char *head)
{
    int status = -1;
    bool is_http = strncmp(head, "HTTP/1.", 7) == 0 && strlen(head) > 12 && head[8] == ' ';
    if (is_http && strspn(head + 9, "0123456789") == 3) {
        status = (int)strtol(head + 9, NULL, 10);
    }
    return status;
}

int64_t reflection_head_retry_ms(const char *head)
{
    char retry[16];
    reflection_head_value(head, "Retry-After", retry, sizeof(retry));
    unsigned long seconds = strtoul(retry, NULL, 10);
    return (int64_t)(seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds) * 1000;
}
