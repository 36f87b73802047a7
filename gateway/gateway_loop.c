#include "gateway_loop.h"

#include "gateway_conn.h"
#include "gateway_exchange.h"
#include "gateway_round.h"
#include "gateway_rpc.h"
#include "gateway_sockets.h"
#include "gateway_tls.h"
#include "rf_id.h"
#include "rf_time.h"

#include <malloc.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINGER_NS (2 * RF_NS_PER_S)
#define FRESH_NS RF_NS_PER_S
#define REST_NS RF_NS_PER_S

/* ---- deadlines ---- */

static void unlink_conn(gateway_conn_list *list, gateway_conn *c)
{
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        list->first = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    } else {
        list->last = c->prev;
    }
    c->next = NULL;
    c->prev = NULL;
}

static void push_conn(gateway_conn_list *list, gateway_conn *c)
{
    c->prev = list->last;
    if (list->last != NULL) {
        list->last->next = c;
    } else {
        list->first = c;
    }
    list->last = c;
}

void gateway_loop_leave(gateway_loop *l, gateway_conn *conn)
{
    if (conn->phase != GATEWAY_N_PHASES) {
        unlink_conn(&l->phases[conn->phase], conn);
        conn->phase = GATEWAY_N_PHASES;
    }
}

void gateway_loop_enter(gateway_loop *l, gateway_conn *conn, gateway_phase phase)
{
    gateway_loop_leave(l, conn);
    conn->phase = phase;
    push_conn(&l->phases[phase], conn);
    if (phase == GATEWAY_PHASE_NONE) {
        conn->deadline_ns = RF_NEVER_NS;
        return;
    }
    conn->deadline_ns = rf_loop_now_ns(l->loop) + l->phase_ns[phase];
    if (conn->deadline_ns < l->armed_ns) {
        l->armed_ns = conn->deadline_ns;
        rf_timer_set(l->timer, l->armed_ns);
    }
}

static void expire_phase(gateway_loop *l, gateway_phase phase, int64_t now)
{
    gateway_conn *c = l->phases[phase].first;
    while (c != NULL && c->deadline_ns <= now) {
        gateway_conn_expired(c);
        c = l->phases[phase].first;
    }
    if (c != NULL) {
        l->armed_ns = RF_MIN(l->armed_ns, c->deadline_ns);
    }
}

/* The timer stands at or before the earliest deadline: lists only grow at their ends. */
static void on_timer(void *user)
{
    gateway_loop *l = user;
    int64_t now = rf_time_ns();
    l->armed_ns = RF_NEVER_NS;
    for (int phase = 0; phase < GATEWAY_PHASE_NONE; phase++) {
        expire_phase(l, (gateway_phase)phase, now);
    }
    rf_timer_set(l->timer, l->armed_ns);
}

/* ---- memory ---- */

/* RPC keeps as many blocks as messages have ever been under way at once, glibc the holes between
 * them: the busier the machine, the more. Giving them back takes ms, so it is not done while any
 * socket is open. */
static void on_rest(void *user)
{
    const gateway_loop *l = user;
    if (gateway_sockets_names(l->gw->sockets) == 0) {
        gateway_rpc_rest();
        malloc_trim(0);
    }
}

void gateway_loop_socket_gone(gateway_loop *l)
{
    if (gateway_sockets_names(l->gw->sockets) == 0) {
        rf_timer_set(l->rest, rf_time_ns() + REST_NS);
    }
}

/* ---- life ---- */

/* A loop that is woken lets what runs go on to the end of its time (sched(7), SCHED_BATCH), so that
 * on a busy machine it finds many sockets ready at once and not one at a time. Costs little: the
 * median on an idle or a crowded machine stays as it is. */
static void gather(void)
{
    const struct sched_param none = {.sched_priority = 0};
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &none); /* refused: as before */
}

static void *loop_main(void *user)
{
    gateway_loop *l = user;
    gather();
    rf_loop_run(l->loop);
    return NULL;
}

static void set_phases(gateway_loop *l)
{
    const gateway_config *c = &l->gw->config;
    l->phase_ns[GATEWAY_PHASE_FRESH] = FRESH_NS;
    l->phase_ns[GATEWAY_PHASE_IDLE] = c->idle_timeout_s * RF_NS_PER_S - FRESH_NS;
    l->phase_ns[GATEWAY_PHASE_HEAD] = c->head_timeout_ms * RF_NS_PER_MS;
    l->phase_ns[GATEWAY_PHASE_BODY] = c->body_window_s * RF_NS_PER_S;
    l->phase_ns[GATEWAY_PHASE_SEND] = c->send_stall_s * RF_NS_PER_S;
    l->phase_ns[GATEWAY_PHASE_LINGER] = LINGER_NS;
    l->phase_ns[GATEWAY_PHASE_STALL] = c->sockets_stall_s * RF_NS_PER_S;
}

gateway_loop *gateway_loop_start(gateway *gw)
{
    uint8_t random[4];
    gateway_loop *l = RF_NEW(gateway_loop);
    l->gw = gw;
    l->loop = rf_loop_new();
    if (l->loop == NULL) {
        free(l);
        return NULL;
    }
    rf_loop_at_round_end(l->loop, gateway_round_end, l);
    l->timer = rf_timer_new(l->loop, on_timer, l);
    l->rest = rf_timer_new(l->loop, on_rest, l);
    l->armed_ns = RF_NEVER_NS;
    set_phases(l);
    rf_random(random, sizeof(random));
    rf_hex(random, sizeof(random), l->id_prefix);
    if (pthread_create(&l->thread, NULL, loop_main, l) != 0) {
        rf_timer_free(l->rest);
        rf_timer_free(l->timer);
        rf_loop_free(l->loop);
        free(l);
        return NULL;
    }
    return l;
}

typedef struct wait_task {
    gateway_loop *l;
    sem_t done;
} wait_task;

static void close_conn(gateway_conn *c)
{
    gateway_conn_enter(c);
    gateway_conn_close(c);
    gateway_conn_leave(c);
}

static void close_all(void *user)
{
    wait_task *w = user;
    w->l->draining = true;
    for (int phase = 0; phase < GATEWAY_N_PHASES; phase++) {
        while (w->l->phases[phase].first != NULL) {
            close_conn(w->l->phases[phase].first);
        }
    }
    sem_post(&w->done);
}

void gateway_loop_close_all(gateway_loop *l)
{
    wait_task w = {.l = l};
    sem_init(&w.done, 0, 0);
    rf_loop_post(l->loop, close_all, &w);
    while (sem_wait(&w.done) != 0) {
    }
    sem_destroy(&w.done);
}

static void stop_task(void *user)
{
    gateway_loop *l = user;
    rf_loop_stop(l->loop);
}

gateway_loop *gateway_loop_stop(gateway_loop *l)
{
    rf_loop_post(l->loop, stop_task, l);
    pthread_join(l->thread, NULL);
    gateway_exchange_free_spares(l);
    rf_timer_free(l->drain_timer);
    rf_timer_free(l->rest);
    rf_timer_free(l->timer);
    rf_loop_free(l->loop);
    free(l);
    return NULL;
}

/* ---- connections ---- */

typedef struct give_task {
    gateway_loop *l;
    int fd;
    bool tls;
} give_task;

static void take_conn(void *user)
{
    give_task *t = user;
    SSL *ssl = t->tls ? gateway_tls_new_session(t->l->gw->tls, t->fd) : NULL;
    if (t->l->draining || (t->tls && ssl == NULL)) {
        SSL_free(ssl);
        rf_close(&t->fd);
    } else {
        gateway_conn_new(t->l, t->fd, ssl);
    }
    free(t);
}

void gateway_loop_give(gateway_loop *l, int fd, bool tls)
{
    give_task *t = RF_NEW(give_task);
    *t = (give_task){.l = l, .fd = fd, .tls = tls};
    rf_loop_post(l->loop, take_conn, t);
}

static void drain_phase(gateway_loop *l, gateway_phase phase)
{
    gateway_conn *next = NULL;
    for (gateway_conn *c = l->phases[phase].first; c != NULL; c = next) {
        next = c->next;
        gateway_conn_drain(c);
    }
}

static void end_upgraded(gateway_loop *l, gateway_phase phase)
{
    gateway_conn *next = NULL;
    for (gateway_conn *c = l->phases[phase].first; c != NULL; c = next) {
        next = c->next;
        gateway_conn_end_upgraded(c);
    }
}

/* A connection that moves to the other list meanwhile is asked twice, which it bears. */
static void on_drain_timer(void *user)
{
    gateway_loop *l = user;
    end_upgraded(l, GATEWAY_PHASE_NONE);
    end_upgraded(l, GATEWAY_PHASE_STALL);
}

static void drain_task(void *user)
{
    gateway_loop *l = user;
    l->draining = true;
    l->drain_timer = rf_timer_new(l->loop, on_drain_timer, l);
    rf_timer_set(l->drain_timer, rf_time_ns() + l->gw->config.sockets_drain_s * RF_NS_PER_S);
    drain_phase(l, GATEWAY_PHASE_FRESH);
    drain_phase(l, GATEWAY_PHASE_IDLE);
    drain_phase(l, GATEWAY_PHASE_SEND);
}

void gateway_loop_drain(gateway_loop *l)
{
    rf_loop_post(l->loop, drain_task, l);
}

const char *gateway_loop_date(gateway_loop *l)
{
    time_t now = time(NULL);
    if (now != l->date_s) {
        struct tm tm;
        l->date_s = now;
        gmtime_r(&now, &tm);
        strftime(l->date, sizeof(l->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    }
    return l->date;
}
