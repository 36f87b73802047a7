/* Listing, removing by prefix, expiry. */
#include "store_fixture.h"

#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(lists, .init = store_setup, .fini = store_teardown);

static const char *const rests[] = {"a/1", "a/2", "a/b/3", "ab/4", "c"};

static void put_all(void)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(rests); i++) {
        cr_assert_eq(store_put_text(store_key(rests[i]), rests[i], 0), 0);
    }
}

typedef struct seen {
    int counts[RF_ARRAY_LEN(rests)];
    int n;
    int stop_after;
} seen;

static int note(const char *key, const rf_store_info *info, void *user)
{
    seen *s = user;
    for (size_t i = 0; i < RF_ARRAY_LEN(rests); i++) {
        if (strcmp(key, store_key(rests[i])) == 0) {
            s->counts[i]++;
            cr_assert_eq(info->size, strlen(rests[i]));
        }
    }
    return ++s->n == s->stop_after ? 42 : 0;
}

Test(lists, give_each_object_below_a_prefix_once)
{
    static const struct {
        const char *rest; /* NULL: the prefix of the test itself */
        int counts[RF_ARRAY_LEN(rests)];
    } table[] = {
        {NULL, {1, 1, 1, 1, 1}},   {"a", {1, 1, 1, 0, 0}},     {"a/b", {0, 0, 1, 0, 0}},
        {"ab", {0, 0, 0, 1, 0}},   {"c", {0, 0, 0, 0, 1}},     {"a/1", {1, 0, 0, 0, 0}},
        {"none", {0, 0, 0, 0, 0}}, {"a/1/x", {0, 0, 0, 0, 0}},
    };
    put_all();
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        seen s = {.n = 0};
        char prefix[RF_STORE_MAX_KEY + 1]; /* note() uses up the buffers of store_key */
        rf_copy_str(prefix, sizeof(prefix),
                    table[i].rest == NULL ? store_prefix() : store_key(table[i].rest));
        cr_assert_eq(rf_store_list(store, prefix, note, &s), 0, "row %zu", i);
        cr_assert_eq(memcmp(s.counts, table[i].counts, sizeof(s.counts)), 0, "row %zu", i);
    }
    seen all = {.n = 0};
    cr_assert_eq(rf_store_list(store, "", note, &all), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(rests); i++) {
        cr_assert_eq(all.counts[i], 1);
    }
}

Test(lists, end_when_they_are_told)
{
    put_all();
    seen s = {.stop_after = 2};
    cr_assert_eq(rf_store_list(store, store_prefix(), note, &s), 42);
    cr_assert_eq(s.n, 2);
}

Test(lists, refuse_a_bad_prefix)
{
    static const char *const bad[] = {"/", "a/", "..", ".a", "a//b"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_assert_eq(rf_store_list(store, bad[i], note, NULL), -EINVAL, "%s", bad[i]);
    }
    cr_assert_eq(rf_store_delete_prefix(store, "", NULL), -EINVAL, "never everything");
}

Test(lists, show_no_put_in_progress)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("c"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, "x", 1), 0);
    seen s = {.n = 0};
    cr_assert_eq(rf_store_list(store, "", note, &s), 0);
    cr_assert_eq(s.n, 0);
    rf_store_put_free(put);
}

static int delete_it(const char *key, const rf_store_info *info, void *user)
{
    (void)info;
    ++*(int *)user;
    return rf_store_delete(store, key);
}

Test(lists, allow_deleting_what_they_give)
{
    enum { N = 300 };
    for (int i = 0; i < N; i++) {
        char rest[32];
        snprintf(rest, sizeof(rest), "d%d/o%d", i % 7, i);
        cr_assert_eq(store_put_text(store_key(rest), "x", 0), 0);
    }
    int n = 0;
    cr_assert_eq(rf_store_list(store, store_prefix(), delete_it, &n), 0);
    cr_assert_eq(n, N);
    seen s = {.n = 0};
    cr_assert_eq(rf_store_list(store, store_prefix(), note, &s), 0);
    cr_assert_eq(s.n, 0);
}

Test(lists, a_prefix_is_removed_whole)
{
    put_all();
    uint64_t n = 0;
    cr_assert_eq(rf_store_delete_prefix(store, store_key("a"), &n), 0);
    cr_assert_eq(n, 3);
    store_expect(store_key("a/b/3"), NULL);
    store_expect(store_key("ab/4"), "ab/4");
    store_expect(store_key("c"), "c");
    cr_assert_eq(rf_store_delete_prefix(store, store_key("a"), &n), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(rf_store_delete_prefix(store, store_key("c"), NULL), 0);
    store_expect(store_key("c"), NULL);
}

static bool wants_a(const char *key, const rf_store_info *info, void *user)
{
    (void)info;
    ++*(int *)user;
    return strcmp(key, store_key("a/1")) == 0;
}

Test(lists, a_sweep_removes_the_old_and_unwanted)
{
    put_all();
    int asked = 0;
    uint64_t n = 9;
    int64_t now_ms = rf_time_wall_ms();
    cr_assert_eq(rf_store_sweep(store, store_prefix(), now_ms - 60000, wants_a, &asked, &n), 0);
    cr_assert_eq(n, 0, "nothing is that old");
    cr_assert_eq(asked, 0, "the young are not asked for");
    cr_assert_eq(rf_store_sweep(store, store_prefix(), now_ms + 60000, wants_a, &asked, &n), 0);
    cr_assert_eq(n, RF_ARRAY_LEN(rests) - 1);
    cr_assert_eq(asked, RF_ARRAY_LEN(rests));
    store_expect(store_key("a/1"), "a/1");
    store_expect(store_key("a/2"), NULL);
    cr_assert_eq(rf_store_sweep(store, store_prefix(), now_ms + 60000, NULL, NULL, &n), 0);
    cr_assert_eq(n, 1);
}

Test(lists, a_sweep_goes_by_the_clock_that_tests_drive)
{
    if (store_is_s3()) {
        cr_skip_test("its server has a clock of its own");
    }
    rf_time_drive();
    cr_assert_eq(store_put_text(store_key("old"), "x", 0), 0);
    rf_time_advance(3600 * RF_NS_PER_S);
    cr_assert_eq(store_put_text(store_key("young"), "x", 0), 0);
    uint64_t n = 0;
    int64_t cut_ms = rf_time_wall_ms() - 1800 * 1000;
    cr_assert_eq(rf_store_sweep(store, store_prefix(), cut_ms, NULL, NULL, &n), 0);
    cr_assert_eq(n, 1);
    store_expect(store_key("old"), NULL);
    store_expect(store_key("young"), "x");
}
