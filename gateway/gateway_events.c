#include "gateway_events.h"

#include "gateway_auth.h"
#include "gateway_feed.h"
#include "gateway_job.h"
#include "gateway_rpc.h"
#include "gateway_stream.h"
#include "rf_time.h"

#include <string.h>

/* The key is looked at this often: a revoked one is believed for GATEWAY_AUTH_KNOWN_S at most, so
 * that its streams end within 60 s (spec jobs.md S9). */
#define LOOK_NS (5 * RF_NS_PER_S)
#define COMMENT_LOOKS 3 /* a comment each 15 s */
#define RETRY_TEXT "retry: 2000\n\n"
#define COMMENT_TEXT ":\n\n"
#define UNAVAILABLE_RETRY_S 5
#define ID_MAX 24

typedef struct listening {
    gateway_exchange *ex;
    gateway_feed *feed; /* NULL once it has ended */
    gateway_stream stream;
    rf_timer *timer;
    unsigned looks;  /* since something was sent */
    bool begun;      /* the head is out */
    bool ending;     /* nothing more comes */
    const char *say; /* of ours, before the next event; what is left of it, "" for nothing */
    gateway_feed_queue waiting;
} listening;

/* ---- towards the client ---- */

/* What is to go out next, NULL when there is nothing. */
static const void *due(listening *l, size_t *ret_len)
{
    if (l->say[0] != '\0') {
        *ret_len = strlen(l->say);
        return l->say;
    }
    return gateway_feed_due(&l->waiting, l->feed, ret_len);
}

static void count_sent(listening *l, size_t n)
{
    l->looks = 0;
    if (l->say[0] != '\0') {
        l->say += n;
    } else {
        gateway_feed_sent(&l->waiting, n);
    }
}

/* Nothing of l may be touched afterwards. */
static void send_more(listening *l)
{
    size_t len;
    const void *data;
    while ((data = due(l, &len)) != NULL) {
        ssize_t n = gateway_stream_write(&l->stream, data, len);
        if (n <= 0) {
            return; /* writable comes */
        }
        count_sent(l, (size_t)n);
    }
    bool over = l->ending || l->ex->req.method == GATEWAY_HEAD;
    if (over && gateway_stream_end(&l->stream, "") < 0) {
        gateway_stream_break(&l->stream);
    }
}

static void writable(gateway_exchange *ex)
{
    send_more(ex->task);
}

static void on_gone(gateway_exchange *ex)
{
    listening *l = ex->task;
    ex->task = NULL;
    gateway_feed_clear(&l->waiting, l->feed);
    if (l->feed != NULL) {
        gateway_feed_cancel(l->feed);
    }
    rf_timer_free(l->timer);
    atomic_fetch_sub(&ex->gw->listeners, 1);
    free(l);
}

static const gateway_exchange_ops listen_ops = {.writable = writable, .gone = on_gone};

static void finish(listening *l)
{
    gateway_conn *c = l->ex->conn;
    gateway_conn_enter(c);
    l->ending = true;
    gateway_conn_await_out(c);
    gateway_conn_leave(c);
}

/* ---- the key ---- */

static void on_authenticated(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code == RF_OK) {
        gateway_auth_know(ex->gw->auth, ex->key_hash, &reply->caller, reply->cache_s, rf_time_ns());
    } else if (reply->status.code == RF_UNAUTHENTICATED || reply->status.code == RF_NOT_FOUND) {
        gateway_auth_deny(ex->gw->auth, ex->key_hash, rf_time_ns());
        if (ex->conn != NULL) {
            finish(ex->task);
        }
    }
}

/* Whether the listener may stay, as far as is known. */
static bool key_holds(gateway_exchange *ex)
{
    gateway_caller caller;
    gateway_auth_state state = gateway_auth_find(ex->gw->auth, ex->key_hash, rf_time_ns(), &caller);
    if (state == GATEWAY_AUTH_ASK) {
        gateway_rpc_authenticate(ex, ex->key_hash, true, on_authenticated);
    }
    return state != GATEWAY_AUTH_UNKNOWN;
}

static void say_comment(listening *l)
{
    gateway_conn *c = l->ex->conn;
    gateway_conn_enter(c);
    if (l->begun && l->say[0] == '\0' && l->waiting.at == 0) { /* never within an event */
        l->say = COMMENT_TEXT;
        gateway_conn_await_out(c);
    }
    gateway_conn_leave(c);
}

static void on_look(void *user)
{
    listening *l = user;
    gateway_exchange *ex = l->ex;
    rf_timer_set(l->timer, rf_time_ns() + LOOK_NS);
    if (l->begun && (ex->loop->draining || !key_holds(ex))) {
        finish(l);
    } else if (++l->looks >= COMMENT_LOOKS) {
        l->looks = 0;
        say_comment(l);
    }
}

/* ---- from the service ---- */

static void begin(listening *l)
{
    gateway_answer a = {.status = 200,
                        .type = "text/event-stream",
                        .headers = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n",
                        .length = GATEWAY_LENGTH_UNKNOWN};
    l->begun = true;
    l->say = RETRY_TEXT;
    gateway_stream_begin(&l->stream, l->ex, &a);
}

static void on_part(void *user, const gateway_feed_said *said, gateway_feed_part *part)
{
    listening *l = user;
    gateway_conn *c = l->ex->conn;
    (void)said;
    gateway_conn_enter(c);
    if (!l->begun) {
        begin(l);
    }
    gateway_feed_push(&l->waiting, part);
    gateway_conn_await_out(c); /* the head goes first */
    gateway_conn_leave(c);
}

static void on_ended(void *user, const rf_status *status, const gateway_feed_said *said)
{
    static const gateway_answer nothing = {.status = 204, .headers = "Cache-Control: no-store\r\n"};
    listening *l = user;
    gateway_conn *c = l->ex->conn;
    (void)said;
    l->feed = NULL;
    gateway_conn_enter(c);
    if (l->begun) {
        l->ending = true; /* a listener that has not heard all comes again */
        gateway_conn_await_out(c);
    } else if (status->code == RF_OK) {
        gateway_answer_bytes(l->ex, &nothing, NULL);
    } else {
        gateway_job_failed(l->ex, status);
    }
    gateway_conn_leave(c);
}

static const gateway_feed_events feed_events = {.part = on_part, .ended = on_ended};

/* ---- the beginning ---- */

/* The id of the last event that the listener has; 0 when it has none, or names one that no job can
 * have. */
static int64_t last_event(const gateway_exchange *ex)
{
    char text[ID_MAX];
    int64_t id;
    if (gateway_request_header(&ex->req, GATEWAY_H_LAST_EVENT_ID, text, sizeof(text)) <= 0 ||
        rf_parse_i64(text, &id) < 0 || id < 0) {
        return 0;
    }
    return id;
}

void gateway_events_listen(gateway_exchange *ex)
{
    gateway *gw = ex->gw;
    if (ex->id[0] == '\0') {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
        return;
    }
    if (atomic_fetch_add(&gw->listeners, 1) >= gw->config.listeners_max) {
        atomic_fetch_sub(&gw->listeners, 1);
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "Too many event streams are open.",
                             UNAVAILABLE_RETRY_S);
        return;
    }
    listening *l = RF_NEW(listening);
    l->ex = ex;
    l->say = "";
    l->timer = rf_timer_new(ex->loop->loop, on_look, l);
    rf_timer_set(l->timer, rf_time_ns() + LOOK_NS);
    ex->task = l;
    ex->ops = &listen_ops;
    l->feed = gateway_rpc_watch_job(ex, last_event(ex), &feed_events, l);
}
