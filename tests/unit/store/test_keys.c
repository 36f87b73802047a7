/* Which keys and URLs there are; nothing else reaches the disk. */
#include "store_fixture.h"

#include "rf_id.h"

#include <errno.h>
#include <string.h>

TestSuite(keys, .init = store_setup, .fini = store_teardown);

#define X8 "abcdefgh"
#define X56 X8 X8 X8 X8 X8 X8 X8
#define X64 X56 X8
#define X128 X64 X64

/* An S3 key has 1,024 bytes; the prefix of a test takes some. */
#define S3_ROOM (1024 - RF_UUID_LEN)

static const struct {
    const char *key;
    bool valid;
} keys[] = {
    {"a", true},
    {"0", true},
    {"-", true},
    {"uploads/0b6f7c1e-1111-4111-8111-0123456789ab", true},
    {"jobs/0b6f7c1e-1111-4111-8111-0123456789ab/3/0b6f7c1e-1111-4111-8111-0123456789ac", true},
    {"1/2/3/4/5/6/7/8/9", true},
    {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20", true},
    {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21", false},
    {X128, true},
    {X128 "x", false},
    {X128 "/" X128 "/" X128 "/" X128 "/" X128 "/" X128 "/" X128 "/" X64 "/" X56, true},
    {X128 "/" X128 "/" X128 "/" X128 "/" X128 "/" X128 "/" X128 "/" X64 "/" X56 "x", false},
    {"recordings/Anna-Lena/take.1_b=2@home+x/0b6f7c1e111141118111.wav", true},
    {"A", true},
    {"a.wav", true},
    {"a..b", true},
    {"a.", true},
    {"a_b=c@d+e", true},
    {"\xc2\xa0", true}, /* U+00A0 */
    {"\xc3\xa4/\xe6\x9b\xb2/\xf0\x9f\x8e\xb5", true},
    {"\xf4\x8f\xbf\xbf", true},  /* U+10FFFF */
    {"\xc2\x9f", false},         /* U+009F, a control */
    {"\xc2\x80", false},         /* U+0080 */
    {"\xc3", false},             /* cut */
    {"\xe4", false},             /* Latin-1 */
    {"\xc0\xaf", false},         /* an overlong slash */
    {"\xe0\x80\xaf", false},     /* another */
    {"\xed\xa0\x80", false},     /* a surrogate */
    {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
    {"a/\xff\xfe", false},       /* */
    {".a", false},
    {"a/.a", false},
    {".a.0000000000000001", false},
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
    {"a b", false},
    {"a\\b", false},
    {"a%2fb", false},
    {"a:b", false},
    {"a\nb", false},
    {"a\tb", false},
    {"~", false},
    {"a*", false},
    {"a?", false},
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
        if (keys[i].valid && store_is_s3() && strlen(keys[i].key) > S3_ROOM) {
            cr_assert_eq(store_put_text(keys[i].key, "x", 0), -ENAMETOOLONG);
            store_expect(keys[i].key, NULL);
        } else if (keys[i].valid) {
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
