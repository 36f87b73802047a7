/* One store, many threads: puts, reads, lists and deletes at once. */
#include "store_fixture.h"

#include "rf_id.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

TestSuite(threads, .init = store_setup, .fini = store_teardown, .timeout = 90);

enum { THREADS = 8, EACH = 40 };

static _Atomic(int) n_failed;

static void run(void *(*fn)(void *))
{
    pthread_t threads[THREADS];
    static int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, fn, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(atomic_load(&n_failed), 0);
}

static void key_of(char key[RF_STORE_MAX_KEY + 1], const char *dir, int a, int b)
{
    snprintf(key, RF_STORE_MAX_KEY + 1, "%s/%s/o-%d-%d", store_prefix(), dir, a, b);
}

static void *put_many(void *arg)
{
    const int *thread = arg;
    for (int i = 0; i < EACH; i++) {
        char key[RF_STORE_MAX_KEY + 1];
        key_of(key, "same", *thread, i);
        atomic_fetch_add(&n_failed, store_put_text(key, key, 0) == 0 ? 0 : 1);
    }
    return NULL;
}

Test(threads, small_objects_of_one_directory)
{
    run(put_many);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < EACH; i++) {
            char key[RF_STORE_MAX_KEY + 1];
            key_of(key, "same", t, i);
            store_expect(key, key);
        }
    }
}

/* Directories are made and removed under each other's hands. */
static void *put_and_delete(void *arg)
{
    const int *thread = arg;
    for (int i = 0; i < EACH; i++) {
        char key[RF_STORE_MAX_KEY + 1];
        key_of(key, "shared/deep/er", *thread, 0);
        int err = store_put_text(key, "x", 0);
        err = err == 0 ? rf_store_delete(store, key) : err;
        atomic_fetch_add(&n_failed, err == 0 ? 0 : 1);
    }
    return NULL;
}

Test(threads, directories_that_come_and_go)
{
    run(put_and_delete);
}

static _Atomic(int) n_won;

static void *race_for_one(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        char key[RF_STORE_MAX_KEY + 1];
        key_of(key, "race", 0, i);
        int err = store_put_text(key, "x", RF_STORE_NEW_ONLY);
        atomic_fetch_add(&n_won, err == 0 ? 1 : 0);
        atomic_fetch_add(&n_failed, err == 0 || err == -EEXIST ? 0 : 1);
    }
    return NULL;
}

Test(threads, each_new_name_has_one_winner)
{
    run(race_for_one);
    cr_assert_eq(atomic_load(&n_won), EACH);
}

static int read_it(const char *key, const rf_store_info *info, void *user)
{
    (void)user;
    rf_store_object *object = NULL;
    char bytes[64];
    int err = rf_store_get(store, key, &object);
    if (err == 0 && rf_store_object_read(object, 0, bytes, sizeof(bytes)) != (ssize_t)info->size) {
        atomic_fetch_add(&n_failed, 1);
    }
    rf_store_object_free(object);
    return err == -ENOENT ? 0 : err;
}

static void *mixed(void *arg)
{
    const int *thread = arg;
    for (int i = 0; i < EACH; i++) {
        char key[RF_STORE_MAX_KEY + 1];
        key_of(key, *thread % 2 == 0 ? "even" : "odd", (int)rf_random_u64(4), i % 5);
        int err = 0;
        switch (rf_random_u64(4)) {
        case 0:
            err = rf_store_delete(store, key);
            break;
        case 1:
            err = rf_store_list(store, store_prefix(), read_it, NULL);
            break;
        default:
            err = store_put_text(key, "ten bytes!", 0);
        }
        atomic_fetch_add(&n_failed, err == 0 || err == -ENOENT ? 0 : 1);
    }
    return NULL;
}

Test(threads, everything_at_once)
{
    run(mixed);
}
