#include "s3_fixture.h"

#include "rf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE (1u << 20)

void s3_setup(void)
{
    if (!server_is_there()) {
        cr_skip_test("it runs under tests/servers/with");
    }
    store_setup();
}

void s3_teardown(void)
{
    if (!server_is_there()) {
        return;
    }
    if (getenv("REFLECTION_S3_FAULTS") != NULL) {
        server_say("fault ANY 0 status");
        server_say("slow 0");
        server_say("trouble 0");
    }
    server_say("login testkey testsecret123");
    store_teardown();
}

int s3_open(const char *options, rf_store **ret)
{
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("%s%s", store_url, options);
    return rf_store_open(url, ret);
}

size_t s3_uploads(void)
{
    rf_s3_config config;
    rf_s3_answer answer;
    rf_s3_page page;
    const char *why = NULL;
    cr_assert_eq(rf_s3_config_read(store_url + strlen("s3:"), &config, &why), 0, "%s", why);
    rf_s3_keychain *chain = rf_s3_keychain_new(&config);
    rf_s3_http *http = rf_s3_http_new(&config, chain);
    rf_buf query;
    rf_buf_init(&query, 4096);
    cr_assert_eq(rf_buf_append_str(&query, "prefix="), 0);
    rf_s3_encode(&query, config.prefix, false);
    cr_assert_eq(rf_buf_append_str(&query, "&uploads="), 0);
    const rf_s3_request request = {
        .what = "uploads", .method = "GET", .key = "", .query = rf_buf_str(&query)};
    cr_assert_eq(rf_s3_do(http, &request, &answer), 0);
    cr_assert_eq(rf_s3_page_read(answer.body.data, answer.body.len, &page), 0);
    size_t n = page.n;
    rf_s3_page_done(&page);
    rf_s3_answer_done(&answer);
    rf_buf_done(&query);
    rf_s3_http_free(http);
    rf_s3_keychain_free(chain);
    rf_s3_config_done(&config);
    return n;
}

/* ---- bodies ---- */

uint8_t s3_byte(uint64_t i)
{
    return (uint8_t)((i * 2654435761u) >> 13 ^ i >> 20);
}

static uint8_t *piece_at(uint64_t offset, size_t len)
{
    uint8_t *bytes = rf_alloc(len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = s3_byte(offset + i);
    }
    return bytes;
}

int s3_put(rf_store *s, const char *key, uint64_t len, unsigned flags)
{
    rf_store_put *put = NULL;
    int err = rf_store_put_open(s, key, NO_LIMIT, flags, &put);
    for (uint64_t at = 0; err == 0 && at < len; at += PIECE) {
        size_t n = (size_t)RF_MIN(len - at, (uint64_t)PIECE);
        RF_CLEANUP(rf_cleanup_free) uint8_t *bytes = piece_at(at, n);
        err = rf_store_put_write(put, bytes, n);
    }
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

void s3_expect(rf_store_object *object, uint64_t offset, size_t len)
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *expected = piece_at(offset, len);
    RF_CLEANUP(rf_cleanup_free) uint8_t *got = rf_alloc(len + 1);
    cr_assert_eq(rf_store_object_read(object, offset, got, len), (ssize_t)len);
    cr_assert_eq(memcmp(got, expected, len), 0, "at %llu", (unsigned long long)offset);
}

/* ---- logs ---- */

static int real_stderr = -1;
static char log_path[] = "/tmp/rf-s3-log-XXXXXX";

void s3_log_begin(void)
{
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    int fd = mkstemp(log_path);
    cr_assert_geq(fd, 0);
    cr_assert_geq(dup2(fd, STDERR_FILENO), 0);
    rf_close(&fd);
}

const char *s3_log_end(void)
{
    static rf_buf text;
    fflush(stderr);
    dup2(real_stderr, STDERR_FILENO);
    rf_close(&real_stderr);
    rf_buf_done(&text);
    rf_buf_init(&text, 1 << 20);
    cr_assert_eq(rf_file_read(log_path, &text), 0);
    unlink(log_path);
    strcpy(log_path, "/tmp/rf-s3-log-XXXXXX");
    fputs(rf_buf_str(&text), stderr);
    return rf_buf_str(&text);
}
