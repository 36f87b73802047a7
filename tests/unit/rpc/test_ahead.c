/* Reading ahead within a message: whatever follows its frames, and however the bytes are cut, every
 * message arrives as it was sent. A server connection without a socket, fed by hand. */
#include "feed.h"

#include <criterion/criterion.h>
#include <string.h>

#define FRAME 3000u /* payload of a frame, unless it is said to be short */
#define SIZE 20000u /* bytes of each message */
#define ROOM ((size_t)256 << 10)

static const rf_rpc_method method = {.name = "t.T/Up", .kind = RF_RPC_CLIENT_STREAM};

typedef struct tally {
    size_t n[4]; /* messages that arrived whole and right, by call id */
    size_t n_wrong;
} tally;

static tally seen;

static uint8_t pattern(uint32_t call, size_t i)
{
    return (uint8_t)(call * 101 + i * 7 + i / 251);
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)user;
    bool right = msg->len == 0 && msg->attachment_len == SIZE;
    for (size_t i = 0; right && i < SIZE; i++) {
        right = msg->attachment[i] == pattern(call->id, i);
    }
    seen.n[call->id] += right ? 1 : 0;
    seen.n_wrong += right ? 0 : 1;
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)user;
    rf_rpc_end(call, status);
}

static void begin(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_call_head *head)
{
    static const rf_rpc_events events = {.message = on_message, .done = on_done};
    (void)conn;
    (void)head;
    call->method = &method;
    rf_rpc_call_listen(call, &events, NULL);
}

static void ignore(rf_rpc_conn *conn)
{
    (void)conn;
}

static const rf_rpc_side side = {
    .begin = begin, .goaway = ignore, .ready = ignore, .closed = ignore, .destroyed = ignore};

/* ---- what a client would send ---- */

static void put(rf_buf *wire, rf_rpc_frame frame, const void *payload)
{
    uint8_t *at = (uint8_t *)rf_buf_reserve(wire, RF_RPC_HEADER_LEN + frame.len);
    cr_assert_not_null(at);
    rf_rpc_frame_put(at, &frame);
    memcpy(at + RF_RPC_HEADER_LEN, payload, frame.len);
    rf_buf_added(wire, RF_RPC_HEADER_LEN + frame.len);
}

static void put_call(rf_buf *wire, uint32_t id)
{
    uint8_t payload[64];
    rf_rpc_call_head head = {.method = method.name, .method_len = strlen(method.name)};
    head.request_id = head.traceparent = head.tenant = head.scopes = "";
    rf_rpc_call_head_put(payload, &head);
    put(wire, (rf_rpc_frame){(uint32_t)rf_rpc_call_head_len(&head), RF_FRAME_CALL, 0, id}, payload);
}

/* The next frame of the message of a call, of which *sent bytes (prefix included) have gone. */
static void put_data(rf_buf *wire, uint32_t id, size_t *sent, size_t len)
{
    uint8_t bytes[RF_RPC_PREFIX_LEN + SIZE];
    rf_rpc_set_u32(bytes, 0);
    rf_rpc_set_u32(bytes + 4, SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        bytes[RF_RPC_PREFIX_LEN + i] = pattern(id, i);
    }
    len = RF_MIN(len, sizeof(bytes) - *sent);
    uint8_t flags = *sent == 0 ? RF_FLAG_MESSAGE : 0;
    put(wire, (rf_rpc_frame){(uint32_t)len, RF_FRAME_DATA, flags, id}, bytes + *sent);
    *sent = (*sent + len) % sizeof(bytes);
}

/* a, b, c: a frame of the call 1, 2 or 3; A, B, C: a short one; p: PING; x: call 1 is cancelled. */
static void put_script(rf_buf *wire, const char *script)
{
    static const uint8_t ping[8] = {1, 2, 3};
    static const uint8_t code = RF_CANCELLED;
    size_t sent[4] = {0};
    for (const char *s = script; *s != '\0'; s++) {
        if (*s == 'p') {
            put(wire, (rf_rpc_frame){8, RF_FRAME_PING, 0, 0}, ping);
        } else if (*s == 'x') {
            put(wire, (rf_rpc_frame){1, RF_FRAME_CANCEL, 0, 1}, &code);
        } else {
            uint32_t id = (uint32_t)(*s >= 'a' ? *s - 'a' : *s - 'A') + 1;
            put_data(wire, id, &sent[id], *s >= 'a' ? FRAME : FRAME / 5);
        }
    }
}

/* ---- feeding ---- */

/* Feeds the bytes cut in pieces; true when the connection is alive after the last. */
static bool run(const rf_buf *wire, size_t piece)
{
    static const rf_rpc_limits limits = {
        .max_message = 1 << 20, .max_queue = 1 << 20, .max_calls = 8, .keepalive_ns = RF_NS_PER_S};
    rf_rpc_hub *hub = rf_rpc_hub_new(&limits);
    rf_rpc_conn *conn = rf_rpc_conn_new(hub, &side, NULL, NULL, true);
    bool alive = true;
    memset(&seen, 0, sizeof(seen));
    for (size_t at = 0; alive && at < wire->len; at += piece) {
        alive = feed_conn(conn, wire->data + at, RF_MIN(piece, wire->len - at));
    }
    rf_rpc_hub_lock(hub);
    rf_rpc_enter_library_locked(hub);
    rf_rpc_conn_close_locked(conn, "end of input");
    rf_rpc_leave_library_locked(hub);
    rf_rpc_hub_unlock(hub);
    rf_rpc_conn_unref(conn);
    rf_rpc_hub_unref(hub);
    return alive;
}

static void check(const char *script, const size_t n[4])
{
    static const size_t pieces[] = {1,    11,   12,   13,  FRAME - 1, FRAME + RF_RPC_HEADER_LEN,
                                    5000, 8191, 9037, ROOM};
    rf_buf wire;
    rf_buf_init(&wire, ROOM);
    cr_assert_eq(rf_buf_append(&wire, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN), 0);
    for (uint32_t id = 1; id <= 3; id++) {
        put_call(&wire, id);
    }
    put_script(&wire, script);
    for (size_t i = 0; i < RF_ARRAY_LEN(pieces); i++) {
        cr_assert(run(&wire, pieces[i]), "%s in pieces of %zu: cut off", script, pieces[i]);
        cr_assert_eq(seen.n_wrong, 0, "%s in pieces of %zu: a message changed", script, pieces[i]);
        cr_assert_arr_eq(seen.n, n, sizeof(seen.n), "%s in pieces of %zu: %zu %zu %zu", script,
                         pieces[i], seen.n[1], seen.n[2], seen.n[3]);
    }
    rf_buf_done(&wire);
}

Test(ahead, messages_arrive_whatever_stands_between_their_frames)
{
    static const struct {
        const char *script; /* seven frames are a message */
        size_t n[4];
    } rows[] = {
        {"aaaaaaa", {0, 1, 0, 0}},
        {"aaaaaaaaaaaaaa", {0, 2, 0, 0}},
        {"aaaaaaabbbbbbbaaaaaaa", {0, 2, 1, 0}},
        {"abababababababaa", {0, 1, 1, 0}},
        {"aaapaaapa", {0, 1, 0, 0}},
        {"aaabbbcccaaabbbcccabc", {0, 1, 1, 1}},
        {"aabbaabbaabbab", {0, 1, 1, 0}},
        {"aaAaaAaaa", {0, 1, 0, 0}},
        {"AAAAAAAAaaaaaaaaaaa", {0, 1, 0, 0}},
        {"aaaabbbAbbpbbaaa", {0, 1, 1, 0}},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        check(rows[i].script, rows[i].n);
    }
}

Test(ahead, a_call_cancelled_in_the_middle_takes_nothing_with_it)
{
    static const struct {
        const char *script;
        size_t n[4];
    } rows[] = {
        {"aaaxaaaabbbbbbb", {0, 0, 1, 0}},
        {"aaaaaabbbbxbbb", {0, 0, 1, 0}},
        {"aaaxccccccc", {0, 0, 0, 1}},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        check(rows[i].script, rows[i].n);
    }
}
