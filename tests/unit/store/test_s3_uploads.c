/* Large objects: parts, memory, aborts, races, windows of reading. */
#include "figures.h"
#include "s3_fixture.h"

#include "rf_id.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(s3_uploads, .init = s3_setup, .fini = s3_teardown, .timeout = 100);

#define MIB ((uint64_t)1 << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_KIB (400 << 10) /* what is freed stays in quarantine */
#else
#define MEMORY_KIB (24 << 10)
#endif

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

Test(s3_uploads, of_100_MiB_come_back_and_take_little_memory)
{
    const uint64_t whole = 100 / FIGURES_EVERY(4) * MIB;
    long before_kib = peak_kib();
    rf_store_object *object = NULL;
    cr_assert_eq(s3_put(store, store_key("o"), whole + 7, 0), 0);
    cr_assert_eq(s3_uploads(), 0);
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
    cr_assert_eq(rf_store_object_info(object)->size, whole + 7);
    for (uint64_t at = 0; at < whole; at += MIB) {
        s3_expect(object, at, (size_t)MIB);
    }
    s3_expect(object, whole, 7);
    rf_store_object_free(object);
    long grown_kib = peak_kib() - before_kib;
    cr_log_info("%ld KiB", grown_kib);
    cr_assert_lt(grown_kib, MEMORY_KIB, "%ld KiB more than before", grown_kib);
}

Test(s3_uploads, sizes_around_a_part_come_back)
{
    static const uint64_t sizes[] = {8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 16 * MIB + 1};
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        rf_store_object *object = NULL;
        cr_assert_eq(s3_put(store, store_key("o"), sizes[i], 0), 0);
        cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
        cr_assert_eq(rf_store_object_info(object)->size, sizes[i]);
        s3_expect(object, sizes[i] - 100, 100);
        s3_expect(object, 0, (size_t)sizes[i]); /* in one read */
        rf_store_object_free(object);
    }
}

Test(s3_uploads, are_read_at_any_place)
{
    enum { READS = 300 };
    const uint64_t size = 30 * MIB;
    rf_store_object *object = NULL;
    cr_assert_eq(s3_put(store, store_key("o"), size, 0), 0);
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
    for (int i = 0; i < READS; i++) {
        uint64_t at = rf_random_u64(size);
        size_t most = i % 20 == 0 ? 6 << 20 : 100000;
        s3_expect(object, at, (size_t)RF_MIN(size - at, rf_random_u64(most)));
    }
    rf_store_object_free(object);
}

Test(s3_uploads, show_nothing_and_leave_nothing_until_they_are_committed)
{
    static uint8_t piece[20 << 20];
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, piece, sizeof(piece)), 0);
    store_expect(store_key("o"), NULL);
    cr_assert_eq(s3_uploads(), 1, "the parts have been sent");
    rf_store_put_free(put);
    cr_assert_eq(s3_uploads(), 0);
    store_expect(store_key("o"), NULL);
}

Test(s3_uploads, that_a_crash_left_are_ended_once_they_are_old)
{
    static uint8_t piece[9 << 20];
    rf_store_put *put = NULL;
    rf_store *other = NULL;
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, piece, sizeof(piece)), 0);
    cr_assert_eq(rf_store_put_write(put, piece, 1), 0);
    cr_assert_eq(s3_open("", &other), 0);
    rf_store_close(other);
    cr_assert_eq(s3_uploads(), 1, "it is young, and goes on");
    while (s3_uploads() > 0) { /* older than 0 s: as soon as the clock says so */
        cr_assert_eq(s3_open("&stale=0", &other), 0);
        rf_store_close(other);
    }
    cr_assert_eq(rf_store_put_commit(put), -EIO);
    rf_store_put_free(put);
    store_expect(store_key("o"), NULL);
}

Test(s3_uploads, large_ones_have_metadata_too)
{
    static uint8_t piece[9 << 20];
    for (int with = 0; with < 2; with++) {
        rf_store_put *put = NULL;
        rf_store_object *object = NULL;
        size_t len = 0;
        cr_assert_eq(rf_store_put_open(store, store_key("d/o"), NO_LIMIT, 0, &put), 0);
        cr_assert_eq(rf_store_put_write(put, piece, sizeof(piece)), 0);
        cr_assert_eq(with == 0 ? 0 : rf_store_put_meta(put, "meta", 4), 0);
        cr_assert_eq(rf_store_put_commit(put), 0);
        rf_store_put_free(put);
        cr_assert_eq(rf_store_get(store, store_key("d/o"), &object), 0);
        const void *meta = rf_store_object_meta(object, &len);
        cr_assert_eq(len, with == 0 ? 0 : 4);
        cr_assert(with == 0 || memcmp(meta, "meta", 4) == 0);
        rf_store_object_free(object);
    }
}

/* What lies beyond the first window is gone with the object, and never another one's. */
Test(s3_uploads, that_are_replaced_while_they_are_read_say_so)
{
    char byte = 0;
    rf_store_object *object = NULL;
    cr_assert_eq(s3_put(store, store_key("o"), 2 * MIB, 0), 0);
    cr_assert_eq(rf_store_get(store, store_key("o"), &object), 0);
    s3_expect(object, 0, 1000);
    cr_assert_eq(s3_put(store, store_key("o"), 3 * MIB, 0), 0);
    s3_expect(object, 2000, 1000);
    cr_assert_eq(rf_store_object_read(object, MIB, &byte, 1), -ESTALE);
    cr_assert_eq(rf_store_delete(store, store_key("o")), 0);
    cr_assert_eq(rf_store_object_read(object, MIB, &byte, 1), -ESTALE);
    rf_store_object_free(object);
}

/* ---- races ---- */

enum { RACERS = 16 };
static _Atomic(int) n_won;
static _Atomic(int) n_odd;
static uint64_t race_size;

static void *race(void *arg)
{
    int err = s3_put(store, arg, race_size, RF_STORE_NEW_ONLY);
    atomic_fetch_add(&n_won, err == 0 ? 1 : 0);
    atomic_fetch_add(&n_odd, err == 0 || err == -EEXIST ? 0 : 1);
    return NULL;
}

static void run_race(uint64_t size)
{
    pthread_t threads[RACERS];
    static char key[RF_STORE_MAX_KEY + 1];
    snprintf(key, sizeof(key), "%s-%llu", store_key("race"), (unsigned long long)size);
    race_size = size;
    atomic_store(&n_won, 0);
    for (int i = 0; i < RACERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, race, key), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(atomic_load(&n_odd), 0);
    cr_assert_eq(atomic_load(&n_won), 1, "%d won", atomic_load(&n_won));
    cr_assert_eq(s3_uploads(), 0);
}

Test(s3_uploads, of_16_racing_for_a_new_name_one_wins)
{
    run_race(1000);
    run_race(9 * MIB);
}

/* ---- lists ---- */

static int count(const char *key, const rf_store_info *info, void *user)
{
    (void)key, (void)info;
    ++*(int *)user;
    return 0;
}

Test(s3_uploads, lists_go_on_after_a_page_of_1000)
{
    enum { OBJECTS = 1050 };
    int n = 0;
    for (int i = 0; i < OBJECTS; i++) {
        char key[64];
        snprintf(key, sizeof(key), "many/%d/o+=@%d", i % 3, i);
        cr_assert_eq(store_put_text(key, "x", RF_STORE_NEW_ONLY), 0);
    }
    cr_assert_eq(rf_store_list(store, "many", count, &n), 0);
    cr_assert_eq(n, OBJECTS);
    uint64_t n_removed = 0;
    cr_assert_eq(rf_store_delete_prefix(store, "many", &n_removed), 0);
    cr_assert_eq(n_removed, OBJECTS);
}

/* Metadata whose object never came, or has gone without it. */
Test(s3_uploads, metadata_that_a_crash_left_goes_with_a_list)
{
    char whole[RF_S3_KEY_MAX + 1];
    rf_s3_config config;
    const char *why = NULL;
    cr_assert_eq(rf_s3_config_read(store_url + strlen("s3:"), &config, &why), 0);
    rf_s3 s3 = {.config = config, .chain = rf_s3_keychain_new(&config)};
    s3.http = rf_s3_http_new(&s3.config, s3.chain);
    cr_assert_eq(rf_s3_meta_key(&s3, "d/o", "00000000000000aa", whole), 0);
    const rf_s3_request request = {
        .what = "put", .method = "PUT", .key = whole, .body = "m", .body_len = 1};
    rf_s3_answer answer;
    cr_assert_eq(rf_s3_do(s3.http, &request, &answer), 0);
    rf_s3_answer_done(&answer);
    const rf_s3_request look = {.what = "stat", .method = "HEAD", .key = whole};
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        cr_assert_eq(rf_store_list(store, "", count, &n), 0);
        cr_assert_eq(rf_s3_do(s3.http, &look, &answer), pass == 0 ? 0 : -ENOENT);
        rf_s3_answer_done(&answer);
        rf_time_drive();
        rf_time_advance(2 * 3600 * RF_NS_PER_S); /* it may have been of a put in progress */
    }
    cr_assert_eq(n, 0, "metadata is no object");
    rf_s3_http_free(s3.http);
    rf_s3_keychain_free(s3.chain);
    rf_s3_config_done(&s3.config);
}
