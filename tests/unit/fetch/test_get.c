/* Getting: outcomes, limits, retries, redirects, cancel, overrides, and what is never sent. */
#include "fetch_server.h"

#include "rf_file.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static fetch_server *server;
static memory_sink sink;
static rf_fetch_result result;

static void setup(void)
{
    server = fetch_server_start();
    memory_sink_init(&sink);
}

static void teardown(void)
{
    memory_sink_done(&sink);
    fetch_server_stop(server);
}

TestSuite(get, .init = setup, .fini = teardown, .timeout = 60);

static int get(const rf_fetch *f, const char *path)
{
    return rf_fetch_get(f, RF_FETCH_INPUT, fetch_server_url(server, path), 0, &sink.sink, -1,
                        &result);
}

static int get_with(rf_fetch_config config, const char *path)
{
    rf_fetch *f = NULL;
    config.allow_loopback = true;
    config.retry_delay_ms = config.retry_delay_ms > 0 ? config.retry_delay_ms : 1;
    cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
    int err = get(f, path);
    rf_fetch_free(f);
    return err;
}

Test(get, each_answer_has_its_outcome)
{
    static const struct {
        const char *path;
        rf_fetch_outcome outcome;
        int status;
        unsigned tries;
        size_t bytes;
    } table[] = {
        {"/ok", RF_FETCH_OK, 200, 1, 5},
        {"/empty", RF_FETCH_OK, 200, 1, 0},
        {"/size/1", RF_FETCH_OK, 200, 1, 1},
        {"/size/5000000", RF_FETCH_OK, 200, 1, 5000000},
        {"/chunked/123456", RF_FETCH_OK, 200, 1, 123456},
        {"/chunked/0", RF_FETCH_OK, 200, 1, 0},
        {"/status/204", RF_FETCH_OK, 204, 1, 0},
        {"/status/206", RF_FETCH_OK, 206, 1, 6},
        {"/status/400", RF_FETCH_REFUSED, 400, 1, 0},
        {"/status/401", RF_FETCH_REFUSED, 401, 1, 0},
        {"/status/403", RF_FETCH_REFUSED, 403, 1, 0},
        {"/status/404", RF_FETCH_REFUSED, 404, 1, 0},
        {"/status/410", RF_FETCH_REFUSED, 410, 1, 0},
        {"/status/300", RF_FETCH_REFUSED, 300, 1, 0},
        {"/status/302", RF_FETCH_REFUSED, 302, 1, 0}, /* without Location */
        {"/status/304", RF_FETCH_REFUSED, 304, 1, 0},
        {"/status/429", RF_FETCH_FAILED, 429, 3, 0},
        {"/status/500", RF_FETCH_FAILED, 500, 3, 0},
        {"/status/503", RF_FETCH_FAILED, 503, 3, 0},
        {"/huge-error", RF_FETCH_REFUSED, 404, 1, 0},
        {"/drop", RF_FETCH_UNREACHABLE, 0, 3, 0},
        {"/cut/1000", RF_FETCH_UNREACHABLE, 200, 3, 10},
    };
    rf_fetch *f = fetch_new(true);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        int err = get(f, table[i].path);
        cr_assert_eq(result.outcome, table[i].outcome, "%s: %d %s", table[i].path, result.outcome,
                     result.detail);
        cr_assert_eq(err, result.err);
        cr_assert_eq(err == 0, result.outcome == RF_FETCH_OK);
        cr_assert_eq(result.http_status, table[i].status, "%s", table[i].path);
        cr_assert_eq(result.n_tries, table[i].tries, "%s", table[i].path);
        cr_assert_eq(sink.bytes.len, table[i].bytes, "%s", table[i].path);
        cr_assert(result.outcome == RF_FETCH_REFUSED || result.outcome == RF_FETCH_FAILED ||
                  result.n_bytes == table[i].bytes);
        cr_assert_not(result.blocked);
        cr_assert_null(strstr(result.detail, "secret"), "bodies are not quoted");
        cr_assert_null(strstr(result.detail, "127.0.0.1"), "addresses are not quoted");
    }
    rf_fetch_free(f);
}

Test(get, a_failure_is_tried_again_from_the_beginning)
{
    cr_assert_eq(get_with((rf_fetch_config){0}, "/flaky/2"), 0);
    cr_assert_eq(result.n_tries, 3);
    cr_assert_eq(sink.n_begins, 3);
    cr_assert_str_eq(rf_buf_str(&sink.bytes), "hello");
}

Test(get, tries_wait_longer_and_longer)
{
    int64_t begin_ns = rf_time_ns();
    cr_assert_lt(get_with((rf_fetch_config){.retry_delay_ms = 40}, "/status/500"), 0);
    int64_t took_ns = rf_time_ns() - begin_ns;
    cr_assert_eq(result.n_tries, 3);
    cr_assert_geq(took_ns, 200 * RF_NS_PER_MS, "40 ms, then 160 ms");
    begin_ns = rf_time_ns();
    cr_assert_lt(get_with((rf_fetch_config){.retry_delay_ms = 40, .max_tries = 1}, "/status/500"),
                 0);
    cr_assert_eq(result.n_tries, 1);
    cr_assert_eq(fetch_server_requests(server), 4);
}

Test(get, nobody_at_the_port_is_unreachable_and_tried_again)
{
    rf_fetch *f = fetch_new(true);
    fetch_server *gone = fetch_server_start();
    char url[64];
    snprintf(url, sizeof(url), "%s", fetch_server_url(gone, "/ok"));
    fetch_server_stop(gone);
    cr_assert_lt(rf_fetch_get(f, RF_FETCH_INPUT, url, 0, &sink.sink, -1, &result), 0);
    cr_assert_eq(result.outcome, RF_FETCH_UNREACHABLE);
    cr_assert_not(result.blocked);
    cr_assert_eq(result.n_tries, 3);
    rf_fetch_free(f);
}

/* ---- limits ---- */

Test(get, bodies_above_the_limit_are_refused)
{
    static const struct {
        const char *path;
        uint64_t limit; /* of the settings */
        uint64_t max;   /* of the call */
        bool ok;
    } table[] = {
        {"/size/1000", 1000, 0, true},        {"/size/1001", 1000, 0, false},
        {"/chunked/1000", 1000, 0, true},     {"/chunked/1001", 1000, 0, false},
        {"/chunked/5000000", 1000, 0, false}, {"/size/2000000000", 1000, 0, false},
        {"/size/500", 1000, 400, false},      {"/size/400", 1000, 400, true},
        {"/size/1500", 1000, 2000, false},    {"/chunked/500", 0, 400, false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_fetch *f = NULL;
        rf_fetch_config config = {.allow_loopback = true, .max_bytes = table[i].limit};
        cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
        int err = rf_fetch_get(f, RF_FETCH_INPUT, fetch_server_url(server, table[i].path),
                               table[i].max, &sink.sink, -1, &result);
        cr_assert_eq(err, table[i].ok ? 0 : -EFBIG, "row %zu: %s", i, result.detail);
        cr_assert_eq(result.outcome, table[i].ok ? RF_FETCH_OK : RF_FETCH_TOO_LARGE);
        cr_assert_eq(result.n_tries, 1);
        cr_assert_leq(sink.bytes.len, 1000, "row %zu", i);
        rf_fetch_free(f);
    }
}

Test(get, a_server_that_is_too_slow_is_left)
{
    rf_fetch_config config = {.low_speed_ms = 1000, .max_tries = 1};
    int64_t begin_ns = rf_time_ns();
    cr_assert_eq(get_with(config, "/slow"), -ETIMEDOUT);
    cr_assert_eq(result.outcome, RF_FETCH_UNREACHABLE);
    cr_assert_lt(rf_time_ns() - begin_ns, 10 * RF_NS_PER_S);
}

Test(get, the_whole_call_has_a_deadline)
{
    rf_fetch_config config = {.total_timeout_ms = 500, .retry_delay_ms = 100};
    int64_t begin_ns = rf_time_ns();
    cr_assert_eq(get_with(config, "/silent"), -ETIMEDOUT);
    int64_t took_ns = rf_time_ns() - begin_ns;
    cr_assert_eq(result.outcome, RF_FETCH_UNREACHABLE);
    cr_assert_eq(result.n_tries, 1, "no time is left for another");
    cr_assert_geq(took_ns, 400 * RF_NS_PER_MS);
    cr_assert_lt(took_ns, 5 * RF_NS_PER_S);
}

/* ---- redirects ---- */

/* S2 */
Test(get, three_redirects_are_followed)
{
    static const struct {
        const char *path;
        bool ok;
        int requests;
    } table[] = {{"/hop/0", true, 1},
                 {"/hop/1", true, 2},
                 {"/hop/3", true, 4},
                 {"/hop/4", false, 4},
                 {"/hop/9", false, 4}};
    rf_fetch *f = fetch_new(true);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        int before = fetch_server_requests(server);
        get(f, table[i].path);
        cr_assert_eq(result.outcome, table[i].ok ? RF_FETCH_OK : RF_FETCH_REFUSED, "row %zu", i);
        cr_assert_eq(result.http_status, table[i].ok ? 200 : 302);
        cr_assert_eq(fetch_server_requests(server) - before, table[i].requests);
        cr_assert_str_eq(rf_buf_str(&sink.bytes), table[i].ok ? "hello" : "");
    }
    rf_fetch_free(f);
}

Test(get, relative_locations_are_followed)
{
    static const char *const locations[] = {"/ok", "ok", "./ok", "x/../ok", "//127.0.0.1:%u/ok"};
    rf_fetch *f = fetch_new(true);
    for (size_t i = 0; i < RF_ARRAY_LEN(locations); i++) {
        char location[64];
        if (i == 4) {
            snprintf(location, sizeof(location), "//127.0.0.1:%u/ok", server->port);
        } else {
            snprintf(location, sizeof(location), "%s", locations[i]);
        }
        fetch_server_redirect_to(server, location);
        cr_assert_eq(get(f, "/redirect"), 0, "%s: %s", location, result.detail);
        cr_assert_str_eq(rf_buf_str(&sink.bytes), "hello");
    }
    rf_fetch_free(f);
}

/* ---- what is never sent, kept or used ---- */

/* S4 */
Test(get, no_cookie_is_sent_back)
{
    rf_fetch *f = fetch_new(true);
    cr_assert_eq(get(f, "/cookie"), 0);
    cr_assert_null(strcasestr(rf_buf_str(&sink.bytes), "cookie:"));
    cr_assert_eq(get(f, "/mirror"), 0);
    cr_assert_null(strcasestr(rf_buf_str(&sink.bytes), "cookie:"));
    rf_fetch_free(f);
}

/* S4 */
Test(get, the_request_tells_nothing_more_than_it_must)
{
    rf_fetch *f = fetch_new(true);
    cr_assert_eq(get(f, "/mirror"), 0);
    const char *head = rf_buf_str(&sink.bytes);
    static const char *const absent[] = {"Authorization", "Cookie", "Referer",
                                         "Proxy",         "Expect", "Accept-Encoding"};
    cr_assert_not_null(strstr(head, "GET /mirror HTTP/1.1\r\n"));
    cr_assert_not_null(strstr(head, "User-Agent: reflection\r\n"));
    for (size_t i = 0; i < RF_ARRAY_LEN(absent); i++) {
        cr_assert_null(strcasestr(head, absent[i]), "%s", absent[i]);
    }
    rf_fetch_free(f);
}

/* S3 */
Test(get, every_request_has_a_connection_of_its_own)
{
    rf_fetch *f = fetch_new(true);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(get(f, "/hop/1"), 0);
    }
    cr_assert_eq(fetch_server_connections(server), 10);
    rf_fetch_free(f);
}

/* S4 */
Test(get, the_environment_has_no_say)
{
    fetch_server *proxy = fetch_server_start();
    char proxy_url[64];
    snprintf(proxy_url, sizeof(proxy_url), "%s", fetch_server_url(proxy, ""));
    static const char *const names[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                        "HTTPS_PROXY", "all_proxy",  "ALL_PROXY"};
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        setenv(names[i], proxy_url, 1);
    }
    char home[] = "/tmp/rf-fetch-home-XXXXXX";
    cr_assert_not_null(mkdtemp(home));
    RF_CLEANUP(rf_cleanup_free) char *netrc = rf_asprintf("%s/.netrc", home);
    static const char login[] = "machine 127.0.0.1 login me password secret\n";
    cr_assert_eq(rf_file_write_atomic(netrc, login, strlen(login), 0600), 0);
    setenv("HOME", home, 1);
    rf_fetch *f = fetch_new(true);
    cr_assert_eq(get(f, "/mirror"), 0);
    cr_assert_null(strcasestr(rf_buf_str(&sink.bytes), "authorization"));
    cr_assert_eq(fetch_server_connections(proxy), 0);
    rf_fetch_free(f);
    unlink(netrc);
    rmdir(home);
    fetch_server_stop(proxy);
}

/* ---- the sink ---- */

Test(get, a_sink_that_fails_ends_the_call)
{
    rf_fetch *f = fetch_new(true);
    sink.fail_at = 100000;
    cr_assert_eq(get(f, "/size/1000000"), -ENOSPC);
    cr_assert_eq(result.outcome, RF_FETCH_LOCAL);
    cr_assert_eq(result.n_tries, 1);
    sink.begin_err = -EROFS;
    cr_assert_eq(get(f, "/ok"), -EROFS);
    cr_assert_eq(result.outcome, RF_FETCH_LOCAL);
    rf_fetch_free(f);
}

Test(get, a_file_is_a_sink)
{
    char path[] = "/tmp/rf-fetch-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(rf_write_all(fd, "what an earlier try wrote, longer", 33), 0);
    rf_fetch *f = fetch_new(true);
    rf_fetch_sink file = rf_fetch_fd_sink(&fd);
    cr_assert_eq(rf_fetch_get(f, RF_FETCH_INPUT, fetch_server_url(server, "/flaky/1"), 0, &file, -1,
                              &result),
                 0);
    char bytes[64];
    cr_assert_eq(pread(fd, bytes, sizeof(bytes), 0), 5);
    cr_assert_eq(memcmp(bytes, "hello", 5), 0);
    rf_fetch_free(f);
    close(fd);
    unlink(path);
}

/* ---- cancel ---- */

typedef struct canceller {
    int fd;
    int delay_ms;
} canceller;

static void *cancel_later(void *arg)
{
    const canceller *c = arg;
    uint64_t one = 1;
    usleep((useconds_t)c->delay_ms * 1000);
    cr_assert_eq(write(c->fd, &one, sizeof(one)), (ssize_t)sizeof(one));
    return NULL;
}

Test(get, a_cancel_ends_it_at_any_point)
{
    static const struct {
        const char *path;
        int retry_delay_ms;
    } table[] = {{"/silent", 1}, {"/slow", 1}, {"/status/500", 20000}};
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        canceller c = {.fd = eventfd(0, EFD_CLOEXEC), .delay_ms = 150};
        rf_fetch *f = NULL;
        rf_fetch_config config = {.allow_loopback = true,
                                  .retry_delay_ms = table[i].retry_delay_ms};
        pthread_t thread;
        cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
        cr_assert_eq(pthread_create(&thread, NULL, cancel_later, &c), 0);
        int64_t begin_ns = rf_time_ns();
        cr_assert_eq(rf_fetch_get(f, RF_FETCH_INPUT, fetch_server_url(server, table[i].path), 0,
                                  &sink.sink, c.fd, &result),
                     -ECANCELED, "row %zu: %s", i, result.detail);
        cr_assert_eq(result.outcome, RF_FETCH_CANCELLED);
        cr_assert_lt(rf_time_ns() - begin_ns, 3 * RF_NS_PER_S);
        pthread_join(thread, NULL);
        rf_fetch_free(f);
        close(c.fd);
    }
}

/* ---- overrides ---- */

/* S6 */
Test(get, an_overridden_url_reads_the_file)
{
    char path[] = "/tmp/rf-fetch-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(rf_write_all(fd, "from a file", 11), 0);
    close(fd);
    RF_CLEANUP(rf_cleanup_free) char *demo = rf_asprintf("https://music.ai/demo.ogg=%s", path);
    RF_CLEANUP(rf_cleanup_free) char *query = rf_asprintf("http://a/?x=/y=%s", path);
    const char *overrides[] = {demo, query, "http://gone/=/no/such/file"};
    rf_fetch *f = NULL;
    rf_fetch_config config = {.override = overrides, .n_override = 3, .max_bytes = 100};
    static const struct {
        const char *url;
        uint64_t max;
        rf_fetch_outcome outcome;
    } table[] = {
        {"https://music.ai/demo.ogg", 0, RF_FETCH_OK},
        {"http://a/?x=/y", 0, RF_FETCH_OK},
        {"https://music.ai/demo.ogg", 11, RF_FETCH_OK},
        {"https://music.ai/demo.ogg", 10, RF_FETCH_TOO_LARGE},
        {"http://gone/", 0, RF_FETCH_LOCAL},
        {"http://127.0.0.1/demo.ogg", 0, RF_FETCH_UNREACHABLE}, /* exact URLs only */
    };
    cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_fetch_get(f, RF_FETCH_INPUT, table[i].url, table[i].max, &sink.sink, -1, &result);
        cr_assert_eq(result.outcome, table[i].outcome, "row %zu: %s", i, result.detail);
        if (table[i].outcome == RF_FETCH_OK) {
            cr_assert_str_eq(rf_buf_str(&sink.bytes), "from a file");
        }
    }
    int cancel_fd = eventfd(1, EFD_CLOEXEC);
    cr_assert_eq(rf_fetch_get(f, RF_FETCH_INPUT, table[0].url, 0, &sink.sink, cancel_fd, &result),
                 -ECANCELED);
    close(cancel_fd);
    rf_fetch_free(f);
    unlink(path);
}

/* ---- threads ---- */

static void *get_often(void *arg)
{
    memory_sink mine;
    rf_fetch_result r;
    memory_sink_init(&mine);
    for (int i = 0; i < 20; i++) {
        rf_fetch_get(arg, RF_FETCH_INPUT, fetch_server_url(server, "/size/100000"), 0, &mine.sink,
                     -1, &r);
        cr_assert_eq(mine.bytes.len, 100000);
    }
    memory_sink_done(&mine);
    return NULL;
}

Test(get, one_fetcher_serves_many_threads)
{
    rf_fetch *f = fetch_new(true);
    pthread_t threads[6];
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, get_often, f), 0);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(fetch_server_connections(server), 120);
    rf_fetch_free(f);
}
