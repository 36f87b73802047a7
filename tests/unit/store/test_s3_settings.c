/* Wrong settings end with a clear error that names store.url and says no secret (jobs.md S10). */
#include "s3_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What libcurl signs with: this program's clock, moved by a test. */
static time_t offset_s;

time_t time(time_t *ret)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret != NULL) {
        *ret = now.tv_sec + offset_s;
    }
    return now.tv_sec + offset_s;
}

TestSuite(s3_settings, .init = s3_setup, .fini = s3_teardown, .timeout = 60);

static void expect_refusal(const char *url, int err, const char *why)
{
    rf_store *none = NULL;
    s3_log_begin();
    int got = rf_store_open(url, &none);
    const char *log = s3_log_end();
    cr_assert_eq(got, err, "%s: %s", url, strerror(-got));
    cr_assert_null(none);
    cr_assert_not_null(strstr(log, "store.url"), "%s", log);
    cr_assert_not_null(strstr(log, why), "%s", log);
    cr_assert_null(strstr(log, "secret"), "S10: %s", log);
}

Test(s3_settings, a_wrong_secret_or_key_is_told)
{
    server_say("login testkey wrongsecret");
    expect_refusal(store_url, -EACCES, "SignatureDoesNotMatch");
    server_say("login nobody testsecret123");
    expect_refusal(store_url, -EACCES, "InvalidAccessKeyId");
}

Test(s3_settings, a_check_tells_who_may_read_but_not_write)
{
    cr_assert_eq(rf_store_check(store_url), 0);
    server_say("fault PUT 1 status 403 AccessDenied");
    s3_log_begin();
    int err = rf_store_check(store_url);
    const char *log = s3_log_end();
    cr_assert_eq(err, -EACCES, "%s", strerror(-err));
    cr_assert_not_null(
        strstr(log, "setting=store.url why=\"the credentials are refused, or may not"), "%s", log);
}

Test(s3_settings, an_unknown_bucket_is_told)
{
    RF_CLEANUP(rf_cleanup_free)
    char *url = rf_asprintf("s3://no-such-bucket%s", strchr(store_url, '?'));
    expect_refusal(url, -ENODEV, "no such bucket");
}

Test(s3_settings, a_server_that_is_not_there_is_told)
{
    expect_refusal("s3://bucket?endpoint=http://127.0.0.1:1&timeout=1&credentials=/dev/null",
                   -EACCES, "no credentials");
    setenv("AWS_ACCESS_KEY_ID", "a", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "b", 1);
    expect_refusal("s3://bucket?endpoint=http://127.0.0.1:1&timeout=1", -EHOSTUNREACH,
                   "cannot be reached");
    expect_refusal("s3://bucket?endpoint=http://no-such-host.invalid&timeout=1", -EHOSTUNREACH,
                   "cannot be reached");
}

Test(s3_settings, a_wrong_clock_is_told)
{
    offset_s = -3600;
    expect_refusal(store_url, -ETIME, "clock");
    offset_s = 3600;
    expect_refusal(store_url, -ETIME, "clock");
    offset_s = 0;
    rf_store *again = NULL;
    cr_assert_eq(rf_store_open(store_url, &again), 0);
    rf_store_close(again);
}

/* ---- keys that are renewed ---- */

Test(s3_settings, renewed_credentials_are_taken_from_their_file)
{
    cr_assert_eq(store_put_text(store_key("o"), "x", 0), 0);
    server_say("login testkey wrongsecret");
    rf_store_info info;
    cr_assert_eq(rf_store_stat(store, store_key("o"), &info), -EACCES);
    server_say("login testkey testsecret123");
    cr_assert_eq(rf_store_stat(store, store_key("o"), &info), 0);
}

/* An expired session is refused with 400, and without a word where the answer has no body. */
Test(s3_settings, an_expired_session_is_told)
{
    rf_store_info info;
    server_say("fault HEAD 1 status 400");
    cr_assert_eq(rf_store_stat(store, store_key("o"), &info), -EACCES);
    rf_store_object *object = NULL;
    server_say("fault GET 1 status 400 ExpiredToken");
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), -EACCES);
}

/* Of a file that is half written, or gone for a moment, nothing is taken. */
Test(s3_settings, a_bad_credentials_file_leaves_those_before_it)
{
    server_say("login testkey se\001cret");
    store_expect(store_key("none"), NULL);
}

Test(s3_settings, a_session_token_is_sent_and_signed)
{
    server_say("login testkey testsecret123 session/token+of=STS");
    server_say("fault ANY 1 status 404 NoSuchKey"); /* the server itself has no sessions */
    store_expect(store_key("o"), NULL);
    cr_assert_str_eq(server_say("is_signed testsecret123"), "true");
    cr_assert_str_eq(server_say("is_signed testsecret124"), "false");
    cr_assert_str_eq(server_say("header x-amz-security-token"), "\"session/token+of=STS\"");
    cr_assert_not_null(strstr(server_say("header authorization"), "x-amz-security-token"));
}
