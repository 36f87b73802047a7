/* Metadata of objects (spec recorder.md D12, D13): there from the moment the object is, and its. */
#include "store_fixture.h"

#include "rf_id.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

TestSuite(metadata, .init = store_setup, .fini = store_teardown, .timeout = 60);

static int put_both(const char *key, const char *text, const char *meta, unsigned flags)
{
    rf_store_put *put = NULL;
    int err = rf_store_put_open(store, key, NO_LIMIT, flags, &put);
    err = err == 0 ? rf_store_put_write(put, text, strlen(text)) : err;
    err = err == 0 ? rf_store_put_meta(put, meta, strlen(meta)) : err;
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

/* Both ways of reading give the same; NULL: the object has no metadata. */
static void expect_meta(const char *key, const char *expected)
{
    size_t len = 0;
    size_t n = expected == NULL ? 0 : strlen(expected);
    rf_store_object *object = NULL;
    rf_store_info info;
    rf_buf out;
    cr_assert_eq(rf_store_get(store, key, &object), 0);
    const void *meta = rf_store_object_meta(object, &len);
    cr_assert_eq(len, n, "%zu bytes", len);
    cr_assert_eq(meta == NULL, expected == NULL);
    cr_assert(n == 0 || memcmp(meta, expected, n) == 0);
    rf_store_object_free(object);
    rf_buf_init(&out, RF_STORE_MAX_META);
    cr_assert_eq(rf_store_stat_meta(store, key, &info, &out), 0);
    cr_assert_eq(out.len, n);
    cr_assert(n == 0 || memcmp(out.data, expected, n) == 0);
    rf_buf_done(&out);
}

Test(metadata, D13_comes_with_the_object)
{
    const char *key = store_key("Prefix/k\xc3\xa4se/0b6f7c1e.wav");
    cr_assert_eq(put_both(key, "audio", "{\"frames\":5}", 0), 0);
    store_expect(key, "audio");
    expect_meta(key, "{\"frames\":5}");
}

Test(metadata, an_object_without_it_has_none)
{
    cr_assert_eq(store_put_text(store_key("o"), "x", 0), 0);
    expect_meta(store_key("o"), NULL);
}

Test(metadata, may_be_all_that_an_object_has)
{
    cr_assert_eq(put_both(store_key("o"), "", "m", RF_STORE_NEW_ONLY), 0);
    store_expect(store_key("o"), "");
    expect_meta(store_key("o"), "m");
}

Test(metadata, goes_with_a_replacement)
{
    const char *key = store_key("o");
    rf_store_object *before = NULL;
    size_t len = 0;
    cr_assert_eq(put_both(key, "one", "meta one", 0), 0);
    cr_assert_eq(rf_store_get(store, key, &before), 0);
    cr_assert_eq(put_both(key, "two", "the second", 0), 0);
    expect_meta(key, "the second");
    cr_assert_eq(store_put_text(key, "three", 0), 0);
    expect_meta(key, NULL);
    cr_assert_eq(put_both(key, "four", "again", 0), 0);
    expect_meta(key, "again");
    cr_assert_eq(memcmp(rf_store_object_meta(before, &len), "meta one", 8), 0);
    cr_assert_eq(len, 8, "an open object keeps its own");
    rf_store_object_free(before);
}

Test(metadata, goes_with_a_delete)
{
    const char *key = store_key("dir/o");
    cr_assert_eq(put_both(key, "x", "m", 0), 0);
    cr_assert_eq(rf_store_delete(store, key), 0);
    store_expect(key, NULL);
    cr_assert_eq(store_put_text(key, "x", 0), 0);
    expect_meta(key, NULL);
}

Test(metadata, of_a_refused_put_is_not_seen)
{
    const char *key = store_key("o");
    cr_assert_eq(put_both(key, "first", "m1", RF_STORE_NEW_ONLY), 0);
    cr_assert_eq(put_both(key, "second", "m2", RF_STORE_NEW_ONLY), -EEXIST);
    store_expect(key, "first");
    expect_meta(key, "m1");
}

Test(metadata, may_be_64_kib_and_no_more)
{
    RF_CLEANUP(rf_cleanup_free) char *big = rf_alloc(RF_STORE_MAX_META + 2);
    memset(big, 'm', RF_STORE_MAX_META + 1);
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_meta(put, big, RF_STORE_MAX_META + 1), -EFBIG);
    rf_store_put_free(put);
    big[RF_STORE_MAX_META] = '\0';
    cr_assert_eq(put_both(store_key("o"), "x", big, 0), 0);
    expect_meta(store_key("o"), big);
}

Test(metadata, can_be_changed_until_the_commit)
{
    rf_store_put *put = NULL;
    uint8_t hash[32];
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_meta(put, "early", 5), 0);
    cr_assert_eq(rf_store_put_write(put, "x", 1), 0);
    rf_store_put_sha256(put, hash); /* the digest is known and goes into the metadata */
    cr_assert_eq(rf_store_put_meta(put, "late", 4), 0);
    cr_assert_eq(rf_store_put_commit(put), 0);
    cr_assert_eq(rf_store_put_meta(put, "too late", 8), -EBADF);
    rf_store_put_free(put);
    expect_meta(store_key("o"), "late");
}

Test(metadata, is_not_listed)
{
    cr_assert_eq(put_both(store_key("d/o"), "x", "m", 0), 0);
    uint64_t n = 0;
    cr_assert_eq(rf_store_delete_prefix(store, store_prefix(), &n), 0);
    cr_assert_eq(n, 1);
}

Test(metadata, survives_a_closed_store)
{
    cr_assert_eq(put_both(store_key("o"), "x", "kept", 0), 0);
    store = rf_store_close(store);
    cr_assert_eq(rf_store_open(store_url, &store), 0);
    expect_meta(store_key("o"), "kept");
}

/* ---- readers while the object is replaced ---- */

static atomic_bool stop;
static atomic_int n_wrong;
static atomic_int n_read;

/* Body and metadata of one put are equal; a reader never sees a pair of two puts. */
static void *read_pairs(void *arg)
{
    const char *key = arg;
    while (!atomic_load(&stop)) {
        char body[32] = "";
        size_t len = 0;
        rf_store_object *object = NULL;
        if (rf_store_get(store, key, &object) < 0) {
            continue;
        }
        ssize_t n = rf_store_object_read(object, 0, body, sizeof(body));
        const void *meta = rf_store_object_meta(object, &len);
        bool same = n >= 0 && len == (size_t)n && memcmp(meta, body, len) == 0;
        atomic_fetch_add(&n_wrong, same ? 0 : 1);
        atomic_fetch_add(&n_read, 1);
        rf_store_object_free(object);
    }
    return NULL;
}

Test(metadata, D12_a_reader_never_sees_an_object_without_its_own)
{
    static char key[RF_STORE_MAX_KEY + 1];
    snprintf(key, sizeof(key), "%s", store_key("pairs/o"));
    pthread_t threads[3];
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, read_pairs, key), 0);
    }
    for (int i = 0; i < 300 || atomic_load(&n_read) < 300; i++) {
        char text[32];
        snprintf(text, sizeof(text), "put %d", i);
        cr_assert_eq(put_both(key, text, text, 0), 0);
        if (i % 10 == 9) {
            cr_assert_eq(rf_store_delete(store, key), 0);
        }
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(atomic_load(&n_wrong), 0);
}
