/* Issue 6, row "S3 slow, 5xx, resets mid-part, wrong clock": tried again, never a part of an object
 * to be seen, a clear error in the end. */
#include "s3_fixture.h"

#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

TestSuite(s3_faults, .init = s3_setup, .fini = s3_teardown, .timeout = 100);

#define MIB ((uint64_t)1 << 20)

static long left(void)
{
    return strtol(server_say("left"), NULL, 10);
}

static long troubled(void)
{
    return strtol(server_say("troubled"), NULL, 10);
}

static void expect_whole(const char *key, uint64_t len)
{
    rf_store_object *object = NULL;
    cr_assert_eq(rf_store_get(store, key, &object), 0);
    cr_assert_eq(rf_store_object_info(object)->size, len);
    for (uint64_t at = 0; at < len; at += MIB) {
        s3_expect(object, at, (size_t)RF_MIN(MIB, len - at));
    }
    rf_store_object_free(object);
}

/* ---- faults that pass ---- */

Test(s3_faults, a_busy_or_failing_server_is_asked_again)
{
    static const char *const answers[] = {
        "503 SlowDown", "500 InternalError",  "502 x",
        "429 Busy",     "400 RequestTimeout", "409 OperationAborted"};
    static const char *const methods[] = {"PUT", "GET", "HEAD"};
    for (size_t i = 0; i < RF_ARRAY_LEN(answers); i++) {
        for (size_t m = 0; m < RF_ARRAY_LEN(methods); m++) {
            if (strcmp(methods[m], "HEAD") == 0 && strncmp(answers[i], "4", 1) == 0) {
                continue; /* without a body nobody can tell that this one passes */
            }
            server_say("fault %s 2 status %s", methods[m], answers[i]);
            cr_assert_eq(store_put_text(store_key("o"), answers[i], 0), 0);
            store_expect(store_key("o"), answers[i]);
            cr_assert_eq(left(), 0, "%s did not meet %s", methods[m], answers[i]);
        }
    }
}

Test(s3_faults, resets_in_the_middle_of_a_part_are_sent_again)
{
    server_say("fault PUT 3 reset 1000000");
    cr_assert_eq(s3_put(store, store_key("o"), 20 * MIB, 0), 0);
    cr_assert_eq(left(), 0);
    expect_whole(store_key("o"), 20 * MIB);
    cr_assert_eq(s3_uploads(), 0);
}

Test(s3_faults, an_answer_that_breaks_off_is_asked_for_again)
{
    cr_assert_eq(s3_put(store, store_key("o"), 3 * MIB + 5, 0), 0);
    server_say("fault GET 2 lose 1000");
    expect_whole(store_key("o"), 3 * MIB + 5);
    cr_assert_eq(left(), 0);
}

/* The object is there, but nobody said so; to ask again must not make it somebody else's. */
Test(s3_faults, a_new_object_whose_answer_was_lost_is_ours)
{
    server_say("fault PUT 1 lose");
    cr_assert_eq(store_put_text(store_key("small"), "mine", RF_STORE_NEW_ONLY), 0);
    cr_assert_eq(left(), 0);
    store_expect(store_key("small"), "mine");
    cr_assert_eq(store_put_text(store_key("small"), "other", RF_STORE_NEW_ONLY), -EEXIST);
}

Test(s3_faults, a_completed_upload_whose_answer_was_lost_is_ours)
{
    rf_store_put *put = NULL;
    static uint8_t piece[9 << 20];
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, RF_STORE_NEW_ONLY, &put), 0);
    cr_assert_eq(rf_store_put_write(put, piece, sizeof(piece)), 0);
    server_say("fault POST 1 lose");
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
    cr_assert_eq(left(), 0);
    rf_store_info info;
    cr_assert_eq(rf_store_stat(store, store_key("o"), &info), 0);
    cr_assert_eq(info.size, sizeof(piece));
    cr_assert_eq(s3_uploads(), 0);
}

/* AWS sends the status before it has put the parts together. */
Test(s3_faults, a_completion_that_fails_late_is_asked_for_again)
{
    rf_store_put *put = NULL;
    static uint8_t piece[9 << 20];
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, piece, sizeof(piece)), 0);
    server_say("fault POST 2 status 200 InternalError");
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
    cr_assert_eq(left(), 0);
    rf_store_info info;
    cr_assert_eq(rf_store_stat(store, store_key("o"), &info), 0);
    cr_assert_eq(info.size, sizeof(piece));
}

Test(s3_faults, a_deletion_whose_answer_was_lost_is_done)
{
    cr_assert_eq(store_put_text(store_key("o"), "x", 0), 0);
    server_say("fault DELETE 1 lose");
    cr_assert_eq(rf_store_delete(store, store_key("o")), 0);
    store_expect(store_key("o"), NULL);
}

/* ---- any of them, at any time ---- */

enum { WORKERS = 6, ROUNDS = 10, NAMES = 4 };

static _Atomic(int) n_won[NAMES];
static _Atomic(int) n_bad;

static void note(int err, const char *what)
{
    if (err < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(-err));
        atomic_fetch_add(&n_bad, 1);
    }
}

static int put_pair(const char *key, const char *text)
{
    rf_store_put *put = NULL;
    int err = rf_store_put_open(store, key, NO_LIMIT, 0, &put);
    err = err == 0 ? rf_store_put_write(put, text, strlen(text)) : err;
    err = err == 0 ? rf_store_put_meta(put, text, strlen(text)) : err;
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

/* Whoever replaced it last: body and metadata are of one put. */
static int check_pair(const char *key)
{
    char text[64] = "";
    size_t len = 0;
    rf_store_object *object = NULL;
    int err = rf_store_get(store, key, &object);
    if (err < 0) {
        return err;
    }
    ssize_t n = rf_store_object_read(object, 0, text, sizeof(text));
    const void *meta = rf_store_object_meta(object, &len);
    bool equal = n > 0 && len == (size_t)n && memcmp(meta, text, len) == 0;
    rf_store_object_free(object);
    return equal ? 0 : -EBADMSG;
}

static void *work(void *arg)
{
    const int *worker = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char own[RF_STORE_MAX_KEY + 1];
        char text[64];
        snprintf(own, sizeof(own), "own/%d", *worker);
        snprintf(text, sizeof(text), "worker %d, round %d", *worker, i);
        note(put_pair(own, text), "put");
        note(check_pair(own), "read of the own");
        note(put_pair("shared/o", text), "shared put");
        note(check_pair("shared/o"), "read of the shared");
        note(i % 3 == 0 ? rf_store_delete(store, own) : 0, "delete");
        snprintf(own, sizeof(own), "race/%d", i % NAMES);
        int err = store_put_text(own, text, RF_STORE_NEW_ONLY);
        atomic_fetch_add(&n_won[i % NAMES], err == 0 ? 1 : 0);
        note(err == -EEXIST ? 0 : err, "new");
    }
    return NULL;
}

Test(s3_faults, that_come_at_random_tear_nothing_and_give_nothing_away_twice)
{
    pthread_t threads[WORKERS];
    static int numbers[WORKERS];
    long before = troubled();
    server_say("trouble 15 7");
    for (int i = 0; i < WORKERS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    server_say("trouble 0");
    cr_assert_gt(troubled(), before + WORKERS * ROUNDS / 2);
    cr_assert_eq(atomic_load(&n_bad), 0);
    for (int i = 0; i < NAMES; i++) {
        cr_assert_eq(atomic_load(&n_won[i]), 1, "%d won name %d", atomic_load(&n_won[i]), i);
    }
}

Test(s3_faults, that_come_at_random_leave_large_objects_whole)
{
    server_say("trouble 15 8");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(s3_put(store, store_key("o"), 20 * MIB + 3, 0), 0);
        expect_whole(store_key("o"), 20 * MIB + 3);
    }
}

/* ---- faults that stay ---- */

static void expect_fault(const char *options, int err, const char *text)
{
    rf_store *hasty = NULL;
    cr_assert_eq(s3_open(options, &hasty), 0);
    server_say("fault PUT 1000000 %s", text);
    s3_log_begin();
    int got = s3_put(hasty, store_key("o"), 9 * MIB, 0);
    const char *log = s3_log_end();
    cr_assert_eq(got, err, "%s: %s", text, strerror(-got));
    cr_assert_not_null(strstr(log, "store.url"));
    cr_assert_null(strstr(log, "testsecret123"));
    server_say("fault ANY 0 status");
    store_expect(store_key("o"), NULL);
    cr_assert_eq(s3_uploads(), 0, "what had been begun stays");
    rf_store_close(hasty);
}

Test(s3_faults, that_stay_end_with_a_clear_error_and_leave_nothing)
{
    expect_fault("&timeout=1", -EIO, "status 503 SlowDown");
    expect_fault("&timeout=1", -EHOSTUNREACH, "reset 1000");
    expect_fault("&timeout=1", -ENOSPC, "status 507 StorageFull");
    expect_fault("&timeout=1", -EACCES, "status 403 AccessDenied");
}

/* A replaced object is the old or the new one whatever fails; here the old. */
Test(s3_faults, an_object_stays_when_its_replacement_fails)
{
    rf_store *hasty = NULL;
    cr_assert_eq(s3_open("&timeout=1", &hasty), 0);
    cr_assert_eq(store_put_text(store_key("o"), "old", 0), 0);
    server_say("fault PUT 1000000 status 500");
    cr_assert_eq(s3_put(hasty, store_key("o"), 9 * MIB, 0), -EIO);
    server_say("fault ANY 0 status");
    store_expect(store_key("o"), "old");
    rf_store_close(hasty);
}

Test(s3_faults, a_server_of_1_kB_a_second_is_too_slow)
{
    rf_store *hasty = NULL;
    cr_assert_eq(s3_open("&timeout=3&slow=1", &hasty), 0);
    cr_assert_eq(s3_put(store, store_key("o"), MIB, 0), 0);
    server_say("slow 1000");
    rf_store_object *object = NULL;
    s3_log_begin();
    int64_t from_ns = rf_time_ns();
    int err = rf_store_get(hasty, store_key("o"), &object);
    int64_t took_ns = rf_time_ns() - from_ns;
    const char *log = s3_log_end();
    cr_assert_eq(err, -ETIMEDOUT, "%s", strerror(-err));
    cr_assert_not_null(strstr(log, "too slow"));
    cr_assert_lt(took_ns, 60 * RF_NS_PER_S, "1 MiB at 1 kB/s takes 1,000 s");
    rf_store_close(hasty);
}

Test(s3_faults, a_silent_server_is_given_up)
{
    rf_store *hasty = NULL;
    rf_store_info info;
    cr_assert_eq(s3_open("&timeout=2&slow=1", &hasty), 0);
    server_say("pause");
    int err = rf_store_stat(hasty, store_key("o"), &info);
    server_say("resume");
    cr_assert_eq(err, -ETIMEDOUT, "%s", strerror(-err));
    rf_store_close(hasty);
}

/* kill -9 of the server, and it comes back with what it had said to be done. */
Test(s3_faults, a_server_that_dies_and_comes_back_is_waited_for)
{
    cr_assert_eq(store_put_text(store_key("kept"), "kept", 0), 0);
    rf_store_put *put = NULL;
    static uint8_t piece[12 << 20];
    cr_assert_eq(rf_store_put_open(store, store_key("o"), NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, piece, sizeof(piece)), 0);
    server_say("kill");
    server_say("start");
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
    store_expect(store_key("kept"), "kept");
}
