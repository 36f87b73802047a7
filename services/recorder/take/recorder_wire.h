/*
 * recorder_wire.h - little-endian bytes of changes and snapshots. A writer's errors stay in its
 * rf_buf; a reader that has run out or found nonsense is bad from then on and reads zeros.
 */
#ifndef RECORDER_WIRE_H
#define RECORDER_WIRE_H

#include "rf_buf.h"

void recorder_put_u8(rf_buf *out, uint8_t value);
void recorder_put_u32(rf_buf *out, uint32_t value);
void recorder_put_u64(rf_buf *out, uint64_t value);
void recorder_put_i64(rf_buf *out, int64_t value);
void recorder_put_f32(rf_buf *out, float value);
void recorder_put_f64(rf_buf *out, double value);
/* recorder_put_str: at most 65,535 bytes. */
void recorder_put_str(rf_buf *out, const char *s);

typedef struct recorder_reader {
    const uint8_t *at;
    size_t left;
    bool bad;
} recorder_reader;

uint8_t recorder_get_u8(recorder_reader *r);
uint32_t recorder_get_u32(recorder_reader *r);
uint64_t recorder_get_u64(recorder_reader *r);
int64_t recorder_get_i64(recorder_reader *r);
/* recorder_get_level: bad when it is not finite, but for -infinity, which is the level of silence;
 * recorder_get_f64: bad when it is not finite. */
float recorder_get_level(recorder_reader *r);
double recorder_get_f64(recorder_reader *r);
/* recorder_get_bool: bad when it is neither 0 nor 1. */
bool recorder_get_bool(recorder_reader *r);
/* recorder_get_below: a u8, bad from n on. */
uint8_t recorder_get_below(recorder_reader *r, uint8_t n);
void recorder_get_bytes(recorder_reader *r, void *out, size_t len);
/* recorder_get_str: a string that fits out with its terminator and holds none itself. */
void recorder_get_str(recorder_reader *r, char *out, size_t out_size);
/* recorder_get_count: a u32 of items of at least item_size bytes each; bad above max, or when so
 * many cannot follow. */
uint32_t recorder_get_count(recorder_reader *r, uint32_t max, size_t item_size);
/* recorder_get_end: 0 when all is read and nothing was bad, else -EBADMSG. */
int recorder_get_end(const recorder_reader *r);

#endif
