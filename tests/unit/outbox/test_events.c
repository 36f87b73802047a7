/* Events in the outbox: order, flight, limits, and what a closed or damaged one gives back. */
#include "outbox_fixture.h"

#include "rf_id.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(events, .init = outbox_setup, .fini = outbox_teardown, .timeout = 60);

#define URL_A "https://a.example:8443/hook"
#define URL_B "https://b.example/hook"

static void put_bus(const char *id, const char *key)
{
    rf_outbox_event e = outbox_bus_event(id, key, id);
    outbox_put(&e);
}

static void put_hook(const char *id, const char *url)
{
    rf_outbox_event e = outbox_hook_event(id, url, "{}");
    outbox_put(&e);
}

/* ---- flight ---- */

Test(events, are_handed_out_whole)
{
    rf_outbox_event e = outbox_bus_event("evt-1", "session-1", "the bytes");
    int64_t before_ms = rf_time_wall_ms();
    outbox_put(&e);
    rf_outbox_item *item = outbox_expect(RF_OUTBOX_BUS, LATE, "evt-1");
    cr_assert_str_eq(item->event.target, "reflection.recordings");
    cr_assert_eq(item->event.key_len, 9);
    cr_assert_eq(memcmp(item->event.key, "session-1", 9), 0);
    cr_assert_eq(item->event.body_len, 9);
    cr_assert_eq(memcmp(item->event.body, "the bytes", 9), 0);
    cr_assert_eq(item->event.attempts, 0);
    cr_assert_geq(item->event.at_ms, before_ms);
    cr_assert_eq(outbox_n_events(RF_OUTBOX_BUS), 1, "in flight is kept");
    rf_outbox_done(outbox, item);
    cr_assert_eq(outbox_n_events(RF_OUTBOX_BUS), 0);
}

Test(events, of_a_key_leave_in_order_one_at_a_time)
{
    put_bus("a1", "a");
    put_bus("a2", "a");
    put_bus("b1", "b");
    rf_outbox_item *a1 = outbox_expect(RF_OUTBOX_BUS, LATE, "a1");
    rf_outbox_item *b1 = outbox_expect(RF_OUTBOX_BUS, LATE, "b1");
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
    int64_t now_ms = rf_time_wall_ms();
    rf_outbox_retry(outbox, a1, now_ms + 1000);
    outbox_expect(RF_OUTBOX_BUS, now_ms, NULL); /* a2 does not overtake */
    a1 = outbox_expect(RF_OUTBOX_BUS, now_ms + 1000, "a1");
    cr_assert_eq(a1->event.attempts, 1);
    rf_outbox_done(outbox, a1);
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "a2"));
    rf_outbox_done(outbox, b1);
}

Test(events, for_hooks_go_when_they_are_due_and_a_few_a_host)
{
    rf_outbox_item *flying[6] = {0};
    int64_t due_ms = 0;
    char id[8];
    int n = 0;
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof(id), "a%d", i);
        put_hook(id, URL_A);
    }
    put_hook("b0", URL_B);
    while (rf_outbox_take(outbox, RF_OUTBOX_HOOK, LATE, &flying[n], &due_ms) == 0) {
        n++; /* a0, b0, a1, a2, a3: hosts take turns, four of one by default */
    }
    cr_assert_eq(n, 5);
    cr_assert_str_eq(flying[0]->event.id, "a0");
    cr_assert_str_eq(flying[1]->event.id, "b0");
    cr_assert_str_eq(flying[4]->event.id, "a3");
    int64_t now_ms = rf_time_wall_ms();
    rf_outbox_retry(outbox, flying[0], now_ms + 5000);
    rf_outbox_item *a4 = outbox_expect(RF_OUTBOX_HOOK, now_ms, "a4"); /* overtakes */
    for (int i = 1; i < 5; i++) {
        rf_outbox_done(outbox, flying[i]);
    }
    rf_outbox_done(outbox, a4);
    rf_outbox_item *none = NULL;
    cr_assert_eq(rf_outbox_take(outbox, RF_OUTBOX_HOOK, now_ms, &none, &due_ms), -EAGAIN);
    cr_assert_eq(due_ms, now_ms + 5000);
    rf_outbox_release(outbox, outbox_expect(RF_OUTBOX_HOOK, due_ms, "a0"), 7);
    cr_assert_eq(rf_outbox_take(outbox, RF_OUTBOX_HOOK, 0, &none, &due_ms), -EAGAIN);
    cr_assert_eq(due_ms, 7);
}

Test(events, random_flights_lose_and_double_nothing)
{
    enum { N = 400, FLYING = 20 };
    rf_outbox_item *flying[FLYING] = {0};
    bool seen[N + 1] = {0};
    int n_done = 0;
    for (int i = 1; i <= N; i++) {
        char id[16], key[16];
        snprintf(id, sizeof(id), "%d", i);
        snprintf(key, sizeof(key), "k%d", (int)rf_random_u64(9));
        rf_outbox_event e = outbox_bus_event(id, key, id);
        cr_assert_eq(rf_outbox_append(outbox, &e, 1, NULL, NULL), 0);
    }
    cr_assert_eq(rf_outbox_flush(outbox, RF_NEVER_NS), 0);
    while (n_done < N) {
        size_t slot = rf_random_u64(FLYING);
        int64_t due_ms = 0;
        if (flying[slot] == NULL) {
            (void)!rf_outbox_take(outbox, RF_OUTBOX_BUS, LATE, &flying[slot], &due_ms);
        } else if (rf_random_u64(3) == 0) {
            rf_outbox_retry(outbox, flying[slot], (int64_t)rf_random_u64(1000));
            flying[slot] = NULL;
        } else {
            int number = atoi(flying[slot]->event.id);
            cr_assert(!seen[number], "%d twice", number);
            seen[number] = true;
            rf_outbox_done(outbox, flying[slot]);
            flying[slot] = NULL;
            n_done++;
        }
    }
    cr_assert_eq(outbox_n_events(RF_OUTBOX_BUS), 0);
}

/* ---- appending ---- */

static void note_err(int err, void *user)
{
    atomic_store((atomic_int *)user, err == 0 ? 1 : err);
}

Test(events, the_callback_comes_when_they_are_durable)
{
    static atomic_int result;
    rf_outbox_event e[2] = {outbox_bus_event("1", "k", "x"), outbox_hook_event("2", URL_A, "{}")};
    cr_assert_eq(rf_outbox_append(outbox, e, 2, note_err, &result), 0);
    cr_assert_eq(rf_outbox_flush(outbox, RF_NEVER_NS), 0);
    cr_assert_eq(atomic_load(&result), 1);
    cr_assert_eq(outbox_n_events(RF_OUTBOX_BUS), 1);
    cr_assert_eq(outbox_n_events(RF_OUTBOX_HOOK), 1);
}

Test(events, bad_ones_are_refused_with_the_whole_append)
{
    rf_outbox_event e[2] = {outbox_bus_event("1", "k", "x"), outbox_bus_event("", "k", "x")};
    cr_assert_eq(rf_outbox_append(outbox, e, 2, NULL, NULL), -EINVAL);
    cr_assert_eq(rf_outbox_append(outbox, e, 0, NULL, NULL), -EINVAL);
    cr_assert_eq(rf_outbox_append(outbox, e, RF_OUTBOX_MAX_EVENTS + 1, NULL, NULL), -EINVAL);
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
}

Test(events, a_full_outbox_says_so_until_something_leaves)
{
    outbox_config.max_events = 3;
    outbox_config.gauge = "test_event_outbox";
    outbox_reopen();
    put_bus("1", "a");
    put_bus("2", "b");
    put_hook("3", URL_A);
    rf_outbox_event e = outbox_bus_event("4", "k", "x");
    cr_assert_eq(rf_outbox_append(outbox, &e, 1, NULL, NULL), -ENOBUFS);
    cr_assert_float_eq(rf_metric_value(rf_metric_gauge("test_event_outbox", "", NULL)), 3, 0.1);
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "1"));
    cr_assert_eq(rf_outbox_append(outbox, &e, 1, NULL, NULL), 0);
}

Test(events, bytes_on_disk_are_bounded)
{
    static char body[20000];
    outbox_config.max_bytes = 200000;
    outbox_reopen();
    memset(body, 'b', sizeof(body));
    int err = 0;
    int n = 0;
    for (; n < 100 && err == 0; n++) {
        rf_outbox_event e = outbox_hook_event("x", URL_A, "");
        e.body = body;
        e.body_len = sizeof(body);
        err = rf_outbox_append(outbox, &e, 1, NULL, NULL);
        cr_assert_eq(rf_outbox_flush(outbox, RF_NEVER_NS), 0);
    }
    cr_assert_eq(err, -ENOBUFS);
    cr_assert(n > 5 && n <= 11, "after %d", n);
}

/* ---- recovery ---- */

Test(events, a_new_process_finds_them_with_their_attempts)
{
    put_bus("1", "a");
    put_bus("2", "a");
    put_hook("3", URL_A);
    put_hook("4", URL_B);
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "1"));
    rf_outbox_retry(outbox, outbox_expect(RF_OUTBOX_HOOK, LATE, "3"), 5000);
    rf_outbox_retry(outbox, outbox_expect(RF_OUTBOX_HOOK, 4999, "4"), 9000);
    outbox_reopen();
    put_bus("5", "a");
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "2"));
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "5"));
    outbox_expect(RF_OUTBOX_HOOK, 4999, NULL);
    rf_outbox_item *item = outbox_expect(RF_OUTBOX_HOOK, 5000, "3");
    cr_assert_eq(item->event.attempts, 1);
    cr_assert_str_eq(item->event.owner, "tenant");
    cr_assert_str_eq(item->event.target, URL_A);
    rf_outbox_done(outbox, item);
    outbox_reopen();
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_HOOK, LATE, "4"));
}

Test(events, one_process_has_the_folder)
{
    rf_outbox *second = NULL;
    cr_assert_eq(rf_outbox_open(&outbox_config, &second), -EBUSY);
}

/* Cuts the only file that has bytes to len; says how long it was. */
static off_t cut_file(off_t cut_to)
{
    off_t size = 0;
    DIR *d = opendir(outbox_dir);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
            size = st.st_size;
            int fd = openat(dirfd(d), e->d_name, O_WRONLY);
            cr_assert_eq(ftruncate(fd, cut_to >= 0 ? cut_to : size + cut_to), 0);
            close(fd);
        }
    }
    closedir(d);
    return size;
}

Test(events, a_torn_tail_is_dropped_and_what_is_appended_next_counts)
{
    rf_outbox_stats stats;
    put_bus("1", "a");
    put_bus("2", "a");
    outbox = rf_outbox_close(outbox);
    cut_file(-1);
    outbox_reopen();
    rf_outbox_get_stats(outbox, &stats);
    cr_assert_eq(stats.n_torn, 1);
    put_bus("3", "a");
    outbox_reopen();
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "1"));
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "3"));
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
}

Test(events, of_one_append_come_all_or_none)
{
    rf_outbox_event e[3] = {outbox_bus_event("1", "a", "x"), outbox_bus_event("2", "b", "y"),
                            outbox_hook_event("3", URL_A, "{}")};
    cr_assert_eq(rf_outbox_append(outbox, e, 3, NULL, NULL), 0);
    outbox = rf_outbox_close(outbox);
    RF_CLEANUP(rf_cleanup_free)
    char *copy = rf_asprintf("cp -r %s %s.copy", outbox_dir, outbox_dir);
    cr_assert_eq(system(copy), 0);
    off_t size = cut_file(-1);
    for (off_t len = size - 1; len > 0; len -= 7) {
        cut_file(len);
        outbox_reopen();
        cr_assert_eq(outbox_n_events(RF_OUTBOX_BUS) + outbox_n_events(RF_OUTBOX_HOOK), 0);
        outbox = rf_outbox_close(outbox);
    }
    RF_CLEANUP(rf_cleanup_free)
    char *back = rf_asprintf("rm -r %s && mv %s.copy %s", outbox_dir, outbox_dir, outbox_dir);
    cr_assert_eq(system(back), 0);
    outbox_reopen();
    cr_assert_eq(outbox_n_events(RF_OUTBOX_BUS) + outbox_n_events(RF_OUTBOX_HOOK), 3);
}

/* ---- room on disk ---- */

Test(events, files_go_and_old_survivors_move)
{
    static char body[4000];
    rf_outbox_stats stats;
    outbox_config.rotate_bytes = 20000;
    outbox_reopen();
    memset(body, 'b', sizeof(body) - 1);
    put_hook("survivor", URL_B);
    rf_outbox_retry(outbox, outbox_expect(RF_OUTBOX_HOOK, LATE, "survivor"), 77000);
    for (int i = 0; i < 200; i++) {
        rf_outbox_event e = outbox_bus_event("passer-by", "k", body);
        outbox_put(&e);
        rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "passer-by"));
    }
    rf_outbox_get_stats(outbox, &stats);
    cr_assert_lt(stats.n_bytes, 100000, "%llu bytes", (unsigned long long)stats.n_bytes);
    cr_assert_lt(stats.n_files, 6);
    outbox_reopen();
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
    outbox_expect(RF_OUTBOX_HOOK, 76999, NULL);
    rf_outbox_item *item = outbox_expect(RF_OUTBOX_HOOK, 77000, "survivor");
    cr_assert_eq(item->event.attempts, 1);
    rf_outbox_done(outbox, item);
}
