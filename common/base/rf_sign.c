#include "rf_sign.h"

#include "rf_buf.h"
#include "rf_crypto.h"
#include "rf_file.h"
#include "rf_id.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_KEYS 4
#define MAX_ID 16
#define SIGNATURE_TEXT RF_BASE64URL_LEN(RF_SHA256_LEN)

typedef struct sign_key {
    char id[MAX_ID];
    uint8_t secret[RF_SHA256_LEN];
} sign_key;

struct rf_signer {
    sign_key keys[MAX_KEYS];
    size_t n_keys;
};

static int parse_key(const char *line, sign_key *key)
{
    char hex[2 * RF_SHA256_LEN + 1];
    if (sscanf(line, "%15[A-Za-z0-9_-] %64[0-9a-f]", key->id, hex) != 2 ||
        strlen(hex) != 2 * RF_SHA256_LEN) {
        return -EBADMSG;
    }
    return rf_unhex(hex, key->secret, sizeof(key->secret));
}

static int parse_keys(rf_signer *s, char *text)
{
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (line[0] == '\0') {
            continue;
        }
        if (s->n_keys == MAX_KEYS || parse_key(line, &s->keys[s->n_keys]) < 0) {
            return -EBADMSG;
        }
        s->n_keys++;
    }
    return s->n_keys > 0 ? 0 : -EBADMSG;
}

static int make_file(const char *path)
{
    char line[2 * RF_SHA256_LEN + 4];
    uint8_t secret[RF_SHA256_LEN];
    rf_random(secret, sizeof(secret));
    memcpy(line, "1 ", 2);
    rf_hex(secret, sizeof(secret), line + 2);
    memcpy(line + 2 + 2 * sizeof(secret), "\n", 2);
    int err = rf_file_create_atomic(path, line, strlen(line), 0600);
    return err == -EEXIST ? 0 : err; /* another process was first: its key is the one */
}

int rf_signer_open(const char *path, rf_signer **ret)
{
    rf_buf text;
    rf_buf_init(&text, 4096);
    int err = rf_file_read(path, &text);
    if (err == -ENOENT) {
        err = make_file(path);
        err = err == 0 ? rf_file_read(path, &text) : err;
    }
    if (err == 0) {
        rf_signer *s = RF_NEW(rf_signer);
        RF_CLEANUP(rf_cleanup_free) char *copy = rf_buf_steal(&text);
        err = parse_keys(s, copy);
        if (err == 0) {
            *ret = s;
        } else {
            rf_signer_free(s);
        }
    }
    rf_buf_done(&text);
    return err;
}

rf_signer *rf_signer_free(rf_signer *s)
{
    free(s);
    return NULL;
}

static void sign(const sign_key *key, const char *method, const char *path, int64_t expires_s,
                 char out[SIGNATURE_TEXT + 1])
{
    uint8_t mac[RF_SHA256_LEN];
    RF_CLEANUP(rf_cleanup_free)
    char *text = rf_asprintf("%s\n%s\n%" PRId64 "\n%s", method, path, expires_s, key->id);
    rf_hmac_sha256(key->secret, sizeof(key->secret), text, strlen(text), mac);
    rf_base64url_encode(mac, sizeof(mac), out);
}

char *rf_sign_path(const rf_signer *s, const char *method, const char *path, int64_t expires_s)
{
    char signature[SIGNATURE_TEXT + 1];
    sign(&s->keys[0], method, path, expires_s, signature);
    return rf_asprintf("%s?e=%" PRId64 "&k=%s&s=%s", path, expires_s, s->keys[0].id, signature);
}

/* Copies the value of a one-letter query key; -EACCES when it is missing, twice there or too long.
 */
static int query_value(const char *query, char name, char *out, size_t out_size)
{
    bool found = false;
    for (const char *p = query; *p != '\0';) {
        size_t len = strcspn(p, "&");
        if (len >= 2 && p[0] == name && p[1] == '=') {
            if (found || len - 2 >= out_size) {
                return -EACCES;
            }
            memcpy(out, p + 2, len - 2);
            out[len - 2] = '\0';
            found = true;
        }
        p += len + (p[len] == '&');
    }
    return found ? 0 : -EACCES;
}

int rf_sign_check(const rf_signer *s, const char *method, const char *path, const char *query,
                  int64_t now_s)
{
    char expiry[24];
    char id[MAX_ID];
    char given[SIGNATURE_TEXT + 1];
    int64_t expires_s;
    if (query_value(query, 'e', expiry, sizeof(expiry)) < 0 ||
        query_value(query, 'k', id, sizeof(id)) < 0 ||
        query_value(query, 's', given, sizeof(given)) < 0 || rf_parse_i64(expiry, &expires_s) < 0 ||
        strlen(given) != SIGNATURE_TEXT) {
        return -EACCES;
    }
    for (size_t i = 0; i < s->n_keys; i++) {
        char expected[SIGNATURE_TEXT + 1];
        sign(&s->keys[i], method, path, expires_s, expected);
        if (strcmp(s->keys[i].id, id) == 0 && rf_equal_ct(expected, given, SIGNATURE_TEXT)) {
            return expires_s >= now_s ? 0 : -ETIMEDOUT;
        }
    }
    return -EACCES;
}
