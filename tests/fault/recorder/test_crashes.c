/* The real program killed at random and at each named point of storing, again and again over the
 * same folder (spec section 10): no acknowledged frame is lost, no object is there twice, no event
 * is lost. The named points of the journal are in tests/unit/recorder/journal/test_kills.c. */
#include "fault_session.h"

#include "rf_id.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LIVE 10
#define SESSIONS_MAX 16384
#define SETTING "--recorder.ack_ms=20"

static const char *const formats[] = {"wav", "pcm", "flac", "mp3", "opus"};

typedef struct crashes {
    recorder_program p;
    fault_session *all;
    size_t n;
    size_t live[LIVE]; /* where in all; SESSIONS_MAX: a free place */
    int stops;         /* one of so many sessions stops, each turn */
} crashes;

static void begin(crashes *c, int stops)
{
    *c = (crashes){.all = RF_NEW_ARRAY(fault_session, SESSIONS_MAX), .stops = stops};
    program_init(&c->p);
    for (size_t i = 0; i < LIVE; i++) {
        c->live[i] = SESSIONS_MAX;
    }
}

typedef struct killer {
    pid_t pid;
    useconds_t after_us;
    pthread_t thread;
} killer;

static void *kill_later(void *user)
{
    const killer *k = user;
    usleep(k->after_us);
    kill(k->pid, SIGKILL);
    return NULL;
}

/* Sessions that are over make room, and new ones fill it. */
static fault_answer take_place(crashes *c, size_t i)
{
    if (c->live[i] != SESSIONS_MAX && !c->all[c->live[i]].over) {
        return FAULT_ALIVE;
    }
    c->live[i] = SESSIONS_MAX;
    cr_assert_lt(c->n, SESSIONS_MAX);
    fault_session *s = &c->all[c->n];
    if (fault_begin(s, &c->p, formats[c->n % RF_ARRAY_LEN(formats)]) == FAULT_DEAD) {
        return FAULT_DEAD;
    }
    c->live[i] = c->n++;
    return FAULT_ALIVE;
}

static fault_answer attach_all(crashes *c)
{
    for (size_t i = 0; i < LIVE; i++) {
        const bool there = c->live[i] != SESSIONS_MAX && !c->all[c->live[i]].over;
        if (there && fault_attach(&c->all[c->live[i]], &c->p) == FAULT_DEAD) {
            return FAULT_DEAD;
        }
    }
    return FAULT_ALIVE;
}

/* Every session sends a little, some stop, and all hear what there is to hear. */
static fault_answer turn(crashes *c)
{
    for (size_t i = 0; i < LIVE; i++) {
        if (take_place(c, i) == FAULT_DEAD) {
            return FAULT_DEAD;
        }
        fault_session *s = &c->all[c->live[i]];
        if (!s->stopping) {
            fault_send(s, 1 + (int)rf_random_u64(4));
        }
        if (!s->stopping && rf_random_u64((uint64_t)c->stops) == 0) {
            fault_stop(s);
        }
    }
    for (size_t i = 0; i < LIVE; i++) {
        if (fault_read(&c->all[c->live[i]]) == FAULT_DEAD) {
            return FAULT_DEAD;
        }
    }
    return FAULT_ALIVE;
}

static void leave_all(crashes *c)
{
    for (size_t i = 0; i < LIVE; i++) {
        if (c->live[i] != SESSIONS_MAX) {
            fault_leave(&c->all[c->live[i]]);
        }
    }
}

/* Until it is dead. */
static void live_on(crashes *c)
{
    fault_answer answer = attach_all(c);
    while (answer == FAULT_ALIVE) {
        answer = turn(c);
    }
    leave_all(c);
    program_await_death(&c->p);
}

/* One life of the program: until `point` kills it, or without one at a random time. */
static void live_once(crashes *c, const char *point)
{
    killer k = {.after_us = (useconds_t)(5000 + rf_random_u64(60000))};
    if (!program_try_start(&c->p, SETTING, point)) {
        return; /* it stored what the last life had left */
    }
    k.pid = c->p.pid;
    if (point == NULL) {
        cr_assert_eq(pthread_create(&k.thread, NULL, kill_later, &k), 0);
    }
    live_on(c);
    if (point == NULL) {
        pthread_join(k.thread, NULL);
    }
}

/* One life, until the power goes at one of its next changes to the disk. */
static void live_to_cut(crashes *c)
{
    char changes[32];
    char seed[32];
    (void)snprintf(changes, sizeof(changes), "%d", 20 + (int)rf_random_u64(1500));
    (void)snprintf(seed, sizeof(seed), "%d", (int)rf_random_u64(1U << 30));
    setenv("REFLECTION_DISK_ROOT", c->p.dir, 1);
    setenv("REFLECTION_DISK_CUT", changes, 1);
    setenv("REFLECTION_DISK_SEED", seed, 1);
    setenv("LD_PRELOAD", DISK_LAYER, 1);
    const bool lives = program_try_start(&c->p, SETTING, NULL);
    unsetenv("LD_PRELOAD");
    if (lives) {
        live_on(c);
    }
}

/* In short, the last two of each format. */
static bool is_judged(const crashes *c, size_t i)
{
    return c->all[i].acked > 0 && (figures_are_long() || i + 2 * RF_ARRAY_LEN(formats) >= c->n);
}

static void end(crashes *c)
{
    program_start(&c->p, SETTING, NULL);
    for (size_t i = 0; i < c->n; i++) {
        fault_finish(&c->all[i], &c->p);
        if (is_judged(c, i)) {
            fault_expect_decodable(&c->all[i], &c->p);
        }
    }
    fault_expect_objects(&c->p);
    program_stop(&c->p);
    fault_expect_events(&c->p, c->all, c->n);
    program_done(&c->p);
    free(c->all);
}

static void crash(int lives, int long_lives, int stops)
{
    crashes c;
    begin(&c, stops);
    for (int i = figures_are_long() ? long_lives : lives; i > 0; i--) {
        live_once(&c, NULL);
    }
    cr_assert_gt(c.n, LIVE);
    end(&c);
}

Test(crashes, D2_D3_D6_Q5_killed_100_times_while_it_records, .timeout = 7000)
{
    crash(100, 500, 40);
}

Test(crashes, D2_D6_D12_Q17_killed_100_times_while_it_stores_and_records, .timeout = 7000)
{
    crash(100, 500, 3);
}

Test(crashes, D12_Q17_killed_at_each_point_of_storing, .timeout = 7000)
{
    static const char *const points[] = {"metadata", "publish", "outbox"};
    crashes c;
    begin(&c, 3);
    for (size_t i = 0; i < (size_t)(figures_are_long() ? 100 : 20) * RF_ARRAY_LEN(points); i++) {
        char point[32];
        (void)snprintf(point, sizeof(point), "%s:%d", points[i % RF_ARRAY_LEN(points)],
                       1 + (int)rf_random_u64(4));
        live_once(&c, point);
    }
    end(&c);
}

Test(crashes, D2_D3_D5_D12_the_power_goes_at_any_change, .timeout = 7000)
{
    crashes c;
    begin(&c, 3);
    for (int i = figures_are_long() ? 200 : 20; i > 0; i--) {
        live_to_cut(&c);
    }
    cr_assert_gt(c.n, LIVE);
    end(&c);
}

/* ---- long sessions, and many ---- */

static long rss_kib(pid_t pid)
{
    char line[256];
    long kib = 0;
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    cr_assert_eq(fclose(file), 0);
    cr_assert_gt(kib, 0);
    return kib;
}

#define BIG 8000                  /* frames of a message */
#define ALLOWED (FAULT_RATE / 20) /* 50 ms: unacknowledged, and lost */
#define GROWTH_KIB 2048
#define A_DAY ((uint64_t)24 * 60) /* minutes; the longest that a session may last */

/* As fast as the recorder takes it. */
static void feed(program_publisher *pub, uint64_t from, uint64_t end)
{
    for (uint64_t at = from; at < end; at += FAULT_RATE * 5) {
        const uint64_t stop = RF_MIN(end, at + FAULT_RATE * 5);
        publisher_samples(pub, at, stop, BIG);
        publisher_durable(pub, stop);
    }
}

Test(crashes, Q5_D1_D3_a_long_take_costs_no_memory_and_loses_at_most_its_last_50_ms,
     .timeout = 7000)
{
    const uint64_t minute = (uint64_t)60 * FAULT_RATE;
    const uint64_t end = (figures_are_long() ? A_DAY - 1 : 10) * minute;
    recorder_program p;
    program_publisher pub;
    char session[33];
    program_init(&p);
    program_start(&p, SETTING, NULL);
    publisher_start(&pub, &p, "");
    feed(&pub, 0, minute);
    const long before_kib = rss_kib(p.pid);
    feed(&pub, minute, end);
    cr_assert_leq(rss_kib(p.pid), before_kib + GROWTH_KIB, "RAM must not hold the take");
    uint64_t sent = end;
    for (int i = 0; i < 25;
         i++, sent += FAULT_MESSAGE) { /* half a second as it comes from a microphone */
        publisher_samples(&pub, sent, sent + FAULT_MESSAGE, FAULT_MESSAGE);
        usleep(20000);
    }
    publisher_durable(&pub, end + FAULT_RATE / 5);
    const uint64_t received = pub.received;
    memcpy(session, pub.session, sizeof(session));
    program_kill(&p);
    publisher_leave(&pub);
    program_start(&p, SETTING, NULL);
    cr_assert(publisher_attach(&pub, &p, session), "%s", pub.code);
    cr_expect_geq(pub.next_frame + ALLOWED, received);
    cr_expect_leq(pub.next_frame, sent);
    publisher_leave(&pub);
    program_done(&p);
}

static size_t count_recovered(recorder_program *p)
{
    Recorder__V1__ListRequest m = RECORDER__V1__LIST_REQUEST__INIT;
    size_t n = 0;
    m.state = "RECOVERED";
    m.page_size = 500;
    for (RF_CLEANUP(rf_cleanup_free) char *cursor = rf_strdup(""); cursor != NULL;) {
        m.cursor = cursor;
        json_t *page = program_call(p, RECORDER_V1_RECORDER_LIST, &m.base, NULL);
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        n += json_array_size(json_object_get(page, "items"));
        free(cursor);
        cursor = next != NULL ? rf_strdup(next) : NULL;
        json_decref(page);
    }
    return n;
}

Test(crashes, D6_D7_interrupted_sessions_are_published_and_new_ones_accepted_meanwhile,
     .timeout = 7000)
{
    const size_t n = figures_are_long() ? 1000 : 100;
    const uint64_t frames = (uint64_t)(figures_are_long() ? 60 : 2) * FAULT_RATE;
    recorder_program p;
    program_publisher *all = RF_NEW_ARRAY(program_publisher, n);
    program_publisher fresh;
    program_init(&p);
    program_start(&p, "--recorder.sessions_per_tenant=10000", NULL);
    for (size_t i = 0; i < n; i++) {
        publisher_start(&all[i], &p, "{\"options\":{\"attach_window_s\":1}}");
        publisher_samples(&all[i], 0, frames, BIG);
    }
    for (size_t i = 0; i < n; i++) {
        publisher_durable(&all[i], frames);
    }
    program_kill(&p);
    const int64_t start_ns = rf_time_ns();
    program_start(&p, "--recorder.sessions_per_tenant=10000", NULL);
    publisher_start(&fresh, &p, "");
    cr_expect_leq(rf_time_ns() - start_ns, 5 * RF_NS_PER_S, "a new session within 5 s");
    publisher_leave(&fresh);
    const int64_t end_ns = rf_time_ns() + 61 * RF_NS_PER_S;
    while (count_recovered(&p) < n && rf_time_ns() < end_ns) {
        usleep(50000);
    }
    cr_assert_eq(count_recovered(&p), n, "all within 60 s of their window");
    fault_expect_objects(&p);
    for (size_t i = 0; i < n; i++) {
        publisher_leave(&all[i]);
    }
    program_done(&p);
    free(all);
}
