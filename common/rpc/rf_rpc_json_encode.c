/* Packed bytes to JSON. Fields come in the order of the .proto file, whatever their order on the
 * wire; of a repeated occurrence of a singular field the last one counts. */
#include "rf_rpc_json.h"
#include "rf_rpc_path.h"
#include "rf_rpc_scan.h"
#include "rf_rpc_schema.h"
#include "rf_rpc_wire.h"

#include "rf_time.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_DEPTH 64
#define MAX_WALL_MS 253402300799999LL /* 9999-12-31T23:59:59.999Z */

typedef struct encoder {
    const rf_rpc_json_options *options;
    rf_rpc_path path;
    rf_buf *out;
    rf_status *st;
} encoder;

static int put_message(encoder *e, const rf_rpc_message_type *m, const void *data, size_t len);

static int fail(encoder *e, rf_code code, const char *what)
{
    return rf_rpc_path_fail(&e->path, e->st, code, what);
}

static int malformed(encoder *e)
{
    return fail(e, RF_INVALID_ARGUMENT, "malformed");
}

static void put_str(encoder *e, const char *s)
{
    (void)rf_buf_append_str(e->out, s);
}

static void put_break(encoder *e)
{
    if (e->options->indent) {
        (void)rf_buf_append_char(e->out, '\n');
        for (size_t i = 0; i < e->path.depth; i++) {
            put_str(e, "  ");
        }
    }
}

/* ---- scalars ---- */

static void put_escaped(rf_buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *found = strchr(from, c);
    if (c != 0 && found != NULL) {
        (void)rf_buf_append_char(out, '\\');
        (void)rf_buf_append_char(out, to[found - from]);
    } else {
        (void)rf_buf_printf(out, "\\u%04x", c);
    }
}

static int put_string(encoder *e, const uint8_t *s, size_t len)
{
    if (!rf_utf8_valid(s, len)) {
        return fail(e, RF_INVALID_ARGUMENT, "not valid UTF-8");
    }
    if (len > 0 && memchr(s, '\0', len) != NULL) {
        return fail(e, RF_INVALID_ARGUMENT, "must not contain U+0000");
    }
    (void)rf_buf_append_char(e->out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < 0x20 || s[i] == '"' || s[i] == '\\') {
            (void)rf_buf_append(e->out, s + plain, i - plain);
            put_escaped(e->out, s[i]);
            plain = i + 1;
        }
    }
    (void)rf_buf_append(e->out, s + plain, len - plain);
    (void)rf_buf_append_char(e->out, '"');
    return 0;
}

static void put_base64(encoder *e, const uint8_t *s, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (void)rf_buf_append_char(e->out, '"');
    char *at = (char *)rf_buf_reserve(e->out, (len + 2) / 3 * 4);
    if (at != NULL) {
        for (size_t i = 0; i < len; i += 3, at += 4) {
            uint32_t v = (uint32_t)s[i] << 16 | (i + 1 < len ? (uint32_t)s[i + 1] << 8 : 0) |
                         (i + 2 < len ? s[i + 2] : 0);
            at[0] = digits[v >> 18];
            at[1] = digits[v >> 12 & 63];
            at[2] = '=';
            at[3] = '=';
            if (i + 1 < len) {
                at[2] = digits[v >> 6 & 63];
            }
            if (i + 2 < len) {
                at[3] = digits[v & 63];
            }
        }
        rf_buf_added(e->out, (len + 2) / 3 * 4);
    }
    (void)rf_buf_append_char(e->out, '"');
}

/* The shortest text that reads back as the same number. */
static void put_double(encoder *e, double value, bool is_float)
{
    if (isnan(value) || isinf(value)) {
        put_str(e, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    char text[40];
    for (int digits = is_float ? 6 : 15; digits <= (is_float ? 9 : 17); digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        if (is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) {
            break;
        }
    }
    put_str(e, text);
}

static void put_int64(encoder *e, int64_t value)
{
    const char *quote = e->options->numbers ? "" : "\"";
    (void)rf_buf_printf(e->out, "%s%" PRId64 "%s", quote, value, quote);
}

static void put_uint64(encoder *e, uint64_t value)
{
    const char *quote = e->options->numbers ? "" : "\"";
    (void)rf_buf_printf(e->out, "%s%" PRIu64 "%s", quote, value, quote);
}

static void put_enum(encoder *e, const rf_rpc_enum_type *t, int32_t number)
{
    for (size_t i = 0; i < t->n_values; i++) {
        if (t->values[i].number == number) {
            (void)rf_buf_printf(e->out, "\"%s\"", t->values[i].name);
            return;
        }
    }
    (void)rf_buf_printf(e->out, "%" PRId32, number);
}

static int64_t zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static double as_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

static double as_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, sizeof(f));
    return (double)f;
}

static void put_number(encoder *e, const rf_rpc_field_type *f, uint64_t v)
{
    switch (f->type) {
    case RF_TYPE_DOUBLE:
        put_double(e, as_double(v), false);
        break;
    case RF_TYPE_FLOAT:
        put_double(e, as_float(v), true);
        break;
    case RF_TYPE_INT64:
    case RF_TYPE_SFIXED64:
        put_int64(e, (int64_t)v);
        break;
    case RF_TYPE_SINT64:
        put_int64(e, zigzag(v));
        break;
    case RF_TYPE_UINT64:
    case RF_TYPE_FIXED64:
        put_uint64(e, v);
        break;
    case RF_TYPE_UINT32:
    case RF_TYPE_FIXED32:
        (void)rf_buf_printf(e->out, "%" PRIu32, (uint32_t)v);
        break;
    case RF_TYPE_SINT32:
        (void)rf_buf_printf(e->out, "%" PRId32, (int32_t)zigzag((uint32_t)v));
        break;
    case RF_TYPE_BOOL:
        put_str(e, v != 0 ? "true" : "false");
        break;
    case RF_TYPE_ENUM:
        put_enum(e, f->enumeration, (int32_t)v);
        break;
    default:
        (void)rf_buf_printf(e->out, "%" PRId32, (int32_t)v);
        break;
    }
}

/* ---- special messages: all have their value in field 1 ---- */

static bool first_field(const void *data, size_t len, rf_rpc_wire_type type, rf_rpc_wire_field *ret)
{
    rf_rpc_wire r = rf_rpc_wire_of(data, len);
    rf_rpc_wire_field f;
    bool found = false;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == 1 && f.type == type) {
            *ret = f;
            found = true;
        }
    }
    return found;
}

static int put_raw_json(encoder *e, const rf_rpc_wire_field *f)
{
    rf_rpc_scan s = {(const char *)f->data, (const char *)f->data + f->len};
    const char *text;
    size_t len;
    size_t depth = e->path.max_depth > e->path.depth ? e->path.max_depth - e->path.depth : 0;
    int err = rf_rpc_scan_skip(&s, depth, &text, &len);
    if (err == -E2BIG) {
        return fail(e, RF_RESOURCE_EXHAUSTED, "nested too deeply");
    }
    if (err != 0 || rf_rpc_scan_peek(&s) != '\0' || s.at != s.end) {
        return fail(e, RF_INVALID_ARGUMENT, "not valid JSON");
    }
    (void)rf_buf_append(e->out, text, len);
    return 0;
}

static int put_time(encoder *e, int64_t wall_ms)
{
    char text[RF_ISO_LEN];
    if (wall_ms < 0 || wall_ms > MAX_WALL_MS) {
        return fail(e, RF_INVALID_ARGUMENT, "time out of range");
    }
    (void)rf_buf_printf(e->out, "\"%s\"", rf_time_iso(wall_ms, text));
    return 0;
}

static int put_special(encoder *e, rf_rpc_special special, const void *data, size_t len)
{
    rf_rpc_wire_field f = {0};
    if (special == RF_SPECIAL_TIME) {
        return put_time(e, first_field(data, len, RF_WIRE_VARINT, &f) ? (int64_t)f.value : 0);
    }
    bool found = first_field(data, len, RF_WIRE_BYTES, &f) && f.len > 0;
    if (special == RF_SPECIAL_OPTIONAL_STRING) {
        return put_string(e, found ? f.data : (const uint8_t *)"", found ? f.len : 0);
    }
    if (!found) {
        put_str(e, "null");
        return 0;
    }
    return put_raw_json(e, &f);
}

/* ---- fields ---- */

static int put_value(encoder *e, const rf_rpc_field_type *f, const rf_rpc_wire_field *w)
{
    switch (f->type) {
    case RF_TYPE_STRING:
        return put_string(e, w->data, w->len);
    case RF_TYPE_BYTES:
        put_base64(e, w->data, w->len);
        return 0;
    case RF_TYPE_MESSAGE:
        return put_message(e, f->message, w->data, w->len);
    default:
        put_number(e, f, w->value);
        return 0;
    }
}

static int next_packed(rf_rpc_wire *r, rf_rpc_wire_type type, uint64_t *ret)
{
    return type == RF_WIRE_VARINT ? rf_rpc_wire_varint(r, ret)
                                  : rf_rpc_wire_fixed(r, type == RF_WIRE_FIXED64 ? 8 : 4, ret);
}

typedef struct list {
    size_t n;
} list;

static int put_element(encoder *e, const rf_rpc_field_type *f, const rf_rpc_wire_field *w, list *l)
{
    if (l->n > 0) {
        (void)rf_buf_append_char(e->out, ',');
    }
    put_break(e);
    size_t mark = rf_rpc_path_push(&e->path, NULL, l->n++);
    int err = put_value(e, f, w);
    if (err == 0) {
        rf_rpc_path_pop(&e->path, mark);
    }
    return err;
}

static int put_packed(encoder *e, const rf_rpc_field_type *f, const rf_rpc_wire_field *w, list *l)
{
    rf_rpc_wire r = rf_rpc_wire_of(w->data, w->len);
    while (r.at < r.end) {
        rf_rpc_wire_field one = {.number = w->number};
        if (next_packed(&r, rf_rpc_wire_type_of(f->type), &one.value) != 0) {
            return malformed(e);
        }
        int err = put_element(e, f, &one, l);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

/* All elements of a repeated field, from where the first one was found. */
static int put_list(encoder *e, const rf_rpc_field_type *f, rf_rpc_wire r)
{
    list l = {0};
    rf_rpc_wire_field w;
    rf_rpc_wire_type type = rf_rpc_wire_type_of(f->type);
    (void)rf_buf_append_char(e->out, '[');
    e->path.depth++;
    while (rf_rpc_wire_next(&r, &w) > 0) {
        if (w.number != f->number) {
            continue;
        }
        bool packed = w.type == RF_WIRE_BYTES && type != RF_WIRE_BYTES;
        int err = packed           ? put_packed(e, f, &w, &l)
                  : w.type == type ? put_element(e, f, &w, &l)
                                   : malformed(e);
        if (err != 0) {
            return err;
        }
    }
    e->path.depth--;
    if (l.n > 0) {
        put_break(e);
    }
    (void)rf_buf_append_char(e->out, ']');
    return 0;
}

static bool is_omitted(const encoder *e, const rf_rpc_field_type *f)
{
    if (!e->options->emit_unset || f->oneof >= 0) {
        return true;
    }
    for (const char *const *name = e->options->omit_unset; name != NULL && *name != NULL; name++) {
        if (strcmp(*name, f->full_name) == 0) {
            return true;
        }
    }
    return false;
}

static void put_unset(encoder *e, const rf_rpc_field_type *f)
{
    if (f->repeated) {
        put_str(e, "[]");
    } else if (f->type == RF_TYPE_MESSAGE) {
        put_str(e, "null");
    } else if (f->type == RF_TYPE_STRING || f->type == RF_TYPE_BYTES) {
        put_str(e, "\"\"");
    } else {
        put_number(e, f, 0);
    }
}

/* Where the last occurrence of each field is, and the reader before its first. */
typedef struct slot {
    bool set;
    bool again; /* occurs more than once */
    rf_rpc_wire_field last;
    rf_rpc_wire from;
} slot;

/* Of a oneof the last member on the wire counts. */
static void clear_group(const rf_rpc_message_type *m, const rf_rpc_field_type *f, slot *slots)
{
    for (size_t i = 0; f->oneof >= 0 && i < m->n_fields; i++) {
        if (m->fields[i].oneof == f->oneof && &m->fields[i] != f) {
            slots[i].set = false;
        }
    }
}

static void fill_slot(slot *s, const rf_rpc_wire_field *w, rf_rpc_wire before)
{
    s->again = s->set;
    s->from = s->set ? s->from : before;
    s->set = true;
    s->last = *w;
}

/* A scalar without presence of its own that has its default is as good as unset; so is a list of
 * nothing. */
static bool is_nothing(const rf_rpc_field_type *f, const slot *s)
{
    if (f->repeated) {
        return !s->again && s->last.type == RF_WIRE_BYTES && s->last.len == 0 &&
               rf_rpc_wire_type_of(f->type) != RF_WIRE_BYTES;
    }
    if (f->oneof >= 0 || f->type == RF_TYPE_MESSAGE) {
        return false;
    }
    switch (f->type) {
    case RF_TYPE_STRING:
    case RF_TYPE_BYTES:
        return s->last.len == 0;
    case RF_TYPE_INT32:
    case RF_TYPE_UINT32:
    case RF_TYPE_SINT32:
    case RF_TYPE_ENUM:
        return (uint32_t)s->last.value == 0;
    default:
        return s->last.value == 0;
    }
}

static int fill_slots(encoder *e, const rf_rpc_message_type *m, const void *data, size_t len,
                      slot *slots)
{
    rf_rpc_wire r = rf_rpc_wire_of(data, len);
    rf_rpc_wire before = r;
    rf_rpc_wire_field w;
    int more;
    while ((more = rf_rpc_wire_next(&r, &w)) > 0) {
        const rf_rpc_field_type *f = rf_rpc_field_by_number(m, w.number);
        if (f != NULL && !f->repeated && w.type != rf_rpc_wire_type_of(f->type)) {
            return malformed(e);
        }
        if (f != NULL) {
            clear_group(m, f, slots);
            fill_slot(&slots[f - m->fields], &w, before);
        }
        before = r;
    }
    for (size_t i = 0; i < m->n_fields; i++) {
        slots[i].set = slots[i].set && !is_nothing(&m->fields[i], &slots[i]);
    }
    return more < 0 ? malformed(e) : 0;
}

/* A message that stands there more than once is all of them merged, which their bytes are one after
 * the other. */
static int put_merged(encoder *e, const rf_rpc_field_type *f, rf_rpc_wire r)
{
    rf_buf all;
    rf_rpc_wire_field w;
    rf_buf_init(&all, (size_t)(r.end - r.at));
    while (rf_rpc_wire_next(&r, &w) > 0) {
        if (w.number == f->number) {
            (void)rf_buf_append(&all, w.data, w.len);
        }
    }
    int err = put_message(e, f->message, all.data, all.len);
    rf_buf_done(&all);
    return err;
}

static int put_set(encoder *e, const rf_rpc_field_type *f, const slot *s)
{
    bool merges = s->again && f->type == RF_TYPE_MESSAGE;
    return f->repeated ? put_list(e, f, s->from)
           : merges    ? put_merged(e, f, s->from)
                       : put_value(e, f, &s->last);
}

static int put_field(encoder *e, const rf_rpc_field_type *f, const slot *s, bool first)
{
    if (!first) {
        (void)rf_buf_append_char(e->out, ',');
    }
    put_break(e);
    (void)rf_buf_printf(e->out, "\"%s\":%s", e->options->proto_names ? f->name : f->json_name,
                        e->options->indent ? " " : "");
    if (!s->set) {
        put_unset(e, f);
        return 0;
    }
    size_t mark = rf_rpc_path_push(&e->path, f->json_name, 0);
    int err = put_set(e, f, s);
    if (err == 0) {
        rf_rpc_path_pop(&e->path, mark);
    }
    return err;
}

static int put_fields(encoder *e, const rf_rpc_message_type *m, const slot *slots)
{
    bool first = true;
    (void)rf_buf_append_char(e->out, '{');
    for (size_t i = 0; i < m->n_fields; i++) {
        if (!slots[i].set && is_omitted(e, &m->fields[i])) {
            continue;
        }
        int err = put_field(e, &m->fields[i], &slots[i], first);
        if (err != 0) {
            return err;
        }
        first = false;
    }
    e->path.depth--;
    if (!first) {
        put_break(e);
    }
    (void)rf_buf_append_char(e->out, '}');
    return 0;
}

static int put_message(encoder *e, const rf_rpc_message_type *m, const void *data, size_t len)
{
    if (m->special != RF_SPECIAL_NONE) {
        return put_special(e, m->special, data, len);
    }
    if (e->path.depth >= e->path.max_depth) {
        return fail(e, RF_RESOURCE_EXHAUSTED, "nested too deeply");
    }
    e->path.depth++;
    slot *slots = RF_NEW_ARRAY(slot, m->n_fields + 1);
    int err = fill_slots(e, m, data, len, slots);
    err = err == 0 ? put_fields(e, m, slots) : err;
    free(slots);
    return err;
}

int rf_rpc_json_encode(const rf_rpc_schema *schema, const char *type, const void *data, size_t len,
                       const rf_rpc_json_options *options, rf_buf *out, rf_status *st)
{
    static const rf_rpc_json_options none;
    encoder e = {.options = options != NULL ? options : &none, .out = out, .st = st};
    e.path.max_depth = e.options->max_depth > 0 ? e.options->max_depth : DEFAULT_DEPTH;
    const rf_rpc_message_type *m = rf_rpc_schema_message(schema, type);
    if (m == NULL) {
        return rf_status_set(st, RF_NOT_FOUND, "unknown message type %.200s", type);
    }
    size_t before = out->len;
    int err = put_message(&e, m, data, len);
    if (err == 0 && rf_buf_error(out) != 0) {
        err = rf_status_set(st, RF_RESOURCE_EXHAUSTED, "the JSON text is larger than %zu bytes",
                            out->max);
    }
    if (err != 0) {
        out->len = before;
        out->err = 0;
    }
    return err;
}
