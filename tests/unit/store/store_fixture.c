#include "store_fixture.h"

#include "rf_id.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

char store_url[512];
char store_dir[256];
rf_store *store;
static char prefix[RF_UUID_LEN];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void store_below(const char *url, const char *below, char out[512])
{
    int n = (int)strcspn(url, "?");
    snprintf(out, 512, "%.*s/%s%s", n, url, below, url + n);
}

bool store_is_s3(void)
{
    return strncmp(store_url, "s3:", 3) == 0;
}

void store_setup(void)
{
    const char *given = getenv("REFLECTION_STORE_URL");
    const char *temp = getenv("TMPDIR");
    rf_uuid4(prefix);
    store_dir[0] = '\0';
    if (given != NULL && given[0] != '\0') {
        store_below(given, prefix, store_url);
    } else {
        snprintf(store_dir, sizeof(store_dir), "%s/rf-store-XXXXXX", temp == NULL ? "/tmp" : temp);
        cr_assert_not_null(mkdtemp(store_dir));
        snprintf(store_url, sizeof(store_url), "dir:%s", store_dir);
    }
    cr_assert_eq(rf_store_open(store_url, &store), 0);
}

void store_teardown(void)
{
    rf_store_delete_prefix(store, prefix, NULL);
    store = rf_store_close(store);
    if (store_dir[0] != '\0') {
        nftw(store_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

const char *store_prefix(void)
{
    return prefix;
}

const char *store_key(const char *rest)
{
    static char keys[8][RF_STORE_MAX_KEY + 1];
    static unsigned turn;
    char *key = keys[turn++ % 8];
    snprintf(key, RF_STORE_MAX_KEY + 1, "%s/%s", prefix, rest);
    return key;
}

int store_put_text(const char *key, const char *text, unsigned flags)
{
    rf_store_put *put = NULL;
    int err = rf_store_put_open(store, key, NO_LIMIT, flags, &put);
    err = err == 0 ? rf_store_put_write(put, text, strlen(text)) : err;
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

void store_expect(const char *key, const char *text)
{
    char bytes[2048];
    rf_store_object *object = NULL;
    int err = rf_store_get(store, key, &object);
    cr_assert_eq(err, text == NULL ? -ENOENT : 0, "%s: %s", key, strerror(-err));
    if (text != NULL) {
        ssize_t n = rf_store_object_read(object, 0, bytes, sizeof(bytes));
        cr_assert_eq(n, (ssize_t)strlen(text));
        cr_assert_eq(memcmp(bytes, text, strlen(text)), 0);
    }
    rf_store_object_free(object);
}
