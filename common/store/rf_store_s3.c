#include "rf_store_s3.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OPEN_MS 5000         /* who starts with wrong settings is told soon */
#define PRESIGN_MAX_S 604800 /* a week, of S3 itself */

/* ---- names ---- */

int rf_s3_key(const rf_s3 *s3, const char *key, char out[RF_S3_KEY_MAX + 1])
{
    int n = snprintf(out, RF_S3_KEY_MAX + 1, "%s%s", s3->config.prefix, key);
    return n <= RF_S3_KEY_MAX ? 0 : -ENAMETOOLONG;
}

int rf_s3_meta_key(const rf_s3 *s3, const char *key, const char *id, char out[RF_S3_KEY_MAX + 1])
{
    const char *slash = strrchr(key, '/');
    int n_dir = slash == NULL ? 0 : (int)(slash - key) + 1;
    int n = snprintf(out, RF_S3_KEY_MAX + 1, "%s%.*s.%s.%.*s", s3->config.prefix, n_dir, key,
                     key + n_dir, RF_STORE_META_ID_DIGITS, id);
    return n <= RF_S3_KEY_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- objects ---- */

void rf_s3_info(const rf_s3_answer *a, rf_store_info *ret)
{
    *ret = (rf_store_info){.size = a->length, .modified_ms = a->modified_ms};
}

int rf_s3_head(rf_s3 *s3, const char *key, rf_s3_answer *ret)
{
    char whole[RF_S3_KEY_MAX + 1];
    int err = rf_s3_key(s3, key, whole);
    if (err < 0) {
        rf_s3_answer_init(ret);
        return -ENOENT; /* what is too long for a key holds no object */
    }
    const rf_s3_request request = {.what = "stat", .method = "HEAD", .key = whole};
    return rf_s3_do(s3->http, &request, ret);
}

int rf_s3_remove(rf_s3 *s3, const char *whole_key, const char *query)
{
    rf_s3_answer answer;
    const rf_s3_request request = {.what = query == NULL ? "delete" : "abort",
                                   .method = "DELETE",
                                   .key = whole_key,
                                   .query = query};
    int err = rf_s3_do(s3->http, &request, &answer);
    rf_s3_answer_done(&answer);
    return err == -ENOENT ? 0 : err;
}

void rf_s3_remove_meta(rf_s3 *s3, const char *key, const char *id)
{
    char whole[RF_S3_KEY_MAX + 1];
    if (strlen(id) == RF_STORE_META_ID_DIGITS && rf_s3_meta_key(s3, key, id, whole) == 0) {
        (void)rf_s3_remove(s3, whole, NULL); /* logged; a list removes it later */
    }
}

/* The object goes first, so that no reader finds one without its metadata. */
static int s3_remove(void *store, const char *key)
{
    rf_s3 *s3 = store;
    rf_s3_answer answer;
    char whole[RF_S3_KEY_MAX + 1];
    int err = rf_s3_head(s3, key, &answer);
    err = err == 0 ? rf_s3_key(s3, key, whole) : err;
    err = err == 0 ? rf_s3_remove(s3, whole, NULL) : err;
    if (err == 0) {
        rf_s3_remove_meta(s3, key, answer.id);
    }
    rf_s3_answer_done(&answer);
    return err;
}

static int s3_presign(void *store, const char *key, int64_t seconds, char **ret_url)
{
    rf_s3 *s3 = store;
    rf_s3_keys keys;
    const char *why = NULL;
    char whole[RF_S3_KEY_MAX + 1];
    if (seconds < 1 || seconds > PRESIGN_MAX_S) {
        return -EINVAL;
    }
    int err = rf_s3_key(s3, key, whole);
    err = err == 0 ? rf_s3_keychain_get(s3->chain, &keys, &why) : err;
    if (err == 0) {
        *ret_url = rf_s3_presign(&s3->config, &keys, whole, seconds, rf_time_wall_ms() / 1000);
        explicit_bzero(&keys, sizeof(keys));
    }
    return err;
}

/* ---- the store ---- */

static void s3_close(void *store)
{
    rf_s3 *s3 = store;
    rf_s3_http_free(s3->http);
    rf_s3_keychain_free(s3->chain);
    rf_s3_config_done(&s3->config);
    free(s3);
}

/* Whatever would keep the store from working shows here: a list of one. */
static int probe(rf_s3 *s3)
{
    rf_s3_answer answer;
    const rf_s3_request request = {.what = "open",
                                   .method = "GET",
                                   .key = "",
                                   .query = "list-type=2&max-keys=1",
                                   .most_ms = OPEN_MS};
    int err = rf_s3_do(s3->http, &request, &answer);
    rf_s3_answer_done(&answer);
    return err == -ENOENT ? -ENODEV : err;
}

static int s3_open(const char *address, void **ret_store)
{
    const char *why = NULL;
    rf_s3 *s3 = RF_NEW(rf_s3);
    int err = rf_s3_config_read(address, &s3->config, &why);
    if (err < 0) {
        RF_LOG_ERROR("object store", RF_STR("setting", "store.url"), RF_STR("why", why));
        free(s3);
        return err;
    }
    s3->chain = rf_s3_keychain_new(&s3->config);
    s3->http = rf_s3_http_new(&s3->config, s3->chain);
    err = probe(s3);
    if (err < 0) {
        s3_close(s3);
        return err;
    }
    rf_s3_abort_stale(s3);
    *ret_store = s3;
    return 0;
}

const rf_store_backend rf_store_s3_backend = {
    .version = RF_STORE_BACKEND_VERSION,
    .scheme = "s3",
    .open = s3_open,
    .close = s3_close,
    .put_open = rf_s3_put_open,
    .put_write = rf_s3_put_write,
    .put_commit = rf_s3_put_commit,
    .put_free = rf_s3_put_free,
    .get = rf_s3_get,
    .read = rf_s3_read,
    .fd = rf_s3_fd,
    .object_free = rf_s3_object_free,
    .stat = rf_s3_stat,
    .remove = s3_remove,
    .list = rf_s3_list,
    .presign = s3_presign,
};
