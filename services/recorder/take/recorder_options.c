#include "recorder_options.h"

#include <string.h>

#define ROW(field, initial, min, max)                                                              \
    {                                                                                              \
#field, offsetof(recorder_options, field), initial, min, max                               \
    }

/* Packed in this order: new rows go to the end. */
static const recorder_option table[] = {
    ROW(pause_mode, RECORDER_PAUSE_CUT, RECORDER_PAUSE_CUT, RECORDER_PAUSE_SILENCE),
    ROW(preroll_ms, 0, 0, 120000),
    ROW(split, RECORDER_SPLIT_NONE, RECORDER_SPLIT_NONE, RECORDER_SPLIT_LENGTH),
    ROW(split_silence_ms, 800, 100, 10000),
    ROW(split_pad_before_ms, 200, 0, 2000),
    ROW(split_pad_after_ms, 300, 0, 2000),
    ROW(split_max_s, 60, 1, 86400),
    ROW(peaks, 1, 0, 1),
    ROW(peaks_spp, 256, 2, 65536),
    ROW(peaks_bits, 8, 8, 16),
    ROW(peaks_per_channel, 0, 0, 1),
    ROW(loudness, RECORDER_LOUDNESS_FINAL, RECORDER_LOUDNESS_OFF, RECORDER_LOUDNESS_LIVE),
    ROW(retention_days, 0, 0, 36500),
    ROW(master_keep_s, 3600, 0, 30 * 86400),
    ROW(attach_window_s, 60, 0, 3600),
    ROW(gap_jump_max_s, 60, 0, 3600),
    ROW(max_length_s, 86400, 1, 31 * 86400),
    ROW(capture_period_ms, 10, 5, 20),
    ROW(ring_ms, 4000, 500, 20000),
    ROW(stall_ms, 500, 100, 5000),
    ROW(reopen_s, 30, 0, 600),
    ROW(mp3_kbps, 128, 8, 320),
    ROW(opus_kbps, 64, 6, 510),
    ROW(opus_complexity, 10, 0, 10),
    ROW(flac_level, 5, 0, 8),
};

const recorder_option *recorder_options_table(size_t *ret_n)
{
    *ret_n = RF_ARRAY_LEN(table);
    return table;
}

int32_t recorder_options_get(const recorder_options *options, const recorder_option *row)
{
    int32_t value;
    memcpy(&value, (const char *)options + row->at, sizeof(value));
    return value;
}

void recorder_options_set(recorder_options *options, const recorder_option *row, int32_t value)
{
    memcpy((char *)options + row->at, &value, sizeof(value));
}

void recorder_options_default(recorder_options *ret)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        recorder_options_set(ret, &table[i], table[i].initial);
    }
}

static bool in_range(const recorder_option *row, int32_t value)
{
    bool is_bits = row->at == offsetof(recorder_options, peaks_bits);
    return value >= row->min && value <= row->max && (!is_bits || value == 8 || value == 16);
}

const recorder_option *recorder_options_check(const recorder_options *options)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        if (!in_range(&table[i], recorder_options_get(options, &table[i]))) {
            return &table[i];
        }
    }
    return NULL;
}
