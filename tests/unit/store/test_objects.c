/* Putting and getting: whole or not at all, ranges, sizes, hashes, replacement. */
#include "store_fixture.h"

#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

TestSuite(objects, .init = store_setup, .fini = store_teardown);

Test(objects, come_back_as_they_were_written)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 65537, 3u << 20};
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        uint8_t *data = rf_alloc(sizes[i] + 1);
        uint8_t *back = rf_alloc(sizes[i] + 1);
        rf_random(data, sizes[i]);
        rf_store_put *put = NULL;
        cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
        for (size_t at = 0; at < sizes[i]; at += 10000) { /* in pieces */
            size_t n = RF_MIN(sizes[i] - at, (size_t)10000);
            cr_assert_eq(rf_store_put_write(put, data + at, n), 0);
        }
        cr_assert_eq(rf_store_put_size(put), sizes[i]);
        cr_assert_eq(rf_store_put_commit(put), 0);
        rf_store_put_free(put);
        rf_store_object *object = NULL;
        cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
        cr_assert_eq(rf_store_object_info(object)->size, sizes[i]);
        cr_assert_eq(rf_store_object_read(object, 0, back, sizes[i] + 1), (ssize_t)sizes[i]);
        cr_assert_eq(memcmp(data, back, sizes[i]), 0);
        rf_store_object_free(object);
        free(data);
        free(back);
    }
}

Test(objects, ranges_are_read_as_asked)
{
    static const struct {
        uint64_t offset;
        size_t len;
        const char *expected;
    } table[] = {
        {0, 10, "0123456789"}, {0, 1, "0"},       {3, 4, "3456"},      {9, 1, "9"},
        {9, 100, "9"},         {10, 1, ""},       {11, 5, ""},         {0, 0, ""},
        {UINT64_MAX, 1, ""},   {5, 100, "56789"}, {INT64_MAX, 10, ""},
    };
    cr_assert_eq(store_put_text(store_key("o"), "0123456789", 0), 0);
    rf_store_object *object = NULL;
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        char bytes[128];
        ssize_t n = rf_store_object_read(object, table[i].offset, bytes, table[i].len);
        cr_assert_eq(n, (ssize_t)strlen(table[i].expected), "row %zu gave %zd", i, n);
        cr_assert_eq(memcmp(bytes, table[i].expected, (size_t)n), 0, "row %zu", i);
    }
    rf_store_object_free(object);
}

Test(objects, a_descriptor_reads_the_same_bytes)
{
    cr_assert_eq(store_put_text(store_key("o"), "through a descriptor", 0), 0);
    rf_store_object *object = NULL;
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
    int fd = rf_store_object_fd(object);
    if (fd != -EOPNOTSUPP) {
        char bytes[64];
        cr_assert_geq(fd, 0);
        cr_assert_eq(pread(fd, bytes, sizeof(bytes), 8), 12);
        cr_assert_eq(memcmp(bytes, "a descriptor", 12), 0);
        cr_assert_eq(write(fd, "x", 1), -1, "read only");
    }
    rf_store_object_free(object);
}

Test(objects, nothing_is_seen_before_the_commit)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, "half", 4), 0);
    store_expect(store_key("o"), NULL);
    rf_store_put_free(put);
    store_expect(store_key("o"), NULL);
}

Test(objects, a_replacement_is_whole)
{
    cr_assert_eq(store_put_text(store_key("o"), "old", 0), 0);
    rf_store_object *before = NULL;
    cr_assert_eq(rf_store_get(store, store_key("o"), &before), 0);
    cr_assert_eq(store_put_text(store_key("o"), "new and longer", 0), 0);
    store_expect(store_key("o"), "new and longer");
    char bytes[16];
    cr_assert_eq(rf_store_object_read(before, 0, bytes, sizeof(bytes)), 3);
    cr_assert_eq(memcmp(bytes, "old", 3), 0, "an open object is not disturbed");
    rf_store_object_free(before);
}

Test(objects, new_only_keeps_what_is_there)
{
    cr_assert_eq(store_put_text(store_key("o"), "first", RF_STORE_NEW_ONLY), 0);
    cr_assert_eq(store_put_text(store_key("o"), "second", RF_STORE_NEW_ONLY), -EEXIST);
    store_expect(store_key("o"), "first");
    cr_assert_eq(rf_store_delete(store, store_key("o")), 0);
    cr_assert_eq(store_put_text(store_key("o"), "third", RF_STORE_NEW_ONLY), 0);
    store_expect(store_key("o"), "third");
}

Test(objects, of_two_new_only_puts_one_wins)
{
    rf_store_put *puts[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(
            rf_store_put_open(store, store_key("o"), NO_LIMIT, RF_STORE_NEW_ONLY, &puts[i]), 0);
        cr_assert_eq(rf_store_put_write(puts[i], i == 0 ? "a" : "b", 1), 0);
    }
    cr_assert_eq(rf_store_put_commit(puts[1]), 0);
    cr_assert_eq(rf_store_put_commit(puts[0]), -EEXIST);
    rf_store_put_free(puts[0]);
    rf_store_put_free(puts[1]);
    store_expect(store_key("o"), "b");
}

Test(objects, the_maximum_of_a_put_is_kept)
{
    static const struct {
        uint64_t max;
        size_t first;
        size_t second;
        int err;
    } table[] = {{10, 10, 0, 0},     {10, 11, 0, -EFBIG}, {10, 5, 5, 0},
                 {10, 5, 6, -EFBIG}, {0, 0, 0, 0},        {0, 1, 0, -EFBIG}};
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_store_put *put = NULL;
        cr_assert_eq(rf_store_put_open(store, store_key("o"), table[i].max, 0, &put), 0);
        int err = rf_store_put_write(put, "0123456789abcdef", table[i].first);
        err = err == 0 ? rf_store_put_write(put, "0123456789abcdef", table[i].second) : err;
        cr_assert_eq(err, table[i].err, "row %zu", i);
        cr_assert_eq(rf_store_put_commit(put), err == 0 ? 0 : -EBADF, "row %zu", i);
        rf_store_put_free(put);
    }
}

Test(objects, a_put_ends_once)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, "x", 1), 0);
    cr_assert_eq(rf_store_put_commit(put), 0);
    cr_assert_eq(rf_store_put_commit(put), -EBADF);
    cr_assert_eq(rf_store_put_write(put, "y", 1), -EBADF);
    cr_assert_null(rf_store_put_free(put));
    cr_assert_null(rf_store_put_free(NULL));
    store_expect(store_key("o"), "x");
}

static void expect_hash(rf_store_put *put, const char *text)
{
    uint8_t expected[RF_SHA256_LEN];
    uint8_t got[RF_SHA256_LEN];
    rf_sha256_of(text, strlen(text), expected);
    rf_store_put_sha256(put, got);
    cr_assert_eq(memcmp(got, expected, sizeof(got)), 0);
}

Test(objects, the_hash_is_known_before_and_after_the_commit)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, "abc", 3), 0);
    cr_assert_eq(rf_store_put_write(put, "def", 3), 0);
    expect_hash(put, "abcdef");
    cr_assert_eq(rf_store_put_write(put, "g", 1), -EBADF, "the hash ends the writing");
    cr_assert_eq(rf_store_put_commit(put), 0);
    expect_hash(put, "abcdef");
    rf_store_put_free(put);
    store_expect(store_key("o"), "abcdef");
}

Test(objects, a_put_with_a_wrong_digest_can_be_dropped)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, "abc", 3), 0);
    expect_hash(put, "abc");
    rf_store_put_free(put);
    store_expect(store_key("o"), NULL);
}

Test(objects, stat_tells_size_and_time)
{
    int64_t before_ms = rf_time_wall_ms();
    cr_assert_eq(store_put_text(store_key("o"), "12345", 0), 0);
    rf_store_info info = {0};
    cr_assert_eq(rf_store_stat(store, store_key("o"), &info), 0);
    cr_assert_eq(info.size, 5);
    cr_assert_geq(info.modified_ms, before_ms - 1000);
    cr_assert_leq(info.modified_ms, rf_time_wall_ms() + 1000);
    rf_store_info untouched = {7, 7};
    cr_assert_eq(rf_store_stat(store, store_key("none"), &untouched), -ENOENT);
    cr_assert_eq(untouched.size, 7);
}

Test(objects, deleted_ones_are_gone)
{
    cr_assert_eq(rf_store_delete(store, store_key("o")), -ENOENT);
    cr_assert_eq(store_put_text(store_key("o"), "x", 0), 0);
    rf_store_object *object = NULL;
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
    cr_assert_eq(rf_store_delete(store, store_key("o")), 0);
    store_expect(store_key("o"), NULL);
    char byte = 0;
    cr_assert_eq(rf_store_object_read(object, 0, &byte, 1), 1, "who reads goes on");
    rf_store_object_free(object);
    cr_assert_eq(rf_store_delete(store, store_key("o")), -ENOENT);
}

Test(objects, deep_keys_come_and_go)
{
    const char *deep = store_key("a/b/c/d/e/f/g");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(store_put_text(deep, "deep", 0), 0);
        store_expect(deep, "deep");
        cr_assert_eq(rf_store_delete(store, deep), 0);
        store_expect(deep, NULL);
    }
}

Test(objects, a_closed_store_keeps_them)
{
    cr_assert_eq(store_put_text(store_key("o"), "kept", 0), 0);
    store = rf_store_close(store);
    cr_assert_eq(rf_store_open(store_url, &store), 0);
    store_expect(store_key("o"), "kept");
}
