/*
 * rf_rpc_internal.h - the objects behind calls and connections, shared by the files of common/rpc.
 *
 * A hub is a lock and all that it guards: the calls of one channel with its connections, or of one
 * server connection. A call belongs to one hub for life, though a client's call may move from one
 * connection of the hub to another when it is tried again. Functions named *_locked want the hub's
 * lock held; callbacks run without it.
 *
 *     hub ── calls (all that are alive; the deadline scan walks them)
 *      └── connections ── table by id of the calls that are on the wire
 *                     └── ring of calls that have output and credit
 */
#ifndef RF_RPC_INTERNAL_H
#define RF_RPC_INTERNAL_H

#include "rf_buf.h"
#include "rf_metric.h"
#include "rf_rpc_call.h"
#include "rf_rpc_channel.h"
#include "rf_rpc_frame.h"
#include "rf_rpc_net.h"
#include "rf_rpc_server.h"
#include "rf_rpc_timer.h"
#include "rf_time.h"

#include <pthread.h>

typedef struct rf_rpc_hub rf_rpc_hub;
typedef struct rf_rpc_conn rf_rpc_conn;

/* One message on its way out: packed header, then the attachment. Counted, because a batch in the
 * kernel's hands, the call's queue and the copy kept for a second try may each hold it. */
typedef struct rf_rpc_out {
    struct rf_rpc_out *next;
    unsigned refs;
    bool last; /* the sender's side ends with it */
    uint32_t head_len;
    size_t sent; /* of prefix, header and attachment together, counted without the prefix */
    rf_rpc_attachment attachment;
    uint8_t head[];
} rf_rpc_out;

/* One message received, or being received. */
typedef struct rf_rpc_in {
    struct rf_rpc_in *next;
    size_t size; /* of data: header and attachment */
    size_t got;
    uint32_t head_len;
    uint8_t data[];
} rf_rpc_in;

typedef struct rf_rpc_link {
    struct rf_rpc_link *next, *prev;
} rf_rpc_link;

enum {
    RF_EVENT_HALF_CLOSE = 1,
    RF_EVENT_WRITABLE = 2,
    RF_EVENT_DONE = 4,
};

struct rf_rpc_call {
    rf_rpc_link all; /* in the hub's list; first, so that a link is its call */
    rf_rpc_hub *hub;
    rf_rpc_conn *conn; /* NULL while a client's call waits for one, and when over */
    rf_rpc_call *bucket_next;
    rf_rpc_link ring; /* in the connection's output ring; next NULL when not */
    unsigned refs;    /* one: alive on the wire; one: its owner; one: each running callback */
    uint32_t id;
    const rf_rpc_method *method;
    bool is_server;
    bool over;          /* has a final status, nothing more goes in or out */
    bool given_up;      /* the owner answered or freed it: no more events */
    bool local_closed;  /* this side sends no more messages */
    bool remote_closed; /* nor does the other */
    bool answered;      /* client: something of the answer has arrived */
    bool end_pending;   /* server: answered, END follows the queue */
    bool want_writable;
    bool busy;        /* a callback runs */
    bool raw;         /* client unary: no unpacking */
    bool owner_freed; /* client unary: nobody but the library holds it */
    bool posted;      /* in the hub's list for the timer thread */
    rf_rpc_call *posted_next;

    /* metadata */
    int64_t deadline_ns;
    int64_t began_ns; /* when it was made or came in */
    int64_t ended_ns; /* client: when its END came in; else 0 */
    rf_rpc_meta meta; /* strings point into meta_text */
    char meta_text[RF_RPC_REQUEST_ID_MAX + RF_RPC_TRACEPARENT_MAX + RF_RPC_TENANT_MAX +
                   RF_RPC_SCOPES_MAX];

    /* sending */
    rf_rpc_out *out_first, **out_last;
    size_t out_bytes;
    int64_t send_credit;

    /* final status */
    rf_code end_code;
    bool end_retriable;
    char *end_message; /* NULL when empty */

    /* receiving */
    rf_rpc_in *assembling;
    int64_t recv_left;    /* what the peer may still send */
    int64_t recv_to_give; /* consumed, credit not yet given back */
    size_t held;          /* received and not yet consumed */
    unsigned n_received;
    rf_rpc_in *in_first, **in_last; /* received while a callback was running */

    /* events */
    rf_rpc_events events;
    void *user;
    unsigned pending;       /* RF_EVENT_* */
    const rf_rpc_msg *lent; /* the message of the callback that runs */
    rf_rpc_in *lent_in;     /* its block, NULL when it stands in the connection's buffer */

    /* client: trying again */
    rf_rpc_out *request;
    unsigned attempts;
    int64_t not_before_ns; /* waiting for another try: when; else 0 */
    int64_t wait_until_ns; /* waiting for a connection: how long; else 0 */
    rf_rpc_channel *channel;
    rf_rpc_done_fn unary_done;
    void *unary_user;
    rf_rpc_in *unary_reply;

    /* cancellation across hops, guarded by the family lock */
    rf_rpc_call *parent, *first_child, *next_sibling, *prev_sibling;

    /* server: where its handler stands */
    rf_rpc_unary_fn handler;
    void *handler_user;
};

/* What a connection asks of the side that owns it. Called with the hub's lock held, except where
 * said. */
typedef struct rf_rpc_side {
    /* Server: a CALL came; finds the handler, sets the call's events, calls the handler of a
     * stream. Without the lock. */
    void (*begin)(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_call_head *head);
    /* Client: the peer accepts no new calls. */
    void (*goaway)(rf_rpc_conn *conn);
    /* The peer's magic arrived. */
    void (*ready)(rf_rpc_conn *conn);
    /* The connection is closed; its calls have been ended. */
    void (*closed)(rf_rpc_conn *conn);
    /* The connection's memory goes; the owner forgets it. On the timer thread, without the lock. */
    void (*destroyed)(rf_rpc_conn *conn);
} rf_rpc_side;

typedef struct rf_rpc_limits {
    size_t max_message, max_queue, max_calls;
    int64_t keepalive_ns;
} rf_rpc_limits;

struct rf_rpc_hub {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a call left, a connection was destroyed */
    unsigned refs;          /* atomic */
    rf_rpc_limits limits;
    rf_rpc_link calls;
    rf_rpc_link conns;
    size_t n_calls;                     /* alive */
    size_t n_running;                   /* callbacks in progress */
    rf_rpc_call *posted, **posted_last; /* calls with events for the timer thread */
    bool task_pending;
    rf_rpc_task task;
    rf_rpc_call *spare; /* freed calls kept for use again */
    size_t n_spare;
    int64_t scan_ns; /* when the deadline scan is due; RF_NEVER_NS when no call has one */
    rf_rpc_timer timer;
};

/* Calls waiting in a ring, in order. */
typedef struct rf_rpc_ring {
    rf_rpc_link head;
} rf_rpc_ring;

#define RF_RPC_BATCH_SEGMENTS RF_RPC_NET_IOV

/* Bytes of the batch's buffer, or of a message that the segment holds. */
typedef struct rf_rpc_segment {
    rf_rpc_out *out;     /* NULL: in the buffer */
    const uint8_t *data; /* of the message */
    size_t offset, len;
} rf_rpc_segment;

/* What one write to the stream carries. */
typedef struct rf_rpc_batch {
    rf_buf buf;
    rf_rpc_segment seg[RF_RPC_BATCH_SEGMENTS];
    size_t n_seg;
} rf_rpc_batch;

#define RF_RPC_IN_SIZE 262144 /* holds all that is read ahead, should it belong elsewhere */
#define RF_RPC_AHEAD 3        /* DATA frames read ahead: two pieces each, of RF_RPC_NET_IOV */

/* Where a DATA frame that should come next is read to. */
typedef struct rf_rpc_ahead {
    uint8_t header[RF_RPC_HEADER_LEN];
    uint8_t *data; /* in the message */
    uint32_t len;
} rf_rpc_ahead;

struct rf_rpc_conn {
    rf_rpc_hub *hub;
    const rf_rpc_side *side;
    void *owner;      /* endpoint or server */
    rf_rpc_link link; /* in the hub's list; see rf_rpc_conn_of */
    unsigned refs;    /* atomic: owner, reader, writer, armed timer */
    rf_rpc_net *net;  /* NULL in tests that feed bytes by hand */
    bool is_server;
    bool dead;
    bool got_magic;
    bool peer_going; /* GOAWAY received */
    bool going;      /* GOAWAY sent */
    rf_rpc_task destroy;

    /* calls */
    rf_rpc_call **table; /* buckets by id, a power of two */
    size_t table_size;
    size_t n_calls;
    uint32_t last_id; /* client: last used; server: last seen */

    /* writing */
    rf_buf out; /* frames to come */
    rf_rpc_batch batch;
    bool sending;
    bool corked; /* the reader flushes at its end */
    rf_rpc_link ring;
    int64_t send_credit;

    /* reading */
    uint8_t *in;
    size_t in_len;
    int64_t input_ns;     /* when the bytes that are being handled were read */
    rf_rpc_in *direct;    /* message of the DATA frame in hand; NULL drops its bytes */
    uint32_t direct_left; /* bytes of that frame to come */
    uint32_t direct_len;
    uint32_t direct_id;
    bool direct_last;
    uint32_t row_id; /* call of the last frame when that was DATA, else 0 */
    bool in_a_row;   /* the frame before was DATA of the same call */
    rf_rpc_ahead ahead[RF_RPC_AHEAD];
    size_t n_ahead;
    int64_t recv_left;
    int64_t recv_to_give;
    size_t n_assembling; /* bytes of messages begun and not complete */

    /* keep-alive */
    rf_rpc_timer timer;
    int64_t heard_ns, ping_ns;
    bool heard;   /* something arrived since the last tick */
    char *reason; /* why it was closed, for messages */
};

/* ---- rf_rpc_hub.c ---- */
rf_rpc_hub *rf_rpc_hub_new(const rf_rpc_limits *limits);
void rf_rpc_hub_ref(rf_rpc_hub *hub);
void rf_rpc_hub_unref(rf_rpc_hub *hub);
void rf_rpc_hub_lock(rf_rpc_hub *hub);
void rf_rpc_hub_unlock(rf_rpc_hub *hub);

/* Makes a call with one reference for its owner; NULL above the limit of calls. */
rf_rpc_call *rf_rpc_call_new_locked(rf_rpc_hub *hub);
void rf_rpc_call_unref_locked(rf_rpc_call *call);
void rf_rpc_call_set_meta(rf_rpc_call *call, const rf_rpc_call_head *head);
/* Sees that the deadline scan comes in time for the call. */
void rf_rpc_hub_watch_locked(rf_rpc_hub *hub, int64_t deadline_ns);

/* ---- rf_rpc_event.c ---- */
/* Sees that the call's pending callbacks run, on a thread of the library that is inside no other
 * callback: at once when this is one (the lock is released meanwhile), else on the timer thread. */
void rf_rpc_dispatch_locked(rf_rpc_call *call);
/* The same, but not now: when this thread leaves the library, or on the timer thread. */
void rf_rpc_post_locked(rf_rpc_call *call);
/* Bracket library code at the top of a thread of the library. */
void rf_rpc_enter_library_locked(rf_rpc_hub *hub);
void rf_rpc_leave_library_locked(rf_rpc_hub *hub);
/* Bracket a callback that is called outside of dispatch; without the lock. */
bool rf_rpc_enter_callback(void);
void rf_rpc_leave_callback(bool was);
/* Gives a received message to the call: at once when it can, through its queue otherwise. block is
 * consumed; with block NULL the bytes stand in the connection's buffer and are copied if need be.
 */
void rf_rpc_deliver_locked(rf_rpc_call *call, const rf_rpc_msg *msg, rf_rpc_in *block);
/* Ends the call with a status: leaves the wire, done event. */
void rf_rpc_finish_locked(rf_rpc_call *call, const rf_status *status);
/* The same, and tells the peer: END from a server, CANCEL from a client. */
void rf_rpc_abort_locked(rf_rpc_call *call, const rf_status *status);
/* Counts bytes (prefixes included) as consumed and gives credit back. */
void rf_rpc_consume_locked(rf_rpc_call *call, size_t bytes);
/* Takes the message of the running callback for keeping, copying it when it stands in the
 * connection's buffer. Freed with rf_rpc_in_free. NULL without memory. */
rf_rpc_in *rf_rpc_take_message(rf_rpc_call *call);
rf_rpc_in *rf_rpc_in_new(uint32_t head_len, size_t size);
void rf_rpc_in_free(rf_rpc_in *in);
rf_rpc_msg rf_rpc_in_msg(const rf_rpc_in *in);

/* ---- rf_rpc_out.c ---- */
/* NULL without memory; the attachment is then still the caller's. */
rf_rpc_out *rf_rpc_out_pack(const ProtobufCMessage *message, const rf_rpc_attachment *attachment);
rf_rpc_out *rf_rpc_out_raw(const void *data, size_t len, const rf_rpc_attachment *attachment);
void rf_rpc_out_unref(rf_rpc_out *out);
/* Bytes on the wire: prefix, header, attachment. */
size_t rf_rpc_out_size(const rf_rpc_out *out);
/* Copies len of those bytes, from offset. */
void rf_rpc_out_copy(const rf_rpc_out *out, size_t offset, size_t len, uint8_t *to);

/* ---- rf_rpc_write.c ---- */
#define RF_RPC_SMALL 8192 /* messages up to this are copied into the connection's buffer */
/* Room for a frame in the connection's buffer; NULL when the connection is lost, or the peer reads
 * nothing any more: the end of the stream then comes to the reader, who closes the connection. */
uint8_t *rf_rpc_frame_reserve_locked(rf_rpc_conn *conn, const rf_rpc_frame *frame);
void rf_rpc_put_frame_locked(rf_rpc_conn *conn, const rf_rpc_frame *frame, const void *payload);
/* Puts a client's call on the connection: CALL, with the first queued message when it fits. */
void rf_rpc_start_locked(rf_rpc_conn *conn, rf_rpc_call *call, int64_t now_ns);
/* Queues out (takes the reference) and sends what credit allows. */
void rf_rpc_enqueue_locked(rf_rpc_call *call, rf_rpc_out *out);
/* Takes the first message off the queue; its reference goes to the caller. */
void rf_rpc_unqueue_locked(rf_rpc_call *call);
/* Drops everything queued for the call. */
void rf_rpc_drop_output_locked(rf_rpc_call *call);
/* Sees that the ring holds the call while it has something to send and credit. */
void rf_rpc_schedule_locked(rf_rpc_call *call);
/* Takes it out of the ring. */
void rf_rpc_unschedule_locked(rf_rpc_call *call);
/* Sends CREDIT when enough has gathered; call NULL for the connection. */
void rf_rpc_give_credit_locked(rf_rpc_conn *conn, rf_rpc_call *call);
/* Sends END with the call's final status. */
void rf_rpc_put_end_locked(rf_rpc_call *call);

/* ---- rf_rpc_batch.c ---- */
void rf_rpc_write_init(rf_rpc_conn *conn);
void rf_rpc_write_done(rf_rpc_conn *conn);
/* The stream's written callback. */
void rf_rpc_written(void *user, ssize_t n);
/* Writes what is queued, unless the connection is corked or a write is in progress. */
void rf_rpc_flush_locked(rf_rpc_conn *conn);

/* ---- rf_rpc_metric.c ---- */
/* Makes the series, once; before the others. */
void rf_rpc_metric_init(void);
/* A call begins, on its side, at a time that the caller has read anyway: reading the clock is the
 * dearest part of counting. It has ended with its code. */
void rf_rpc_metric_begin(rf_rpc_call *call, int64_t now_ns);
void rf_rpc_metric_end(const rf_rpc_call *call);
/* A message joins (1) or leaves (-1) the queue of a call. */
void rf_rpc_metric_queued(const rf_rpc_out *out, int sign);

/* ---- rf_rpc_read.c ---- */
/* Handles received bytes; false when the peer broke the protocol and the connection must close. */
bool rf_rpc_input(rf_rpc_conn *conn, size_t n);
/* Says where the next bytes go; returns the number of pieces. */
size_t rf_rpc_input_iov(rf_rpc_conn *conn, rf_rpc_iov iov[RF_RPC_NET_IOV]);

/* ---- rf_rpc_data.c ---- */
/* Handles a DATA frame of which avail bytes of payload are there: at least the prefix when a
 * message begins. Returns how many of them were used, or -EPROTO. The rest is the frame in hand. */
ssize_t rf_rpc_on_data(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload,
                       size_t avail);
/* Counts n bytes of the frame in hand as arrived. */
int rf_rpc_data_got(rf_rpc_conn *conn, size_t n);
/* The frame in hand is complete, its message is not: gives it back to its call. */
void rf_rpc_data_park(rf_rpc_conn *conn);
/* A message that stands whole in the buffer; payload begins with its prefix. */
int rf_rpc_whole_message(rf_rpc_conn *conn, rf_rpc_call *call, const uint8_t *payload, size_t len);
/* The client has sent its last message. */
int rf_rpc_remote_close(rf_rpc_call *call);
/* Takes received bytes off what the peer may send. call may be NULL. */
int rf_rpc_charge(rf_rpc_conn *conn, rf_rpc_call *call, size_t bytes);
/* Gives back what nobody will consume. */
void rf_rpc_refund(rf_rpc_conn *conn, size_t bytes);
/* -EPROTO when no call of that id has begun. */
int rf_rpc_check_id(const rf_rpc_conn *conn, uint32_t id);

/* ---- rf_rpc_control.c ---- */
/* Handles a frame other than DATA, whose payload is there. 0 or -EPROTO. */
int rf_rpc_on_control(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload);

/* ---- rf_rpc_conn.c ---- */
rf_rpc_conn *rf_rpc_conn_new(rf_rpc_hub *hub, const rf_rpc_side *side, void *owner, rf_rpc_net *net,
                             bool is_server);
void rf_rpc_conn_open(rf_rpc_conn *conn);
rf_rpc_conn *rf_rpc_conn_of(rf_rpc_link *link);
/* Closes every connection of the hub. */
void rf_rpc_conn_close_all_locked(rf_rpc_hub *hub, const char *reason);
void rf_rpc_conn_ref(rf_rpc_conn *conn);
void rf_rpc_conn_unref(rf_rpc_conn *conn);
/* Ends every call and closes the stream; calls that may are tried again. */
void rf_rpc_conn_close_locked(rf_rpc_conn *conn, const char *reason);
rf_rpc_call *rf_rpc_conn_find_locked(const rf_rpc_conn *conn, uint32_t id);
void rf_rpc_conn_add_locked(rf_rpc_conn *conn, rf_rpc_call *call);
void rf_rpc_conn_remove_locked(rf_rpc_conn *conn, rf_rpc_call *call);
void rf_rpc_goaway_locked(rf_rpc_conn *conn);

/* ---- rf_rpc_place.c ---- */
/* Finds a connection for a client's call, or lets it wait. */
void rf_rpc_place_locked(rf_rpc_call *call, int64_t now_ns);
/* A client's call that ended UNAVAILABLE: true when it will be tried again. */
bool rf_rpc_retry_locked(rf_rpc_call *call, bool never_handled);
/* Waiting calls go to the connections that are ready. */
void rf_rpc_place_waiting_locked(rf_rpc_channel *channel);

/* ---- rf_rpc_call.c ---- */
/* The owner gives the call up: no more events, its reference goes. */
void rf_rpc_give_up_locked(rf_rpc_call *call);

/* ---- rf_rpc_endpoint.c ---- */
typedef struct rf_rpc_endpoint rf_rpc_endpoint;

/* One address of a channel. Counted: the channel's list, an armed timer, a dial in progress and a
 * connection hold it. */
struct rf_rpc_endpoint {
    rf_rpc_endpoint *next;
    rf_rpc_channel *channel;
    rf_rpc_hub *hub;
    char *url;
    unsigned refs;
    bool removed; /* no longer an address of the service */
    bool ready;
    bool seen; /* by the resolver's last answer */
    int64_t backoff_ns;
    rf_rpc_conn *conn;
    rf_rpc_dialer *dialer;
    rf_rpc_timer timer;
    rf_rpc_task destroy;
};

/* Makes an endpoint of the channel and begins to connect. */
rf_rpc_endpoint *rf_rpc_endpoint_new_locked(rf_rpc_channel *channel, const char *url,
                                            const rf_rpc_cert *cert);
/* Takes it out of use; its connection ends when its calls have. now: at once. */
void rf_rpc_endpoint_remove_locked(rf_rpc_endpoint *ep, bool now);

/* ---- rf_rpc_target.c ---- */
/* One entry of the target list: fixed address or host name. */
typedef struct rf_rpc_target {
    struct rf_rpc_target *next;
    rf_rpc_channel *channel;
    char *scheme, *path, *host, *port; /* path: all after "://"; host and port: unless ipc */
    bool looks_up;
    rf_rpc_cert *cert;
    rf_rpc_timer timer;
    struct rf_rpc_target **lookup; /* where the look-up in progress refers to this; else NULL */
    int64_t resolved_ns;           /* when the last look-up began */
    rf_rpc_endpoint *endpoints;
} rf_rpc_target;

int rf_rpc_targets_parse(rf_rpc_channel *channel, const char *list, const rf_rpc_tls *tls);
void rf_rpc_targets_start_locked(rf_rpc_channel *channel);
/* An address did not answer: look again, though not more than once a second. */
void rf_rpc_targets_refresh_locked(rf_rpc_channel *channel);
void rf_rpc_targets_stop_locked(rf_rpc_channel *channel);
void rf_rpc_targets_free(rf_rpc_channel *channel);

struct rf_rpc_channel {
    rf_rpc_hub *hub;
    rf_rpc_target *targets;
    rf_rpc_ring waiting; /* calls without a connection, linked by their ring */
    size_t n_endpoints;  /* not yet destroyed */
    size_t n_timers;     /* of targets, armed or running */
    size_t turn;         /* where the search for a connection begins */
    bool closing;
    int64_t timeout_ns, wait_ready_ns, resolve_ns;
    uint32_t attempts;
    rf_rpc_resolve_fn resolve;
    void *resolve_user;
    char last_error[128]; /* of connecting, for messages */
};

/* ---- rf_rpc_family.c ---- */
void rf_rpc_family_join(rf_rpc_call *parent, rf_rpc_call *child);
void rf_rpc_family_leave(rf_rpc_call *child);
void rf_rpc_family_cancel(rf_rpc_call *parent);

#endif
