#include "rf_rpc_describe.h"

#include "rf_rpc_blocking.h"
#include "rf_rpc_schema.h"
#include "rf_rpc_wire.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define MAX_JSON ((size_t)64 << 20)
#define MAX_SHOWN 256 /* types in one listing */

struct rf_rpc_description {
    rf_rpc_schema *schema;
};

/* ---- fetching ---- */

/* DescribeResponse by hand: its field 1 is the FileDescriptorSet. */
static int read_response(const rf_rpc_msg *msg, rf_rpc_schema **ret)
{
    rf_rpc_wire r = rf_rpc_wire_of(msg->data, msg->len);
    rf_rpc_wire_field f;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == 1 && f.type == RF_WIRE_BYTES) {
            return rf_rpc_schema_new(f.data, f.len, ret);
        }
    }
    return -EBADMSG;
}

int rf_rpc_describe(rf_rpc_channel *channel, const rf_rpc_options *options,
                    rf_rpc_description **ret, rf_status *st)
{
    static const rf_rpc_method method = {"rpc.v1.Describe/Describe", RF_RPC_UNARY, true, NULL,
                                         NULL};
    rf_rpc_stream *s = rf_rpc_stream_open(channel, &method, options);
    rf_rpc_schema *schema = NULL;
    rf_rpc_item *item = NULL;
    (void)rf_rpc_stream_send_raw(s, "", 0, NULL);
    int got = rf_rpc_stream_recv(s, &item);
    int err = got == 1 ? read_response(&item->msg, &schema) : got;
    if (got == 1 && err != 0) {
        err = rf_status_set(st, RF_DATA_LOSS, "the server's description: %s", strerror(-err));
    } else if (got != 1) {
        *st = *rf_rpc_stream_status(s);
        err = got == 0 ? rf_status_set(st, RF_INTERNAL, "no description") : got;
    }
    (void)rf_rpc_item_free(item);
    (void)rf_rpc_stream_free(s);
    if (err == 0) {
        *ret = RF_NEW(rf_rpc_description);
        (*ret)->schema = schema;
    }
    return err;
}

rf_rpc_description *rf_rpc_description_free(rf_rpc_description *d)
{
    if (d != NULL) {
        (void)rf_rpc_schema_free(d->schema);
        free(d);
    }
    return NULL;
}

const rf_rpc_schema *rf_rpc_description_schema(const rf_rpc_description *d)
{
    return d->schema;
}

/* ---- showing ---- */

void rf_rpc_description_list(const rf_rpc_description *d, rf_buf *out)
{
    static const char *const kinds[] = {"", "  (server stream)", "  (client stream)",
                                        "  (bidirectional)"};
    for (size_t i = 0; i < d->schema->n_methods; i++) {
        const rf_rpc_method_type *m = &d->schema->methods[i];
        (void)rf_buf_printf(out, "%s%s\n", m->name, kinds[m->kind]);
    }
}

static const char *type_text(const rf_rpc_field_type *f)
{
    static const char *const names[] = {
        [RF_TYPE_DOUBLE] = "double",     [RF_TYPE_FLOAT] = "float",
        [RF_TYPE_INT64] = "int64",       [RF_TYPE_UINT64] = "uint64",
        [RF_TYPE_INT32] = "int32",       [RF_TYPE_FIXED64] = "fixed64",
        [RF_TYPE_FIXED32] = "fixed32",   [RF_TYPE_BOOL] = "bool",
        [RF_TYPE_STRING] = "string",     [RF_TYPE_BYTES] = "bytes",
        [RF_TYPE_UINT32] = "uint32",     [RF_TYPE_SFIXED32] = "sfixed32",
        [RF_TYPE_SFIXED64] = "sfixed64", [RF_TYPE_SINT32] = "sint32",
        [RF_TYPE_SINT64] = "sint64",
    };
    return f->message != NULL       ? f->message->name
           : f->enumeration != NULL ? f->enumeration->name
                                    : names[f->type];
}

typedef struct shown {
    const void *types[MAX_SHOWN];
    size_t n;
} shown;

static bool is_new(shown *s, const void *type)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->types[i] == type) {
            return false;
        }
    }
    if (s->n == MAX_SHOWN) {
        return false;
    }
    s->types[s->n++] = type;
    return true;
}

static void show_enum(const rf_rpc_enum_type *e, shown *s, rf_buf *out)
{
    if (!is_new(s, e)) {
        return;
    }
    (void)rf_buf_printf(out, "enum %s {\n", e->name);
    for (size_t i = 0; i < e->n_values; i++) {
        (void)rf_buf_printf(out, "  %s = %d;\n", e->values[i].name, e->values[i].number);
    }
    (void)rf_buf_append_str(out, "}\n");
}

static void show_message(const rf_rpc_message_type *m, shown *s, rf_buf *out)
{
    if (!is_new(s, m)) {
        return;
    }
    (void)rf_buf_printf(out, "message %s {\n", m->name);
    for (size_t i = 0; i < m->n_fields; i++) {
        const rf_rpc_field_type *f = &m->fields[i];
        (void)rf_buf_printf(out, "  %s%s %s = %u;%s\n", f->repeated ? "repeated " : "",
                            type_text(f), f->name, f->number,
                            f->oneof >= 0 ? "  // one of a group" : "");
    }
    (void)rf_buf_append_str(out, "}\n");
    for (size_t i = 0; i < m->n_fields; i++) {
        if (m->fields[i].message != NULL) {
            show_message(m->fields[i].message, s, out);
        } else if (m->fields[i].enumeration != NULL) {
            show_enum(m->fields[i].enumeration, s, out);
        }
    }
}

static void show_method(const rf_rpc_method_type *m, rf_buf *out)
{
    (void)rf_buf_printf(out, "rpc %s(%s%s) returns (%s%s);%s\n", strchr(m->name, '/') + 1,
                        (m->kind & RF_RPC_CLIENT_STREAM) != 0 ? "stream " : "", m->input,
                        (m->kind & RF_RPC_SERVER_STREAM) != 0 ? "stream " : "", m->output,
                        m->idempotent ? "  // idempotent" : "");
}

static bool is_of(const rf_rpc_method_type *m, const char *service)
{
    size_t len = strlen(service);
    return strncmp(m->name, service, len) == 0 && m->name[len] == '/';
}

static bool show_methods(const rf_rpc_schema *schema, const char *name, shown *s, rf_buf *out)
{
    bool found = false;
    for (size_t i = 0; i < schema->n_methods; i++) {
        const rf_rpc_method_type *m = &schema->methods[i];
        if (strcmp(m->name, name) == 0 || is_of(m, name)) {
            show_method(m, out);
            found = true;
        }
    }
    for (size_t i = 0; i < schema->n_methods; i++) {
        const rf_rpc_method_type *m = &schema->methods[i];
        if (strcmp(m->name, name) == 0 || is_of(m, name)) {
            show_message(rf_rpc_schema_message(schema, m->input), s, out);
            show_message(rf_rpc_schema_message(schema, m->output), s, out);
        }
    }
    return found;
}

int rf_rpc_description_show(const rf_rpc_description *d, const char *name, rf_buf *out)
{
    shown s = {0};
    const rf_rpc_message_type *m = rf_rpc_schema_message(d->schema, name);
    const rf_rpc_enum_type *e = rf_rpc_schema_enum(d->schema, name);
    if (m != NULL) {
        show_message(m, &s, out);
    } else if (e != NULL) {
        show_enum(e, &s, out);
    } else if (!show_methods(d->schema, name, &s, out)) {
        return -ENOENT;
    }
    return 0;
}

/* ---- calling ---- */

/* One call; requests go out on a thread of their own when there may be many. */
typedef struct json_call {
    const rf_rpc_description *d;
    const rf_rpc_method_type *method;
    const rf_rpc_json_options *json;
    const rf_rpc_json_io *io;
    rf_rpc_stream *stream;
    rf_status request_status; /* what was wrong with a request */
} json_call;

static int send_one(json_call *c, const char *text, size_t len)
{
    rf_buf packed;
    rf_buf_init(&packed, MAX_JSON);
    int err = rf_rpc_json_decode(c->d->schema, c->method->input, text, len, c->json, &packed,
                                 &c->request_status);
    if (err == 0) {
        err = rf_rpc_stream_send_raw(c->stream, packed.data, packed.len, NULL);
    }
    rf_buf_done(&packed);
    return err;
}

/* Sends requests to their end. A bad one cancels the call. */
static void *send_all(void *arg)
{
    json_call *c = (json_call *)arg;
    const char *text;
    size_t len;
    int more;
    while ((more = c->io->next(c->io->user, &text, &len)) > 0) {
        more = send_one(c, text, len);
        if (more < 0 || (c->method->kind & RF_RPC_CLIENT_STREAM) == 0) {
            break;
        }
    }
    if (more < 0 && c->request_status.code == RF_OK && more != -ECANCELED) {
        (void)rf_status_from_errno(&c->request_status, more, "reading a request");
    }
    if (c->request_status.code != RF_OK) {
        rf_rpc_stream_cancel(c->stream);
    } else {
        rf_rpc_stream_half_close(c->stream);
    }
    return NULL;
}

static int print_one(json_call *c, const rf_rpc_item *item, rf_buf *out, rf_status *st)
{
    rf_buf_clear(out);
    int err = rf_rpc_json_encode(c->d->schema, c->method->output, item->msg.data, item->msg.len,
                                 c->json, out, st);
    if (err == 0) {
        err = c->io->answer(c->io->user, rf_buf_str(out), out->len);
        if (err != 0) {
            (void)rf_status_from_errno(st, err, "writing an answer");
        }
    }
    return err;
}

static int print_all(json_call *c, rf_status *st)
{
    rf_buf out;
    rf_rpc_item *item = NULL;
    int err;
    rf_buf_init(&out, MAX_JSON);
    while ((err = rf_rpc_stream_recv(c->stream, &item)) == 1) {
        err = print_one(c, item, &out, st);
        item = rf_rpc_item_free(item);
        if (err != 0) {
            rf_rpc_stream_cancel(c->stream);
            break;
        }
    }
    if (err != 0 && st->code == RF_OK) {
        *st = *rf_rpc_stream_status(c->stream);
    }
    rf_buf_done(&out);
    return err;
}

static int run(json_call *c, rf_status *st)
{
    pthread_t sender;
    bool threaded = (c->method->kind & RF_RPC_CLIENT_STREAM) != 0;
    if (threaded && pthread_create(&sender, NULL, send_all, c) != 0) {
        return rf_status_set(st, RF_RESOURCE_EXHAUSTED, "no thread");
    }
    if (!threaded) {
        (void)send_all(c);
    }
    int err = print_all(c, st);
    if (threaded) {
        if (c->io->stop != NULL) {
            c->io->stop(c->io->user);
        }
        (void)pthread_join(sender, NULL);
    }
    if (c->request_status.code != RF_OK) {
        *st = c->request_status;
        err = rf_code_errno(st->code);
    }
    return err;
}

int rf_rpc_call_json(rf_rpc_channel *channel, const rf_rpc_description *d, const char *method,
                     const rf_rpc_options *options, const rf_rpc_json_options *json,
                     const rf_rpc_json_io *io, rf_status *st)
{
    static const rf_rpc_json_options none;
    json_call c = {.d = d, .json = json != NULL ? json : &none, .io = io};
    c.method = rf_rpc_schema_method(d->schema, method);
    *st = RF_STATUS_OK;
    if (c.method == NULL) {
        return rf_status_set(st, RF_NOT_FOUND, "the server has no method %.200s", method);
    }
    rf_rpc_method m = {
        .name = c.method->name, .kind = c.method->kind, .idempotent = c.method->idempotent};
    c.stream = rf_rpc_stream_open(channel, &m, options);
    int err = run(&c, st);
    (void)rf_rpc_stream_free(c.stream);
    return err;
}
