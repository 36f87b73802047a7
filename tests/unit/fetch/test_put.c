/* Putting results where a user wants them: copyResultsTo of spec jobs.md 2.5. */
#include "fetch_server.h"

#include "rf_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static fetch_server *server;
static rf_fetch_result result;

static void setup(void)
{
    server = fetch_server_start();
}

static void teardown(void)
{
    fetch_server_stop(server);
}

TestSuite(put, .init = setup, .fini = teardown, .timeout = 60);

typedef struct text_source {
    const char *text;
    uint64_t fail_at; /* 0: never */
    int err;          /* what is given there; 0 is an early end */
} text_source;

static ssize_t read_text(void *user, uint64_t offset, void *data, size_t len)
{
    const text_source *t = user;
    size_t n = RF_MIN(len, (size_t)7); /* in small pieces */
    if (t->fail_at > 0 && offset >= t->fail_at) {
        return t->err;
    }
    n = RF_MIN(n, strlen(t->text) - (size_t)offset);
    memcpy(data, t->text + offset, n);
    return (ssize_t)n;
}

static int put(const rf_fetch *f, const char *path, text_source *t)
{
    rf_fetch_source source = {.size = strlen(t->text), .read = read_text, .user = t};
    return rf_fetch_put(f, RF_FETCH_COPY, fetch_server_url(server, path), &source, -1, &result);
}

/* U8 */
Test(put, the_bytes_arrive_with_their_length)
{
    rf_fetch *f = fetch_new(true);
    text_source t = {.text = "a result of some forty bytes, in pieces"};
    cr_assert_eq(put(f, "/results/1", &t), 0);
    cr_assert_eq(result.outcome, RF_FETCH_OK);
    cr_assert_eq(result.http_status, 201);
    cr_assert_eq(result.n_bytes, strlen(t.text));
    cr_assert_str_eq(rf_buf_str(&server->body), t.text);
    const char *head = rf_buf_str(&server->head);
    cr_assert_not_null(strstr(head, "PUT /results/1 HTTP/1.1\r\n"));
    cr_assert_not_null(strstr(head, "Content-Length: 39\r\n"));
    cr_assert_null(strcasestr(head, "Transfer-Encoding"));
    cr_assert_null(strcasestr(head, "Expect"));
    rf_fetch_free(f);
}

Test(put, nothing_is_a_result_too)
{
    rf_fetch *f = fetch_new(true);
    text_source t = {.text = ""};
    cr_assert_eq(put(f, "/results/0", &t), 0);
    cr_assert_not_null(strstr(rf_buf_str(&server->head), "Content-Length: 0\r\n"));
    rf_fetch_free(f);
}

/* S2, U8, F10 */
Test(put, each_answer_has_its_outcome)
{
    static const struct {
        const char *path;
        rf_fetch_outcome outcome;
        unsigned tries;
    } table[] = {
        {"/status/200", RF_FETCH_OK, 1},      {"/status/201", RF_FETCH_OK, 1},
        {"/status/204", RF_FETCH_OK, 1},      {"/ok", RF_FETCH_OK, 1},
        {"/status/400", RF_FETCH_REFUSED, 1}, {"/status/403", RF_FETCH_REFUSED, 1},
        {"/status/409", RF_FETCH_REFUSED, 1}, {"/status/413", RF_FETCH_REFUSED, 1},
        {"/status/500", RF_FETCH_FAILED, 3},  {"/status/507", RF_FETCH_FAILED, 3},
        {"/flaky/1", RF_FETCH_OK, 2},         {"/redirect", RF_FETCH_REFUSED, 1},
        {"/hop/1", RF_FETCH_REFUSED, 1},
    };
    rf_fetch *f = fetch_new(true);
    fetch_server_redirect_to(server, "/ok");
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        text_source t = {.text = "result"};
        int before = fetch_server_requests(server);
        put(f, table[i].path, &t);
        cr_assert_eq(result.outcome, table[i].outcome, "%s: %d %s", table[i].path, result.outcome,
                     result.detail);
        cr_assert_eq(result.n_tries, table[i].tries, "%s", table[i].path);
        cr_assert_eq(fetch_server_requests(server) - before, (int)table[i].tries, "no redirect");
        cr_assert_str_eq(rf_buf_str(&server->body), "result", "whole on every try");
    }
    rf_fetch_free(f);
}

Test(put, a_source_that_fails_ends_the_call)
{
    static const struct {
        int given;
        int err;
    } table[] = {{-EIO, -EIO}, {0, -ENODATA}};
    rf_fetch *f = fetch_new(true);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        text_source t = {.text = "a result of some forty bytes, in pieces", 14, table[i].given};
        cr_assert_eq(put(f, "/results/1", &t), table[i].err, "%s", result.detail);
        cr_assert_eq(result.outcome, RF_FETCH_LOCAL);
        cr_assert_eq(result.n_tries, 1);
    }
    rf_fetch_free(f);
}

Test(put, a_file_is_a_source)
{
    enum { SIZE = 3000000 };
    char path[] = "/tmp/rf-fetch-XXXXXX";
    int fd = mkstemp(path);
    char *data = rf_alloc(SIZE);
    for (int i = 0; i < SIZE; i++) {
        data[i] = (char)('a' + i % 23);
    }
    cr_assert_eq(rf_write_all(fd, data, SIZE), 0);
    rf_fetch *f = fetch_new(true);
    rf_fetch_source source;
    cr_assert_eq(rf_fetch_fd_source(&fd, &source), 0);
    cr_assert_eq(source.size, SIZE);
    cr_assert_eq(rf_fetch_put(f, RF_FETCH_COPY, fetch_server_url(server, "/results/1"), &source, -1,
                              &result),
                 0);
    cr_assert_eq(server->body.len, SIZE);
    cr_assert_eq(memcmp(server->body.data, data, SIZE), 0);
    rf_fetch_free(f);
    free(data);
    close(fd);
    unlink(path);
    cr_assert_eq(rf_fetch_fd_source(&fd, &source), -EBADF);
}

Test(put, the_rules_for_addresses_hold)
{
    static const char *const urls[] = {"http://127.0.0.1/x",  "http://10.1.2.3/x",
                                       "http://[::1]/x",      "http://169.254.169.254/latest",
                                       "ftp://1.1.1.1/x",     "http://u:p@1.1.1.1/x",
                                       "https://1.1.1.1:22/x"};
    rf_fetch *f = fetch_new(false);
    for (size_t i = 0; i < RF_ARRAY_LEN(urls); i++) {
        text_source t = {.text = "result"};
        rf_fetch_source source = {.size = 6, .read = read_text, .user = &t};
        cr_assert_eq(rf_fetch_put(f, RF_FETCH_COPY, urls[i], &source, -1, &result), -EACCES, "%s",
                     urls[i]);
        cr_assert(result.blocked);
    }
    rf_fetch_free(f);
}

Test(put, an_override_is_for_reading_only)
{
    static const char *const override[] = {"http://127.0.0.1/x=/etc/hostname"};
    rf_fetch *f = NULL;
    rf_fetch_config config = {.override = override, .n_override = 1};
    cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
    text_source t = {.text = "result"};
    rf_fetch_source source = {.size = 6, .read = read_text, .user = &t};
    rf_fetch_put(f, RF_FETCH_COPY, "http://127.0.0.1/x", &source, -1, &result);
    cr_assert(result.blocked);
    rf_fetch_free(f);
}

Test(put, a_cancel_ends_it)
{
    rf_fetch *f = fetch_new(true);
    text_source t = {.text = "result"};
    rf_fetch_source source = {.size = 6, .read = read_text, .user = &t};
    int cancel_fd = eventfd(1, EFD_CLOEXEC);
    cr_assert_eq(rf_fetch_put(f, RF_FETCH_COPY, fetch_server_url(server, "/silent"), &source,
                              cancel_fd, &result),
                 -ECANCELED);
    cr_assert_eq(result.outcome, RF_FETCH_CANCELLED);
    close(cancel_fd);
    rf_fetch_free(f);
}
