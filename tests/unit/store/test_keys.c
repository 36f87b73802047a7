/* Which keys and URLs there are; nothing else reaches the disk. */
#include "store_fixture.h"

#include <errno.h>
#include <string.h>

TestSuite(keys, .init = store_setup, .fini = store_teardown);

#define X8 "abcdefgh"
#define X64 X8 X8 X8 X8 X8 X8 X8 X8

static const struct {
    const char *key;
    bool valid;
} keys[] = {
    {"a", true},
    {"0", true},
    {"-", true},
    {"uploads/0b6f7c1e-1111-4111-8111-0123456789ab", true},
    {"jobs/0b6f7c1e-1111-4111-8111-0123456789ab/3/0b6f7c1e-1111-4111-8111-0123456789ac", true},
    {"1/2/3/4/5/6/7/8", true},
    {"1/2/3/4/5/6/7/8/9", false},
    {X64, true},
    {X64 "x", false},
    {X64 "/" X64 "/" X64, true},
    {X64 "/" X64 "/" X64 "/abcde", true},
    {X64 "/" X64 "/" X64 "/abcdef", false},
    {NULL, false},
    {"", false},
    {"/", false},
    {"/a", false},
    {"a/", false},
    {"a//b", false},
    {".", false},
    {"..", false},
    {"../a", false},
    {"a/../b", false},
    {"a/./b", false},
    {"a/..", false},
    {".tmp", false},
    {".tmp/0b6f7c1e-1111-4111-8111-0123456789ab", false},
    {"a.wav", false},
    {"A", false},
    {"a_b", false},
    {"a b", false},
    {"a\\b", false},
    {"a%2fb", false},
    {"a:b", false},
    {"a\nb", false},
    {"a\tb", false},
    {"~", false},
    {"a*", false},
    {"a?", false},
    {"\xc3\xa4", false},
    {"a\x7f", false},
    {"con$", false},
};

Test(keys, only_good_ones_are_used)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(keys); i++) {
        const char *name = keys[i].key == NULL ? "(null)" : keys[i].key;
        cr_assert_eq(rf_store_key_valid(keys[i].key), keys[i].valid, "%s", name);
        if (!keys[i].valid) {
            rf_store_put *put = NULL;
            rf_store_object *object = NULL;
            rf_store_info info;
            cr_assert_eq(rf_store_put_open(store, keys[i].key, 1, 0, &put), -EINVAL, "%s", name);
            cr_assert_eq(rf_store_get(store, keys[i].key, &object), -EINVAL, "%s", name);
            cr_assert_eq(rf_store_stat(store, keys[i].key, &info), -EINVAL, "%s", name);
            cr_assert_eq(rf_store_delete(store, keys[i].key), -EINVAL, "%s", name);
            cr_assert_eq(rf_store_delete_prefix(store, keys[i].key, NULL), -EINVAL, "%s", name);
        }
    }
}

Test(keys, every_good_one_can_hold_an_object)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(keys); i++) {
        if (keys[i].valid) {
            cr_assert_eq(store_put_text(keys[i].key, keys[i].key, 0), 0, "%s", keys[i].key);
            store_expect(keys[i].key, keys[i].key);
            cr_assert_eq(rf_store_delete(store, keys[i].key), 0);
        }
    }
}

Test(keys, none_is_the_beginning_of_another)
{
    cr_assert_eq(store_put_text(store_key("a"), "object", 0), 0);
    cr_assert_eq(store_put_text(store_key("a/b"), "below it", 0), -EEXIST);
    cr_assert_eq(store_put_text(store_key("a/b/c"), "below it", 0), -EEXIST);
    store_expect(store_key("a"), "object");
    store_expect(store_key("a/b"), NULL);
    cr_assert_eq(rf_store_delete(store, store_key("a/b")), -ENOENT);
    cr_assert_eq(store_put_text(store_key("d/e"), "object", 0), 0);
    cr_assert_eq(store_put_text(store_key("d"), "above it", 0), -EEXIST);
    store_expect(store_key("d"), NULL);
    cr_assert_eq(rf_store_delete(store, store_key("d")), -ENOENT);
    store_expect(store_key("d/e"), "object");
}

Test(keys, unknown_flags_are_refused)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("a"), 1, 2, &put), -EINVAL);
    cr_assert_null(put);
}

Test(keys, urls_name_a_known_backend)
{
    static const char *const bad[] = {NULL, "", "dir", "dir:", "dirx:/x", "ftp:/x", "/x", ":x"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_store *none = NULL;
        cr_assert_eq(rf_store_open(bad[i], &none), -EINVAL, "row %zu", i);
        cr_assert_null(none);
    }
    cr_assert_null(rf_store_close(NULL));
}
