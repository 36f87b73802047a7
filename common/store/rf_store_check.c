#include "rf_store.h"

#include "rf_id.h"
#include "rf_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int write_object(rf_store *store, const char *key)
{
    static const char text[] = "check";
    rf_store_put *put = NULL;
    int err = rf_store_put_open(store, key, sizeof(text), RF_STORE_NEW_ONLY, &put);
    err = err == 0 ? rf_store_put_write(put, text, sizeof(text)) : err;
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

static int write_and_remove(rf_store *store)
{
    char id[RF_UUID_LEN];
    char key[64];
    rf_uuid4(id);
    snprintf(key, sizeof(key), "checks/%s", id);
    int err = write_object(store, key);
    return err == 0 ? rf_store_delete(store, key) : err;
}

static const char *why_of(int err)
{
    return err == -EINVAL ? "it is neither dir:PATH nor s3://BUCKET..." : strerror(-err);
}

/* A backend that knows more has logged it before. */
int rf_store_check(const char *url)
{
    rf_store *store = NULL;
    if (url[0] == '\0') {
        return 0;
    }
    int err = rf_store_open(url, &store);
    err = err == 0 ? write_and_remove(store) : err;
    rf_store_close(store);
    if (err < 0) {
        RF_LOG_ERROR("object store cannot be used", RF_STR("setting", "store.url"),
                     RF_STR("why", why_of(err)));
    }
    return err;
}
