/* Encoding and resampling of a master against the bare libraries, which read the same file and have
 * the same settings.
 *   bench_recorder_encode [SECONDS OF AUDIO] [ROUNDS]
 * prints JSON: of each its name, CPU seconds of ours and of the library (the best round of each).
 */
#include "recorder_extract.h"
#include "rf_file.h"

#include <FLAC/stream_encoder.h>
#include <lame/lame.h>
#include <math.h>
#include <opus.h>
#include <soxr.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RATE 48000
#define CHANNELS 2
#define BLOCK 1024
#define OPUS_PACKET 960
#define READ_FRAMES 9600 /* at once; whole blocks of every library */

typedef struct pcm {
    int64_t n; /* frames */
    int fd;    /* a master */
    /* What of it the bare library reads next. */
    int64_t at, first, n_held;
    int16_t held[READ_FRAMES * CHANNELS];
} pcm;

static uint64_t sink; /* what comes out is added up, so that nothing can be left out */

static void fail(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static pcm *make_pcm(int64_t n)
{
    pcm *p = RF_NEW(pcm);
    int16_t *data = RF_NEW_ARRAY(int16_t, (size_t)n * CHANNELS);
    uint32_t state = 1;
    for (int64_t i = 0; i < n * CHANNELS; i++) {
        state = state * 1664525U + 1013904223U;
        const int64_t frame = i / CHANNELS;
        const double t = (double)frame / RATE;
        const double tone = sin(2 * M_PI * 220 * t) + 0.5 * sin(2 * M_PI * 1730 * t);
        data[i] =
            (int16_t)(6000 * tone * (1.2 + sin(t)) / 2.2 + (double)((int)(state >> 22) - 512));
    }
    p->n = n;
    p->fd = memfd_create("master", MFD_CLOEXEC);
    if (p->fd < 0 || rf_write_all(p->fd, data, (size_t)n * CHANNELS * sizeof(int16_t)) != 0) {
        fail("memfd");
    }
    free(data);
    return p;
}

static void rewind_pcm(pcm *p)
{
    p->at = 0;
    p->first = 0;
    p->n_held = 0;
}

/* The next frames of the file, at most max: how many, and where; not gone past yet. */
static int64_t peek(pcm *p, int64_t max, const int16_t **ret)
{
    if (p->at >= p->first + p->n_held && p->at < p->n) {
        p->first = p->at;
        p->n_held = RF_MIN(p->n - p->at, (int64_t)READ_FRAMES);
        const size_t len = (size_t)p->n_held * CHANNELS * sizeof(int16_t);
        const off_t from = p->at * CHANNELS * (off_t)sizeof(int16_t);
        if (pread(p->fd, p->held, len, from) != (ssize_t)len) {
            fail("pread");
        }
    }
    *ret = p->held + (p->at - p->first) * CHANNELS;
    return RF_MIN(p->first + p->n_held - p->at, max);
}

/* Likewise, and gone past. */
static int64_t next(pcm *p, int64_t max, const int16_t **ret)
{
    const int64_t n = peek(p, max, ret);
    p->at += n;
    return n;
}

static int count(void *user, const void *data, size_t len)
{
    (void)user;
    sink += len + *(const uint8_t *)data;
    return 0;
}

static void ours(pcm *p, const recorder_output *output)
{
    const recorder_extract_params params = {
        .fd = p->fd, .session = {RF_SAMPLE_S16, CHANNELS, RATE}, .output = *output, .count = p->n};
    if (recorder_extract(&params, count, NULL, NULL, NULL) != 0) {
        fail("recorder_extract");
    }
}

static FLAC__StreamEncoderWriteStatus on_flac(const FLAC__StreamEncoder *flac,
                                              const FLAC__byte bytes[], size_t len, uint32_t n,
                                              uint32_t frame, void *user)
{
    (void)flac;
    (void)n;
    (void)frame;
    (void)count(user, bytes, len);
    return FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
}

static void raw_flac(pcm *p)
{
    FLAC__StreamEncoder *flac = FLAC__stream_encoder_new();
    FLAC__int32 wide[BLOCK * CHANNELS];
    FLAC__stream_encoder_set_channels(flac, CHANNELS);
    FLAC__stream_encoder_set_bits_per_sample(flac, 16);
    FLAC__stream_encoder_set_sample_rate(flac, RATE);
    FLAC__stream_encoder_set_compression_level(flac, 5);
    if (FLAC__stream_encoder_init_stream(flac, on_flac, NULL, NULL, NULL, NULL) !=
        FLAC__STREAM_ENCODER_INIT_STATUS_OK) {
        fail("libFLAC");
    }
    const int16_t *in;
    for (int64_t n; (n = next(p, BLOCK, &in)) > 0;) {
        for (int64_t i = 0; i < n * CHANNELS; i++) {
            wide[i] = in[i];
        }
        FLAC__stream_encoder_process_interleaved(flac, wide, (uint32_t)n);
    }
    FLAC__stream_encoder_finish(flac);
    FLAC__stream_encoder_delete(flac);
}

static void raw_mp3(pcm *p)
{
    uint8_t bytes[BLOCK * 5 / 4 + 7200];
    lame_t lame = lame_init();
    lame_set_in_samplerate(lame, RATE);
    lame_set_out_samplerate(lame, RATE);
    lame_set_num_channels(lame, CHANNELS);
    lame_set_mode(lame, JOINT_STEREO);
    lame_set_quality(lame, 3);
    lame_set_disable_reservoir(lame, 1);
    lame_set_bWriteVbrTag(lame, 0);
    lame_set_VBR(lame, vbr_off);
    lame_set_brate(lame, 128);
    if (lame_init_params(lame) < 0) {
        fail("LAME");
    }
    const int16_t *in;
    for (int64_t n; (n = next(p, BLOCK, &in)) > 0;) {
        const int len = lame_encode_buffer_interleaved(lame, (short *)(uintptr_t)in, (int)n, bytes,
                                                       sizeof(bytes));
        (void)count(NULL, bytes, (size_t)RF_MAX(len, 0));
    }
    (void)lame_encode_flush(lame, bytes, sizeof(bytes));
    lame_close(lame);
}

static void raw_opus(pcm *p)
{
    uint8_t bytes[1275];
    int err = OPUS_OK;
    OpusEncoder *opus = opus_encoder_create(RATE, CHANNELS, OPUS_APPLICATION_AUDIO, &err);
    if (opus == NULL) {
        fail("libopus");
    }
    opus_encoder_ctl(opus, OPUS_SET_BITRATE(64000));
    opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(10));
    const int16_t *in;
    while (next(p, OPUS_PACKET, &in) == OPUS_PACKET) {
        const int len = opus_encode(opus, in, OPUS_PACKET, bytes, sizeof(bytes));
        (void)count(NULL, bytes, (size_t)RF_MAX(len, 0));
    }
    opus_encoder_destroy(opus);
}

static void raw_soxr(pcm *p)
{
    int16_t out[BLOCK * CHANNELS];
    soxr_error_t error = NULL;
    const soxr_io_spec_t io = {
        .itype = SOXR_INT16_I, .otype = SOXR_INT16_I, .scale = 1, .flags = SOXR_NO_DITHER};
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    runtime.log2_min_dft_size = 8;
    runtime.log2_large_dft_size = 8;
    soxr_t soxr = soxr_create(RATE, 16000, CHANNELS, &error, &io, &quality, &runtime);
    if (soxr == NULL) {
        fail("soxr");
    }
    size_t taken = 0;
    size_t given = 1;
    const int16_t *in;
    for (; p->at < p->n || given > 0; p->at += (int64_t)taken) {
        const int64_t n = peek(p, BLOCK, &in);
        if (soxr_process(soxr, n > 0 ? in : NULL, (size_t)n, &taken, out, BLOCK, &given) != NULL) {
            fail("soxr");
        }
        (void)count(NULL, out, given);
    }
    soxr_delete(soxr);
}

static const struct {
    const char *name;
    const char *library;
    recorder_output output;
    void (*raw)(pcm *p);
} cases[] = {
    {"flac", "libFLAC", {.format = RECORDER_FLAC, .flac_level = 5}, raw_flac},
    {"mp3", "LAME", {.format = RECORDER_MP3}, raw_mp3},
    {"opus", "libopus", {.format = RECORDER_OPUS}, raw_opus},
    {"48 to 16 kHz", "soxr", {.format = RECORDER_PCM, .rate_hz = 16000}, raw_soxr},
};

int main(int argc, char **argv)
{
    const int64_t seconds = argc > 1 ? strtoll(argv[1], NULL, 10) : 30;
    const int rounds = argc > 2 ? atoi(argv[2]) : 5; // NOLINT(cert-err34-c)
    pcm *p = make_pcm(RF_MAX(seconds, (int64_t)1) * RATE);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        double best[2] = {1e9, 1e9};
        for (int r = 0; r < rounds; r++) {
            double t = cpu_s();
            ours(p, &cases[i].output);
            best[0] = fmin(best[0], cpu_s() - t);
            rewind_pcm(p);
            t = cpu_s();
            cases[i].raw(p);
            best[1] = fmin(best[1], cpu_s() - t);
        }
        printf("%s{\"name\": \"%s\", \"library\": \"%s\", \"ours_s\": %.4f, \"library_s\": %.4f}",
               i > 0 ? ", " : "[", cases[i].name, cases[i].library, best[0], best[1]);
    }
    printf("]\n");
    fprintf(stderr, "%llu\n", (unsigned long long)sink);
    close(p->fd);
    free(p);
    return 0;
}
