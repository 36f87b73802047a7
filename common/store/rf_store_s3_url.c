#include "rf_store_s3.h"

#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define TIMEOUT_S 120
#define SLOW_S 20
#define STALE_S 86400

/* ---- text ---- */

static char *decoded(const char *text, size_t len)
{
    char *out = rf_strndup(text, len);
    rf_s3_decode(out);
    return out;
}

static void replace(char **field, char *text)
{
    free(*field);
    *field = text;
}

static const char *either(const char *a, const char *b, const char *otherwise)
{
    const char *value = getenv(a);
    value = value != NULL && value[0] != '\0' ? value : getenv(b);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

/* ---- options ---- */

static const char *read_endpoint(rf_s3_config *c, const char *text)
{
    const char *host = strstr(text, "://");
    size_t n = host == NULL ? 0 : (size_t)(host - text);
    if (host == NULL || (strncmp(text, "https", n) != 0 && strncmp(text, "http", n) != 0) ||
        n < 4) {
        return "endpoint must begin with https:// or http://";
    }
    host += 3;
    size_t len = strcspn(host, "/?#");
    if (len == 0 || strcmp(host + len, host[len] == '/' ? "/" : "") != 0 ||
        memchr(host, '@', len) != NULL) {
        return "endpoint must be scheme://host[:port] and nothing more";
    }
    replace(&c->scheme, rf_strndup(text, n));
    replace(&c->host, rf_strndup(host, len));
    char *port = strrchr(c->host, ':');
    if (port != NULL && strcmp(port, n == 5 ? ":443" : ":80") == 0) {
        *port = '\0'; /* as HTTP clients write the host, and so as it is signed */
    }
    return NULL;
}

static const char *read_seconds(const char *text, int64_t min, int64_t *ret_ms)
{
    int64_t seconds = 0;
    if (rf_parse_i64(text, &seconds) < 0 || seconds < min || seconds > 604800) {
        return "timeout and slow must be 1 to 604800 seconds, stale 0 to 604800";
    }
    *ret_ms = seconds * 1000;
    return NULL;
}

static const char *read_style(rf_s3_config *c, const char *text)
{
    c->path_style = strcmp(text, "path") == 0;
    return c->path_style || strcmp(text, "virtual") == 0 ? NULL : "style must be path or virtual";
}

static const char *read_option(rf_s3_config *c, const char *name, char *value, bool *has_style)
{
    char **const texts[] = {&c->region, &c->ca_file, &c->credentials, &c->profile};
    static const char *const names[] = {"region", "ca", "credentials", "profile"};
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            replace(texts[i], rf_strdup(value));
            return value[0] == '\0' ? "an option is empty" : NULL;
        }
    }
    if (strcmp(name, "endpoint") == 0) {
        return read_endpoint(c, value);
    }
    if (strcmp(name, "style") == 0) {
        *has_style = true;
        return read_style(c, value);
    }
    if (strcmp(name, "timeout") == 0) {
        return read_seconds(value, 1, &c->timeout_ms);
    }
    if (strcmp(name, "slow") == 0) {
        return read_seconds(value, 1, &c->slow_ms);
    }
    return strcmp(name, "stale") == 0 ? read_seconds(value, 0, &c->stale_ms)
                                      : "the options are endpoint, region, style, ca, credentials, "
                                        "profile, timeout, slow and stale";
}

static const char *read_options(rf_s3_config *c, const char *query)
{
    bool has_style = false;
    const char *why = NULL;
    while (why == NULL && *query != '\0') {
        size_t len = strcspn(query, "&");
        size_t n_name = strcspn(query, "=&");
        RF_CLEANUP(rf_cleanup_free) char *name = rf_strndup(query, n_name);
        RF_CLEANUP(rf_cleanup_free)
        char *value = n_name < len ? decoded(query + n_name + 1, len - n_name - 1) : rf_strdup("");
        why = read_option(c, name, value, &has_style);
        query += len + (query[len] == '&' ? 1 : 0);
    }
    if (c->host == NULL) {
        c->scheme = rf_strdup("https");
        c->host = rf_asprintf("s3.%s.amazonaws.com", c->region);
    } else if (!has_style) {
        c->path_style = true;
    }
    return why;
}

/* ---- bucket and prefix ---- */

static bool bucket_is_valid(const char *name)
{
    size_t len = strlen(name);
    return len >= 3 && len <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len &&
           name[0] != '-' && name[0] != '.';
}

static const char *read_place(rf_s3_config *c, const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);
    size_t n_bucket = slash == NULL ? len : (size_t)(slash - text);
    c->bucket = rf_strndup(text, n_bucket);
    RF_CLEANUP(rf_cleanup_free)
    char *prefix = slash == NULL ? rf_strdup("") : rf_strndup(slash + 1, len - n_bucket - 1);
    size_t n = strlen(prefix);
    if (n > 0 && prefix[n - 1] == '/') {
        prefix[n - 1] = '\0';
    }
    c->prefix = rf_asprintf("%s%s", prefix, prefix[0] == '\0' ? "" : "/");
    if (!bucket_is_valid(c->bucket)) {
        return "the bucket must be 3 to 63 of a-z, 0-9, '.' and '-'";
    }
    return prefix[0] == '\0' || rf_store_key_valid(prefix) ? NULL : "the prefix is no key";
}

int rf_s3_config_read(const char *address, rf_s3_config *ret, const char **ret_why)
{
    rf_s3_config c = {.timeout_ms = TIMEOUT_S * 1000, .slow_ms = SLOW_S * 1000};
    c.stale_ms = STALE_S * 1000;
    c.region = rf_strdup(either("AWS_REGION", "AWS_DEFAULT_REGION", "us-east-1"));
    c.profile = rf_strdup(either("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "default"));
    *ret_why = "it must be s3://bucket[/prefix][?options]";
    if (strncmp(address, "//", 2) == 0) {
        const char *query = strchr(address, '?');
        size_t len = query == NULL ? strlen(address + 2) : (size_t)(query - address - 2);
        *ret_why = read_place(&c, address + 2, len);
        if (*ret_why == NULL) {
            *ret_why = read_options(&c, query == NULL ? "" : query + 1);
        }
    }
    if (*ret_why != NULL) {
        rf_s3_config_done(&c);
        return -EINVAL;
    }
    *ret = c;
    return 0;
}

void rf_s3_config_done(rf_s3_config *c)
{
    char *const texts[] = {c->scheme, c->host,    c->bucket,      c->prefix,
                           c->region, c->ca_file, c->credentials, c->profile};
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        free(texts[i]);
    }
    *c = (rf_s3_config){0};
}
