#include "recorder_peaks.h"
#include "recorder_wire.h"

#include <stdio.h>

#define VERSION 2
#define FLAG_8_BIT 1
#define DIVISOR_8_BIT 256

int recorder_peaks_dat_head(const recorder_peaks_head *head, rf_buf *out)
{
    recorder_put_u32(out, VERSION);
    recorder_put_u32(out, head->bits == 8 ? FLAG_8_BIT : 0);
    recorder_put_u32(out, head->rate_hz);
    recorder_put_u32(out, head->spp);
    recorder_put_u32(out, head->length);
    recorder_put_u32(out, head->channels);
    return rf_buf_error(out);
}

int recorder_peaks_dat_values(uint32_t bits, const int16_t *values, size_t n, rf_buf *out)
{
    if (bits != 8) {
        return rf_buf_append(out, values, n * sizeof(*values));
    }
    int8_t *to = rf_buf_reserve(out, n);
    if (to == NULL) {
        return rf_buf_error(out);
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = (int8_t)(values[i] / DIVISOR_8_BIT);
    }
    rf_buf_added(out, n);
    return 0;
}

int recorder_peaks_json_head(const recorder_peaks_head *head, rf_buf *out)
{
    return rf_buf_printf(out,
                         "{\"version\":%d,\"channels\":%u,\"sample_rate\":%u,"
                         "\"samples_per_pixel\":%u,\"bits\":%u,\"length\":%u,\"data\":[",
                         VERSION, head->channels, head->rate_hz, head->spp, head->bits,
                         head->length);
}

int recorder_peaks_json_values(uint32_t bits, const int16_t *values, size_t n, bool is_first,
                               rf_buf *out)
{
    int divisor = bits == 8 ? DIVISOR_8_BIT : 1;
    char text[8];
    for (size_t i = 0; i < n; i++) {
        int len =
            snprintf(text, sizeof(text), is_first && i == 0 ? "%d" : ",%d", values[i] / divisor);
        (void)rf_buf_append(out, text, (size_t)len);
    }
    return rf_buf_error(out);
}

int recorder_peaks_json_tail(rf_buf *out)
{
    return rf_buf_append_str(out, "]}\n");
}
