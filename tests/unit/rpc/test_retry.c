/* When a call is tried again and when not, counted at the other end of the wire, and the pauses
 * between tries and between connections, on a driven clock. */
#include "echo.h"
#include "peer.h"
#include "tally.h"

#include "rf_rpc_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELLO "\x0a\x02hi"

static rf_rpc_channel *channel_to(const char *url, uint32_t attempts)
{
    rf_rpc_channel *c = NULL;
    rf_rpc_channel_config config = {.target = url, .attempts = attempts, .wait_ready_ms = 10000};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    return c;
}

/* ---- one try and how it fails ---- */

/* What the server does with a CALL. */
typedef enum answer {
    ANSWER_OK,
    END_UNAVAILABLE,
    END_INTERNAL,
    HANG_UP,         /* the connection is lost without a word */
    HANG_UP_GARBAGE, /* after bytes that are no frame */
    DATA_THEN_HANG_UP,
    DATA_THEN_UNAVAILABLE,
    PART_THEN_HANG_UP, /* of a message, which the client never saw */
    GOAWAY_BEFORE,     /* the call was not looked at */
    GOAWAY_AFTER,      /* it was, and then the connection is lost */
} answer;

/* The connection goes on after it? */
static bool do_answer(peer *p, uint32_t id, answer a)
{
    switch (a) {
    case ANSWER_OK:
        return peer_end(p, id, RF_OK, "", HELLO, 4);
    case END_UNAVAILABLE:
        return peer_end(p, id, RF_UNAVAILABLE, "not now", NULL, 0);
    case END_INTERNAL:
        return peer_end(p, id, RF_INTERNAL, "broken", NULL, 0);
    case DATA_THEN_UNAVAILABLE:
        return peer_data(p, id, 0, HELLO, 4) && peer_end(p, id, RF_UNAVAILABLE, "not now", NULL, 0);
    case HANG_UP_GARBAGE:
        (void)peer_send(p, "garbage garbage", 15);
        break;
    case DATA_THEN_HANG_UP:
        (void)peer_data(p, id, 0, HELLO, 4);
        break;
    case PART_THEN_HANG_UP:
        (void)peer_begin(p, id, 100, 0, 10);
        break;
    case GOAWAY_BEFORE:
        (void)peer_goaway(p, id - 1);
        break;
    case GOAWAY_AFTER:
        (void)peer_goaway(p, id);
        break;
    default:
        break;
    }
    if (a == DATA_THEN_HANG_UP || a == PART_THEN_HANG_UP) {
        (void)peer_is_alive(p); /* so that the bytes have been read before the end comes */
    }
    peer_hang_up(p);
    return false;
}

typedef struct script {
    peer p;
    const answer *answers;
    size_t n_answers; /* the last goes on for ever */
    size_t n_calls;   /* CALL frames that came */
    tally *tally;
} script;

/* Plays the server until the call has ended at its client. */
static void play(script *s)
{
    static peer_frame f;
    bool connected = false;
    for (;;) {
        if (!connected) {
            if (!peer_accept_silent(&s->p, 20)) {
                if (tally_count(s->tally) > 0) {
                    return;
                }
                continue;
            }
            connected = peer_send(&s->p, PEER_MAGIC, 8);
            uint8_t magic[8];
            connected =
                connected && peer_has_more(&s->p, PEER_WAIT_MS) && read(s->p.fd, magic, 8) == 8;
            continue;
        }
        if (!peer_has_more(&s->p, 20)) {
            if (tally_count(s->tally) > 0) {
                return;
            }
            continue;
        }
        connected = peer_read(&s->p, &f);
        if (connected && f.type == PEER_CALL) {
            answer a = s->answers[RF_MIN(s->n_calls, s->n_answers - 1)];
            s->n_calls++;
            connected = do_answer(&s->p, f.call, a);
        }
    }
}

#define ANSWERS(...) (const answer[]){__VA_ARGS__}, sizeof((answer[]){__VA_ARGS__}) / sizeof(answer)

static const struct {
    const char *name;
    bool idempotent;
    uint32_t attempts;
    const answer *answers;
    size_t n_answers;
    size_t n_calls;
    rf_code code;
} rows[] = {
    {"an answer", true, 3, ANSWERS(ANSWER_OK), 1, RF_OK},
    {"UNAVAILABLE for ever", true, 3, ANSWERS(END_UNAVAILABLE), 3, RF_UNAVAILABLE},
    {"UNAVAILABLE for ever, one try", true, 1, ANSWERS(END_UNAVAILABLE), 1, RF_UNAVAILABLE},
    {"UNAVAILABLE for ever, five tries", true, 5, ANSWERS(END_UNAVAILABLE), 5, RF_UNAVAILABLE},
    {"UNAVAILABLE once", true, 3, ANSWERS(END_UNAVAILABLE, ANSWER_OK), 2, RF_OK},
    {"UNAVAILABLE twice", true, 3, ANSWERS(END_UNAVAILABLE, END_UNAVAILABLE, ANSWER_OK), 3, RF_OK},
    {"UNAVAILABLE then INTERNAL", true, 3, ANSWERS(END_UNAVAILABLE, END_INTERNAL), 2, RF_INTERNAL},
    {"INTERNAL", true, 3, ANSWERS(END_INTERNAL), 1, RF_INTERNAL},
    {"lost once", true, 3, ANSWERS(HANG_UP, ANSWER_OK), 2, RF_OK},
    {"lost for ever", true, 3, ANSWERS(HANG_UP), 3, RF_UNAVAILABLE},
    {"garbage once", true, 3, ANSWERS(HANG_UP_GARBAGE, ANSWER_OK), 2, RF_OK},
    {"lost after a part of a message", true, 3, ANSWERS(PART_THEN_HANG_UP, ANSWER_OK), 2, RF_OK},
    {"lost after a message", true, 3, ANSWERS(DATA_THEN_HANG_UP, ANSWER_OK), 1, RF_UNAVAILABLE},
    {"UNAVAILABLE after a message", true, 3, ANSWERS(DATA_THEN_UNAVAILABLE), 1, RF_UNAVAILABLE},
    {"not idempotent, UNAVAILABLE", false, 3, ANSWERS(END_UNAVAILABLE), 1, RF_UNAVAILABLE},
    {"not idempotent, lost", false, 3, ANSWERS(HANG_UP), 1, RF_UNAVAILABLE},
    {"not idempotent, garbage", false, 3, ANSWERS(HANG_UP_GARBAGE), 1, RF_UNAVAILABLE},
    {"not idempotent, not looked at", false, 3, ANSWERS(GOAWAY_BEFORE, ANSWER_OK), 2, RF_OK},
    {"not idempotent, not looked at thrice", false, 3,
     ANSWERS(GOAWAY_BEFORE, GOAWAY_BEFORE, GOAWAY_BEFORE, ANSWER_OK), 4, RF_OK},
    {"not idempotent, looked at and lost", false, 3, ANSWERS(GOAWAY_AFTER), 1, RF_UNAVAILABLE},
    {"looked at and lost", true, 3, ANSWERS(GOAWAY_AFTER, ANSWER_OK), 2, RF_OK},
};

Test(retry, exactly_what_may_be_tried_again_is, .timeout = 60)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        tally t;
        script s = {.answers = rows[i].answers, .n_answers = rows[i].n_answers, .tally = &t};
        tally_init(&t);
        peer_listen(&s.p);
        rf_rpc_channel *c = channel_to(s.p.url, rows[i].attempts);
        rf_rpc_method m = *RPC_TEST_ECHO_UNARY;
        m.idempotent = rows[i].idempotent;
        rf_rpc_unary_raw(c, &m, NULL, HELLO, 4, NULL, tally_done, &t, NULL);
        play(&s);
        cr_assert_eq(t.last.code, rows[i].code, "%s: %s", rows[i].name, t.last.message);
        cr_assert_eq(s.n_calls, rows[i].n_calls, "%s: %zu calls", rows[i].name, s.n_calls);
        cr_assert_eq(t.n_done, 1);
        (void)rf_rpc_channel_close(c);
        peer_done(&s.p);
    }
}

/* The same request goes out each time, to the byte, with less time left. */
Test(retry, a_second_try_carries_the_same_request)
{
    static peer_frame first;
    static peer_frame second;
    static uint8_t body[5000];
    peer_head_text one;
    peer_head_text two;
    tally t;
    peer p;
    tally_init(&t);
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 3);
    memset(body, 'b', sizeof(body));
    rf_rpc_options o = {.request_id = "same", .tenant = "tenant"};
    peer_accept(&p);
    rf_rpc_unary_raw(c, RPC_TEST_ECHO_UNARY, &o, body, sizeof(body), NULL, tally_done, &t, NULL);
    cr_assert(peer_read_type(&p, PEER_CALL, &first));
    cr_assert(peer_end(&p, first.call, RF_UNAVAILABLE, "", NULL, 0));
    cr_assert(peer_read_type(&p, PEER_CALL, &second));
    cr_assert(peer_head_get(&first, &one));
    cr_assert(peer_head_get(&second, &two));
    cr_assert_eq(second.call, first.call + 1);
    cr_assert_eq(second.flags, first.flags);
    cr_assert_eq(second.len, first.len);
    cr_assert_arr_eq(second.payload + 4, first.payload + 4, first.len - 4);
    cr_assert_str_eq(two.request_id, "same");
    cr_assert_leq(two.timeout_ms, one.timeout_ms);
    cr_assert(peer_end(&p, second.call, RF_OK, "", HELLO, 4));
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_OK);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

/* A big request is cut off in the middle; the second try begins at its first byte. */
Test(retry, a_request_that_was_half_sent_is_sent_whole)
{
    static uint8_t body[3 << 20];
    static peer_frame f;
    tally t;
    peer p;
    tally_init(&t);
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 3);
    peer_accept(&p);
    rf_rpc_unary_raw(c, RPC_TEST_ECHO_UNARY, NULL, body, sizeof(body), NULL, tally_done, &t, NULL);
    cr_assert(peer_read_type(&p, PEER_DATA, &f));
    cr_assert(peer_read_type(&p, PEER_DATA, &f));
    peer_hang_up(&p);
    peer_accept(&p);
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    size_t got = 0;
    while (got < PEER_PREFIX + sizeof(body)) {
        cr_assert(peer_read_type(&p, PEER_DATA, &f));
        cr_assert_eq(f.flags & PEER_MESSAGE, got == 0 ? PEER_MESSAGE : 0);
        got += f.len;
    }
    cr_assert_eq(f.flags & PEER_LAST, PEER_LAST);
    cr_assert(peer_end(&p, f.call, RF_OK, "", HELLO, 4));
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_OK);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

static void count_release(void *user)
{
    (*(int *)user)++;
}

Test(retry, an_attachment_is_released_once_whatever_happens)
{
    static uint8_t big[1 << 20];
    static const answer failing[] = {END_UNAVAILABLE, HANG_UP, ANSWER_OK};
    tally t;
    int released = 0;
    script s = {.answers = failing, .n_answers = 3, .tally = &t};
    tally_init(&t);
    peer_listen(&s.p);
    rf_rpc_channel *c = channel_to(s.p.url, 3);
    rf_rpc_attachment a = {big, 1000, count_release, &released};
    rf_rpc_unary_raw(c, RPC_TEST_ECHO_UNARY, NULL, HELLO, 4, &a, tally_done, &t, NULL);
    play(&s);
    cr_assert_eq(t.last.code, RF_OK, "%s", t.last.message);
    (void)rf_rpc_channel_close(c);
    peer_done(&s.p);
    cr_assert_eq(released, 1);
}

Test(retry, a_stream_with_requests_is_never_tried_again)
{
    static peer_frame f;
    peer p;
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 3);
    rf_rpc_method m = *RPC_TEST_ECHO_UPLOAD;
    m.idempotent = true;
    peer_accept(&p);
    rf_rpc_stream *s = rf_rpc_stream_open(c, &m, NULL);
    cr_assert_eq(rf_rpc_stream_send_raw(s, HELLO, 4, NULL), 0);
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    cr_assert(peer_end(&p, f.call, RF_UNAVAILABLE, "no", NULL, 0));
    rf_rpc_item *item = NULL;
    cr_assert_eq(rf_rpc_stream_recv(s, &item), -EAGAIN);
    cr_assert(peer_is_alive(&p));
    cr_assert_not(peer_has_more(&p, 60), "no second CALL");
    (void)rf_rpc_stream_free(s);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

/* ---- the pauses, on a driven clock ---- */

/* Whether the hub's own state says so within the real time that a loaded machine needs. */
static bool eventually(rf_rpc_channel *c, bool (*holds)(const rf_rpc_channel *c))
{
    for (int i = 0; i < 20000; i++) {
        rf_rpc_hub_lock(c->hub);
        bool yes = holds(c);
        rf_rpc_hub_unlock(c->hub);
        if (yes) {
            return true;
        }
        (void)usleep(1000);
    }
    return false;
}

static bool is_pausing(const rf_rpc_channel *c)
{
    return c->targets->endpoints != NULL && c->targets->endpoints->timer.place != 0;
}

static bool has_retry(const rf_rpc_channel *c)
{
    for (const rf_rpc_link *l = c->hub->calls.next; l != &c->hub->calls; l = l->next) {
        if (((const rf_rpc_call *)l)->not_before_ns > 0) {
            return true;
        }
    }
    return false;
}

Test(backoff, doubles_from_10_ms_to_1_s_and_stays_between_half_and_whole, .timeout = 60)
{
    peer p;
    rf_time_drive();
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 1);
    int64_t whole_ns = 10 * RF_NS_PER_MS;
    for (int round = 0; round < 10; round++) {
        cr_assert(peer_accept_silent(&p, PEER_WAIT_MS), "round %d", round);
        peer_hang_up(&p);
        cr_assert(eventually(c, is_pausing), "round %d", round);
        rf_time_advance(whole_ns / 2 - 1);
        cr_assert_not(peer_accept_silent(&p, 10), "round %d: before half of the pause", round);
        rf_time_advance(whole_ns / 2 + 1);
        whole_ns = RF_MIN(2 * whole_ns, RF_NS_PER_S);
    }
    cr_assert(peer_accept_silent(&p, PEER_WAIT_MS));
    cr_assert_eq(whole_ns, RF_NS_PER_S, "the last rounds were at the limit");
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

Test(backoff, begins_anew_after_a_connection_that_worked)
{
    peer p;
    rf_time_drive();
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 1);
    for (int round = 0; round < 8; round++) {
        cr_assert(peer_accept_silent(&p, PEER_WAIT_MS));
        peer_hang_up(&p);
        cr_assert(eventually(c, is_pausing));
        rf_time_advance(RF_NS_PER_S);
    }
    peer_accept(&p);
    cr_assert(peer_is_alive(&p), "its magic has been read");
    peer_hang_up(&p);
    cr_assert(eventually(c, is_pausing));
    rf_time_advance(10 * RF_NS_PER_MS);
    cr_assert(peer_accept_silent(&p, PEER_WAIT_MS), "10 ms, no more");
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

Test(backoff, tries_of_a_call_pause_10_ms_doubling)
{
    static peer_frame f;
    tally t;
    peer p;
    rf_time_drive();
    tally_init(&t);
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 5);
    peer_accept(&p);
    rf_rpc_unary_raw(c, RPC_TEST_ECHO_UNARY, NULL, HELLO, 4, NULL, tally_done, &t, NULL);
    int64_t least_ns = 10 * RF_NS_PER_MS;
    for (int try = 1; try < 5; try++) {
        cr_assert(peer_read_type(&p, PEER_CALL, &f));
        cr_assert(peer_end(&p, f.call, RF_UNAVAILABLE, "", NULL, 0));
        cr_assert(eventually(c, has_retry));
        rf_time_advance(least_ns - 1);
        cr_assert_not(peer_has_more(&p, 10), "try %d comes too early", try + 1);
        rf_time_advance(least_ns + 5 * RF_NS_PER_MS);
        least_ns *= 2;
    }
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    cr_assert(peer_end(&p, f.call, RF_OK, "", HELLO, 4));
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_OK);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

Test(backoff, a_deadline_during_the_pause_ends_the_call)
{
    static peer_frame f;
    tally t;
    peer p;
    rf_time_drive();
    tally_init(&t);
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 5);
    peer_accept(&p);
    rf_rpc_options o = echo_within(8);
    rf_rpc_unary_raw(c, RPC_TEST_ECHO_UNARY, &o, HELLO, 4, NULL, tally_done, &t, NULL);
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    cr_assert(peer_end(&p, f.call, RF_UNAVAILABLE, "", NULL, 0));
    cr_assert(eventually(c, has_retry));
    rf_time_advance(9 * RF_NS_PER_MS);
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_DEADLINE_EXCEEDED);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

/* ---- keep-alive, on a driven clock ---- */

static int64_t tick_at_ns;

/* The connection's timer is armed for a later time than last seen: its tick has run. */
static bool has_ticked(const rf_rpc_channel *c)
{
    const rf_rpc_endpoint *ep = c->targets->endpoints;
    bool yes = ep->conn != NULL && ep->conn->timer.at_ns > tick_at_ns;
    tick_at_ns = yes ? ep->conn->timer.at_ns : tick_at_ns;
    return yes;
}

static bool is_lost(const rf_rpc_channel *c)
{
    return c->targets->endpoints->conn == NULL;
}

Test(keepalive, pings_after_one_silence_and_closes_after_two)
{
    static peer_frame f;
    peer p;
    rf_time_drive();
    peer_listen(&p);
    rf_rpc_channel *c = channel_to(p.url, 1);
    peer_accept(&p);
    cr_assert(peer_is_alive(&p));
    cr_assert(eventually(c, has_ticked));
    for (int round = 0; round < 3; round++) {
        rf_time_advance(10 * RF_NS_PER_S); /* in these something was heard */
        cr_assert(eventually(c, has_ticked));
        cr_assert_not(peer_has_more(&p, 10), "round %d", round);
        rf_time_advance(10 * RF_NS_PER_S);
        cr_assert(peer_read(&p, &f));
        cr_assert_eq(f.type, PEER_PING, "round %d", round);
        cr_assert(eventually(c, has_ticked));
        cr_assert(peer_put(&p, PEER_PONG, 0, 0, f.payload, 8));
        cr_assert(peer_is_alive(&p));
    }
    rf_time_advance(10 * RF_NS_PER_S);
    cr_assert(eventually(c, has_ticked));
    rf_time_advance(10 * RF_NS_PER_S);
    cr_assert(peer_read(&p, &f));
    cr_assert_eq(f.type, PEER_PING);
    cr_assert(eventually(c, has_ticked));
    rf_time_advance(10 * RF_NS_PER_S);
    cr_assert(eventually(c, is_lost), "the second silence is the end");
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}
