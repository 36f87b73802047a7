/*
 * bench_jam_load: realtime sessions of /ws/jam, measured from the client's side on one thread.
 *
 *     bench_jam_load play HOST PORT KEY SESSIONS RAMP_S SECONDS KEPT
 *     bench_jam_load first HOST PORT KEY STARTS
 *     bench_jam_load update HOST PORT KEY FRAMES UPDATES
 *
 * play opens the sessions evenly over RAMP_S, each with one update and one ping a second,
 * says "measuring", measures for SECONDS and says "measured"; KEPT sessions are checked for the
 * copy rule. first starts one session after the other and ends it with its first chunk. update
 * steers one session of chunks of FRAMES at odd times and tells how long each change takes to be on
 * air. The last line is JSON.
 */
#include "load_session.h"

#include "rf_time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define RATE 48000
#define EVENTS 64
#define PING_S 1
#define STOP_WAIT_S 10
#define START_WAIT_S 20
#define SETTLE_S 6
#define STATUS_WAIT_S 5

typedef struct load {
    load_run run;
    load_session *sessions;
    size_t n;
    int epoll_fd;
} load;

static void die(const char *what)
{
    fprintf(stderr, "bench_jam_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static load load_new(char **argv, size_t n)
{
    load l = {.run = {.host = argv[2], .port = argv[3], .key = argv[4], .frames = 50},
              .sessions = rf_alloc_array(n, sizeof(load_session)),
              .n = n,
              .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    if (l.epoll_fd < 0) {
        die("epoll");
    }
    for (size_t i = 0; i < n; i++) {
        l.sessions[i].state = LOAD_OVER;
        l.sessions[i].socket.fd = -1;
    }
    return l;
}

static void load_done(load *l)
{
    for (size_t i = 0; i < l->n; i++) {
        load_session_done(&l->sessions[i]);
    }
    free(l->sessions);
    rf_close(&l->epoll_fd);
    load_run_done(&l->run);
}

static void open_session(load *l, size_t i)
{
    load_session *s = &l->sessions[i];
    bool keep_all = s->socket.keep_all;
    load_session_done(s);
    *s = (load_session){.socket = {.fd = -1, .keep_all = keep_all}};
    load_session_open(s, &l->run);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
    if (s->state != LOAD_OVER && epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, s->socket.fd, &ev) < 0) {
        die("epoll");
    }
}

/* Lets everything happen until `at_ns`. */
static void run_until(load *l, int64_t at_ns)
{
    for (int64_t now = rf_time_ns(); now < at_ns; now = rf_time_ns()) {
        int64_t next = at_ns;
        for (size_t i = 0; i < l->n; i++) {
            int64_t due = load_session_tick(&l->sessions[i], &l->run, now);
            next = due < next ? due : next;
        }
        int64_t wait_ns = next > now ? next - now : 0;
        const struct timespec wait = {wait_ns / RF_NS_PER_S, wait_ns % RF_NS_PER_S};
        struct epoll_event events[EVENTS];
        int n = epoll_pwait2(l->epoll_fd, events, EVENTS, &wait, NULL);
        for (int i = 0; i < n; i++) {
            load_session_readable(events[i].data.ptr, &l->run);
        }
    }
}

/* Until a session has reached a state, at most for wait_s; whether it has. */
static bool run_to(load *l, const load_session *s, load_state state, int wait_s)
{
    int64_t end_ns = rf_time_ns() + wait_s * RF_NS_PER_S;
    while (s->state < state && rf_time_ns() < end_ns) {
        run_until(l, rf_time_ns() + RF_NS_PER_MS);
    }
    return s->state >= state;
}

static void stop_all(load *l)
{
    l->run.measuring = false;
    for (size_t i = 0; i < l->n; i++) {
        load_session_stop(&l->sessions[i], &l->run);
    }
    for (size_t i = 0; i < l->n; i++) {
        if (!run_to(l, &l->sessions[i], LOAD_OVER, STOP_WAIT_S)) {
            l->run.lost++;
            break;
        }
    }
}

static size_t playing(const load *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        n += l->sessions[i].state == LOAD_PLAYING;
    }
    return n;
}

/* The reason of a fault may hold quotes: they become apostrophes. */
static void print_why(load_run *run)
{
    for (char *c = run->why; *c != '\0'; c++) {
        *c = *c == '"' || *c == '\\' || (unsigned char)*c < ' ' ? '\'' : *c;
    }
    printf("\"why\":\"%s\"}\n", run->why);
}

static void say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static void play(char **argv)
{
    load l = load_new(argv, strtoul(argv[5], NULL, 10));
    int64_t ramp_ns = strtol(argv[6], NULL, 10) * RF_NS_PER_S;
    size_t kept = strtoul(argv[8], NULL, 10);
    l.run.update_ns = RF_NS_PER_S;
    l.run.ping_ns = PING_S * RF_NS_PER_S;
    int64_t begin_ns = rf_time_ns();
    for (size_t i = 0; i < l.n; i++) {
        l.sessions[i].socket.keep_all = i * kept / l.n != (i + 1) * kept / l.n;
        run_until(&l, begin_ns + ramp_ns * (int64_t)i / (int64_t)l.n);
        open_session(&l, i);
    }
    run_until(&l, begin_ns + ramp_ns + 2 * RF_NS_PER_S);
    size_t before = playing(&l);
    say("measuring");
    l.run.measuring = true;
    run_until(&l, rf_time_ns() + strtol(argv[7], NULL, 10) * RF_NS_PER_S);
    say("measured");
    load_run *run = &l.run;
    printf("{\"sessions\":%zu,\"at_begin\":%zu,\"at_end\":%zu,", l.n, before, playing(&l));
    stop_all(&l);
    load_figures_print(&run->late, "late_ms");
    putchar(',');
    load_figures_print(&run->told, "told_late_ms");
    putchar(',');
    load_figures_print(&run->early, "told_early_ms");
    putchar(',');
    load_figures_print(&run->pong, "pong_ms");
    putchar(',');
    load_figures_print(&run->status, "status_ms");
    putchar(',');
    load_figures_print(&run->render, "generation_ms");
    putchar(',');
    load_figures_print(&run->first, "first_ms");
    printf(",\"chunks\":%" PRIu64 ",\"copies\":%" PRIu64 ",\"broken_copies\":%" PRIu64
           ",\"holes\":%" PRIu64 ",\"catch_ups\":%" PRIu64 ",\"busy\":%" PRIu64
           ",\"errors\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"unanswered\":%" PRIu64 ",",
           run->chunks, run->copies, run->broken_copies, run->holes, run->catch_ups, run->busy,
           run->errors, run->lost, run->unanswered);
    print_why(run);
    load_done(&l);
}

static void first(char **argv)
{
    load l = load_new(argv, 1);
    for (size_t i = strtoul(argv[5], NULL, 10); i > 0; i--) {
        open_session(&l, 0);
        run_to(&l, &l.sessions[0], LOAD_PLAYING, START_WAIT_S);
        stop_all(&l);
    }
    putchar('{');
    load_figures_print(&l.run.first, "first_ms");
    printf(",\"errors\":%" PRIu64 ",\"lost\":%" PRIu64 ",", l.run.errors + l.run.busy, l.run.lost);
    print_why(&l.run);
    load_done(&l);
}

/* From the sending of an update to the moment at which its first sample is due. */
static void update_once(load *l, load_figures *air, uint64_t *sent_before)
{
    load_session *s = &l->sessions[0];
    int64_t received = s->at;
    int64_t sent_ns = rf_time_ns();
    load_session_update(s, &l->run, sent_ns);
    for (int64_t end_ns = sent_ns + STATUS_WAIT_S * RF_NS_PER_S;
         s->state == LOAD_PLAYING && s->applied < 0 && rf_time_ns() < end_ns;) {
        run_until(l, rf_time_ns() + RF_NS_PER_MS);
    }
    if (s->applied < 0) {
        l->run.unanswered++;
        return;
    }
    int64_t air_ns = s->origin_ns + (int64_t)((double)s->applied * 1e9 / RATE);
    load_figures_add(air, (double)(air_ns - sent_ns) / 1e6);
    *sent_before += s->applied < received;
}

static void update(char **argv)
{
    load l = load_new(argv, 1);
    l.run.frames = (int)strtol(argv[5], NULL, 10);
    load_figures air = {0};
    uint64_t sent_before = 0;
    open_session(&l, 0);
    run_to(&l, &l.sessions[0], LOAD_PLAYING, START_WAIT_S);
    run_until(&l, rf_time_ns() + SETTLE_S * RF_NS_PER_S);
    l.run.measuring = true;
    size_t n = strtoul(argv[6], NULL, 10);
    for (size_t i = 0; i < n && l.sessions[0].state == LOAD_PLAYING; i++) {
        /* in steps that fall on every part of a chunk alike */
        run_until(&l, rf_time_ns() + (70 + (int64_t)(i * 61 % 200)) * RF_NS_PER_MS);
        update_once(&l, &air, &sent_before);
    }
    stop_all(&l);
    putchar('{');
    load_figures_print(&air, "air_ms");
    putchar(',');
    load_figures_print(&l.run.status, "status_ms");
    printf(",\"changed_sent_audio\":%" PRIu64 ",\"unanswered\":%" PRIu64 ",\"holes\":%" PRIu64
           ",\"lost\":%" PRIu64 ",",
           sent_before, l.run.unanswered, l.run.holes, l.run.lost);
    print_why(&l.run);
    load_figures_done(&air);
    load_done(&l);
}

int main(int argc, char **argv)
{
    if (argc == 9 && strcmp(argv[1], "play") == 0) {
        play(argv);
    } else if (argc == 6 && strcmp(argv[1], "first") == 0) {
        first(argv);
    } else if (argc == 7 && strcmp(argv[1], "update") == 0) {
        update(argv);
    } else {
        fputs("usage: bench_jam_load play HOST PORT KEY SESSIONS RAMP_S SECONDS KEPT\n"
              "       bench_jam_load first HOST PORT KEY STARTS\n"
              "       bench_jam_load update HOST PORT KEY FRAMES UPDATES\n",
              stderr);
        return 2;
    }
    return 0;
}
