/* Without a server: URLs, credentials, signatures, and what servers answer. */
#include "rf_store_s3.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void forget_environment(void)
{
    static const char *const names[] = {"AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_PROFILE",
                                        "AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_SHARED_CREDENTIALS_FILE"};
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        unsetenv(names[i]);
    }
}

TestSuite(s3_words, .init = forget_environment);

/* ---- URLs ---- */

static void expect_host(const char *address, const char *expected)
{
    rf_s3_config c;
    rf_buf out;
    const char *why = NULL;
    rf_buf_init(&out, 4096);
    cr_assert_eq(rf_s3_config_read(address, &c, &why), 0, "%s: %s", address, why);
    (void)rf_buf_printf(&out, "%s://", c.scheme);
    rf_s3_host(&c, &out);
    rf_s3_location(&c, "k\xc3\xa4/+=@", &out);
    (void)rf_buf_printf(&out, " %s %s", c.prefix, c.region);
    cr_assert_str_eq(rf_buf_str(&out), expected);
    rf_buf_done(&out);
    rf_s3_config_done(&c);
}

#define KEY "k%C3%A4/%2B%3D%40"

Test(s3_words, a_URL_says_where_the_bucket_is)
{
    expect_host("//media", "https://media.s3.us-east-1.amazonaws.com/" KEY "  us-east-1");
    expect_host("//media/a/b/?region=eu-west-3",
                "https://media.s3.eu-west-3.amazonaws.com/" KEY " a/b/ eu-west-3");
    expect_host("//media?style=path",
                "https://s3.us-east-1.amazonaws.com/media/" KEY "  us-east-1");
    expect_host("//m.1?endpoint=http://h:9000/", "http://h:9000/m.1/" KEY "  us-east-1");
    expect_host("//media?endpoint=https://h:443&style=virtual",
                "https://media.h/" KEY "  us-east-1");
    expect_host("//media?endpoint=http%3A%2F%2Fh:80", "http://h/media/" KEY "  us-east-1");
    setenv("AWS_REGION", "ap-south-1", 1);
    expect_host("//media", "https://media.s3.ap-south-1.amazonaws.com/" KEY "  ap-south-1");
}

Test(s3_words, a_bad_URL_is_told)
{
    static const char *const bad[] = {
        "media",
        "/media",
        "//",
        "//ab",
        "//UPPER",
        "//-media",
        "//key:secret@media",
        "//media/../x",
        "//media?endpoint=h:9000",
        "//media?endpoint=ftp://h",
        "//media?endpoint=https://",
        "//media?endpoint=https://h/path",
        "//media?endpoint=https://user@h",
        "//media?style=other",
        "//media?timeout=0",
        "//media?timeout=x",
        "//media?slow=604801",
        "//media?region=",
        "//media?secret=x",
        "//media?Region=x",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_s3_config c = {.timeout_ms = 7};
        const char *why = NULL;
        cr_assert_eq(rf_s3_config_read(bad[i], &c, &why), -EINVAL, "%s", bad[i]);
        cr_assert_not_null(why);
        cr_assert_eq(c.timeout_ms, 7);
    }
}

/* ---- credentials ---- */

static char file[64];

static void write_file(const char *text)
{
    if (file[0] == '\0') {
        snprintf(file, sizeof(file), "/tmp/rf-s3-words-%d", (int)getpid());
    }
    FILE *f = fopen(file, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

/* expected: "access secret token", or why there are none. */
static void expect_keys(const char *options, const char *expected)
{
    rf_s3_config c;
    rf_s3_keys keys;
    char text[1024];
    const char *why = NULL;
    RF_CLEANUP(rf_cleanup_free) char *address = rf_asprintf("//media%s", options);
    cr_assert_eq(rf_s3_config_read(address, &c, &why), 0, "%s", why);
    rf_s3_keychain *chain = rf_s3_keychain_new(&c);
    int err = rf_s3_keychain_get(chain, &keys, &why);
    snprintf(text, sizeof(text), "%s %s %s", keys.access, keys.secret, keys.token);
    cr_assert_eq(err, expected == NULL ? -EACCES : 0, "%s: %s", options, why);
    cr_assert(expected == NULL || strcmp(text, expected) == 0, "%s", text);
    rf_s3_keychain_free(chain);
    rf_s3_config_done(&c);
}

Test(s3_words, credentials_come_from_where_AWS_has_them)
{
    write_file(
        "# a comment\r\n[default]\r\n aws_access_key_id=AK \r\naws_secret_access_key = S/K+=\r\n"
        "[ci]\naws_access_key_id = CI\naws_secret_access_key = x\naws_session_token=T==\n"
        "region = eu-west-1\n[empty]\n");
    RF_CLEANUP(rf_cleanup_free) char *named = rf_asprintf("?credentials=%s", file);
    RF_CLEANUP(rf_cleanup_free) char *ci = rf_asprintf("?credentials=%s&profile=ci", file);
    RF_CLEANUP(rf_cleanup_free) char *empty = rf_asprintf("?credentials=%s&profile=empty", file);
    setenv("HOME", "/nowhere", 1);
    expect_keys("", NULL);
    expect_keys(named, "AK S/K+= ");
    expect_keys(ci, "CI x T==");
    expect_keys(empty, NULL);
    expect_keys("?credentials=/no/such/file", NULL);
    setenv("AWS_SHARED_CREDENTIALS_FILE", file, 1);
    setenv("AWS_PROFILE", "ci", 1);
    expect_keys("", "CI x T==");
    setenv("AWS_ACCESS_KEY_ID", "env", 1);
    expect_keys("", NULL);
    setenv("AWS_SECRET_ACCESS_KEY", "key", 1);
    expect_keys("", "env key ");
    setenv("AWS_SESSION_TOKEN", "token", 1);
    expect_keys("", "env key token");
    expect_keys(named, "CI x T==");
    setenv("AWS_ACCESS_KEY_ID", "a\nb: c", 1); /* it becomes part of a header */
    expect_keys("", NULL);
    unlink(file);
}

/* ---- signatures ---- */

/* The example of the AWS documentation, "Authenticating Requests: Using Query Parameters". */
Test(s3_words, a_presigned_URL_is_that_of_the_specification)
{
    rf_s3_config c;
    const char *why = NULL;
    const rf_s3_keys keys = {.access = "AKIAIOSFODNN7EXAMPLE",
                             .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
    cr_assert_eq(rf_s3_config_read(
                     "//examplebucket?endpoint=https://s3.amazonaws.com&style=virtual", &c, &why),
                 0);
    RF_CLEANUP(rf_cleanup_free)
    char *url = rf_s3_presign(&c, &keys, "test.txt", 86400, 1369353600);
    cr_assert_str_eq(
        url, "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
             "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
             "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
             "&X-Amz-Signature="
             "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    rf_s3_config_done(&c);
}

/* ---- answers ---- */

static void take(rf_s3_answer *a, const char *line)
{
    rf_s3_answer_header(a, line, strlen(line));
}

Test(s3_words, headers_say_what_an_object_is)
{
    rf_s3_answer a;
    rf_s3_answer_init(&a);
    take(&a, "HTTP/1.1 100 Continue\r\n");
    take(&a, "Content-Length: 77\r\n");
    take(&a, "HTTP/1.1 206 Partial Content\r\n");
    take(&a, "content-range:bytes 0-9/5000000000\r\n");
    take(&a, "Content-Length: 10\r\n");
    take(&a, "ETag: \t\"abc\" \r\n");
    take(&a, "X-Amz-Meta-Reflection: 0123456789abcdef-\r\n");
    take(&a, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    take(&a, "Retry-After: 3\r\n");
    cr_assert_eq(a.length, 5000000000u);
    cr_assert_str_eq(a.etag, "\"abc\"");
    cr_assert_str_eq(a.id, "0123456789abcdef-");
    cr_assert_eq(a.modified_ms, 784111777000);
    cr_assert_eq(a.retry_after_ms, 3000);
    take(&a, "Content-Range: bytes 0-9/*\r\n");
    cr_assert_eq(a.length, 0);
    rf_s3_answer_done(&a);
}

Test(s3_words, errors_are_read_and_rubbish_is_none)
{
    static const struct {
        const char *body;
        const char *code;
    } table[] = {
        {"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>",
         "NoSuchKey"},
        {"<Error xmlns=\"x\"><Code>A</Code><Other><Code>B</Code></Other></Error>", "A"},
        {"<html><Code>A</Code></html>", ""},
        {"502 bad gateway", ""},
        {"<Error><Code>A</Code>", ""},
        {"<!DOCTYPE x [<!ENTITY e \"e\">]><Error><Code>&e;</Code></Error>", ""},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_s3_answer a;
        rf_s3_answer_init(&a);
        cr_assert_eq(rf_buf_append_str(&a.body, table[i].body), 0);
        rf_s3_answer_error(&a);
        cr_assert_str_eq(a.code, table[i].code);
        rf_s3_answer_done(&a);
    }
}

Test(s3_words, a_page_of_a_list_is_read)
{
    static const char xml[] =
        "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a%2Bb/%C3%A4</Key>"
        "<LastModified>2026-01-02T03:04:05.678Z</LastModified><Size>5000000000</Size>"
        "<Owner><ID>Key</ID></Owner></Contents><Contents><Size>1</Size></Contents>"
        "<Contents><Key>c%zz+d</Key></Contents>"
        "<NextContinuationToken>t%20/=</NextContinuationToken><EncodingType>url</EncodingType>"
        "</ListBucketResult>";
    rf_s3_page page;
    cr_assert_eq(rf_s3_page_read(xml, strlen(xml), &page), 0);
    cr_assert_eq(page.n, 2);
    cr_assert_str_eq(page.entries[0].key, "a+b/\xc3\xa4");
    cr_assert_eq(page.entries[0].size, 5000000000u);
    cr_assert_eq(page.entries[0].at_ms, 1767323045678);
    cr_assert_str_eq(page.entries[1].key, "c%zz d");
    cr_assert(page.is_cut);
    cr_assert_str_eq(page.next, "t%20/=", "a token is not decoded");
    rf_s3_page_done(&page);
}

Test(s3_words, a_page_that_would_come_for_ever_is_refused)
{
    static const char *const bad[] = {
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key></Contents>",
        "",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></"
        "a>"
        "</a></a></a></a></a></a>",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_s3_page page;
        cr_assert_eq(rf_s3_page_read(bad[i], strlen(bad[i]), &page), -EBADMSG, "row %zu", i);
        cr_assert_eq(page.n, 0);
    }
}
