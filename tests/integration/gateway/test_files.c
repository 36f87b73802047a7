#include "client.h"
#include "figures.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_crypto.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (1u << 20)
#define RSS_LIMIT (64u << 20)

typedef struct urls {
    char put[512]; /* path and query */
    char get[512];
} urls;

static void setup(void)
{
    static const char *const gateway_args[] = {"--body.window_s=2", NULL};
    static const char *const job_args[] = {"--upload.max_bytes=4194304", NULL};
    fixture_start(gateway_args, job_args);
}

static void path_of(const answer *a, const char *key, char *out, size_t size)
{
    char url[512];
    json_text(a, key, url, sizeof(url));
    cr_assert_eq(strncmp(url, "https://", 8), 0);
    rf_copy_str(out, size, strchr(url + 8, '/'));
}

static urls new_upload(void)
{
    urls u;
    answer a = client_call("GET", "/v1/upload", NULL, NULL, NULL);
    cr_assert_eq(a.status, 200, "%s", a.body);
    path_of(&a, "uploadUrl", u.put, sizeof(u.put));
    path_of(&a, "downloadUrl", u.get, sizeof(u.get));
    answer_done(&a);
    return u;
}

/* Bytes that tell where they belong. */
static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i * 131 + (i >> 8) * 7 + (i >> 16) * 3);
}

static void fill(uint8_t *data, uint64_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = byte_at(at + i);
    }
}

static bool same(const uint8_t *data, uint64_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != byte_at(at + i)) {
            return false;
        }
    }
    return true;
}

static void put_head(client *c, const char *path, const char *headers)
{
    char *text = rf_asprintf("PUT %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers);
    cr_assert(client_text(c, text));
    free(text);
}

static int status_and_close(client *c)
{
    answer a = client_answer(c, true);
    int status = a.status;
    answer_done(&a);
    client_close(c);
    return status;
}

static int put(bool tls, const char *path, size_t len, const char *more_headers)
{
    client c = client_open(tls);
    char headers[512];
    uint8_t *data = malloc(len > 0 ? len : 1);
    fill(data, 0, len);
    snprintf(headers, sizeof(headers), "Content-Length: %zu\r\n%s", len, more_headers);
    put_head(&c, path, headers);
    client_send(&c, data, len);
    free(data);
    return status_and_close(&c);
}

static int put_chunked(bool tls, const char *path, size_t len, size_t chunk)
{
    client c = client_open(tls);
    uint8_t *data = malloc(chunk);
    put_head(&c, path, "Transfer-Encoding: chunked\r\n");
    for (size_t at = 0; at < len; at += chunk) {
        char line[32];
        size_t n = RF_MIN(chunk, len - at);
        fill(data, at, n);
        snprintf(line, sizeof(line), "%zx\r\n", n);
        if (!client_text(&c, line) || !client_send(&c, data, n) || !client_text(&c, "\r\n")) {
            break;
        }
    }
    client_text(&c, "0\r\n\r\n");
    free(data);
    return status_and_close(&c);
}

static answer get(bool tls, const char *method, const char *path, const char *headers)
{
    client c = client_open(tls);
    char *text = rf_asprintf("%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, path, headers);
    cr_assert(client_text(&c, text));
    answer a = client_answer(&c, strcmp(method, "HEAD") != 0);
    free(text);
    client_close(&c);
    return a;
}

static void expect_file(bool tls, const char *path, size_t len)
{
    answer a = get(tls, "GET", path, "");
    cr_expect_eq(a.status, 200, "%s", a.body);
    cr_expect_eq(a.body_len, len);
    cr_expect(a.body_len == len && same((uint8_t *)a.body, 0, len), "bytes");
    answer_done(&a);
}

/* ---- uploads ---- */

/* U2, G2 */
Test(uploads, both_framings_plain_and_tls, .init = setup, .fini = fixture_stop)
{
    static const size_t sizes[] = {1, 65535, 65536, 65537, 131072, 1000003};
    for (size_t i = 0; i < 2 * RF_ARRAY_LEN(sizes); i++) {
        bool tls = i % 2 == 1;
        size_t len = sizes[i / 2];
        urls u = new_upload();
        cr_expect_eq(put(tls, u.put, len, ""), 200, "%zu", len);
        expect_file(tls, u.get, len);
        expect_file(!tls, u.get, len);
        u = new_upload();
        cr_expect_eq(put_chunked(tls, u.put, len, 1013), 200, "%zu", len);
        expect_file(tls, u.get, len);
    }
}

Test(uploads, empty, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    cr_expect_eq(put(false, u.put, 0, ""), 200);
    expect_file(false, u.get, 0);
    u = new_upload();
    cr_expect_eq(put_chunked(false, u.put, 0, 100), 200);
}

/* U3, H5 */
Test(uploads, one_put_then_conflict, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    cr_expect_eq(put(false, u.put, 1000, ""), 200);
    cr_expect_eq(put(false, u.put, 2000, ""), 409);
    cr_expect_eq(put_chunked(true, u.put, 2000, 100), 409);
    expect_file(false, u.get, 1000);
}

/* U3 */
Test(uploads, two_at_once_one_wins, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    client c[2] = {client_open(false), client_open(false)};
    int status[2];
    for (int i = 0; i < 2; i++) {
        put_head(&c[i], u.put, "Content-Length: 4\r\n");
        client_text(&c[i], "ab");
    }
    usleep(100000);
    for (int i = 0; i < 2; i++) {
        client_text(&c[i], "cd");
    }
    for (int i = 0; i < 2; i++) {
        status[i] = status_and_close(&c[i]);
    }
    cr_expect((status[0] == 200 && status[1] == 409) || (status[0] == 409 && status[1] == 200),
              "%d and %d", status[0], status[1]);
    answer a = get(false, "GET", u.get, "");
    cr_expect_str_eq(a.body, "abcd");
    answer_done(&a);
}

/* U3 */
Test(uploads, a_truncated_one_leaves_the_url_usable, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    client c = client_open(false);
    put_head(&c, u.put, "Content-Length: 100000\r\n");
    client_text(&c, "only this");
    client_close(&c);
    c = client_open(false);
    put_head(&c, u.put, "Transfer-Encoding: chunked\r\n");
    client_text(&c, "5\r\nhello\r\n");
    client_close(&c);
    c = client_open(false);
    put_head(&c, u.put, "Transfer-Encoding: chunked\r\n");
    client_text(&c, "5\r\nhello\r\nnonsense\r\n");
    cr_expect_eq(status_and_close(&c), 400);
    usleep(200000);
    answer a = get(false, "GET", u.get, "");
    cr_expect_eq(a.status, 404, "nothing is there: %d", a.status);
    answer_done(&a);
    cr_expect_eq(put(false, u.put, 500, ""), 200);
    expect_file(false, u.get, 500);
}

/* U1, H3, S8 */
Test(uploads, signatures, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    urls other = new_upload();
    char path[600];
    cr_expect_eq(put(false, u.get, 10, ""), 403, "a GET signature does not write");
    answer a = get(false, "GET", u.put, "");
    cr_expect_eq(a.status, 403, "a PUT signature does not read");
    answer_done(&a);
    snprintf(path, sizeof(path), "%.45s%s", u.put, strchr(other.put, '?'));
    cr_expect_eq(put(false, path, 10, ""), 403, "signature of another path: %s", path);
    snprintf(path, sizeof(path), "%s0", u.put);
    cr_expect_eq(put(false, path, 10, ""), 403);
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(u.put, "?"), u.put);
    cr_expect_eq(put(false, path, 10, ""), 403, "no signature");
    snprintf(path, sizeof(path), "/v1%s", u.put);
    cr_expect_eq(put(false, path, 10, ""), 404, "exactly the signed path");
    cr_expect_eq(put(false, u.put, 10, ""), 200);
}

static void digest_header(size_t len, char out[128])
{
    uint8_t *data = malloc(len);
    uint8_t hash[RF_SHA256_LEN];
    char text[64];
    fill(data, 0, len);
    rf_sha256_of(data, len, hash);
    EVP_EncodeBlock((uint8_t *)text, hash, sizeof(hash));
    snprintf(out, 128, "Content-Digest: sha-256=:%s:\r\n", text);
    free(data);
}

/* U3, H1 */
Test(uploads, content_digest, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    char header[128];
    digest_header(999, header);
    cr_expect_eq(put(false, u.put, 1000, header), 400, "digest of other bytes");
    cr_expect_eq(put(false, u.put, 1000, "Content-Digest: sha-256=nonsense\r\n"), 400);
    digest_header(1000, header);
    cr_expect_eq(put(false, u.put, 1000, header), 200, "the URL stayed usable");
    expect_file(false, u.get, 1000);
}

/* U2, H6 */
Test(uploads, too_large, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    client c = client_open(false);
    put_head(&c, u.put, "Content-Length: 4194305\r\nExpect: 100-continue\r\n");
    answer a = client_answer(&c, true);
    cr_expect_eq(a.status, 413, "before any byte");
    cr_expect_not_null(strstr(a.body, "4194304"), "%s", a.body);
    cr_expect(client_ended(&c, 4000));
    answer_done(&a);
    client_close(&c);
    cr_expect_eq(put_chunked(false, u.put, 5 * MIB, 60000), 413, "counted while reading");
    cr_expect_eq(put(false, u.put, 4 * MIB, ""), 200, "the limit itself fits");
}

/* G7 */
Test(uploads, expect_continue, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    client c = client_open(true);
    put_head(&c, u.put, "Content-Length: 5\r\nExpect: 100-continue\r\n");
    answer a = client_read_head(&c);
    cr_expect_eq(a.status, 100);
    client_text(&c, "hello");
    cr_expect_eq(status_and_close(&c), 200);
}

/* H6 */
Test(uploads, slow_ones_get_408, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    client c = client_open(false);
    put_head(&c, u.put, "Content-Length: 100000\r\n");
    for (int i = 0; i < 25; i++) {
        client_text(&c, "0123456789");
        usleep(100000);
    }
    answer a = client_answer(&c, true);
    cr_expect_eq(a.status, 408);
    cr_expect_not_null(strstr(a.body, "UPLOAD_TOO_SLOW"));
    cr_expect(client_ended(&c, 4000));
    answer_done(&a);
    client_close(&c);
    cr_expect_eq(put(false, u.put, 100, ""), 200);
}

/* ---- downloads ---- */

static void expect_range(bool tls, const char *path, const char *range, int status, uint64_t first,
                         size_t len)
{
    char headers[128];
    char text[96];
    char expected[96];
    snprintf(headers, sizeof(headers), "Range: %s\r\n", range);
    answer a = get(tls, "GET", path, headers);
    cr_expect_eq(a.status, status, "%s: %d", range, a.status);
    if (status == 206) {
        cr_expect_eq(a.body_len, len, "%s", range);
        cr_expect(same((uint8_t *)a.body, first, a.body_len), "%s", range);
        snprintf(expected, sizeof(expected), "bytes %lu-%lu/200000", first, first + len - 1);
        cr_expect(answer_header(&a, "Content-Range:", text, sizeof(text)));
        cr_expect_str_eq(text, expected);
    }
    answer_done(&a);
}

Test(downloads, ranges_and_head, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    char text[96];
    cr_assert_eq(put(false, u.put, 200000, ""), 200);
    for (int tls = 0; tls < 2; tls++) {
        expect_range(tls, u.get, "bytes=0-0", 206, 0, 1);
        expect_range(tls, u.get, "bytes=100-199", 206, 100, 100);
        expect_range(tls, u.get, "bytes=1-150000", 206, 1, 150000);
        expect_range(tls, u.get, "bytes=199999-", 206, 199999, 1);
        expect_range(tls, u.get, "bytes=-500", 206, 199500, 500);
        expect_range(tls, u.get, "bytes=0-9999999", 206, 0, 200000);
        expect_range(tls, u.get, "bytes=200000-", 416, 0, 0);
        expect_range(tls, u.get, "bytes=5-2", 200, 0, 0);
        expect_range(tls, u.get, "bytes=0-1,4-5", 200, 0, 0);
        answer a = get(tls, "HEAD", u.get, "Range: bytes=0-1\r\n");
        cr_expect_eq(a.status, 200, "ranges are for GET");
        cr_expect(answer_header(&a, "Content-Length:", text, sizeof(text)));
        cr_expect_str_eq(text, "200000");
        cr_expect(answer_header(&a, "Accept-Ranges:", text, sizeof(text)));
        answer_done(&a);
    }
    answer a = get(false, "GET", u.get, "Range: bytes=200000-\r\n");
    cr_expect(answer_header(&a, "Content-Range:", text, sizeof(text)));
    cr_expect_str_eq(text, "bytes */200000");
    answer_done(&a);
}

Test(downloads, one_connection_many_files, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    cr_assert_eq(put(false, u.put, 70000, ""), 200);
    for (int tls = 0; tls < 2; tls++) {
        client c = client_open(tls);
        char *text = rf_asprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", u.get);
        for (int i = 0; i < 5; i++) {
            client_text(&c, text); /* pipelined */
        }
        for (int i = 0; i < 5; i++) {
            answer a = client_answer(&c, true);
            cr_expect(a.status == 200 && a.body_len == 70000 &&
                      same((uint8_t *)a.body, 0, a.body_len));
            answer_done(&a);
        }
        free(text);
        client_close(&c);
    }
}

/* Q11 */
Test(downloads, thirty_two_at_once, .init = setup, .fini = fixture_stop)
{
    enum { N = 32 };
    client c[N];
    urls u = new_upload();
    cr_assert_eq(put(false, u.put, 4 * MIB, ""), 200);
    char *text = rf_asprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", u.get);
    for (int i = 0; i < N; i++) {
        c[i] = client_open(i % 2 == 1);
        client_text(&c[i], text);
    }
    for (int i = 0; i < N; i++) {
        answer a = client_answer(&c[i], true);
        cr_expect(a.status == 200 && a.body_len == 4 * MIB &&
                  same((uint8_t *)a.body, 0, a.body_len));
        answer_done(&a);
        client_close(&c[i]);
    }
    free(text);
}

Test(downloads, readers_that_go_away_leave_nothing, .init = setup, .fini = fixture_stop)
{
    urls u = new_upload();
    cr_assert_eq(put(false, u.put, 4 * MIB, ""), 200);
    char *text = rf_asprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", u.get);
    for (int i = 0; i < 300; i++) { /* more than transfers.max */
        client c = client_open(i % 2 == 1);
        client_text(&c, text);
        answer a = client_read_head(&c);
        cr_expect_eq(a.status, 200, "%d: %d", i, a.status);
        client_close(&c);
    }
    free(text);
    expect_file(false, u.get, 4 * MIB);
}

Test(downloads, one_in_progress_is_finished_while_draining, .init = setup, .fini = fixture_stop)
{
    enum { BYTES = 4 * MIB };
    urls u = new_upload();
    char *body = malloc(BYTES);
    size_t n = 0;
    cr_assert_eq(put(false, u.put, BYTES, ""), 200);
    client c = client_open(true);
    char *text = rf_asprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", u.get);
    client_text(&c, text);
    answer a = client_read_head(&c);
    cr_assert_eq(a.status, 200);
    kill(fix.gateway, SIGTERM);
    usleep(300000);
    ssize_t got = 0;
    while (n < BYTES && (got = client_read(&c, body + n, BYTES - n)) > 0) {
        n += (size_t)got;
    }
    cr_expect_eq(n, BYTES);
    cr_expect(same((uint8_t *)body, 0, n));
    cr_expect(client_ended(&c, 3000));
    client_close(&c);
    free(text);
    free(body);
}

/* ---- 2 GiB each way ---- */

/* Sanitizers measure no memory and are slow: less does there. */
#define BIG_BYTES ((2ull << 30) / FIGURES_EVERY(64))

static void setup_big(void)
{
    static const char *const job_args[] = {"--upload.max_bytes=3221225472", NULL};
    fixture_start(NULL, job_args);
}

static void put_big(bool tls, const char *path)
{
    client c = client_open(tls);
    char headers[64];
    static uint8_t block[MIB];
    snprintf(headers, sizeof(headers), "Content-Length: %llu\r\n", BIG_BYTES);
    put_head(&c, path, headers);
    fill(block, 0, sizeof(block));
    for (uint64_t at = 0; at < BIG_BYTES; at += sizeof(block)) {
        cr_assert(client_send(&c, block, sizeof(block)), "cut at %lu", at);
    }
    cr_expect_eq(status_and_close(&c), 200);
}

static void get_big(bool tls, const char *path)
{
    client c = client_open(tls);
    static uint8_t block[MIB];
    uint64_t at = 0;
    char *text = rf_asprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
    client_text(&c, text);
    free(text);
    answer a = client_read_head(&c);
    cr_expect_eq(a.status, 200);
    while (at < BIG_BYTES) {
        ssize_t n = client_read(&c, block, sizeof(block));
        cr_assert_gt(n, 0, "cut at %lu", at);
        cr_assert_eq(block[0], byte_at(at % MIB), "at %lu", at);
        at += (uint64_t)n;
    }
    cr_expect_eq(at, BIG_BYTES);
    client_close(&c);
}

static void both_ways(bool tls)
{
    urls u = new_upload();
    int64_t t0 = rf_time_ns();
    put_big(tls, u.put);
    int64_t t1 = rf_time_ns();
    get_big(tls, u.get);
    int64_t t2 = rf_time_ns();
    cr_log_info("%s: up %.0f MiB/s, down %.0f MiB/s, peak RSS %.1f MiB", tls ? "TLS" : "plain",
                (double)(BIG_BYTES / MIB) * RF_NS_PER_S / (double)(t1 - t0),
                (double)(BIG_BYTES / MIB) * RF_NS_PER_S / (double)(t2 - t1),
                (double)fixture_rss(true) / MIB);
    cr_expect_lt(fixture_rss(true), RSS_LIMIT);
}

Test(streaming, two_GiB_each_way, .init = setup_big, .fini = fixture_stop, .timeout = 280)
{
    both_ways(false);
}

Test(streaming, two_GiB_each_way_over_tls, .init = setup_big, .fini = fixture_stop, .timeout = 280)
{
    both_ways(true);
}
