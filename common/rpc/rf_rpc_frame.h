/*
 * rf_rpc_frame.h - the frames of the wire format (README.md), to and from bytes. Internal to
 * common/rpc. Plain functions; any thread.
 */
#ifndef RF_RPC_FRAME_H
#define RF_RPC_FRAME_H

#include "rf_base.h"
#include "rf_buf.h"
#include "rf_rpc_call.h"

#define RF_RPC_MAGIC "rfrpc\r\n\1" /* first 8 bytes of each direction */
#define RF_RPC_MAGIC_LEN 8
#define RF_RPC_HEADER_LEN 12
#define RF_RPC_PREFIX_LEN 8           /* before each message: lengths of header and attachment */
#define RF_RPC_PAYLOAD_MAX 65536u     /* bytes after the header, any type */
#define RF_RPC_STREAM_WINDOW 4194304u /* bytes a side may send on a new call before CREDIT */
#define RF_RPC_CONN_WINDOW 33554432u  /* bytes a side may send on a connection before CREDIT */

typedef enum rf_rpc_frame_type {
    RF_FRAME_CALL = 1,
    RF_FRAME_DATA = 2,
    RF_FRAME_END = 3,
    RF_FRAME_CREDIT = 4,
    RF_FRAME_CANCEL = 5,
    RF_FRAME_PING = 6,
    RF_FRAME_PONG = 7,
    RF_FRAME_GOAWAY = 8,
} rf_rpc_frame_type;

#define RF_FLAG_MESSAGE 1 /* CALL, DATA, END: a message begins in this frame */
#define RF_FLAG_LAST 2    /* CALL, DATA: the sender's side of the call ends with this frame */

typedef struct rf_rpc_frame {
    uint32_t len; /* of the payload */
    uint8_t type;
    uint8_t flags;
    uint32_t call; /* id; 0 for the connection */
} rf_rpc_frame;

/* The fields of a CALL before its message. Strings are not terminated. */
typedef struct rf_rpc_call_head {
    uint32_t timeout_ms; /* 0: no deadline */
    const char *method, *request_id, *traceparent, *tenant, *scopes;
    size_t method_len, request_id_len, traceparent_len, tenant_len, scopes_len;
} rf_rpc_call_head;

typedef struct rf_rpc_end_head {
    rf_code code;
    bool retriable;
    const char *message;
    size_t message_len;
} rf_rpc_end_head;

/* rf_rpc_is_text says whether the text may stand in a CALL: strict UTF-8 without control
 * characters.
 */
bool rf_rpc_is_text(const char *s, size_t len);

uint32_t rf_rpc_get_u32(const uint8_t *p);
void rf_rpc_set_u32(uint8_t *p, uint32_t value);

/* rf_rpc_frame_parse reads and checks the 12 bytes of a header: known type and flags, reserved
 * bytes zero, lengths that the type allows, call id zero where it must be. Returns 0 or -EBADMSG.
 */
int rf_rpc_frame_parse(const uint8_t header[RF_RPC_HEADER_LEN], rf_rpc_frame *ret);

/* rf_rpc_frame_need is how many bytes of the payload must be there before the frame can be handled:
 * all, save for DATA, of which the prefix of a message is enough. */
size_t rf_rpc_frame_need(const rf_rpc_frame *frame);

/* rf_rpc_frame_put writes a header. */
void rf_rpc_frame_put(uint8_t header[RF_RPC_HEADER_LEN], const rf_rpc_frame *frame);

/* Read the fields at the start of a CALL or END payload; return their length, or -EBADMSG. Each
 * text of a CALL must be as rf_rpc_is_text says, that of an END strict UTF-8 without NUL. */
int rf_rpc_call_head_parse(const uint8_t *payload, size_t len, rf_rpc_call_head *ret);
int rf_rpc_end_head_parse(const uint8_t *payload, size_t len, rf_rpc_end_head *ret);

/* Their lengths, and writers to memory of that size. */
size_t rf_rpc_call_head_len(const rf_rpc_call_head *head);
void rf_rpc_call_head_put(uint8_t *out, const rf_rpc_call_head *head);
size_t rf_rpc_end_head_len(const rf_rpc_end_head *head);
void rf_rpc_end_head_put(uint8_t *out, const rf_rpc_end_head *head);

#endif
