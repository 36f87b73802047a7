#include "hook_receiver.h"

#include "rf_time.h"
#include "rf_webhook_sign.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 65536

static const char *header(const char *request, const char *name, char ret[256])
{
    const char *at = strcasestr(request, name);
    ret[0] = '\0';
    if (at != NULL) {
        (void)sscanf(at + strlen(name), ": %255[^\r\n]", ret);
    }
    return ret;
}

static bool is_genuine(const char *request, const char *body, size_t len)
{
    char id[256];
    char timestamp[256];
    char signature[256];
    rf_buf want;
    rf_webhook_secrets secrets = {.text = {HOOK_SECRET}, .n = 1};
    rf_buf_init(&want, 256);
    (void)header(request, "webhook-id", id);
    (void)header(request, "webhook-timestamp", timestamp);
    bool same = rf_webhook_sign(&secrets, id, atoll(timestamp), body, len, &want) == 0 &&
                strcmp(rf_buf_str(&want), header(request, "webhook-signature", signature)) == 0;
    rf_buf_done(&want);
    return same;
}

/* Reads one request whole: the length of its head, 0 when it breaks off. */
static size_t read_request(int fd, char *request, size_t *ret_len)
{
    char length[256];
    size_t have = 0;
    for (;;) {
        ssize_t n = read(fd, request + have, REQUEST_MAX - 1 - have);
        if (n <= 0) {
            return 0;
        }
        have += (size_t)n;
        request[have] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (end != NULL) {
            const size_t head = (size_t)(end - request) + 4;
            *ret_len = (size_t)atoll(header(request, "content-length", length));
            if (have >= head + *ret_len) {
                return head;
            }
        }
    }
}

static void keep(hook_receiver *r, const char *request, size_t head, size_t len)
{
    char id[256];
    const int i = atomic_load(&r->n);
    if (i < HOOK_MAX) {
        (void)rf_copy_str(r->got[i].id, sizeof(r->got[i].id), header(request, "webhook-id", id));
        r->got[i].len = len;
        r->got[i].genuine = is_genuine(request, request + head, len);
        r->got[i].event = json_loadb(request + head, len, 0, NULL);
        atomic_store(&r->n, i + 1);
    }
}

static void serve(hook_receiver *r, int fd, char *request)
{
    static const char answer[] =
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    size_t len = 0;
    const size_t head = read_request(fd, request, &len);
    if (head == 0) {
        return;
    }
    keep(r, request, head, len);
    if (!atomic_load(&r->silent)) {
        (void)!write(fd, answer, sizeof(answer) - 1);
        return;
    }
    char rest;
    (void)!read(fd, &rest, 1); /* until the sender hangs up */
}

static void *run(void *user)
{
    hook_receiver *r = user;
    char *request = rf_alloc(REQUEST_MAX);
    for (int fd; (fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        if (!atomic_load(&r->stopping)) {
            serve(r, fd, request);
        }
        close(fd);
    }
    free(request);
    return NULL;
}

void hook_receiver_start(hook_receiver *r)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    memset(r, 0, sizeof(*r));
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(r->listener, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(r->listener, 16), 0);
    cr_assert_eq(getsockname(r->listener, (struct sockaddr *)&at, &len), 0);
    r->port = ntohs(at.sin_port);
    cr_assert_eq(pthread_create(&r->thread, NULL, run, r), 0);
}

void hook_receiver_stop(hook_receiver *r)
{
    atomic_store(&r->stopping, true);
    (void)shutdown(r->listener, SHUT_RDWR);
    pthread_join(r->thread, NULL);
    close(r->listener);
    for (int i = 0; i < atomic_load(&r->n); i++) {
        json_decref(r->got[i].event);
    }
}

bool hook_receiver_await(hook_receiver *r, int n)
{
    for (int i = 0; i < 2000 && atomic_load(&r->n) < n; i++) {
        usleep(5000);
    }
    return atomic_load(&r->n) >= n;
}

const json_t *hook_receiver_find(const hook_receiver *r, const char *type, const char *session)
{
    for (int i = 0; i < atomic_load(&r->n); i++) {
        const json_t *event = r->got[i].event;
        const char *t = json_string_value(json_object_get(event, "type"));
        const char *s = json_string_value(json_object_get(event, "session_id"));
        if (t != NULL && s != NULL && strcmp(t, type) == 0 && strcmp(s, session) == 0) {
            return event;
        }
    }
    return NULL;
}
