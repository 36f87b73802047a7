/* PCM that is to be published: heads of WAV files, streams, peaks; and the line of the meter. */
#include "cli_meter.h"
#include "cli_pcm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- heads of WAV files ---- */

typedef struct head {
    uint8_t data[256];
    size_t len;
} head;

static void put(head *h, const char *id, uint32_t size, const void *body, size_t len)
{
    memcpy(h->data + h->len, id, 4);
    memcpy(h->data + h->len + 4, &size, 4);
    memcpy(h->data + h->len + 8, body, len);
    h->len += 8 + len;
}

static void put_format(head *h, uint16_t tag, uint16_t channels, uint32_t rate, uint16_t bits)
{
    uint8_t f[16] = {0};
    memcpy(f, &tag, 2);
    memcpy(f + 2, &channels, 2);
    memcpy(f + 4, &rate, 4);
    memcpy(f + 14, &bits, 2);
    put(h, "fmt ", 16, f, 16);
}

static int read_whole(const head *h, cli_pcm_shape *shape, size_t *at, int64_t *bytes,
                      const char **why)
{
    for (size_t len = 1; len < h->len; len++) {
        int n = cli_pcm_wav_head(h->data, len, shape, at, bytes, why);
        cr_assert(n == 0 || (n == -EINVAL && *why != NULL), "%zu bytes of it: %d", len, n);
    }
    return cli_pcm_wav_head(h->data, h->len, shape, at, bytes, why);
}

Test(pcm, heads_of_wav_files_are_read_however_they_come)
{
    static const struct {
        uint16_t tag, bits;
        reflection_recorder_sample format;
    } cases[] = {
        {1, 8, REFLECTION_RECORDER_UINT8},    {1, 16, REFLECTION_RECORDER_INT16},
        {1, 24, REFLECTION_RECORDER_INT24},   {1, 32, REFLECTION_RECORDER_INT32},
        {3, 32, REFLECTION_RECORDER_FLOAT32},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        head h = {0};
        cli_pcm_shape shape = {0};
        size_t at = 0;
        int64_t bytes = 0;
        const char *why = NULL;
        put(&h, "RIFF", 1000, "WAVE", 4);
        put(&h, "LIST", 3, "abc", 4); /* odd, with its padding */
        put_format(&h, cases[i].tag, 2, 44100, cases[i].bits);
        put(&h, "data", 400, "", 0);
        cr_assert_eq(read_whole(&h, &shape, &at, &bytes, &why), 1);
        cr_expect_eq(shape.sample_format, cases[i].format);
        cr_expect_eq(shape.channels, 2);
        cr_expect_eq(shape.rate_hz, 44100);
        cr_expect_eq(at, h.len);
        cr_expect_eq(bytes, 400);
    }
}

Test(pcm, lengths_that_are_open_or_long_are_known)
{
    head h = {0};
    cli_pcm_shape shape;
    size_t at;
    int64_t bytes = 0;
    const char *why = NULL;
    const uint64_t sizes[3] = {0, INT64_C(5) << 32, 0};
    put(&h, "RF64", UINT32_MAX, "WAVE", 4);
    put(&h, "ds64", 24, sizes, 24);
    put_format(&h, 1, 1, 48000, 16);
    put(&h, "data", UINT32_MAX, "", 0);
    cr_assert_eq(read_whole(&h, &shape, &at, &bytes, &why), 1);
    cr_expect_eq(bytes, INT64_C(5) << 32);
    head live = {0};
    put(&live, "RIFF", UINT32_MAX, "WAVE", 4);
    put_format(&live, 1, 1, 48000, 16);
    put(&live, "data", UINT32_MAX, "", 0);
    cr_assert_eq(read_whole(&live, &shape, &at, &bytes, &why), 1);
    cr_expect_eq(bytes, -1);
}

Test(pcm, what_is_no_wav_file_or_cannot_be_recorded_is_told_apart)
{
    head h = {0};
    cli_pcm_shape shape;
    size_t at;
    int64_t bytes;
    const char *why = NULL;
    cr_expect_eq(cli_pcm_wav_head((const uint8_t *)"RAFF", 4, &shape, &at, &bytes, &why), -ENOMSG);
    cr_expect_eq(cli_pcm_wav_head((const uint8_t *)"RIFF0000AVI ", 12, &shape, &at, &bytes, &why),
                 -ENOMSG);
    put(&h, "RIFF", 1000, "WAVE", 4);
    put_format(&h, 2, 1, 48000, 4); /* ADPCM */
    put(&h, "data", 10, "", 0);
    cr_expect_eq(cli_pcm_wav_head(h.data, h.len, &shape, &at, &bytes, &why), -EINVAL);
    cr_expect_str_eq(why, "its samples are neither integers of 8, 16, 24 or 32 bits nor float32");
}

/* ---- streams ---- */

Test(pcm, frames_that_come_in_parts_are_given_whole)
{
    int ends[2];
    rf_buf error;
    cli_pcm *p = NULL;
    cli_pcm_shape shape = {REFLECTION_RECORDER_INT16, 2, 16000};
    const void *pcm;
    size_t n;
    rf_buf_init(&error, 1024);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "abcde", 5), 5);
    cr_assert_eq(cli_pcm_open_stream(ends[0], &p, &shape, &error), 0);
    cr_expect_eq(cli_pcm_fd(p), -1, "what the head was looked for in is there at once");
    cr_assert_eq(cli_pcm_read(p, &pcm, &n, &error), 1);
    cr_expect_eq(n, 1);
    cr_expect_eq(memcmp(pcm, "abcd", 4), 0);
    cr_expect_eq(cli_pcm_fd(p), ends[0]);
    cr_assert_eq(write(ends[1], "fg", 2), 2);
    cr_assert_eq(cli_pcm_read(p, &pcm, &n, &error), 1);
    cr_expect_eq(n, 0);
    cr_assert_eq(write(ends[1], "hijkl", 5), 5);
    cr_assert_eq(cli_pcm_read(p, &pcm, &n, &error), 1);
    cr_expect_eq(n, 2);
    cr_expect_eq(memcmp(pcm, "efghijkl", 8), 0);
    close(ends[1]);
    cr_expect_eq(cli_pcm_read(p, &pcm, &n, &error), 0);
    cli_pcm_close(p);
    close(ends[0]);
    rf_buf_done(&error);
}

/* ---- level ---- */

Test(pcm, the_peak_of_each_sample_format_is_that_of_full_scale)
{
    const int16_t s16[] = {100, -16384, 8192};
    const uint8_t s24[] = {0, 0, 0x20, 0, 0, 0xc0};
    const int32_t s32[] = {1 << 29, -(1 << 30)};
    const float f32[] = {0.25f, -0.5f, NAN};
    const uint8_t u8[] = {128, 64};
    const int8_t s8[] = {0, -64};
    cr_expect_float_eq(cli_pcm_peak(REFLECTION_RECORDER_INT16, s16, 3), 0.5, 1e-12);
    cr_expect_float_eq(cli_pcm_peak(REFLECTION_RECORDER_INT24, s24, 2), 0.5, 1e-12);
    cr_expect_float_eq(cli_pcm_peak(REFLECTION_RECORDER_INT32, s32, 2), 0.5, 1e-12);
    cr_expect_float_eq(cli_pcm_peak(REFLECTION_RECORDER_FLOAT32, f32, 3), 0.5, 1e-12);
    cr_expect_float_eq(cli_pcm_peak(REFLECTION_RECORDER_UINT8, u8, 2), 0.5, 1e-12);
    cr_expect_float_eq(cli_pcm_peak(REFLECTION_RECORDER_INT8, s8, 2), 0.5, 1e-12);
    cr_expect_float_eq(cli_pcm_peak(REFLECTION_RECORDER_INT16, s16, 0), 0, 0);
}

Test(pcm, the_meter_shows_time_level_and_what_is_safe)
{
    char line[CLI_METER_LINE];
    char time[32];
    cli_meter_line(1, 16000 * 75, 16000 * 74, 16000, line);
    cr_expect_str_eq(line, "1:15.0 [##############################]    0.0 dBFS  safe 1:14.0");
    cli_meter_line(0.03162277660168379, 8000, -1, 16000, line);
    cr_expect_str_eq(line, "0:00.5 [###############               ]  -30.0 dBFS");
    cli_meter_line(0, 0, -1, 16000, line);
    cr_expect_str_eq(line, "0:00.0 [                              ]   -inf dBFS");
    cli_meter_line(4, 0, -1, 16000, line);
    cr_expect_str_eq(line, "0:00.0 [##############################]   12.0 dBFS");
    cr_expect_str_eq(cli_meter_time(3723450, time), "1:02:03.4");
}
