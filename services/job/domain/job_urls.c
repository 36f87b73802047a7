#include "job_urls.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "rf_id.h"

#define SCHEME "https://"
#define RECORDING "recording:"

struct job_urls {
    char *base; /* without a '/' at its end */
    size_t base_len;
    const rf_signer *signer;
};

int job_urls_new(const char *public_base, const rf_signer *signer, job_urls **ret)
{
    size_t len = strlen(public_base);
    while (len > 0 && public_base[len - 1] == '/') {
        len--;
    }
    if (len <= strlen(SCHEME) || strncmp(public_base, SCHEME, strlen(SCHEME)) != 0 ||
        strcspn(public_base + strlen(SCHEME), "/?#@ ") < len - strlen(SCHEME)) {
        return -EINVAL;
    }
    job_urls *u = RF_NEW(job_urls);
    u->base = rf_strndup(public_base, len);
    u->base_len = len;
    u->signer = signer;
    *ret = u;
    return 0;
}

job_urls *job_urls_free(job_urls *u)
{
    if (u != NULL) {
        free(u->base);
        free(u);
    }
    return NULL;
}

static char *signed_url(const job_urls *u, job_arena *arena, const char *method, const char *path,
                        int64_t until_ms)
{
    RF_CLEANUP(rf_cleanup_free)
    char *signed_path = rf_sign_path(u->signer, method, path, until_ms / 1000);
    return job_arena_printf(arena, "%s%s", u->base, signed_path);
}

char *job_urls_upload(const job_urls *u, job_arena *arena, const char *method,
                      const char *upload_id, int64_t until_ms)
{
    char *path = job_arena_printf(arena, "/uploads/%s", upload_id);
    return signed_url(u, arena, method, path, until_ms);
}

/* Output names hold [A-Za-z0-9 _-] only, so the space is all there is to escape. */
static char *escape_name(job_arena *arena, const char *name)
{
    char *out = job_arena_alloc(arena, 3 * strlen(name) + 1);
    char *p = out;
    for (; *name != '\0'; name++) {
        if (*name == ' ') {
            memcpy(p, "%20", 3);
            p += 3;
        } else {
            *p++ = *name;
        }
    }
    return out;
}

char *job_urls_result(const job_urls *u, job_arena *arena, const char *job_id, const char *output,
                      const char *extension, int64_t until_ms)
{
    char *path =
        job_arena_printf(arena, "/files/%s/%s.%s", job_id, escape_name(arena, output), extension);
    return signed_url(u, arena, "GET", path, until_ms);
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Undoes percent-escapes; NULL for a bad one or a NUL. */
static char *unescape(job_arena *arena, const char *s)
{
    char *out = job_arena_alloc(arena, strlen(s) + 1);
    char *p = out;
    for (; *s != '\0'; s++) {
        if (*s != '%') {
            *p++ = *s;
            continue;
        }
        if (!isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2])) {
            return NULL;
        }
        *p = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
        if (*p++ == '\0') {
            return NULL;
        }
        s += 2;
    }
    return out;
}

/* Fills *ret from a path of our own; false when it is none of those that hold bytes. */
static bool parse_path(job_arena *arena, const char *path, job_url *ret)
{
    if (strncmp(path, "/uploads/", 9) == 0 && rf_uuid4_valid(path + 9)) {
        *ret = (job_url){.kind = JOB_URL_UPLOAD, .id = path + 9};
        return true;
    }
    if (strncmp(path, "/files/", 7) != 0 || strlen(path) < 7 + RF_UUID_LEN ||
        path[7 + RF_UUID_LEN - 1] != '/') {
        return false;
    }
    char *id = job_arena_strn(arena, path + 7, RF_UUID_LEN - 1);
    char *name = unescape(arena, path + 7 + RF_UUID_LEN);
    if (!rf_uuid4_valid(id) || name == NULL) {
        return false;
    }
    *ret = (job_url){.kind = JOB_URL_FILE, .id = id, .file_name = name};
    return true;
}

/* Scheme and host ignore case, and the character after the base ends the authority. */
static bool is_own(const job_urls *u, const char *url)
{
    return strncasecmp(url, u->base, u->base_len) == 0 && url[u->base_len] == '/';
}

void job_urls_classify(const job_urls *u, job_arena *arena, const char *method, const char *url,
                       int64_t now_ms, job_url *ret)
{
    *ret = (job_url){.kind = JOB_URL_OUTSIDE};
    const char *key = job_urls_recording_key(url);
    if (key != NULL) {
        *ret = (job_url){.kind = JOB_URL_RECORDING, .id = job_arena_str(arena, key)};
        return;
    }
    if (!is_own(u, url)) {
        return;
    }
    const char *rest = url + u->base_len;
    size_t path_len = strcspn(rest, "?#");
    char *path = job_arena_strn(arena, rest, path_len);
    const char *query = rest[path_len] == '?' ? rest + path_len + 1 : "";
    char *bare_query = job_arena_strn(arena, query, strcspn(query, "#"));
    if (parse_path(arena, path, ret) &&
        rf_sign_check(u->signer, method, path, bare_query, now_ms / 1000) < 0) {
        ret->kind = JOB_URL_BAD;
    }
}

/* ---- recordings ---- */

const char *job_urls_recording_key(const char *url)
{
    size_t len = strlen(RECORDING);
    return strncmp(url, RECORDING, len) == 0 ? url + len : NULL;
}

char *job_urls_recording(job_arena *arena, const char *app, const char *key)
{
    return job_arena_printf(arena, RECORDING "%s/%s", app, key);
}

const char *job_urls_recording_object(job_arena *arena, const char *url)
{
    const char *path = job_urls_recording_key(url);
    return path != NULL ? job_arena_printf(arena, "recorder/%s", path) : NULL;
}
