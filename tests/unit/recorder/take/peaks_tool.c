/* peaks_tool RATE CHANNELS SPP BITS mono|each dat|json: int16 from standard input, the file of its
 * peaks to standard output; for test_peaks.py. */
#include "recorder_peaks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void write_file(const recorder_peaks_head *head, const int16_t *values, size_t n, bool json,
                       rf_buf *out)
{
    if (!json) {
        (void)recorder_peaks_dat_head(head, out);
        (void)recorder_peaks_dat_values(head->bits, values, n, out);
        return;
    }
    (void)recorder_peaks_json_head(head, out);
    (void)recorder_peaks_json_values(head->bits, values, n, true, out);
    (void)recorder_peaks_json_tail(out);
}

int main(int argc, char **argv)
{
    static int16_t pcm[4 << 20];
    recorder_peaks peaks;
    rf_buf pixels;
    rf_buf file;
    if (argc != 7) {
        return 2;
    }
    rf_buf_init(&pixels, sizeof(pcm) * 2);
    rf_buf_init(&file, sizeof(pcm) * 8);
    recorder_peaks_head head = {
        .rate_hz = (uint32_t)atoi(argv[1]),
        .spp = (uint32_t)atoi(argv[3]),
        .bits = (uint32_t)atoi(argv[4]),
    };
    uint32_t channels = (uint32_t)atoi(argv[2]);
    size_t n = fread(pcm, sizeof(int16_t) * channels, RF_ARRAY_LEN(pcm) / channels, stdin);
    recorder_peaks_init(&peaks, RECORDER_SAMPLE_INT16, channels, head.spp,
                        strcmp(argv[5], "each") == 0);
    (void)recorder_peaks_add(&peaks, pcm, n, &pixels);
    (void)recorder_peaks_finish(&peaks, &pixels);
    head.channels = recorder_peaks_channels(&peaks);
    head.length = (uint32_t)(pixels.len / (4 * head.channels));
    write_file(&head, (const int16_t *)(void *)pixels.data, pixels.len / 2,
               strcmp(argv[6], "json") == 0, &file);
    size_t written = fwrite(file.data, 1, file.len, stdout);
    bool failed = written != file.len || rf_buf_error(&file) < 0 || rf_buf_error(&pixels) < 0;
    rf_buf_done(&pixels);
    rf_buf_done(&file);
    return failed ? 1 : 0;
}
