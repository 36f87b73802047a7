/* Messages on their way out: packed once, then referred to. */
#include "rf_rpc_internal.h"

#include "rf_rpc_pool.h"

#include <string.h>

static rf_rpc_out *out_new(size_t len, const rf_rpc_attachment *a)
{
    bool copies = a != NULL && a->len > 0 && a->release == NULL;
    size_t extra = copies ? a->len : 0;
    rf_rpc_out *out =
        (rf_rpc_out *)rf_rpc_pool_get(sizeof(rf_rpc_out) + RF_RPC_PREFIX_LEN + len + extra);
    if (out == NULL) {
        return NULL;
    }
    *out = (rf_rpc_out){.refs = 1, .head_len = (uint32_t)len};
    if (a != NULL) {
        out->attachment = *a;
    }
    rf_rpc_set_u32(out->head, (uint32_t)len);
    rf_rpc_set_u32(out->head + 4, (uint32_t)out->attachment.len);
    if (copies) {
        uint8_t *at = out->head + RF_RPC_PREFIX_LEN + len;
        memcpy(at, a->data, a->len);
        out->attachment.data = at;
    }
    return out;
}

rf_rpc_out *rf_rpc_out_pack(const ProtobufCMessage *message, const rf_rpc_attachment *attachment)
{
    rf_rpc_out *out = out_new(protobuf_c_message_get_packed_size(message), attachment);
    if (out != NULL) {
        (void)protobuf_c_message_pack(message, out->head + RF_RPC_PREFIX_LEN);
    }
    return out;
}

rf_rpc_out *rf_rpc_out_raw(const void *data, size_t len, const rf_rpc_attachment *attachment)
{
    rf_rpc_out *out = out_new(len, attachment);
    if (out != NULL && len > 0) {
        memcpy(out->head + RF_RPC_PREFIX_LEN, data, len);
    }
    return out;
}

void rf_rpc_out_unref(rf_rpc_out *out)
{
    if (--out->refs > 0) {
        return;
    }
    bool copied = out->attachment.len > 0 && out->attachment.release == NULL;
    size_t extra = copied ? out->attachment.len : 0;
    if (out->attachment.release != NULL) {
        out->attachment.release(out->attachment.user);
    }
    rf_rpc_pool_put(out, sizeof(*out) + RF_RPC_PREFIX_LEN + out->head_len + extra);
}

size_t rf_rpc_out_size(const rf_rpc_out *out)
{
    return RF_RPC_PREFIX_LEN + out->head_len + out->attachment.len;
}

void rf_rpc_out_copy(const rf_rpc_out *out, size_t offset, size_t len, uint8_t *to)
{
    size_t head = RF_RPC_PREFIX_LEN + out->head_len;
    if (offset < head) {
        size_t n = RF_MIN(len, head - offset);
        to = (uint8_t *)mempcpy(to, out->head + offset, n);
        offset += n;
        len -= n;
    }
    if (len > 0) {
        memcpy(to, (const uint8_t *)out->attachment.data + (offset - head), len);
    }
}
