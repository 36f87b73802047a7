/* JSON to packed bytes. Text is read once, from front to back; each nested message is packed into a
 * buffer of its own, because its length comes before it. */
#include "rf_rpc_json.h"
#include "rf_rpc_path.h"
#include "rf_rpc_scan.h"
#include "rf_rpc_schema.h"
#include "rf_rpc_wire.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define DEFAULT_DEPTH 64
#define MAX_NUMBER 64 /* characters of one number */

typedef struct decoder {
    rf_rpc_scan scan;
    rf_rpc_path path;
    rf_status *st;
    size_t max; /* bytes of any buffer */
} decoder;

static int take_message(decoder *d, const rf_rpc_message_type *m, rf_buf *out);

static int fail(decoder *d, const char *what)
{
    return rf_rpc_path_fail(&d->path, d->st, RF_INVALID_ARGUMENT, what);
}

static int fail_scan(decoder *d, int err, const char *expected)
{
    return err == -EILSEQ ? fail(d, "not valid UTF-8")
           : err == -E2BIG
               ? rf_rpc_path_fail(&d->path, d->st, RF_RESOURCE_EXHAUSTED, "nested too deeply")
           : err == -ENOSPC ? rf_rpc_path_fail(&d->path, d->st, RF_RESOURCE_EXHAUSTED, "too large")
                            : fail(d, expected);
}

/* ---- strings and bytes ---- */

static int take_text(decoder *d, rf_buf *out, const char *expected)
{
    rf_buf_init(out, d->max);
    int err = rf_rpc_scan_string(&d->scan, out);
    if (err != 0) {
        rf_buf_done(out);
        return fail_scan(d, err, expected);
    }
    return 0;
}

static int take_string(decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    rf_buf text;
    int err = take_text(d, &text, "expected a string");
    if (err != 0) {
        return err;
    }
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
        err = fail(d, "must not contain U+0000");
    } else {
        rf_rpc_wire_put_bytes(out, f->number, text.data, text.len);
    }
    rf_buf_done(&text);
    return err;
}

static int base64_digit(uint8_t c)
{
    return c >= 'A' && c <= 'Z'     ? c - 'A'
           : c >= 'a' && c <= 'z'   ? c - 'a' + 26
           : c >= '0' && c <= '9'   ? c - '0' + 52
           : (c == '+' || c == '-') ? 62
           : (c == '/' || c == '_') ? 63
                                    : -1;
}

/* Decodes in place; both alphabets, with or without padding. */
static int base64_decode(rf_buf *b)
{
    size_t len = b->len;
    size_t n = 0;
    uint32_t v = 0;
    for (int pad = 0; pad < 2 && len > 0 && b->data[len - 1] == '='; pad++) {
        len--;
    }
    if (len % 4 == 1 || (b->len != len && b->len % 4 != 0)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        int digit = base64_digit(b->data[i]);
        if (digit < 0) {
            return -EINVAL;
        }
        v = v << 6 | (uint32_t)digit;
        if (i % 4 != 0) {
            b->data[n++] = (uint8_t)(v >> (6 - 2 * (i % 4)));
        }
    }
    b->len = n;
    return 0;
}

static int take_bytes(decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    rf_buf text;
    int err = take_text(d, &text, "expected a base64 string");
    if (err != 0) {
        return err;
    }
    if (base64_decode(&text) != 0) {
        err = fail(d, "not valid base64");
    } else {
        rf_rpc_wire_put_bytes(out, f->number, text.data, text.len);
    }
    rf_buf_done(&text);
    return err;
}

/* ---- numbers ---- */

/* A number, or a string that holds one, as text. */
static int take_number_text(decoder *d, char out[MAX_NUMBER])
{
    const char *text;
    size_t len;
    rf_buf b;
    if (rf_rpc_scan_peek(&d->scan) != '"') {
        if (rf_rpc_scan_number(&d->scan, &text, &len) != 0 || len >= MAX_NUMBER) {
            return fail(d, "expected a number");
        }
        memcpy(out, text, len);
        out[len] = '\0';
        return 0;
    }
    int err = take_text(d, &b, "expected a number");
    if (err == 0) {
        bool bad = b.len == 0 || b.len >= MAX_NUMBER || memchr(b.data, '\0', b.len) != NULL;
        (void)rf_copy_str(out, MAX_NUMBER, bad ? "" : rf_buf_str(&b));
        rf_buf_done(&b);
        return bad ? fail(d, "expected a number") : 0;
    }
    return err;
}

static int out_of_range(decoder *d)
{
    return fail(d, "number out of range");
}

/* A whole number in plain digits; "1e2" and "100.0" are whole as well. */
static int take_whole(decoder *d, char out[RF_RPC_WHOLE_MAX])
{
    char text[MAX_NUMBER] = "";
    int err = take_number_text(d, text);
    if (err != 0) {
        return err;
    }
    err = rf_rpc_whole_number(text, out);
    return err == -ERANGE ? out_of_range(d) : err != 0 ? fail(d, "expected a whole number") : 0;
}

static int take_signed(decoder *d, int64_t min, int64_t max, uint64_t *ret)
{
    char text[RF_RPC_WHOLE_MAX] = "";
    int64_t value = 0;
    int err = take_whole(d, text);
    if (err != 0) {
        return err;
    }
    if (rf_parse_i64(text, &value) != 0 || value < min || value > max) {
        return out_of_range(d);
    }
    *ret = (uint64_t)value;
    return 0;
}

static int take_unsigned(decoder *d, uint64_t max, uint64_t *ret)
{
    char text[RF_RPC_WHOLE_MAX] = "";
    int err = take_whole(d, text);
    if (err != 0) {
        return err;
    }
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (text[0] == '-' || errno != 0 || value > max) {
        return out_of_range(d);
    }
    *ret = value;
    return 0;
}

static int take_double(decoder *d, bool is_float, uint64_t *ret)
{
    char text[MAX_NUMBER] = "";
    double value;
    int err = take_number_text(d, text);
    if (err != 0) {
        return err;
    }
    if (strcmp(text, "NaN") == 0) {
        value = (double)NAN;
    } else if (strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0) {
        value = text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    } else if (rf_parse_f64(text, &value) != 0 || isinf(value) ||
               (is_float && isinf((float)value))) {
        return fail(d, "expected a number in range");
    }
    float narrow = (float)value;
    *ret = 0;
    if (is_float) {
        memcpy(ret, &narrow, sizeof(narrow));
    } else {
        memcpy(ret, &value, sizeof(value));
    }
    return 0;
}

static int take_bool(decoder *d, uint64_t *ret)
{
    *ret = 0;
    if (rf_rpc_scan_word(&d->scan, "true")) {
        *ret = 1;
        return 0;
    }
    return rf_rpc_scan_word(&d->scan, "false") ? 0 : fail(d, "expected true or false");
}

static int take_enum(decoder *d, const rf_rpc_enum_type *t, uint64_t *ret)
{
    if (rf_rpc_scan_peek(&d->scan) != '"') {
        return take_signed(d, INT32_MIN, INT32_MAX, ret);
    }
    rf_buf name;
    int err = take_text(d, &name, "expected a name");
    if (err != 0) {
        return err;
    }
    err = fail(d, "unknown name");
    for (size_t i = 0; i < t->n_values; i++) {
        if (strlen(t->values[i].name) == name.len &&
            memcmp(t->values[i].name, rf_buf_str(&name), name.len) == 0) {
            *ret = (uint64_t)(int64_t)t->values[i].number;
            err = 0;
        }
    }
    rf_buf_done(&name);
    return err;
}

static uint64_t zigzag(uint64_t v)
{
    return v << 1 ^ (uint64_t)((int64_t)v >> 63);
}

/* The value as it stands on the wire. */
static int take_scalar(decoder *d, const rf_rpc_field_type *f, uint64_t *ret)
{
    int err;
    switch (f->type) {
    case RF_TYPE_DOUBLE:
    case RF_TYPE_FLOAT:
        return take_double(d, f->type == RF_TYPE_FLOAT, ret);
    case RF_TYPE_BOOL:
        return take_bool(d, ret);
    case RF_TYPE_ENUM:
        return take_enum(d, f->enumeration, ret);
    case RF_TYPE_UINT64:
    case RF_TYPE_FIXED64:
        return take_unsigned(d, UINT64_MAX, ret);
    case RF_TYPE_UINT32:
    case RF_TYPE_FIXED32:
        return take_unsigned(d, UINT32_MAX, ret);
    case RF_TYPE_INT64:
    case RF_TYPE_SFIXED64:
        return take_signed(d, INT64_MIN, INT64_MAX, ret);
    case RF_TYPE_SINT64:
        err = take_signed(d, INT64_MIN, INT64_MAX, ret);
        *ret = err == 0 ? zigzag(*ret) : 0;
        return err;
    case RF_TYPE_SINT32:
        err = take_signed(d, INT32_MIN, INT32_MAX, ret);
        *ret = err == 0 ? zigzag(*ret) : 0;
        return err;
    default:
        return take_signed(d, INT32_MIN, INT32_MAX, ret);
    }
}

static void put_scalar(const rf_rpc_field_type *f, uint64_t value, rf_buf *out)
{
    switch (f->type) {
    case RF_TYPE_DOUBLE:
    case RF_TYPE_FIXED64:
    case RF_TYPE_SFIXED64:
        rf_rpc_wire_put_fixed(out, 8, value);
        break;
    case RF_TYPE_FLOAT:
    case RF_TYPE_FIXED32:
    case RF_TYPE_SFIXED32:
        rf_rpc_wire_put_fixed(out, 4, value);
        break;
    default:
        rf_rpc_wire_put_varint(out, value);
        break;
    }
}

static rf_rpc_wire_type wire_type_of(rf_rpc_type type)
{
    switch (type) {
    case RF_TYPE_DOUBLE:
    case RF_TYPE_FIXED64:
    case RF_TYPE_SFIXED64:
        return RF_WIRE_FIXED64;
    case RF_TYPE_FLOAT:
    case RF_TYPE_FIXED32:
    case RF_TYPE_SFIXED32:
        return RF_WIRE_FIXED32;
    default:
        return RF_WIRE_VARINT;
    }
}

/* ---- special messages ---- */

static int take_json(decoder *d, rf_buf *out)
{
    const char *text;
    size_t len;
    size_t depth = d->path.max_depth > d->path.depth ? d->path.max_depth - d->path.depth : 0;
    int err = rf_rpc_scan_skip(&d->scan, depth, &text, &len);
    if (err != 0) {
        return fail_scan(d, err, "not valid JSON");
    }
    rf_rpc_wire_put_bytes(out, 1, text, len);
    return 0;
}

static bool two_digits(const char *s, int min, int max, int *ret)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9') {
        return false;
    }
    *ret = (s[0] - '0') * 10 + (s[1] - '0');
    return *ret >= min && *ret <= max;
}

/* YYYY-MM-DDTHH:MM:SS, an optional fraction of up to nine digits, Z. */
static int parse_time(const char *s, int64_t *ret)
{
    struct tm tm = {0};
    int century;
    int year;
    if (strlen(s) < 20 || !two_digits(s, 19, 99, &century) || !two_digits(s + 2, 0, 99, &year) ||
        s[4] != '-' || !two_digits(s + 5, 1, 12, &tm.tm_mon) || s[7] != '-' ||
        !two_digits(s + 8, 1, 31, &tm.tm_mday) || s[10] != 'T' ||
        !two_digits(s + 11, 0, 23, &tm.tm_hour) || s[13] != ':' ||
        !two_digits(s + 14, 0, 59, &tm.tm_min) || s[16] != ':' ||
        !two_digits(s + 17, 0, 59, &tm.tm_sec)) {
        return -EINVAL;
    }
    int64_t ms = 0;
    s += 19;
    if (*s == '.') {
        size_t digits = strspn(s + 1, "0123456789");
        for (size_t i = 0; i < 3; i++) {
            ms = ms * 10 + (i < digits ? s[1 + i] - '0' : 0);
        }
        if (digits == 0 || digits > 9) {
            return -EINVAL;
        }
        s += 1 + digits;
    }
    int day = tm.tm_mday;
    tm.tm_mon -= 1;
    tm.tm_year = century * 100 + year - 1900;
    time_t at = timegm(&tm);
    if (strcmp(s, "Z") != 0 || at < 0 || tm.tm_mday != day) {
        return -EINVAL; /* timegm moves the 31st of a short month on */
    }
    *ret = (int64_t)at * 1000 + ms;
    return 0;
}

static int take_time(decoder *d, rf_buf *out)
{
    rf_buf text;
    int64_t wall_ms;
    int err = take_text(d, &text, "expected a time");
    if (err != 0) {
        return err;
    }
    if (parse_time(rf_buf_str(&text), &wall_ms) != 0) {
        err = fail(d, "expected a time such as \"2026-01-02T03:04:05.678Z\"");
    } else {
        rf_rpc_wire_put_tag(out, 1, RF_WIRE_VARINT);
        rf_rpc_wire_put_varint(out, (uint64_t)wall_ms);
    }
    rf_buf_done(&text);
    return err;
}

static int take_special(decoder *d, rf_rpc_special special, rf_buf *out)
{
    static const rf_rpc_field_type value = {.number = 1, .type = RF_TYPE_STRING};
    return special == RF_SPECIAL_JSON   ? take_json(d, out)
           : special == RF_SPECIAL_TIME ? take_time(d, out)
                                        : take_string(d, &value, out);
}

/* ---- fields ---- */

static int take_nested(decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    rf_buf body;
    rf_buf_init(&body, d->max);
    int err = f->message->special != RF_SPECIAL_NONE ? take_special(d, f->message->special, &body)
                                                     : take_message(d, f->message, &body);
    if (err == 0 && rf_buf_error(&body) != 0) {
        err = fail_scan(d, -ENOSPC, "");
    }
    if (err == 0) {
        rf_rpc_wire_put_bytes(out, f->number, body.data, body.len);
    }
    rf_buf_done(&body);
    return err;
}

static int take_value(decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    uint64_t value = 0;
    switch (f->type) {
    case RF_TYPE_STRING:
        return take_string(d, f, out);
    case RF_TYPE_BYTES:
        return take_bytes(d, f, out);
    case RF_TYPE_MESSAGE:
        return take_nested(d, f, out);
    default:
        break;
    }
    int err = take_scalar(d, f, &value);
    if (err == 0) {
        rf_rpc_wire_put_tag(out, f->number, wire_type_of(f->type));
        put_scalar(f, value, out);
    }
    return err;
}

static bool is_packable(const rf_rpc_field_type *f)
{
    return f->type != RF_TYPE_STRING && f->type != RF_TYPE_BYTES && f->type != RF_TYPE_MESSAGE;
}

static int take_element(decoder *d, const rf_rpc_field_type *f, rf_buf *out, size_t index)
{
    size_t mark = rf_rpc_path_push(&d->path, NULL, index);
    uint64_t value = 0;
    int err = is_packable(f) ? take_scalar(d, f, &value) : take_value(d, f, out);
    if (err == 0 && is_packable(f)) {
        put_scalar(f, value, out);
    }
    if (err == 0) {
        rf_rpc_path_pop(&d->path, mark);
    }
    return err;
}

static int take_elements(decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    size_t n = 0;
    if (rf_rpc_scan_take(&d->scan, ']')) {
        return 0;
    }
    do {
        int err = take_element(d, f, out, n++);
        if (err != 0) {
            return err;
        }
    } while (rf_rpc_scan_take(&d->scan, ','));
    return rf_rpc_scan_take(&d->scan, ']') ? 0 : fail(d, "expected , or ]");
}

static int take_list(decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    if (!rf_rpc_scan_take(&d->scan, '[')) {
        return fail(d, "expected a list");
    }
    if (!is_packable(f)) {
        return take_elements(d, f, out);
    }
    rf_buf packed;
    rf_buf_init(&packed, d->max);
    int err = take_elements(d, f, &packed);
    if (err == 0 && rf_buf_error(&packed) != 0) {
        err = fail_scan(d, -ENOSPC, "");
    }
    if (err == 0 && packed.len > 0) {
        rf_rpc_wire_put_bytes(out, f->number, packed.data, packed.len);
    }
    rf_buf_done(&packed);
    return err;
}

/* ---- messages ---- */

static const rf_rpc_field_type *find_field(const rf_rpc_message_type *m, rf_buf *key)
{
    const char *name = rf_buf_str(key);
    for (size_t i = 0; strlen(name) == key->len && i < m->n_fields; i++) {
        if (strcmp(m->fields[i].json_name, name) == 0 || strcmp(m->fields[i].name, name) == 0) {
            return &m->fields[i];
        }
    }
    return NULL;
}

/* Which fields and oneofs have been seen. */
typedef struct seen {
    bool *field, *oneof;
} seen;

static int check_seen(decoder *d, const rf_rpc_message_type *m, const rf_rpc_field_type *f, seen *s,
                      bool is_null)
{
    size_t i = (size_t)(f - m->fields);
    if (s->field[i]) {
        return fail(d, "given twice");
    }
    s->field[i] = true;
    if (is_null || f->oneof < 0 || (size_t)f->oneof >= m->n_oneofs) {
        return 0;
    }
    if (s->oneof[f->oneof]) {
        return fail(d, "only one of its group may be given");
    }
    s->oneof[f->oneof] = true;
    return 0;
}

static int take_member(decoder *d, const rf_rpc_message_type *m, seen *s, rf_buf *key, rf_buf *out)
{
    int err = rf_rpc_scan_string(&d->scan, key);
    if (err != 0) {
        return fail_scan(d, err, "expected a name in quotes");
    }
    const rf_rpc_field_type *f = find_field(m, key);
    size_t mark = rf_rpc_path_push(&d->path, rf_buf_str(key), 0);
    if (f == NULL) {
        return fail(d, "unknown field");
    }
    if (!rf_rpc_scan_take(&d->scan, ':')) {
        return fail(d, "expected :");
    }
    bool is_null = rf_rpc_scan_word(&d->scan, "null");
    err = check_seen(d, m, f, s, is_null);
    if (err == 0 && !is_null) {
        err = f->repeated ? take_list(d, f, out) : take_value(d, f, out);
    }
    if (err == 0) {
        rf_rpc_path_pop(&d->path, mark);
    }
    return err;
}

static int take_members(decoder *d, const rf_rpc_message_type *m, seen *s, rf_buf *out)
{
    rf_buf key;
    int err = 0;
    if (rf_rpc_scan_take(&d->scan, '}')) {
        return 0;
    }
    rf_buf_init(&key, d->max);
    do {
        rf_buf_clear(&key);
        err = take_member(d, m, s, &key, out);
    } while (err == 0 && rf_rpc_scan_take(&d->scan, ','));
    rf_buf_done(&key);
    if (err == 0 && !rf_rpc_scan_take(&d->scan, '}')) {
        return fail(d, "expected , or }");
    }
    return err;
}

static int take_message(decoder *d, const rf_rpc_message_type *m, rf_buf *out)
{
    if (d->path.depth >= d->path.max_depth) {
        return fail_scan(d, -E2BIG, "");
    }
    if (!rf_rpc_scan_take(&d->scan, '{')) {
        return fail(d, "expected an object");
    }
    d->path.depth++;
    seen s = {RF_NEW_ARRAY(bool, m->n_fields + 1), RF_NEW_ARRAY(bool, m->n_oneofs + 1)};
    int err = take_members(d, m, &s, out);
    free(s.field);
    free(s.oneof);
    d->path.depth--;
    return err;
}

int rf_rpc_json_decode(const rf_rpc_schema *schema, const char *type, const char *text, size_t len,
                       const rf_rpc_json_options *options, rf_buf *out, rf_status *st)
{
    const rf_rpc_message_type *m = rf_rpc_schema_message(schema, type);
    if (m == NULL) {
        return rf_status_set(st, RF_NOT_FOUND, "unknown message type %.200s", type);
    }
    decoder d = {.scan = {text, text + len}, .st = st, .max = RF_MIN(out->max, len + 64)};
    d.path.max_depth =
        options != NULL && options->max_depth > 0 ? options->max_depth : DEFAULT_DEPTH;
    size_t before = out->len;
    int err = m->special != RF_SPECIAL_NONE ? take_special(&d, m->special, out)
                                            : take_message(&d, m, out);
    if (err == 0 && (rf_rpc_scan_peek(&d.scan) != '\0' || d.scan.at != d.scan.end)) {
        err = rf_status_set(st, RF_INVALID_ARGUMENT, "something follows the JSON object");
    }
    if (err == 0 && rf_buf_error(out) != 0) {
        err = rf_status_set(st, RF_RESOURCE_EXHAUSTED, "larger than %zu bytes", out->max);
    }
    if (err != 0) {
        out->len = before;
        out->err = 0;
    }
    return err;
}
