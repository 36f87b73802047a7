#include "rf_rpc_frame.h"

#include <errno.h>
#include <string.h>

#define CALL_FIXED 12 /* timeout, five lengths of a byte, three bytes of zero */
#define END_FIXED 4   /* code, retriable, message length of two bytes */

/* What each type allows; unused numbers have max_len 0 and need_len 1, which nothing satisfies. */
static const struct {
    uint32_t min_len, max_len;
    uint8_t flags;
    bool on_call;
} rules[] = {
    [0] = {1, 0, 0, false},
    [RF_FRAME_CALL] = {CALL_FIXED, RF_RPC_PAYLOAD_MAX, RF_FLAG_MESSAGE | RF_FLAG_LAST, true},
    [RF_FRAME_DATA] = {0, RF_RPC_PAYLOAD_MAX, RF_FLAG_MESSAGE | RF_FLAG_LAST, true},
    [RF_FRAME_END] = {END_FIXED, RF_RPC_PAYLOAD_MAX, RF_FLAG_MESSAGE, true},
    [RF_FRAME_CREDIT] = {4, 4, 0, false},
    [RF_FRAME_CANCEL] = {1, 1, 0, true},
    [RF_FRAME_PING] = {8, 8, 0, false},
    [RF_FRAME_PONG] = {8, 8, 0, false},
    [RF_FRAME_GOAWAY] = {4, 4, 0, false},
};

uint32_t rf_rpc_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void rf_rpc_set_u32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

static bool is_allowed(const rf_rpc_frame *f)
{
    if (f->type >= RF_ARRAY_LEN(rules) || f->len < rules[f->type].min_len ||
        f->len > rules[f->type].max_len || (f->flags & ~rules[f->type].flags) != 0) {
        return false;
    }
    if (f->type == RF_FRAME_CREDIT) {
        return true; /* of a call or of the connection */
    }
    return rules[f->type].on_call == (f->call != 0);
}

int rf_rpc_frame_parse(const uint8_t header[RF_RPC_HEADER_LEN], rf_rpc_frame *ret)
{
    rf_rpc_frame f = {
        .len = rf_rpc_get_u32(header),
        .type = header[4],
        .flags = header[5],
        .call = rf_rpc_get_u32(header + 8),
    };
    if (header[6] != 0 || header[7] != 0 || !is_allowed(&f)) {
        return -EBADMSG;
    }
    *ret = f;
    return 0;
}

size_t rf_rpc_frame_need(const rf_rpc_frame *frame)
{
    if (frame->type != RF_FRAME_DATA) {
        return frame->len;
    }
    bool begins = (frame->flags & RF_FLAG_MESSAGE) != 0;
    return begins ? RF_MIN((size_t)frame->len, (size_t)RF_RPC_PREFIX_LEN) : 0;
}

void rf_rpc_frame_put(uint8_t header[RF_RPC_HEADER_LEN], const rf_rpc_frame *frame)
{
    rf_rpc_set_u32(header, frame->len);
    header[4] = frame->type;
    header[5] = frame->flags;
    header[6] = 0;
    header[7] = 0;
    rf_rpc_set_u32(header + 8, frame->call);
}

bool rf_rpc_is_text(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) {
            return false;
        }
    }
    return rf_utf8_valid(s, len);
}

int rf_rpc_call_head_parse(const uint8_t *payload, size_t len, rf_rpc_call_head *ret)
{
    if (len < CALL_FIXED || payload[9] != 0 || payload[10] != 0 || payload[11] != 0) {
        return -EBADMSG;
    }
    rf_rpc_call_head h = {
        .timeout_ms = rf_rpc_get_u32(payload),
        .method = (const char *)payload + CALL_FIXED,
        .method_len = payload[4],
        .request_id_len = payload[5],
        .traceparent_len = payload[6],
        .tenant_len = payload[7],
        .scopes_len = payload[8],
    };
    size_t text = h.method_len + h.request_id_len + h.traceparent_len + h.tenant_len + h.scopes_len;
    if (len - CALL_FIXED < text || h.method_len == 0 || h.request_id_len >= RF_RPC_REQUEST_ID_MAX ||
        h.traceparent_len >= RF_RPC_TRACEPARENT_MAX || h.tenant_len >= RF_RPC_TENANT_MAX ||
        h.scopes_len >= RF_RPC_SCOPES_MAX) {
        return -EBADMSG;
    }
    h.request_id = h.method + h.method_len;
    h.traceparent = h.request_id + h.request_id_len;
    h.tenant = h.traceparent + h.traceparent_len;
    h.scopes = h.tenant + h.tenant_len;
    if (!rf_rpc_is_text(h.method, h.method_len) ||
        !rf_rpc_is_text(h.request_id, h.request_id_len) ||
        !rf_rpc_is_text(h.traceparent, h.traceparent_len) ||
        !rf_rpc_is_text(h.tenant, h.tenant_len) || !rf_rpc_is_text(h.scopes, h.scopes_len)) {
        return -EBADMSG; /* one by one: no character may begin in one text and end in the next */
    }
    *ret = h;
    return (int)(CALL_FIXED + text);
}

size_t rf_rpc_call_head_len(const rf_rpc_call_head *head)
{
    return CALL_FIXED + head->method_len + head->request_id_len + head->traceparent_len +
           head->tenant_len + head->scopes_len;
}

void rf_rpc_call_head_put(uint8_t *out, const rf_rpc_call_head *head)
{
    rf_rpc_set_u32(out, head->timeout_ms);
    out[4] = (uint8_t)head->method_len;
    out[5] = (uint8_t)head->request_id_len;
    out[6] = (uint8_t)head->traceparent_len;
    out[7] = (uint8_t)head->tenant_len;
    out[8] = (uint8_t)head->scopes_len;
    memset(out + 9, 0, 3);
    out = (uint8_t *)mempcpy(out + CALL_FIXED, head->method, head->method_len);
    out = (uint8_t *)mempcpy(out, head->request_id, head->request_id_len);
    out = (uint8_t *)mempcpy(out, head->traceparent, head->traceparent_len);
    out = (uint8_t *)mempcpy(out, head->tenant, head->tenant_len);
    (void)mempcpy(out, head->scopes, head->scopes_len);
}

int rf_rpc_end_head_parse(const uint8_t *payload, size_t len, rf_rpc_end_head *ret)
{
    if (len < END_FIXED || payload[0] >= RF_N_CODES || payload[1] > 1) {
        return -EBADMSG;
    }
    rf_rpc_end_head h = {
        .code = (rf_code)payload[0],
        .retriable = payload[1] == 1,
        .message = (const char *)payload + END_FIXED,
        .message_len = (size_t)payload[2] | (size_t)payload[3] << 8,
    };
    if (h.message_len >= RF_STATUS_MESSAGE_MAX || len - END_FIXED < h.message_len ||
        !rf_utf8_valid(h.message, h.message_len) ||
        memchr(h.message, '\0', h.message_len) != NULL) {
        return -EBADMSG;
    }
    *ret = h;
    return (int)(END_FIXED + h.message_len);
}

size_t rf_rpc_end_head_len(const rf_rpc_end_head *head)
{
    return END_FIXED + head->message_len;
}

void rf_rpc_end_head_put(uint8_t *out, const rf_rpc_end_head *head)
{
    out[0] = (uint8_t)head->code;
    out[1] = head->retriable ? 1 : 0;
    out[2] = (uint8_t)head->message_len;
    out[3] = (uint8_t)(head->message_len >> 8);
    memcpy(out + END_FIXED, head->message, head->message_len);
}
