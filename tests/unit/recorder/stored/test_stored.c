/* Frames of a session read back from its segments: several of them, with silences between, in every
 * format and sample format, from anywhere. */
#include "recorder_extract.h"
#include "recorder_stored.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RATE 16000
#define FRAMES (9 * RATE + 123)
#define TENANT "t"
#define FOLDER "recordings/a"

/* Segments of different lengths; from 60,000 to 75,000 lies a listed silence. */
static const struct {
    int64_t first, n;
} parts[] = {{0, 20011}, {20011, 39989}, {75000, 1}, {75001, FRAMES - 75001}};

typedef struct shelf_case {
    char dir[64];
    rf_store *store;
    rf_pcm pcm;
    size_t frame_bytes;
    int fd;
    uint8_t *frames; /* of the master */
    recorder_shelf *shelf;
} shelf_case;

/* A falling and a rising tone, and all low bits in use. */
static double sample_at(int64_t frame, uint32_t channel)
{
    const double t = (double)frame / RATE;
    return 0.4 * sin(2 * M_PI * (channel == 0 ? 300 + 20 * t : 900 - 30 * t) * t) +
           (double)(frame % 251) * 1e-6;
}

static void make_master(shelf_case *c)
{
    rf_sample_state state = {0};
    c->frame_bytes = rf_pcm_frame_bytes(&c->pcm);
    c->frames = rf_alloc_array(FRAMES, c->frame_bytes);
    for (int64_t i = 0; i < FRAMES; i++) {
        double values[2];
        for (uint32_t k = 0; k < c->pcm.n_channels; k++) {
            values[k] = sample_at(i, k);
        }
        rf_sample_from_f64(c->pcm.sample, values, c->pcm.n_channels,
                           c->frames + (size_t)i * c->frame_bytes, &state);
    }
    c->fd = memfd_create("master", MFD_CLOEXEC);
    cr_assert_eq(pwrite(c->fd, c->frames, FRAMES * c->frame_bytes, 0),
                 (ssize_t)(FRAMES * c->frame_bytes));
}

static int put_bytes(void *user, const void *data, size_t len)
{
    return rf_store_put_write(user, data, len);
}

static void store_part(shelf_case *c, recorder_shelf_part *part)
{
    char key[RECORDER_KEY_SIZE];
    char object[RECORDER_OBJECT_SIZE];
    rf_store_put *put;
    recorder_extract_params p = {.fd = c->fd,
                                 .session = c->pcm,
                                 .first = part->first_frame,
                                 .count = part->n_frames,
                                 .stored = true,
                                 .output = {.flac_level = 2}};
    cr_assert_eq(
        recorder_format_parse(recorder_store_format_name(c->shelf->format), &p.output.format), 0);
    recorder_key_of(FOLDER, part->key_id, c->shelf->format, key);
    cr_assert_eq(recorder_shelf_object(TENANT, key, object), 0);
    cr_assert_eq(rf_store_put_open(c->store, object, INT64_MAX, 0, &put), 0);
    cr_assert_eq(recorder_extract(&p, put_bytes, put, NULL, NULL), 0);
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
}

static void begin(shelf_case *c, recorder_store_format format, rf_sample_format sample,
                  uint32_t n_channels)
{
    const uint32_t n = RF_ARRAY_LEN(parts);
    *c = (shelf_case){.pcm = {sample, n_channels, RATE}};
    (void)rf_copy_str(c->dir, sizeof(c->dir), "/tmp/reflection-stored-XXXXXX");
    cr_assert_not_null(mkdtemp(c->dir));
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("dir:%s/objects", c->dir);
    cr_assert_eq(rf_store_open(url, &c->store), 0);
    make_master(c);
    c->shelf = rf_alloc(sizeof(*c->shelf) + n * sizeof(c->shelf->parts[0]));
    atomic_init(&c->shelf->refs, 1);
    c->shelf->pcm = c->pcm;
    c->shelf->format = format;
    c->shelf->n_parts = n;
    (void)rf_copy_str(c->shelf->tenant, sizeof(c->shelf->tenant), TENANT);
    (void)rf_copy_str(c->shelf->folder, sizeof(c->shelf->folder), FOLDER);
    for (uint32_t i = 0; i < n; i++) {
        c->shelf->parts[i] = (recorder_shelf_part){parts[i].first, parts[i].n, {(uint8_t)(i + 1)}};
        store_part(c, &c->shelf->parts[i]);
    }
}

static void end(shelf_case *c)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", c->dir);
    recorder_shelf_unref(c->shelf);
    rf_store_close(c->store);
    close(c->fd);
    free(c->frames);
    cr_assert_eq(system(command), 0);
}

static bool in_silence(int64_t frame)
{
    return frame >= 60000 && frame < 75000;
}

/* How far what was read lies from what was recorded, at most. */
static double worst_of(const shelf_case *c, int64_t first, int64_t n, const uint8_t *got)
{
    rf_sample_state state = {0};
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double want[2];
        double have[2];
        rf_sample_to_f64(c->pcm.sample, c->frames + (size_t)(first + i) * c->frame_bytes,
                         c->pcm.n_channels, want, &state);
        rf_sample_to_f64(c->pcm.sample, got + (size_t)i * c->frame_bytes, c->pcm.n_channels, have,
                         &state);
        for (uint32_t k = 0; k < c->pcm.n_channels; k++) {
            worst = fmax(worst, fabs(have[k] - (in_silence(first + i) ? 0 : want[k])));
        }
    }
    return worst;
}

static void read_everywhere(const char *name, shelf_case *c, double tolerance)
{
    static const struct {
        int64_t first, n;
    } ranges[] = {{0, FRAMES}, {20000, 30},        {59990, 20},         {74990, 20},
                  {5, 1},      {FRAMES - 1, 1},    {30000, 16000},      {100000, 4097},
                  {12, 7},     {61000, 13000},     {FRAMES - 900, 900}, {75000, 1},
                  {0, 1},      {100001, 16 * 1000}};
    recorder_stored *stored = recorder_stored_open(c->shelf, c->store, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(ranges); i++) {
        const int64_t first = ranges[i].first;
        const int64_t n = ranges[i].n;
        RF_CLEANUP(rf_cleanup_free)
        uint8_t *got = rf_alloc_array((size_t)n, c->frame_bytes);
        cr_assert_eq(recorder_stored_read(stored, first, n, got), 0, "%s from %lld", name,
                     (long long)first);
        const double worst = worst_of(c, first, n, got);
        cr_expect_leq(worst, tolerance, "%s from %lld: %g", name, (long long)first, worst);
    }
    recorder_stored_close(stored);
}

/* The power of the error by that of what was recorded. */
static double distance_of(const shelf_case *c, int64_t first, int64_t n, const uint8_t *got)
{
    rf_sample_state state = {0};
    double power = 0;
    double error = 0;
    for (int64_t i = 0; i < n; i++) {
        double want[2];
        double have[2];
        rf_sample_to_f64(c->pcm.sample, c->frames + (size_t)(first + i) * c->frame_bytes,
                         c->pcm.n_channels, want, &state);
        rf_sample_to_f64(c->pcm.sample, got + (size_t)i * c->frame_bytes, c->pcm.n_channels, have,
                         &state);
        for (uint32_t k = 0; k < c->pcm.n_channels; k++) {
            const double x = in_silence(first + i) ? 0 : want[k];
            power += x * x;
            error += (have[k] - x) * (have[k] - x);
        }
    }
    return error / power;
}

static void read_lossy(const char *name, shelf_case *c, rf_decoder *decoder)
{
    static const struct {
        int64_t first, n;
    } ranges[] = {{0, FRAMES},         {0, 4000},       {18000, 4000},
                  {57000, 4000},       {30000, 16000},  {100000, 4097},
                  {FRAMES - 900, 900}, {100001, 16000}, {74000, 5000}};
    recorder_stored *stored = recorder_stored_open(c->shelf, c->store, decoder);
    for (size_t i = 0; i < RF_ARRAY_LEN(ranges); i++) {
        const int64_t n = ranges[i].n;
        RF_CLEANUP(rf_cleanup_free)
        uint8_t *got = rf_alloc_array((size_t)n, c->frame_bytes);
        cr_assert_eq(recorder_stored_read(stored, ranges[i].first, n, got), 0, "%s", name);
        const double distance = distance_of(c, ranges[i].first, n, got);
        cr_expect_lt(distance, 0.01, "%s from %lld: %g", name, (long long)ranges[i].first,
                     distance);
    }
    recorder_stored_close(stored);
}

Test(recorder_stored, section_7_lossless_segments_give_every_sample_back)
{
    static const struct {
        const char *name;
        recorder_store_format format;
        rf_sample_format sample;
        uint32_t n_channels;
        double tolerance;
    } cases[] = {
        {"wav int16", RECORDER_STORE_WAV, RF_SAMPLE_S16, 1, 0},
        {"wav int24", RECORDER_STORE_WAV, RF_SAMPLE_S24, 2, 0},
        {"wav float32", RECORDER_STORE_WAV, RF_SAMPLE_F32, 2, 0},
        {"pcm int32", RECORDER_STORE_PCM, RF_SAMPLE_S32, 1, 0},
        {"flac int16", RECORDER_STORE_FLAC, RF_SAMPLE_S16, 2, 0},
        {"flac int24", RECORDER_STORE_FLAC, RF_SAMPLE_S24, 1, 0},
        {"flac int32", RECORDER_STORE_FLAC, RF_SAMPLE_S32, 1, 1.0 / (1 << 23)},
        {"flac float32", RECORDER_STORE_FLAC, RF_SAMPLE_F32, 2, 1.0 / (1 << 23)},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        shelf_case c;
        begin(&c, cases[i].format, cases[i].sample, cases[i].n_channels);
        read_everywhere(cases[i].name, &c, cases[i].tolerance);
        cr_expect_eq(recorder_shelf_exact(c.shelf, 0, 60000), cases[i].tolerance <= 0, "%s",
                     cases[i].name);
        end(&c);
    }
}

Test(recorder_stored, section_7_lossy_segments_give_frames_in_their_place)
{
    static const struct {
        const char *name;
        recorder_store_format format;
        rf_sample_format sample;
        uint32_t n_channels;
    } cases[] = {{"mp3", RECORDER_STORE_MP3, RF_SAMPLE_S16, 1},
                 {"mp3 float32", RECORDER_STORE_MP3, RF_SAMPLE_F32, 2},
                 {"opus", RECORDER_STORE_OPUS, RF_SAMPLE_S16, 2}};
    rf_decoder *decoder;
    cr_assert_eq(rf_decoder_new(0, 2, &decoder), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        shelf_case c;
        begin(&c, cases[i].format, cases[i].sample, cases[i].n_channels);
        read_lossy(cases[i].name, &c, decoder);
        cr_expect_not(recorder_shelf_exact(c.shelf, 0, 1));
        end(&c);
    }
    rf_decoder_free(decoder);
}

Test(recorder_stored, section_7_silence_that_was_left_out_is_not_exact)
{
    shelf_case c;
    begin(&c, RECORDER_STORE_PCM, RF_SAMPLE_S16, 1);
    cr_expect(recorder_shelf_exact(c.shelf, 0, 60000), "two segments that follow each other");
    cr_expect(recorder_shelf_exact(c.shelf, 75000, FRAMES - 75000));
    cr_expect_not(recorder_shelf_exact(c.shelf, 59999, 2));
    cr_expect_not(recorder_shelf_exact(c.shelf, 74999, 2));
    cr_expect_not(recorder_shelf_exact(c.shelf, 61000, 10));
    end(&c);
}

Test(recorder_stored, an_object_that_is_gone_cut_or_another_is_an_error_and_no_audio)
{
    static const recorder_store_format formats[] = {RECORDER_STORE_WAV, RECORDER_STORE_PCM,
                                                    RECORDER_STORE_FLAC};
    uint8_t frames[2 * 100];
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        shelf_case c;
        char key[RECORDER_KEY_SIZE];
        char object[RECORDER_OBJECT_SIZE];
        rf_store_put *put;
        begin(&c, formats[i], RF_SAMPLE_S16, 1);
        recorder_key_of(FOLDER, c.shelf->parts[0].key_id, formats[i], key);
        cr_assert_eq(recorder_shelf_object(TENANT, key, object), 0);
        cr_assert_eq(rf_store_put_open(c.store, object, INT64_MAX, 0, &put), 0);
        cr_assert_eq(rf_store_put_write(put, "RIFF....WAVE", 12), 0);
        cr_assert_eq(rf_store_put_commit(put), 0);
        rf_store_put_free(put);
        recorder_stored *stored = recorder_stored_open(c.shelf, c.store, NULL);
        cr_expect_eq(recorder_stored_read(stored, 0, 100, frames), -EBADMSG, "%zu", i);
        cr_expect_eq(recorder_stored_read(stored, 20011, 100, frames), 0, "others are read");
        cr_expect_eq(rf_store_delete(c.store, object), 0);
        cr_expect_eq(recorder_stored_read(stored, 0, 100, frames), -ENOENT);
        recorder_stored_close(stored);
        end(&c);
    }
}
