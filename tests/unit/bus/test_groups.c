/* Members of a group: who owns what, as they come, go and die. */
#include "bus_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(groups, .init = bus_setup, .fini = bus_teardown);

#define PARTS 12

static const char *make_topic(rf_bus *bus)
{
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, PARTS), 0);
    return topic;
}

/* Every partition has exactly one owner among subs. */
static void assert_disjoint(rf_bus_sub **subs, size_t n)
{
    int owners[PARTS] = {0};
    for (size_t i = 0; i < n; i++) {
        rf_bus_partition parts[PARTS];
        size_t n_parts = rf_bus_assignment(subs[i], parts, PARTS);
        cr_assert_leq(n_parts, PARTS);
        for (size_t p = 0; p < n_parts; p++) {
            owners[parts[p].partition]++;
        }
    }
    for (int p = 0; p < PARTS; p++) {
        cr_assert_eq(owners[p], 1, "partition %d has %d owners", p, owners[p]);
    }
}

Test(groups, members_share_the_partitions_evenly)
{
    for (size_t n = 1; n <= PARTS; n++) {
        rf_bus *bus = bus_open();
        const char *topic = make_topic(bus);
        const char *group = bus_fresh("g");
        rf_bus_sub *subs[PARTS];
        for (size_t i = 0; i < n; i++) {
            subs[i] = bus_join(bus, group, topic);
        }
        bus_settle(subs, n, PARTS);
        assert_disjoint(subs, n);
        for (size_t i = 0; i < n; i++) {
            rf_bus_unsubscribe(subs[i]);
        }
        rf_bus_close(bus);
    }
}

Test(groups, members_above_the_partitions_wait_for_one)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, 2), 0);
    rf_bus_sub *subs[3];
    for (size_t i = 0; i < 3; i++) {
        subs[i] = bus_join(bus, group, topic);
    }
    bus_settle(subs, 3, 2);
    rf_bus_unsubscribe(subs[0]);
    bus_settle(subs + 1, 2, 2);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_unsubscribe(subs[2]);
    rf_bus_close(bus);
}

Test(groups, partitions_move_only_where_they_must)
{
    rf_bus *bus = bus_open();
    const char *topic = make_topic(bus);
    const char *group = bus_fresh("g");
    rf_bus_sub *subs[3];
    subs[0] = bus_join(bus, group, topic);
    subs[1] = bus_join(bus, group, topic);
    bus_settle(subs, 2, PARTS);
    rf_bus_partition before[2][PARTS];
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(rf_bus_assignment(subs[i], before[i], PARTS), PARTS / 2);
    }
    subs[2] = bus_join(bus, group, topic);
    bus_settle(subs, 3, PARTS);
    assert_disjoint(subs, 3);
    for (size_t i = 0; i < 2; i++) {
        rf_bus_partition after[PARTS];
        size_t kept = 0;
        size_t n = rf_bus_assignment(subs[i], after, PARTS);
        for (size_t a = 0; a < n; a++) {
            for (size_t b = 0; b < PARTS / 2; b++) {
                kept += after[a].partition == before[i][b].partition ? 1 : 0;
            }
        }
        cr_assert_eq(n, PARTS / 3);
        cr_assert_eq(kept, n, "a member was given what it had not before");
    }
    for (size_t i = 0; i < 3; i++) {
        rf_bus_unsubscribe(subs[i]);
    }
    rf_bus_close(bus);
}

Test(groups, each_message_goes_to_one_member)
{
    enum { N = 1000, MEMBERS = 4 };
    rf_bus *bus = bus_open();
    const char *topic = make_topic(bus);
    const char *group = bus_fresh("g");
    rf_bus_sub *subs[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++) {
        subs[i] = bus_join(bus, group, topic);
    }
    bus_settle(subs, MEMBERS, PARTS);
    bus_put_numbers(bus, topic, 0, N);
    bus_flush(bus);
    int counts[N] = {0};
    int taken[MEMBERS] = {0};
    cr_assert_eq(bus_drain_all(subs, MEMBERS, taken, N, counts, N), N);
    for (size_t i = 0; i < MEMBERS; i++) {
        cr_assert_gt(taken[i], 0);
    }
    for (int i = 0; i < N; i++) {
        cr_assert_eq(counts[i], 1, "message %d came %d times", i, counts[i]);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        rf_bus_unsubscribe(subs[i]);
    }
    rf_bus_close(bus);
}

Test(groups, who_leaves_hands_over_what_was_not_committed)
{
    rf_bus *bus = bus_open();
    const char *topic = make_topic(bus);
    const char *group = bus_fresh("g");
    rf_bus_sub *subs[2] = {bus_join(bus, group, topic), bus_join(bus, group, topic)};
    bus_settle(subs, 2, PARTS);
    bus_put_numbers(bus, topic, 0, 200);
    bus_flush(bus);
    int counts[200] = {0};
    rf_bus_message *m = NULL;
    int n_left = 0;
    while (rf_bus_next(subs[0], &m, BUS_MS(bus_is_kafka() ? (n_left == 0 ? 20000 : 2000) : 100)) ==
           0) {
        if (n_left++ % 2 == 0) { /* only each second message counts as handled */
            counts[bus_value(m)]++;
        }
        rf_bus_message_free(m);
    }
    cr_assert_gt(n_left, 0);
    rf_bus_unsubscribe(subs[0]);
    bus_settle(subs + 1, 1, PARTS);
    bus_drain(subs[1], 200, counts, 200);
    for (int i = 0; i < 200; i++) {
        cr_assert_geq(counts[i], 1, "message %d is lost", i);
    }
    cr_assert_eq(bus_owned(subs[1]), PARTS);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_close(bus);
}

Test(groups, a_commit_for_a_partition_that_went_is_refused)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, 2), 0);
    for (int i = 0; i < 20; i++) {
        bus_put(bus, topic, NULL, "x");
    }
    bus_flush(bus);
    rf_bus_sub *subs[2];
    subs[0] = bus_join(bus, group, topic);
    rf_bus_message *held[20];
    for (int i = 0; i < 20; i++) {
        held[i] = bus_take(subs[0]);
    }
    subs[1] = bus_join(bus, group, topic);
    bus_settle(subs, 2, 2);
    rf_bus_partition mine;
    cr_assert_eq(rf_bus_assignment(subs[0], &mine, 1), 1);
    for (int i = 0; i < 20; i++) {
        int expected = held[i]->partition == mine.partition ? 0 : -ESTALE;
        cr_assert_eq(rf_bus_commit(subs[0], held[i]), expected);
        rf_bus_message_free(held[i]);
    }
    cr_assert_eq(rf_bus_commit_wait(subs[0], BUS_SOON_NS), 0);
    cr_assert_eq(bus_drain(subs[1], 10, NULL, 0), 10, "the new owner sees its half again");
    rf_bus_unsubscribe(subs[0]);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_close(bus);
}

Test(groups, a_commit_that_does_not_know_of_the_move_is_refused_by_the_log)
{
    BUS_ONLY_LOCAL("Kafka takes nothing from a member that did not look");
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, 2), 0);
    for (int i = 0; i < 20; i++) {
        bus_put(bus, topic, NULL, "x");
    }
    bus_flush(bus);
    rf_bus_sub *old = bus_join(bus, group, topic);
    rf_bus_message *held[20];
    for (int i = 0; i < 20; i++) {
        held[i] = bus_take(old);
    }
    rf_bus_sub *fresh = bus_join(bus, group, topic);
    cr_assert_eq(bus_owned(fresh), 1);
    /* old has not looked since: it believes to own both. */
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(rf_bus_commit(old, held[i]), 0);
        rf_bus_message_free(held[i]);
    }
    cr_assert_eq(rf_bus_commit_wait(old, BUS_SOON_NS), -ESTALE);
    cr_assert_eq(rf_bus_commit_wait(old, BUS_SOON_NS), 0, "told once");
    cr_assert_eq(bus_lag(bus, group, topic), 10);
    cr_assert_eq(bus_drain(fresh, 10, NULL, 0), 10);
    rf_bus_unsubscribe(old);
    rf_bus_unsubscribe(fresh);
    rf_bus_close(bus);
}

Test(groups, a_partition_that_came_back_is_read_from_its_offset)
{
    BUS_ONLY_LOCAL("Kafka takes nothing from a member that did not look");
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, 2), 0);
    bus_put_numbers(bus, topic, 0, 40);
    bus_flush(bus);
    rf_bus_sub *a = bus_join(bus, group, topic);
    rf_bus_message *held[40];
    for (int i = 0; i < 40; i++) {
        held[i] = bus_take(a);
    }
    /* One partition goes to b and comes back while a does not look. */
    rf_bus_sub *b = bus_join(bus, group, topic);
    cr_assert_eq(bus_owned(b), 1);
    rf_bus_unsubscribe(b);
    int counts[40] = {0};
    int n_again = bus_drain(a, 1, counts, 40);
    cr_assert_gt(n_again, 0, "what was not committed comes again");
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(rf_bus_commit(a, held[i]), counts[bus_value(held[i])] > 0 ? -ESTALE : 0);
        rf_bus_message_free(held[i]);
    }
    cr_assert_eq(rf_bus_commit_wait(a, BUS_SOON_NS), 0);
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    rf_bus_unsubscribe(a);
    rf_bus_close(bus);
}

Test(groups, members_may_read_different_topics)
{
    rf_bus *bus = bus_open();
    const char *a = bus_fresh("a");
    const char *b = bus_fresh("b");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, a, 4), 0);
    cr_assert_eq(rf_bus_topic(bus, b, 4), 0);
    rf_bus_sub *only_a = bus_join(bus, group, a);
    rf_bus_sub *only_b = bus_join(bus, group, b);
    const char *both[] = {a, b};
    rf_bus_sub_config config = {.group = group, .topics = both, .n_topics = 2};
    rf_bus_sub *sub = NULL;
    cr_assert_eq(rf_bus_subscribe(bus, &config, &sub), 0);
    rf_bus_sub *subs[] = {only_a, only_b, sub};
    const char *topics[] = {a, b};
    size_t owned[3][2] = {{0}};
    bus_settle_somehow(subs, 3, 8);
    for (size_t i = 0; i < 3; i++) {
        rf_bus_partition parts[8];
        size_t n = rf_bus_assignment(subs[i], parts, 8);
        for (size_t p = 0; p < n; p++) {
            owned[i][strcmp(parts[p].topic, topics[1]) == 0 ? 1 : 0]++;
        }
    }
    static const size_t expected[3][2] = {{2, 0}, {0, 2}, {2, 2}};
    cr_assert_eq(owned[0][1] + owned[1][0], 0);
    cr_assert(bus_is_kafka() || memcmp(owned, expected, sizeof(expected)) == 0);
    for (size_t i = 0; i < 3; i++) {
        rf_bus_unsubscribe(subs[i]);
    }
    rf_bus_close(bus);
}

/* ---- other processes ---- */

/* A member in a process of its own, that takes n messages without committing and then stands still.
 * Returns its pid once it has them. */
static pid_t start_member(const char *group, const char *topic, int n)
{
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        rf_bus *bus = bus_open();
        rf_bus_sub *sub = bus_join(bus, group, topic);
        for (int i = 0; i < n; i++) {
            rf_bus_message_free(bus_take(sub));
        }
        bus_owned(sub);
        ssize_t written = write(ready[1], "r", 1);
        pause();
        _exit(written == 1 ? 0 : 1);
    }
    char byte = 0;
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1, "the member did not come up");
    close(ready[0]);
    return pid;
}

static void kill_member(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(groups, a_killed_process_loses_its_partitions_at_once)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    pid_t pid = start_member(group, topic, 0);
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, group, topic);
    if (!bus_is_kafka()) { /* which shares nothing out while a member stands still */
        cr_assert_eq(bus_owned(sub), 4);
    }
    kill_member(pid);
    int64_t killed_ns = rf_time_ns();
    rf_bus_sub *subs[] = {sub};
    bus_settle(subs, 1, 8);
    /* Kafka learns it when the session ends. */
    cr_assert_lt(rf_time_ns() - killed_ns, (bus_is_kafka() ? 10 : 2) * RF_NS_PER_S);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(groups, what_a_killed_process_held_comes_to_another)
{
    rf_bus *bus = NULL;
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    bus = bus_open();
    bus_put_numbers(bus, topic, 0, 100);
    rf_bus_close(bus);
    pid_t pid = start_member(group, topic, 100);
    bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, group, topic);
    kill_member(pid);
    int counts[100] = {0};
    bus_drain(sub, 100, counts, 100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(counts[i], 1, "message %d came %d times", i, counts[i]);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(groups, members_dead_before_anyone_looked_are_found_by_the_next)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    for (int i = 0; i < 3; i++) {
        kill_member(start_member(group, topic, 0));
    }
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, group, topic);
    cr_assert_eq(bus_owned(sub), 8);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(groups, a_waiting_member_is_woken_by_a_death)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    rf_bus *bus = bus_open();
    bus_put_numbers(bus, topic, 0, 64);
    rf_bus_close(bus);
    pid_t pid = start_member(group, topic, 64);
    bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, group, topic);
    int counts[64] = {0};
    /* Kafka shares nothing out while a member stands still. */
    int n_mine = bus_drain(sub, bus_is_kafka() ? 0 : 1, counts, 64);
    cr_assert_lt(n_mine, 64);
    kill_member(pid);
    rf_bus_message *m = bus_take(sub); /* nothing but the death wakes this */
    rf_bus_message_free(m);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

/* ---- many members at once ---- */

typedef struct churn {
    const char *group;
    const char *topic;
    int *counts;
    int n;
    int rounds;
    pthread_mutex_t *mutex;
} churn;

static void *churn_main(void *arg)
{
    churn *c = arg;
    rf_bus *bus = bus_open();
    for (int round = 0; round < c->rounds; round++) {
        rf_bus_sub *sub = bus_join(bus, c->group, c->topic);
        rf_bus_message *m = NULL;
        for (int i = 0; i < 60 && rf_bus_next(sub, &m, BUS_MS(20)) == 0; i++) {
            pthread_mutex_lock(c->mutex);
            c->counts[atoi(memcpy((char[16]){0}, m->value, m->value_len))]++;
            pthread_mutex_unlock(c->mutex);
            rf_bus_commit(sub, m);
            rf_bus_message_free(m);
        }
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
    return NULL;
}

Test(groups, coming_and_going_loses_nothing, .timeout = 60)
{
    enum { N = 2000, THREADS = 4 };
    static int counts[N];
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    rf_bus *bus = bus_open();
    const char *topic = make_topic(bus);
    const char *group = bus_fresh("g");
    churn c = {group, topic, counts, N, 8, &mutex};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, churn_main, &c), 0);
    }
    bus_put_numbers(bus, topic, 0, N);
    bus_flush(bus);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    rf_bus_sub *sub = bus_join(bus, group, topic);
    int n_missing = 0;
    for (int i = 0; i < N; i++) {
        n_missing += counts[i] == 0;
    }
    bus_drain(sub, n_missing, counts, N);
    for (int i = 0; i < N; i++) {
        cr_assert_geq(counts[i], 1, "message %d is lost", i);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}
