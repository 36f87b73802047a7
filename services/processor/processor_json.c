#include "processor_json.h"

#include "rf_file.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

void processor_spans(const double *starts_s, size_t n, double duration_s, int64_t *ret_ms)
{
    int64_t end_ms = llround(duration_s * 1000.0);
    int64_t before_ms = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t at_ms = i == 0 ? 0 : llround(starts_s[i] * 1000.0);
        before_ms = RF_MIN(RF_MAX(at_ms, before_ms), end_ms);
        ret_ms[i] = before_ms;
    }
    ret_ms[n] = end_ms;
}

void processor_json_ms(rf_buf *b, int64_t ms)
{
    rf_buf_printf(b, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
}

void processor_json_span(rf_buf *b, const char *separator, int64_t start_ms, int64_t end_ms)
{
    rf_buf_printf(b, "%s{\"start\":", separator);
    processor_json_ms(b, start_ms);
    rf_buf_append_str(b, ",\"end\":");
    processor_json_ms(b, end_ms);
}

void processor_json_number(rf_buf *b, double value, int decimals)
{
    if (isfinite(value)) {
        rf_buf_printf(b, "%.*f", decimals, value);
    } else {
        rf_buf_append_str(b, "null");
    }
}

void processor_json_string(rf_buf *b, const char *s)
{
    rf_buf_append_char(b, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            rf_buf_append_char(b, '\\');
            rf_buf_append_char(b, *s);
        } else if ((unsigned char)*s < 0x20) {
            rf_buf_printf(b, "\\u%04x", (unsigned)*s);
        } else {
            rf_buf_append_char(b, *s);
        }
    }
    rf_buf_append_char(b, '"');
}

int processor_json_save(rf_buf *b, processor_type type, processor_value *out)
{
    int err = rf_buf_error(b);
    err = err == 0 ? rf_write_all(out->fd, b->data, b->len) : err;
    if (err == 0) {
        out->type = type;
        out->size = b->len;
    }
    rf_buf_done(b);
    return err;
}

int processor_json_meta(const processor_meta *meta, processor_value *out)
{
    rf_buf b;
    rf_buf_init(&b, PROCESSOR_JSON_MAX);
    rf_buf_append_str(&b, "{\"module\":");
    processor_json_string(&b, meta->module);
    rf_buf_printf(&b, ",\"version\":%" PRIu32 ",\"method\":", meta->version);
    processor_json_string(&b, meta->method);
    rf_buf_append_str(&b, ",\"model\":null,\"fallback\":null,\"confidence\":");
    processor_json_number(&b, meta->confidence, 3);
    rf_buf_append_str(&b, ",\"seconds\":");
    processor_json_number(&b, meta->seconds, 3);
    rf_buf_append_str(&b, "}\n");
    return processor_json_save(&b, PROCESSOR_JSON, out);
}
