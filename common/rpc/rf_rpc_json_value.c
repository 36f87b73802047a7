/* JSON values that stand for one field of the wire: strings, bytes, numbers, truth, enums. */
#include "rf_rpc_json_value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_NUMBER 64 /* characters of one number */

int rf_rpc_decoder_fail(rf_rpc_decoder *d, const char *what)
{
    return rf_rpc_path_fail(&d->path, d->st, RF_INVALID_ARGUMENT, what);
}

int rf_rpc_decoder_fail_scan(rf_rpc_decoder *d, int err, const char *expected)
{
    return err == -EILSEQ ? rf_rpc_decoder_fail(d, "not valid UTF-8")
           : err == -E2BIG
               ? rf_rpc_path_fail(&d->path, d->st, RF_RESOURCE_EXHAUSTED, "nested too deeply")
           : err == -ENOSPC ? rf_rpc_path_fail(&d->path, d->st, RF_RESOURCE_EXHAUSTED, "too large")
                            : rf_rpc_decoder_fail(d, expected);
}

/* ---- strings and bytes ---- */

int rf_rpc_take_text(rf_rpc_decoder *d, rf_buf *out, const char *expected)
{
    rf_buf_init(out, d->max);
    int err = rf_rpc_scan_string(&d->scan, out);
    if (err != 0) {
        rf_buf_done(out);
        return rf_rpc_decoder_fail_scan(d, err, expected);
    }
    return 0;
}

int rf_rpc_take_string(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    rf_buf text;
    int err = rf_rpc_take_text(d, &text, "expected a string");
    if (err != 0) {
        return err;
    }
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
        err = rf_rpc_decoder_fail(d, "must not contain U+0000");
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

int rf_rpc_take_bytes(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out)
{
    rf_buf text;
    int err = rf_rpc_take_text(d, &text, "expected a base64 string");
    if (err != 0) {
        return err;
    }
    if (base64_decode(&text) != 0) {
        err = rf_rpc_decoder_fail(d, "not valid base64");
    } else {
        rf_rpc_wire_put_bytes(out, f->number, text.data, text.len);
    }
    rf_buf_done(&text);
    return err;
}

/* ---- numbers ---- */

/* A number, or a string that holds one, as text. */
static int take_number_text(rf_rpc_decoder *d, char out[MAX_NUMBER])
{
    const char *text;
    size_t len;
    rf_buf b;
    if (rf_rpc_scan_peek(&d->scan) != '"') {
        if (rf_rpc_scan_number(&d->scan, &text, &len) != 0 || len >= MAX_NUMBER) {
            return rf_rpc_decoder_fail(d, "expected a number");
        }
        memcpy(out, text, len);
        out[len] = '\0';
        return 0;
    }
    int err = rf_rpc_take_text(d, &b, "expected a number");
    if (err == 0) {
        bool bad = b.len == 0 || b.len >= MAX_NUMBER || memchr(b.data, '\0', b.len) != NULL;
        (void)rf_copy_str(out, MAX_NUMBER, bad ? "" : rf_buf_str(&b));
        rf_buf_done(&b);
        return bad ? rf_rpc_decoder_fail(d, "expected a number") : 0;
    }
    return err;
}

static int out_of_range(rf_rpc_decoder *d)
{
    return rf_rpc_decoder_fail(d, "number out of range");
}

/* A whole number in plain digits; "1e2" and "100.0" are whole as well. */
static int take_whole(rf_rpc_decoder *d, char out[RF_RPC_WHOLE_MAX])
{
    char text[MAX_NUMBER] = "";
    int err = take_number_text(d, text);
    if (err != 0) {
        return err;
    }
    err = rf_rpc_whole_number(text, out);
    return err == -ERANGE ? out_of_range(d)
           : err != 0     ? rf_rpc_decoder_fail(d, "expected a whole number")
                          : 0;
}

static int take_signed(rf_rpc_decoder *d, int64_t min, int64_t max, uint64_t *ret)
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

static int take_unsigned(rf_rpc_decoder *d, uint64_t max, uint64_t *ret)
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

static int take_double(rf_rpc_decoder *d, bool is_float, uint64_t *ret)
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
        return rf_rpc_decoder_fail(d, "expected a number in range");
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

static int take_bool(rf_rpc_decoder *d, uint64_t *ret)
{
    *ret = 0;
    if (rf_rpc_scan_word(&d->scan, "true")) {
        *ret = 1;
        return 0;
    }
    return rf_rpc_scan_word(&d->scan, "false") ? 0
                                               : rf_rpc_decoder_fail(d, "expected true or false");
}

static int take_enum(rf_rpc_decoder *d, const rf_rpc_enum_type *t, uint64_t *ret)
{
    if (rf_rpc_scan_peek(&d->scan) != '"') {
        return take_signed(d, INT32_MIN, INT32_MAX, ret);
    }
    rf_buf name;
    int err = rf_rpc_take_text(d, &name, "expected a name");
    if (err != 0) {
        return err;
    }
    err = rf_rpc_decoder_fail(d, "unknown name");
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

int rf_rpc_take_scalar(rf_rpc_decoder *d, const rf_rpc_field_type *f, uint64_t *ret)
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

void rf_rpc_put_scalar(const rf_rpc_field_type *f, uint64_t value, rf_buf *out)
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
