/* JSON to packed bytes. Text is read once, from front to back; each nested message is packed into a
 * buffer of its own, because its length comes before it. */
#include "rf_rpc_json.h"
#include "rf_rpc_json_value.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define DEFAULT_DEPTH 64

static int take_message(rf_rpc_decoder *d, const rf_rpc_message_type *m, rf_buf *out);

/* ---- special messages ---- */

static int take_json(rf_rpc_decoder *d, rf_buf *out)
{
    const char *text;
    size_t len;
    size_t depth = d->path.max_depth > d->path.depth ? d->path.max_depth - d->path.depth : 0;
    int err = rf_rpc_scan_skip(&d->scan, depth, &text, &len);
    if (err != 0) {
        return rf_rpc_decoder_fail_scan(d, err, "not valid JSON");
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

static int take_time(rf_rpc_decoder *d, rf_buf *out)
{
    rf_buf text;
    int64_t wall_ms;
    int err = rf_rpc_take_text(d, &text, "expected a time");
    if (err != 0) {
        return err;
    }
    if (parse_time(rf_buf_str(&text), &wall_ms) != 0) {
        err = rf_rpc_decoder_fail(d, "expected a time such as \"2026-01-02T03:04:05.678Z\"");
    } else {
        rf_rpc_wire_put_tag(out, 1, RF_WIRE_VARINT);
        rf_rpc_wire_put_varint(out, (uint64_t)wall_ms);
    }
    rf_buf_done(&text);
    return err;
}

static int take_special(rf_rpc_decoder *d, rf_rpc_special special, rf_buf *out)
{
    static const rf_rpc_field_type value = {.number = 1, .type = RF_TYPE_STRING};
    return special == RF_SPECIAL_JSON   ? take_json(d, out)
           : special == RF_SPECIAL_TIME ? take_time(d, out)
                                        : rf_rpc_take_string(d, &value, out);
}

/* ---- fields ---- */

static int take_nested(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    rf_buf body;
    rf_buf_init(&body, d->max);
    int err = f->message->special != RF_SPECIAL_NONE ? take_special(d, f->message->special, &body)
                                                     : take_message(d, f->message, &body);
    if (err == 0 && rf_buf_error(&body) != 0) {
        err = rf_rpc_decoder_fail_scan(d, -ENOSPC, "");
    }
    if (err == 0) {
        rf_rpc_wire_put_bytes(out, f->number, body.data, body.len);
    }
    rf_buf_done(&body);
    return err;
}

static int take_value(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    uint64_t value = 0;
    switch (f->type) {
    case RF_TYPE_STRING:
        return rf_rpc_take_string(d, f, out);
    case RF_TYPE_BYTES:
        return rf_rpc_take_bytes(d, f, out);
    case RF_TYPE_MESSAGE:
        return take_nested(d, f, out);
    default:
        break;
    }
    int err = rf_rpc_take_scalar(d, f, &value);
    if (err == 0) {
        rf_rpc_wire_put_tag(out, f->number, rf_rpc_wire_type_of(f->type));
        rf_rpc_put_scalar(f, value, out);
    }
    return err;
}

static bool is_packable(const rf_rpc_field_type *f)
{
    return f->type != RF_TYPE_STRING && f->type != RF_TYPE_BYTES && f->type != RF_TYPE_MESSAGE;
}

static int take_element(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out, size_t index)
{
    size_t mark = rf_rpc_path_push(&d->path, NULL, index);
    uint64_t value = 0;
    int err = is_packable(f) ? rf_rpc_take_scalar(d, f, &value) : take_value(d, f, out);
    if (err == 0 && is_packable(f)) {
        rf_rpc_put_scalar(f, value, out);
    }
    if (err == 0) {
        rf_rpc_path_pop(&d->path, mark);
    }
    return err;
}

static int take_elements(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out)
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
    return rf_rpc_scan_take(&d->scan, ']') ? 0 : rf_rpc_decoder_fail(d, "expected , or ]");
}

static int take_list(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    if (!rf_rpc_scan_take(&d->scan, '[')) {
        return rf_rpc_decoder_fail(d, "expected a list");
    }
    if (!is_packable(f)) {
        return take_elements(d, f, out);
    }
    rf_buf packed;
    rf_buf_init(&packed, d->max);
    int err = take_elements(d, f, &packed);
    if (err == 0 && rf_buf_error(&packed) != 0) {
        err = rf_rpc_decoder_fail_scan(d, -ENOSPC, "");
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

static int check_seen(rf_rpc_decoder *d, const rf_rpc_message_type *m, const rf_rpc_field_type *f,
                      seen *s, bool is_null)
{
    size_t i = (size_t)(f - m->fields);
    if (s->field[i]) {
        return rf_rpc_decoder_fail(d, "given twice");
    }
    s->field[i] = true;
    if (is_null || f->oneof < 0 || (size_t)f->oneof >= m->n_oneofs) {
        return 0;
    }
    if (s->oneof[f->oneof]) {
        return rf_rpc_decoder_fail(d, "only one of its group may be given");
    }
    s->oneof[f->oneof] = true;
    return 0;
}

static int take_member(rf_rpc_decoder *d, const rf_rpc_message_type *m, seen *s, rf_buf *key,
                       rf_buf *out)
{
    int err = rf_rpc_scan_string(&d->scan, key);
    if (err != 0) {
        return rf_rpc_decoder_fail_scan(d, err, "expected a name in quotes");
    }
    const rf_rpc_field_type *f = find_field(m, key);
    size_t mark = rf_rpc_path_push(&d->path, rf_buf_str(key), 0);
    if (f == NULL) {
        return rf_rpc_decoder_fail(d, "unknown field");
    }
    if (!rf_rpc_scan_take(&d->scan, ':')) {
        return rf_rpc_decoder_fail(d, "expected :");
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

static int take_members(rf_rpc_decoder *d, const rf_rpc_message_type *m, seen *s, rf_buf *out)
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
        return rf_rpc_decoder_fail(d, "expected , or }");
    }
    return err;
}

static int take_message(rf_rpc_decoder *d, const rf_rpc_message_type *m, rf_buf *out)
{
    if (d->path.depth >= d->path.max_depth) {
        return rf_rpc_decoder_fail_scan(d, -E2BIG, "");
    }
    if (!rf_rpc_scan_take(&d->scan, '{')) {
        return rf_rpc_decoder_fail(d, "expected an object");
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
    rf_rpc_decoder d = {.scan = {text, text + len}, .st = st, .max = RF_MIN(out->max, len + 64)};
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
