/* Unpacking within limits: every ill-formed UTF-8, depth, memory; and every message type of the
 * project. */
#include "rf_rpc_call.h"
#include "rf_rpc_wire.h"

#include <criterion/criterion.h>
#include <echo.rpc.h>
#include <errno.h>
#include <reflection/job/v1/events.rpc.h>
#include <reflection/job/v1/job.rpc.h>
#include <reflection/rpc/v1/rpc.rpc.h>
#include <string.h>
#include <types.rpc.h>

/* ---- UTF-8 ---- */

static int unpack_text(const char *text, size_t len)
{
    rf_buf b;
    ProtobufCMessage *m = NULL;
    rf_buf_init(&b, 64);
    rf_rpc_wire_put_bytes(&b, 1, text, len);
    int err = rf_rpc_unpack(&rpc__test__ping__descriptor, b.data, b.len, &m);
    if (err == 0) {
        cr_assert_eq(strlen(((Rpc__Test__Ping *)m)->text), len);
        cr_assert_arr_eq(((Rpc__Test__Ping *)m)->text, text, len);
    }
    (void)rf_rpc_message_free(m);
    rf_buf_done(&b);
    return err;
}

/* The Unicode standard, table 3-7, from both sides of each border. */
Test(utf8, well_and_ill_formed_sequences)
{
    static const struct {
        const char *text;
        bool legal;
    } rows[] = {
        {"", true},
        {"\x01", true},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xe0\xbf\xbf", true},
        {"\xe1\x80\x80", true},
        {"\xec\xbf\xbf", true},
        {"\xed\x80\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf0\xbf\xbf\xbf", true},
        {"\xf1\x80\x80\x80", true},
        {"\xf3\xbf\xbf\xbf", true},
        {"\xf4\x80\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        /* a continuation without a begin */
        {"\x80", false},
        {"\xbf", false},
        {"a\x80", false},
        /* overlong */
        {"\xc0\x80", false},
        {"\xc0\xaf", false},
        {"\xc1\xbf", false},
        {"\xe0\x80\x80", false},
        {"\xe0\x9f\xbf", false},
        {"\xf0\x80\x80\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        /* surrogates */
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xed\xa0\x80\xed\xb0\x80", false},
        /* above U+10FFFF */
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\xfc\x84\x80\x80\x80\x80", false},
        {"\xfe", false},
        {"\xff", false},
        /* cut */
        {"\xc2", false},
        {"\xe1\x80", false},
        {"\xe1", false},
        {"\xf1\x80\x80", false},
        {"\xf1\x80", false},
        {"\xf1", false},
        {"\xc2"
         "a",
         false},
        {"\xe1\x80"
         "a",
         false},
        {"\xf1\x80\x80"
         "a",
         false},
        {"\xe1"
         "a\x80",
         false},
        /* one after the other */
        {"\xc2\x80\xe1\x80\x80\xf1\x80\x80\x80"
         "a",
         true},
        {"\xc2\x80\x80", false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_assert_eq(unpack_text(rows[i].text, strlen(rows[i].text)), rows[i].legal ? 0 : -EILSEQ,
                     "row %zu", i);
    }
}

Test(utf8, every_pair_of_bytes)
{
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            const char text[2] = {(char)a, (char)b};
            bool ascii = a < 0x80 && b < 0x80;
            bool two = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
            cr_assert_eq(unpack_text(text, 2), ascii || two ? 0 : -EILSEQ, "%02x %02x", a, b);
        }
    }
}

Test(utf8, no_string_holds_a_nul)
{
    cr_assert_eq(unpack_text("\0", 1), -EILSEQ);
    cr_assert_eq(unpack_text("a\0", 2), -EILSEQ);
    cr_assert_eq(unpack_text("a\0b", 3), -EILSEQ);
}

Test(utf8, is_asked_of_strings_at_any_depth_and_of_no_bytes)
{
    static const struct {
        const char *what;
        const char *data;
        size_t len;
        int err;
    } rows[] = {
        {"bytes may be anything", "\x12\x02\xff\x00", 4, 0},
        {"a string in a message", "\x2a\x03\x0a\x01\xff", 5, -EILSEQ},
        {"a string in a list of messages", "\x32\x00\x32\x03\x0a\x01\xff", 7, -EILSEQ},
        {"a string in a oneof", "\x2a\x03\x12\x01\xff", 5, -EILSEQ},
        {"an unknown field may be anything", "\xa2\x06\x02\xff\xff", 5, 0},
        {"an unknown field in a message", "\x2a\x05\xa2\x06\x02\xff\xff", 7, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        ProtobufCMessage *m = NULL;
        cr_assert_eq(rf_rpc_unpack(&rpc__test__ping__descriptor, rows[i].data, rows[i].len, &m),
                     rows[i].err, "%s", rows[i].what);
        (void)rf_rpc_message_free(m);
    }
}

/* ---- memory ---- */

static int unpack_many(const ProtobufCMessageDescriptor *type, const void *piece, size_t len,
                       size_t n)
{
    rf_buf b;
    ProtobufCMessage *m = NULL;
    rf_buf_init(&b, len * n);
    for (size_t i = 0; i < n; i++) {
        (void)rf_buf_append(&b, piece, len);
    }
    int err = rf_rpc_unpack(type, b.data, b.len, &m);
    (void)rf_rpc_message_free(m);
    rf_buf_done(&b);
    return err;
}

Test(budget, few_bytes_do_not_become_much_memory)
{
    static const struct {
        const char *what;
        const ProtobufCMessageDescriptor *type;
        const char *piece;
        size_t len, n;
        int err;
    } rows[] = {
        {"a hundred empty messages", &rpc__test__ping__descriptor, "\x32\0", 2, 100, 0},
        {"a million empty messages of 64 bytes each", &rpc__test__ping__descriptor, "\x32\0", 2,
         1000000, -E2BIG},
        {"messages of many fields", &rpc__types__lists__descriptor, "\x8a\x01\0", 3, 100000,
         -E2BIG},
        {"strings of one character", &rpc__types__lists__descriptor, "\x4a\1a", 3, 1000000, -E2BIG},
        {"numbers one by one, each with its tag", &rpc__test__ping__descriptor, "\x38\1", 2, 100000,
         -E2BIG},
        {"numbers, packed", &rpc__test__ping__descriptor, "\x3a\x04\1\1\1\1", 6, 100000, 0},
        {"64-bit numbers of a byte each, packed", &rpc__types__lists__descriptor,
         "\x1a\x08\1\1\1\1\1\1\1\1", 10, 100000, 0},
        {"nothing that is known", &rpc__v1__empty__descriptor, "\x08\1", 2, 1000, 0},
        {"much that is not known", &rpc__v1__empty__descriptor, "\x08\1", 2, 1000000, -E2BIG},
        {"the same string again and again", &rpc__test__ping__descriptor, "\x0a\x01z", 3, 100000,
         -E2BIG},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        int err = unpack_many(rows[i].type, rows[i].piece, rows[i].len, rows[i].n);
        cr_assert_eq(err, rows[i].err, "%s: %d", rows[i].what, err);
    }
}

Test(budget, long_strings_and_bytes_pass)
{
    static char big[8 << 20];
    rf_buf b;
    ProtobufCMessage *m = NULL;
    memset(big, 'z', sizeof(big));
    rf_buf_init(&b, 64 << 20);
    rf_rpc_wire_put_bytes(&b, 1, big, sizeof(big));
    rf_rpc_wire_put_bytes(&b, 2, big, sizeof(big));
    cr_assert_eq(rf_rpc_unpack(&rpc__test__ping__descriptor, b.data, b.len, &m), 0);
    cr_assert_eq(((Rpc__Test__Ping *)m)->body.len, sizeof(big));
    (void)rf_rpc_message_free(m);
    rf_buf_done(&b);
}

/* ---- depth: no message of the project nests for ever, so one that does is made by hand ---- */

static const ProtobufCMessageDescriptor nest_descriptor;

typedef struct nest {
    ProtobufCMessage base;
    struct nest *inner;
} nest;

static void nest_init(ProtobufCMessage *m)
{
    *(nest *)m = (nest){.base = PROTOBUF_C_MESSAGE_INIT(&nest_descriptor)};
}

static const ProtobufCFieldDescriptor nest_fields[] = {{
    .name = "inner",
    .id = 1,
    .label = PROTOBUF_C_LABEL_NONE,
    .type = PROTOBUF_C_TYPE_MESSAGE,
    .offset = offsetof(nest, inner),
    .descriptor = &nest_descriptor,
}};
static const unsigned nest_indices[] = {0};
static const ProtobufCIntRange nest_ranges[] = {{1, 0}, {0, 1}};
static const ProtobufCMessageDescriptor nest_descriptor = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "Nest",
    .sizeof_message = sizeof(nest),
    .n_fields = 1,
    .fields = nest_fields,
    .fields_sorted_by_name = nest_indices,
    .n_field_ranges = 1,
    .field_ranges = nest_ranges,
    .message_init = nest_init,
};

Test(depth, thirty_two_levels_and_no_more)
{
    for (size_t levels = 1; levels < 200; levels += levels < 40 ? 1 : 50) {
        rf_buf b;
        ProtobufCMessage *m = NULL;
        rf_buf_init(&b, 4096);
        for (size_t i = 1; i < levels; i++) {
            rf_buf outer;
            rf_buf_init(&outer, 4096);
            rf_rpc_wire_put_bytes(&outer, 1, b.data, b.len);
            rf_buf_done(&b);
            b = outer;
        }
        size_t messages = levels; /* an innermost one without bytes needs no look */
        int err = rf_rpc_unpack(&nest_descriptor, b.data, b.len, &m);
        cr_assert_eq(err, messages <= RF_RPC_MAX_DEPTH + 1 ? 0 : -E2BIG, "%zu levels: %d", levels,
                     err);
        (void)rf_rpc_message_free(m);
        rf_buf_done(&b);
    }
}

/* ---- every message type ---- */

static const rf_rpc_service *const services[] = {
    &job_v1_job_service, &job_v1_worker_service, &job_v1_key_service,
    &rpc_v1_health,      &rpc_v1_describe,       &rpc_test_echo,
};

static const ProtobufCMessageDescriptor *const others[] = {
    &job__v1__job_ready__descriptor,   &job__v1__job_event__descriptor,
    &job__v1__dead_letter__descriptor, &rpc__types__scalars__descriptor,
    &rpc__types__lists__descriptor,    &rpc__types__tree__descriptor,
    &rpc__types__choice__descriptor,   &rpc__types__names__descriptor,
};

static void put_fields(const ProtobufCMessageDescriptor *type, unsigned depth, uint64_t number,
                       rf_buf *out);

static void put_field(const ProtobufCFieldDescriptor *f, unsigned depth, uint64_t number,
                      rf_buf *out)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE: {
        rf_buf body;
        rf_buf_init(&body, 65536);
        put_fields((const ProtobufCMessageDescriptor *)f->descriptor, depth + 1, number, &body);
        rf_rpc_wire_put_bytes(out, f->id, body.data, body.len);
        rf_buf_done(&body);
        break;
    }
    case PROTOBUF_C_TYPE_STRING:
        rf_rpc_wire_put_bytes(out, f->id, "t\xc3\xa9xt", 5);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        rf_rpc_wire_put_bytes(out, f->id, "\0\xff", 2);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        rf_rpc_wire_put_tag(out, f->id, RF_WIRE_FIXED64);
        rf_rpc_wire_put_fixed(out, 8, number);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        rf_rpc_wire_put_tag(out, f->id, RF_WIRE_FIXED32);
        rf_rpc_wire_put_fixed(out, 4, number);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        rf_rpc_wire_put_tag(out, f->id, RF_WIRE_VARINT);
        rf_rpc_wire_put_varint(out, 1);
        break;
    default:
        rf_rpc_wire_put_tag(out, f->id, RF_WIRE_VARINT);
        rf_rpc_wire_put_varint(out, number);
        break;
    }
}

/* Each field of the type, repeated ones thrice, of each oneof one. */
static void put_fields(const ProtobufCMessageDescriptor *type, unsigned depth, uint64_t number,
                       rf_buf *out)
{
    unsigned last_quantifier = 0;
    for (unsigned i = 0; depth < 8 && i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &type->fields[i];
        bool oneof = (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
        if (oneof && f->quantifier_offset == last_quantifier) {
            continue;
        }
        last_quantifier = oneof ? f->quantifier_offset : last_quantifier;
        for (int n = 0; n < (f->label == PROTOBUF_C_LABEL_REPEATED ? 3 : 1); n++) {
            put_field(f, depth, number, out);
        }
    }
}

/* A full message survives unpacking, packing and unpacking, and is refused when cut anywhere that
 * is not between two fields. */
static void check_type(const ProtobufCMessageDescriptor *type)
{
    static const uint64_t numbers[] = {1, 127, 300, 0x7fffffff};
    for (size_t i = 0; i < RF_ARRAY_LEN(numbers); i++) {
        rf_buf b;
        ProtobufCMessage *m = NULL;
        ProtobufCMessage *again = NULL;
        rf_buf_init(&b, 1 << 20);
        put_fields(type, 0, numbers[i], &b);
        cr_assert_eq(rf_rpc_unpack(type, b.data, b.len, &m), 0, "%s", type->name);
        size_t len = protobuf_c_message_get_packed_size(m);
        uint8_t *packed = (uint8_t *)malloc(len + 1);
        cr_assert_eq(protobuf_c_message_pack(m, packed), len);
        cr_assert_eq(rf_rpc_unpack(type, packed, len, &again), 0, "%s", type->name);
        cr_assert_eq(protobuf_c_message_get_packed_size(again), len);
        (void)rf_rpc_message_free(again);
        (void)rf_rpc_message_free(m);
        for (size_t cut = 0; cut < b.len; cut++) {
            uint8_t *exact = (uint8_t *)malloc(cut + 1);
            ProtobufCMessage *part = NULL;
            memcpy(exact, b.data, cut);
            if (rf_rpc_unpack(type, exact, cut, &part) == 0) {
                (void)rf_rpc_message_free(part);
            }
            free(exact);
        }
        free(packed);
        rf_buf_done(&b);
    }
}

Test(types, each_of_the_project_survives_packing_and_unpacking)
{
    for (size_t s = 0; s < RF_ARRAY_LEN(services); s++) {
        for (size_t m = 0; m < services[s]->n_methods; m++) {
            check_type(services[s]->methods[m].input);
            check_type(services[s]->methods[m].output);
        }
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(others); i++) {
        check_type(others[i]);
    }
}

/* Every bit of a full message flipped: refused or taken, without harm. */
Test(types, each_survives_damage)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(others); i++) {
        rf_buf b;
        rf_buf_init(&b, 1 << 20);
        put_fields(others[i], 0, 300, &b);
        for (size_t bit = 0; bit < 8 * b.len; bit++) {
            ProtobufCMessage *m = NULL;
            b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (rf_rpc_unpack(others[i], b.data, b.len, &m) == 0) {
                (void)rf_rpc_message_free(m);
            }
            b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        rf_buf_done(&b);
    }
}

/* ---- tables that the build makes ---- */

Test(tables, methods_are_found_by_their_short_name_alone)
{
    for (size_t s = 0; s < RF_ARRAY_LEN(services); s++) {
        const rf_rpc_service *service = services[s];
        cr_assert_gt(service->n_methods, 0);
        for (size_t m = 0; m < service->n_methods; m++) {
            const rf_rpc_method *method = &service->methods[m];
            const char *slash = strchr(method->name, '/');
            cr_assert_not_null(slash);
            cr_assert_eq((size_t)(slash - method->name), strlen(service->name));
            cr_assert_eq(strncmp(method->name, service->name, strlen(service->name)), 0);
            cr_assert_eq(rf_rpc_service_method(service, slash + 1), method);
            cr_assert_null(rf_rpc_service_method(service, method->name));
            cr_assert(method->input != NULL && method->output != NULL);
        }
        cr_assert_null(rf_rpc_service_method(service, ""));
        cr_assert_null(rf_rpc_service_method(service, "Nothing"));
    }
}

Test(tables, kinds_and_idempotency_are_those_of_the_proto)
{
    static const struct {
        const char *name;
        rf_rpc_kind kind;
        bool idempotent;
    } rows[] = {
        {"Unary", RF_RPC_UNARY, true},
        {"Once", RF_RPC_UNARY, false},
        {"Obey", RF_RPC_UNARY, true},
        {"Download", RF_RPC_SERVER_STREAM, false},
        {"Upload", RF_RPC_CLIENT_STREAM, false},
        {"Chat", RF_RPC_BIDI, false},
        {"Missing", RF_RPC_UNARY, false},
    };
    cr_assert_eq(rpc_test_echo.n_methods, RF_ARRAY_LEN(rows));
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        const rf_rpc_method *m = rf_rpc_service_method(&rpc_test_echo, rows[i].name);
        cr_assert_not_null(m);
        cr_assert_eq(m->kind, rows[i].kind, "%s", rows[i].name);
        cr_assert_eq(m->idempotent, rows[i].idempotent, "%s", rows[i].name);
    }
    cr_assert(RPC_V1_HEALTH_WATCH->idempotent, "NO_SIDE_EFFECTS is idempotent, too");
    cr_assert_eq(RPC_V1_HEALTH_WATCH->kind, RF_RPC_SERVER_STREAM);
}
