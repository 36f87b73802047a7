/* Unpacking of received messages. protobuf-c has no limit of depth or memory and does not look at
 * UTF-8, so the bytes are checked against the descriptor first and the memory is counted. */
#include "rf_rpc_call.h"
#include "rf_rpc_wire.h"

#include <errno.h>
#include <string.h>

#define BUDGET_BASE 65536

static int check_message(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                         unsigned depth);

static int check_string(const rf_rpc_wire_field *f)
{
    bool bad = memchr(f->data, '\0', f->len) != NULL || !rf_utf8_valid(f->data, f->len);
    return bad ? -EILSEQ : 0;
}

static int check_field(const ProtobufCFieldDescriptor *d, const rf_rpc_wire_field *f,
                       unsigned depth)
{
    if (f->type != RF_WIRE_BYTES || f->len == 0) {
        return 0;
    }
    if (d->type == PROTOBUF_C_TYPE_STRING) {
        return check_string(f);
    }
    if (d->type == PROTOBUF_C_TYPE_MESSAGE) {
        return check_message((const ProtobufCMessageDescriptor *)d->descriptor, f->data, f->len,
                             depth + 1);
    }
    return 0;
}

static int check_message(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                         unsigned depth)
{
    if (depth > RF_RPC_MAX_DEPTH) {
        return -E2BIG;
    }
    rf_rpc_wire r = rf_rpc_wire_of(data, len);
    rf_rpc_wire_field f;
    int more;
    while ((more = rf_rpc_wire_next(&r, &f)) > 0) {
        const ProtobufCFieldDescriptor *d = protobuf_c_message_descriptor_get_field(type, f.number);
        int err = d != NULL ? check_field(d, &f, depth) : 0;
        if (err != 0) {
            return err;
        }
    }
    return more;
}

typedef struct budget {
    size_t left;
    bool exceeded;
} budget;

static void *budget_alloc(void *data, size_t size)
{
    budget *b = (budget *)data;
    size_t cost = size + 16; /* what malloc adds counts too: many small fields */
    if (cost < size || cost > b->left) {
        b->exceeded = true;
        return NULL;
    }
    b->left -= cost;
    return malloc(RF_MAX(size, (size_t)1));
}

static void budget_free(void *data, void *block)
{
    (void)data;
    free(block);
}

int rf_rpc_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                  ProtobufCMessage **ret)
{
    int err = check_message(type, data, len, 1);
    if (err != 0) {
        return err;
    }
    budget b = {.left = len * RF_RPC_UNPACK_FACTOR + BUDGET_BASE};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};
    ProtobufCMessage *m = protobuf_c_message_unpack(type, &allocator, len, (const uint8_t *)data);
    if (m == NULL) {
        return b.exceeded ? -E2BIG : -EBADMSG;
    }
    *ret = m;
    return 0;
}

void *rf_rpc_message_free(void *message)
{
    if (message != NULL) {
        protobuf_c_message_free_unpacked((ProtobufCMessage *)message, NULL);
    }
    return NULL;
}
