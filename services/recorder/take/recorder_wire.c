#include "recorder_wire.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static void put_le(rf_buf *out, uint64_t value, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    (void)rf_buf_append(out, bytes, n);
}

void recorder_put_u8(rf_buf *out, uint8_t value)
{
    put_le(out, value, 1);
}

void recorder_put_u32(rf_buf *out, uint32_t value)
{
    put_le(out, value, 4);
}

void recorder_put_u64(rf_buf *out, uint64_t value)
{
    put_le(out, value, 8);
}

void recorder_put_i64(rf_buf *out, int64_t value)
{
    put_le(out, (uint64_t)value, 8);
}

void recorder_put_f32(rf_buf *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_le(out, bits, 4);
}

void recorder_put_f64(rf_buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_le(out, bits, 8);
}

void recorder_put_str(rf_buf *out, const char *s)
{
    size_t len = strlen(s);
    put_le(out, len, 2);
    (void)rf_buf_append(out, s, len);
}

void recorder_get_bytes(recorder_reader *r, void *out, size_t len)
{
    if (r->bad || len > r->left) {
        r->bad = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, r->at, len);
    r->at += len;
    r->left -= len;
}

static uint64_t get_le(recorder_reader *r, size_t n)
{
    uint8_t bytes[8] = {0};
    uint64_t value = 0;
    recorder_get_bytes(r, bytes, n);
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

uint8_t recorder_get_u8(recorder_reader *r)
{
    return (uint8_t)get_le(r, 1);
}

uint32_t recorder_get_u32(recorder_reader *r)
{
    return (uint32_t)get_le(r, 4);
}

uint64_t recorder_get_u64(recorder_reader *r)
{
    return get_le(r, 8);
}

int64_t recorder_get_i64(recorder_reader *r)
{
    return (int64_t)get_le(r, 8);
}

float recorder_get_level(recorder_reader *r)
{
    uint32_t bits = recorder_get_u32(r);
    float value;
    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value) && value != -HUGE_VALF) {
        r->bad = true;
        return 0.0F;
    }
    return value;
}

double recorder_get_f64(recorder_reader *r)
{
    uint64_t bits = get_le(r, 8);
    double value;
    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value)) {
        r->bad = true;
        return 0.0;
    }
    return value;
}

uint8_t recorder_get_below(recorder_reader *r, uint8_t n)
{
    uint8_t value = recorder_get_u8(r);
    if (value >= n) {
        r->bad = true;
        return 0;
    }
    return value;
}

bool recorder_get_bool(recorder_reader *r)
{
    return recorder_get_below(r, 2) == 1;
}

void recorder_get_str(recorder_reader *r, char *out, size_t out_size)
{
    size_t len = get_le(r, 2);
    if (len >= out_size || len > r->left || memchr(r->at, '\0', len) != NULL) {
        r->bad = true;
        len = 0;
    }
    recorder_get_bytes(r, out, len);
    out[len] = '\0';
}

uint32_t recorder_get_count(recorder_reader *r, uint32_t max, size_t item_size)
{
    uint32_t n = recorder_get_u32(r);
    if (n > max || n > r->left / item_size) {
        r->bad = true;
        return 0;
    }
    return n;
}

int recorder_get_end(const recorder_reader *r)
{
    return r->bad || r->left > 0 ? -EBADMSG : 0;
}
