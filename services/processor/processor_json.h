/*
 * processor_json.h - the JSON files that modules write (spec jobs.md section 6): bare arrays of
 * rows. Times are seconds with 3 decimals; rows with start and end are sorted, touch each other and
 * span the whole audio. Written by hand, because a row is a handful of numbers and fixed names.
 */
#ifndef PROCESSOR_JSON_H
#define PROCESSOR_JSON_H

#include "processor_module.h"
#include "rf_buf.h"

#define PROCESSOR_JSON_MAX (64u << 20)

/* processor_spans rounds the n boundaries starts_s (rising, the first is 0 whatever it says) and
 * the end duration_s to milliseconds: ret_ms has n + 1 values, the last is the duration. Row i is
 * empty, and to be left out, when ret_ms[i] == ret_ms[i + 1]. */
void processor_spans(const double *starts_s, size_t n, double duration_s, int64_t *ret_ms);

/* processor_json_ms writes milliseconds as seconds: 1234 is "1.234". */
void processor_json_ms(rf_buf *b, int64_t ms);

/* processor_json_span begins a row: separator, then {"start":S,"end":E without the closing brace.
 */
void processor_json_span(rf_buf *b, const char *separator, int64_t start_ms, int64_t end_ms);

/* processor_json_number writes value with decimals digits; null when it is not finite. */
void processor_json_number(rf_buf *b, double value, int decimals);

/* processor_json_string writes a quoted, escaped string. */
void processor_json_string(rf_buf *b, const char *s);

/* processor_json_save writes the buffer to the memfd of an output port and completes the value.
 * Returns 0 or negative errno; the buffer is emptied in every case. */
int processor_json_save(rf_buf *b, processor_type type, processor_value *out);

/* What every result says about its making (spec processor.md section 7). */
typedef struct processor_meta {
    const char *module;
    uint32_t version;
    const char *method;
    double confidence; /* 0 to 1 */
    double seconds;    /* of work */
} processor_meta;

int processor_json_meta(const processor_meta *meta, processor_value *out);

#endif
