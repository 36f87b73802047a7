#include "rf_store_s3.h"

#include "rf_crypto.h"
#include "rf_id.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TEXT_MAX (32u << 10)
#define DAY_SIZE 9
#define TIME_SIZE 17

/* ---- percent encoding ---- */

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

void rf_s3_encode(rf_buf *out, const char *text, bool keep_slash)
{
    for (; *text != '\0'; text++) {
        if (is_unreserved(*text) || (*text == '/' && keep_slash)) {
            (void)rf_buf_append_char(out, *text);
        } else {
            (void)rf_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
        }
    }
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return at == NULL ? -1 : (int)(at - digits);
}

void rf_s3_decode(char *text)
{
    char *out = text;
    while (*text != '\0') {
        int high = *text == '%' ? hex_value(text[1]) : -1;
        int low = high >= 0 ? hex_value(text[2]) : -1;
        *out++ = low >= 0 ? (char)(high << 4 | low) : *text;
        text += low >= 0 ? 3 : 1;
    }
    *out = '\0';
}

/* ---- where things are ---- */

void rf_s3_host(const rf_s3_config *c, rf_buf *out)
{
    if (!c->path_style) {
        (void)rf_buf_printf(out, "%s.", c->bucket);
    }
    (void)rf_buf_append_str(out, c->host);
}

void rf_s3_location(const rf_s3_config *c, const char *key, rf_buf *out)
{
    (void)rf_buf_append_char(out, '/');
    if (c->path_style) {
        (void)rf_buf_append_str(out, c->bucket);
        (void)rf_buf_append_str(out, key[0] == '\0' ? "" : "/");
    }
    rf_s3_encode(out, key, true);
}

/* ---- signing (AWS Signature Version 4) ---- */

typedef struct scope {
    char day[DAY_SIZE];
    char time[TIME_SIZE];
    char *text; /* "20260102/us-east-1/s3/aws4_request" */
} scope;

static void scope_init(scope *s, const rf_s3_config *c, int64_t now_s)
{
    struct tm tm = {0};
    time_t now = (time_t)now_s;
    gmtime_r(&now, &tm);
    strftime(s->day, sizeof(s->day), "%Y%m%d", &tm);
    strftime(s->time, sizeof(s->time), "%Y%m%dT%H%M%SZ", &tm);
    s->text = rf_asprintf("%s/%s/s3/aws4_request", s->day, c->region);
}

static void sign(const rf_s3_config *c, const rf_s3_keys *keys, const scope *s, const char *text,
                 char out[2 * RF_SHA256_LEN + 1])
{
    uint8_t key[RF_SHA256_LEN];
    char first[sizeof(keys->secret) + 8];
    const char *const steps[] = {c->region, "s3", "aws4_request", text};
    int n = snprintf(first, sizeof(first), "AWS4%s", keys->secret);
    rf_hmac_sha256(first, (size_t)n, s->day, strlen(s->day), key);
    for (size_t i = 0; i < RF_ARRAY_LEN(steps); i++) {
        uint8_t next[RF_SHA256_LEN];
        rf_hmac_sha256(key, sizeof(key), steps[i], strlen(steps[i]), next);
        memcpy(key, next, sizeof(key));
    }
    rf_hex(key, sizeof(key), out);
    explicit_bzero(first, sizeof(first));
    explicit_bzero(key, sizeof(key));
}

/* The query but its signature, sorted as it must be. */
static void presigned_query(const rf_s3_keys *keys, const scope *s, int64_t seconds, rf_buf *out)
{
    (void)rf_buf_append_str(out, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");
    rf_s3_encode(out, keys->access, false);
    (void)rf_buf_append_str(out, "%2F");
    rf_s3_encode(out, s->text, false);
    (void)rf_buf_printf(out, "&X-Amz-Date=%s&X-Amz-Expires=%lld", s->time, (long long)seconds);
    if (keys->token[0] != '\0') {
        (void)rf_buf_append_str(out, "&X-Amz-Security-Token=");
        rf_s3_encode(out, keys->token, false);
    }
    (void)rf_buf_append_str(out, "&X-Amz-SignedHeaders=host");
}

static char *text_to_sign(const scope *s, rf_buf *canonical)
{
    uint8_t hash[RF_SHA256_LEN];
    char hex[2 * RF_SHA256_LEN + 1];
    rf_sha256_of(canonical->data, canonical->len, hash);
    rf_hex(hash, sizeof(hash), hex);
    return rf_asprintf(ALGORITHM "\n%s\n%s\n%s", s->time, s->text, hex);
}

char *rf_s3_presign(const rf_s3_config *c, const rf_s3_keys *keys, const char *key, int64_t seconds,
                    int64_t now_s)
{
    scope s;
    rf_buf host;
    rf_buf path;
    rf_buf query;
    rf_buf canonical;
    char signature[2 * RF_SHA256_LEN + 1];
    rf_buf *const all[] = {&host, &path, &query, &canonical};
    for (size_t i = 0; i < RF_ARRAY_LEN(all); i++) {
        rf_buf_init(all[i], TEXT_MAX);
    }
    scope_init(&s, c, now_s);
    rf_s3_host(c, &host);
    rf_s3_location(c, key, &path);
    presigned_query(keys, &s, seconds, &query);
    (void)rf_buf_printf(&canonical, "GET\n%s\n%s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD",
                        rf_buf_str(&path), rf_buf_str(&query), rf_buf_str(&host));
    RF_CLEANUP(rf_cleanup_free) char *text = text_to_sign(&s, &canonical);
    sign(c, keys, &s, text, signature);
    char *url = rf_asprintf("%s://%s%s?%s&X-Amz-Signature=%s", c->scheme, rf_buf_str(&host),
                            rf_buf_str(&path), rf_buf_str(&query), signature);
    for (size_t i = 0; i < RF_ARRAY_LEN(all); i++) {
        rf_buf_done(all[i]);
    }
    free(s.text);
    return url;
}
