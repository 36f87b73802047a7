/* https, the bucket in the host name, and URLs that the store gives out. */
#include "s3_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(s3_tls, .init = s3_setup, .fini = s3_teardown, .timeout = 60);

Test(s3_tls, a_bucket_in_the_host_name_is_reached)
{
    cr_assert_not_null(strstr(store_url, "style=virtual"));
    cr_assert_eq(s3_put(store, store_key("o"), 9 << 20, 0), 0);
    rf_store_object *object = NULL;
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
    s3_expect(object, 0, 9 << 20);
    rf_store_object_free(object);
}

Test(s3_tls, an_unknown_authority_is_refused)
{
    rf_store *none = NULL;
    char url[512];
    snprintf(url, sizeof(url), "%s", store_url);
    *strstr(url, "&ca=") = '\0';
    s3_log_begin();
    cr_assert_eq(rf_store_open(url, &none), -EKEYREJECTED);
    cr_assert_not_null(strstr(s3_log_end(), "not trusted"));
}

/* ---- URLs for others ---- */

static bool fetch(const char *url, char out[64])
{
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("curl -fsS --noproxy '*' --cacert '%s' '%s' 2>/dev/null",
                                strstr(store_url, "&ca=") + 4, url);
    FILE *f = popen(command, "r");
    cr_assert_not_null(f);
    size_t n = fread(out, 1, 63, f);
    out[n] = '\0';
    return pclose(f) == 0;
}

Test(s3_tls, a_signed_URL_reads_one_object_for_a_time)
{
    static const char *const keys[] = {"o", "a b?c", "d/e=@+_-.f", "k\xc3\xa4se/\xf0\x9f\x8e\xb5"};
    char text[64];
    for (size_t i = 0; i < RF_ARRAY_LEN(keys); i++) {
        RF_CLEANUP(rf_cleanup_free) char *url = NULL;
        int err = rf_store_presign(store, keys[i], 60, &url);
        cr_assert_eq(err, rf_store_key_valid(keys[i]) ? 0 : -EINVAL);
        if (err == 0) {
            cr_assert_eq(store_put_text(keys[i], keys[i], 0), 0);
            cr_assert(fetch(url, text), "%s", url);
            cr_assert_str_eq(text, keys[i]);
        }
    }
    RF_CLEANUP(rf_cleanup_free) char *url = NULL;
    cr_assert_eq(rf_store_presign(store, "o", 60, &url), 0);
    *strstr(url, "/o?") = '/';
    memmove(strstr(url, "/o?") + 1, "p", 1);
    cr_assert_not(fetch(url, text), "the signature is of another key");
    cr_assert_eq(rf_store_presign(store, "o", 0, &url), -EINVAL);
    cr_assert_eq(rf_store_presign(store, "o", 604801, &url), -EINVAL);
}
