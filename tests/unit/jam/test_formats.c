/* jam.md section 5, formats: sizes and headers to the byte, and what libsndfile reads back. */
#include "jam_chunk.h"
#include "jam_wav.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <string.h>

#define RATE JAM_RATE_HZ
#define HISTORY JAM_OPUS_PRE_SKIP
#define N_MAX 100800

/* Music enough: three tones, the right channel apart. */
static float pcm[(HISTORY + N_MAX) * JAM_CHANNELS];
static uint8_t file[1 << 20];

static float *make_pcm(void)
{
    for (size_t i = 0; i < HISTORY + N_MAX; i++) {
        double t = (double)i / RATE;
        pcm[2 * i] = (float)(0.3 * sin(2765.0 * t) + 0.2 * sin(991.7 * t));
        pcm[2 * i + 1] = (float)(0.3 * sin(2765.0 * t + 1.0) + 0.1 * sin(6311.0 * t));
    }
    return pcm + (size_t)HISTORY * JAM_CHANNELS;
}

static size_t encode(jam_format format, const float *audio, uint32_t n, int64_t first)
{
    jam_encoder *e = NULL;
    cr_assert_eq(jam_encoder_new(format, 128, 5, &e), 0);
    cr_assert_leq(jam_format_max_bytes(format, 128, n), sizeof(file));
    int64_t len = jam_encoder_file(e, audio, n, first, file, sizeof(file));
    cr_assert(len > 0 && (size_t)len <= jam_format_max_bytes(format, 128, n), "%lld",
              (long long)len);
    jam_encoder_free(e);
    return (size_t)len;
}

typedef struct reader {
    const uint8_t *data;
    sf_count_t len, at;
} reader;

static sf_count_t reader_len(void *user)
{
    return ((reader *)user)->len;
}

static sf_count_t reader_seek(sf_count_t offset, int whence, void *user)
{
    reader *r = user;
    r->at = offset + (whence == SEEK_CUR ? r->at : whence == SEEK_END ? r->len : 0);
    return r->at;
}

static sf_count_t reader_read(void *to, sf_count_t n, void *user)
{
    reader *r = user;
    n = RF_MIN(n, r->len - r->at);
    memcpy(to, r->data + r->at, (size_t)n);
    r->at += n;
    return n;
}

static sf_count_t reader_tell(void *user)
{
    return ((reader *)user)->at;
}

/* The file as floats; *ret_n pairs. */
static float *decode(const uint8_t *data, size_t len, size_t *ret_n)
{
    SF_VIRTUAL_IO io = {reader_len, reader_seek, reader_read, NULL, reader_tell};
    reader r = {data, (sf_count_t)len, 0};
    SF_INFO info = {0};
    SNDFILE *f = sf_open_virtual(&io, SFM_READ, &info, &r);
    cr_assert_not_null(f, "%s", sf_strerror(NULL));
    cr_assert(info.samplerate == RATE && info.channels == JAM_CHANNELS);
    float *audio = RF_NEW_ARRAY(float, (N_MAX + 10000) * JAM_CHANNELS);
    *ret_n = (size_t)sf_readf_float(f, audio, N_MAX + 10000);
    sf_close(f);
    return audio;
}

static double error_db(const float *a, const float *b, size_t n)
{
    double noise = 1e-30;
    double signal = 1e-30;
    for (size_t i = 0; i < n; i++) {
        noise += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        signal += (double)a[i] * (double)a[i];
    }
    return 10.0 * log10(noise / signal);
}

Test(formats, wav_f32_has_the_stated_sizes_and_bytes)
{
    const float *audio = make_pcm();
    static const struct {
        uint32_t overlap;
        size_t bytes;
    } sizes[] = {{0, 768058}, {1200, 777658}, {1920, 783418}};
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        uint32_t n = 50 * JAM_FRAME_SAMPLES + sizes[i].overlap;
        cr_expect_eq(jam_format_max_bytes(JAM_FORMAT_WAV_F32, 128, n), sizes[i].bytes);
        cr_expect_eq(encode(JAM_FORMAT_WAV_F32, audio, n, 0), sizes[i].bytes);
        cr_expect_eq(memcmp(file + 58, audio, (size_t)n * 8), 0);
    }
    static const uint8_t head[58] = "RIFF\x52\0\0\0WAVEfmt "
                                    "\x12\0\0\0\x03\0\x02\0\x80\xbb\0\0\0\xdc\x05\0\x08\0\x20\0\0\0"
                                    "fact\x04\0\0\0\x04\0\0\0data\x20\0\0";
    cr_expect_eq(encode(JAM_FORMAT_WAV_F32, audio, 4, 0), 58 + 32);
    cr_expect_eq(memcmp(file, head, 58), 0);
    size_t n;
    RF_CLEANUP(rf_cleanup_free) float *back = decode(file, 58 + 32, &n);
    cr_expect(n == 4 && memcmp(back, audio, 32) == 0);
}

Test(formats, wav_s16_is_dithered_by_seed_position_and_channel_alone)
{
    const float *audio = make_pcm();
    static const uint8_t head[44] =
        "RIFF\x34\0\0\0WAVEfmt "
        "\x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0data\x10\0\0";
    cr_expect_eq(encode(JAM_FORMAT_WAV_S16, audio, 4, 0), 44 + 16);
    cr_expect_eq(memcmp(file, head, 44), 0);
    static uint8_t first[44 + 8000];
    encode(JAM_FORMAT_WAV_S16, audio, 2000, 1000);
    memcpy(first, file, sizeof(first));
    encode(JAM_FORMAT_WAV_S16, audio + 1000 * JAM_CHANNELS, 1000, 2000);
    cr_expect_eq(memcmp(first + 44 + 4000, file + 44, 4000), 0, "copies are equal");
    encode(JAM_FORMAT_WAV_S16, audio + 1000 * JAM_CHANNELS, 1000, 2001);
    cr_expect_neq(memcmp(first + 44 + 4000, file + 44, 4000), 0,
                  "another position, another dither");
}

static int16_t sample_of(const uint8_t *at)
{
    return (int16_t)(at[0] | at[1] << 8);
}

Test(formats, dither_is_triangular_of_1_lsb)
{
    static float level[100000 * JAM_CHANNELS];
    double mean = 0.0;
    double square = 0.0;
    for (size_t i = 0; i < RF_ARRAY_LEN(level); i++) {
        level[i] = 0.3F / 32768.0F;
    }
    encode(JAM_FORMAT_WAV_S16, level, 100000, 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(level); i++) {
        double x = sample_of(file + 44 + 2 * i);
        cr_assert(x >= -1.0 && x <= 2.0);
        mean += x / 200000.0;
        square += x * x / 200000.0;
    }
    cr_expect_float_eq(mean, 0.3, 0.01);                  /* no bias */
    cr_expect_float_eq(square - mean * mean, 0.25, 0.01); /* 1/6 of the dither, 1/12 of rounding */
    float loud[4] = {2.0F, -2.0F, 1.0F, -1.0F};
    encode(JAM_FORMAT_WAV_S16, loud, 2, 0);
    cr_expect_eq(sample_of(file + 44), 32767);
    cr_expect_eq(sample_of(file + 46), -32768);
}

Test(formats, flac_is_24_bit_rounded_to_nearest)
{
    const float *audio = make_pcm();
    uint32_t n = 3 * JAM_FRAME_SAMPLES + 1200;
    size_t len = encode(JAM_FORMAT_FLAC, audio, n, 77);
    cr_expect_eq(memcmp(file, "fLaC", 4), 0);
    cr_expect_lt(len, (size_t)n * 6);
    size_t got;
    RF_CLEANUP(rf_cleanup_free) float *back = decode(file, len, &got);
    cr_assert_eq(got, n);
    for (size_t i = 0; i < (size_t)n * JAM_CHANNELS; i++) {
        cr_assert_eq(back[i], (float)(rint((double)audio[i] * 0x1p23) * 0x1p-23));
    }
    RF_CLEANUP(rf_cleanup_free) float *copy = NULL;
    len = encode(JAM_FORMAT_FLAC, audio + 3 * JAM_FRAME_SAMPLES * JAM_CHANNELS, JAM_FRAME_SAMPLES,
                 5837);
    copy = decode(file, len, &got);
    cr_expect_eq(memcmp(copy, back + 3 * JAM_FRAME_SAMPLES * JAM_CHANNELS, 1200 * 8), 0);
}

Test(formats, flac_of_noise_keeps_to_its_bound)
{
    float *audio = make_pcm();
    uint64_t x = 1;
    for (size_t i = 0; i < (size_t)N_MAX * JAM_CHANNELS; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        audio[i] = (float)((double)(x >> 11) * 0x1p-52 - 1.0);
    }
    encode(JAM_FORMAT_FLAC, audio, N_MAX, 0);
    cr_expect(jam_chunk_fits(JAM_FORMAT_FLAC, 128, 50, 4800));
    cr_expect(jam_chunk_fits(JAM_FORMAT_OPUS, 320, 50, 4800));
}

Test(formats, opus_has_the_exact_length_and_begins_in_place)
{
    const float *audio = make_pcm();
    static const uint32_t lengths[] = {1920, 1920 + 1201, 97920, N_MAX};
    for (size_t i = 0; i < RF_ARRAY_LEN(lengths); i++) {
        size_t n;
        size_t len = encode(JAM_FORMAT_OPUS, audio, lengths[i], 0);
        RF_CLEANUP(rf_cleanup_free) float *back = decode(file, len, &n);
        cr_expect_eq(n, lengths[i]);
        double all = error_db(audio, back, n * JAM_CHANNELS);
        double begin = error_db(audio, back, 480 * JAM_CHANNELS);
        double end = error_db(audio + (n - 480) * JAM_CHANNELS, back + (n - 480) * JAM_CHANNELS,
                              480 * JAM_CHANNELS);
        cr_expect(all < -20.0 && begin < -18.0 && end < -12.0, "%u: %.1f %.1f %.1f dB", lengths[i],
                  all, begin, end);
    }
}

Test(formats, opus_files_do_not_depend_on_those_before)
{
    const float *audio = make_pcm();
    static uint8_t alone[1 << 17];
    size_t len = encode(JAM_FORMAT_OPUS, audio + 9600, 9600, 4800);
    memcpy(alone, file, len);
    jam_encoder *e = NULL;
    cr_assert_eq(jam_encoder_new(JAM_FORMAT_OPUS, 128, 5, &e), 0);
    cr_assert_gt(jam_encoder_file(e, audio, 9600, 0, file, sizeof(file)), 0);
    cr_expect_eq(jam_encoder_file(e, audio + 9600, 9600, 4800, file, sizeof(file)), (int64_t)len);
    cr_expect_eq(memcmp(file, alone, len), 0);
    jam_encoder_free(e);
}

Test(formats, bit_rate_governs_the_size_of_opus)
{
    const float *audio = make_pcm();
    size_t sizes[2];
    for (uint32_t i = 0; i < 2; i++) {
        jam_encoder *e = NULL;
        cr_assert_eq(jam_encoder_new(JAM_FORMAT_OPUS, i == 0 ? 32 : 320, 5, &e), 0);
        sizes[i] = (size_t)jam_encoder_file(e, audio, 96000, 0, file, sizeof(file));
        jam_encoder_free(e);
    }
    cr_expect_lt(sizes[0] * 4, sizes[1], "%zu %zu", sizes[0], sizes[1]);
}

Test(formats, too_little_memory_is_told)
{
    const float *audio = make_pcm();
    for (int format = 0; format < JAM_N_FORMATS; format++) {
        jam_encoder *e = NULL;
        cr_assert_eq(jam_encoder_new((jam_format)format, 128, 5, &e), 0);
        cr_expect_lt(jam_encoder_file(e, audio, 1920, 0, file, 60), 0);
        cr_expect_gt(jam_encoder_file(e, audio, 1920, 0, file, sizeof(file)), 0,
                     "and harms no other");
        jam_encoder_free(e);
    }
}

typedef struct sink {
    size_t len;
    uint8_t data[1 << 20];
} sink;

static int sink_write(void *user, const void *data, size_t len)
{
    sink *s = user;
    cr_assert_leq(len, sizeof(s->data) - s->len);
    memcpy(s->data + s->len, data, len);
    s->len += len;
    return 0;
}

Test(formats, a_file_in_pieces_has_exactly_its_samples)
{
    static sink s;
    const float *audio = make_pcm();
    for (int format = 0; format < JAM_N_FORMATS; format++) {
        jam_file *f = NULL;
        size_t n;
        s.len = 0;
        cr_assert_eq(jam_file_open((jam_format)format, 128, 5, 50000,
                                   (rf_sink){.write = sink_write, .user = &s}, &f),
                     0);
        for (uint32_t at = 0; at < 50000; at += 1920) {
            cr_assert_eq(jam_file_write(f, audio + (size_t)at * 2, RF_MIN(1920U, 50000 - at)), 0);
        }
        cr_assert_eq(jam_file_close(f), 0);
        free(decode(s.data, s.len, &n));
        cr_expect_eq(n, 50000);
        if (format == JAM_FORMAT_WAV_F32 || format == JAM_FORMAT_WAV_S16) {
            cr_expect_eq(encode((jam_format)format, audio, 50000, 0), s.len);
            cr_expect_eq(memcmp(file, s.data, s.len), 0);
        }
    }
}

Test(formats, a_file_of_another_length_than_stated_is_refused)
{
    static sink s;
    const float *audio = make_pcm();
    for (int format = 0; format < JAM_N_FORMATS; format++) {
        jam_file *f = NULL;
        s.len = 0;
        cr_assert_eq(jam_file_open((jam_format)format, 128, 5, 5000,
                                   (rf_sink){.write = sink_write, .user = &s}, &f),
                     0);
        cr_assert_eq(jam_file_write(f, audio, 4999), 0);
        cr_expect_eq(jam_file_close(f), -EINVAL, "%s", jam_format_name((jam_format)format));
    }
}
