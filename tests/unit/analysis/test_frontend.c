#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis_chords.h"
#include "analysis_key.h"
#include "analysis_sections.h"
#include "analysis_synth.h"
#include "figures.h"

/* Runs every analysis and checks what must hold for any audio. */
static void analyse(const analysis_audio *audio)
{
    analysis_frontend *frontend = NULL;
    analysis_beats beats;
    analysis_chords chords;
    analysis_key key;
    analysis_sections sections;
    cr_assert_eq(analysis_frontend_new(audio, NULL, &frontend), 0);
    cr_assert_eq(analysis_beats_find(frontend, NULL, &beats), 0);
    cr_assert_eq(analysis_chords_find(frontend, &beats, NULL, &chords), 0);
    cr_assert_eq(analysis_key_find(frontend, NULL, &key), 0);
    cr_assert_eq(analysis_sections_find(frontend, &beats, NULL, &sections), 0);
    double duration = analysis_audio_duration_s(audio);
    cr_expect(isfinite(beats.bpm) && isfinite(beats.confidence));
    cr_expect(isfinite(key.confidence) && key.tuning_hz > 420.0 && key.tuning_hz < 460.0);
    for (size_t i = 0; i < beats.n_beats; i++) {
        cr_expect(beats.beats[i].time_s >= 0.0 && beats.beats[i].time_s <= duration);
    }
    cr_expect(duration == 0.0 || chords.n_rows > 0);
    for (size_t i = 0; i < chords.n_rows; i++) {
        cr_expect(chords.rows[i].start_s == (i == 0 ? 0.0 : chords.rows[i - 1].end_s));
        cr_expect(isfinite(chords.rows[i].confidence));
    }
    cr_expect(chords.n_rows == 0 || chords.rows[chords.n_rows - 1].end_s == duration);
    cr_expect(sections.n_rows == 0 || sections.rows[sections.n_rows - 1].end_s == duration);
    analysis_sections_done(&sections);
    analysis_chords_done(&chords);
    analysis_beats_done(&beats);
    analysis_frontend_free(frontend);
}

Test(frontend, refuses_what_is_no_audio)
{
    float plane[4] = {0};
    const float *planes[1] = {plane};
    const float *missing[1] = {NULL};
    const analysis_audio cases[] = {{planes, 0, 4, 44100},  {planes, 33, 4, 44100},
                                    {planes, 1, 4, 2999},   {planes, 1, 4, 768001},
                                    {planes, 1, -1, 44100}, {NULL, 1, 4, 44100},
                                    {missing, 1, 4, 44100}, {planes, 1, INT64_MAX, 44100}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        analysis_frontend *frontend = NULL;
        cr_expect_eq(analysis_frontend_new(&cases[i], NULL, &frontend), -EINVAL, "case %zu", i);
        cr_expect(frontend == NULL);
    }
}

Test(frontend, any_rate_and_length)
{
    static const int RATES[] = {3000, 8000, 11025, 22050, 44100, 48000, 96000, 192000, 768000};
    static const double SECONDS[] = {0.0, 0.0005, 0.1, 0.7, 2.5};
    for (size_t r = 0; r < RF_ARRAY_LEN(RATES); r += FIGURES_EVERY(3)) {
        for (size_t s = 0; s < RF_ARRAY_LEN(SECONDS); s++) {
            analysis_synth synth;
            analysis_synth_init(&synth, SECONDS[s], RATES[r]);
            analysis_synth_note(&synth, 0.0, SECONDS[s], 60, 0.5);
            analyse(&synth.audio);
            analysis_synth_done(&synth);
        }
    }
}

/* The pitch that stands out must not depend on the rate. */
Test(frontend, notes_do_not_depend_on_the_rate)
{
    static const int RATES[] = {8000, 22050, 44100, 96000};
    for (size_t r = 0; r < RF_ARRAY_LEN(RATES); r++) {
        analysis_synth synth;
        analysis_frontend *frontend = NULL;
        analysis_synth_init(&synth, 2.0, RATES[r]);
        analysis_synth_note(&synth, 0.0, 2.0, 64, 0.5);
        cr_assert_eq(analysis_frontend_new(&synth.audio, NULL, &frontend), 0);
        const float *notes = frontend->notes + frontend->n_tone / 2 * ANALYSIS_N_NOTES;
        int best = 0;
        for (int n = 1; n < ANALYSIS_N_NOTES; n++) {
            best = notes[n] > notes[best] ? n : best;
        }
        cr_expect_eq(best + ANALYSIS_NOTE_LOW, 64, "at %d Hz", RATES[r]);
        analysis_frontend_free(frontend);
        analysis_synth_done(&synth);
    }
}

/* Opposite phases cancel in a plain mix-down; here they must give the same features. */
Test(frontend, opposite_phase_is_heard)
{
    analysis_synth synth;
    analysis_frontend *same = NULL;
    analysis_frontend *opposite = NULL;
    analysis_synth_init(&synth, 3.0, 44100);
    analysis_synth_note(&synth, 0.0, 3.0, 57, 0.5);
    cr_assert_eq(analysis_frontend_new(&synth.audio, NULL, &same), 0);
    for (int64_t i = 0; i < synth.audio.n_frames; i++) {
        synth.right[i] = -synth.right[i];
    }
    cr_assert_eq(analysis_frontend_new(&synth.audio, NULL, &opposite), 0);
    for (size_t i = 0; i < same->n_tone * ANALYSIS_N_NOTES; i++) {
        cr_expect(fabsf(same->notes[i] - opposite->notes[i]) <= 1e-2f + 0.02f * same->notes[i]);
    }
    analysis_frontend_free(same);
    analysis_frontend_free(opposite);
    analysis_synth_done(&synth);
}

typedef float (*sample_fn)(analysis_synth *synth, int64_t i);

static float hostile_nan(analysis_synth *synth, int64_t i)
{
    (void)synth;
    return i % 7 == 0 ? NAN : i % 11 == 0 ? INFINITY : 0.3f;
}

static float hostile_huge(analysis_synth *synth, int64_t i)
{
    (void)synth;
    return i % 2 == 0 ? 3e38f : -3e38f;
}

static float hostile_tiny(analysis_synth *synth, int64_t i)
{
    (void)synth;
    return i % 3 == 0 ? 1e-40f : -1e-38f;
}

static float hostile_offset(analysis_synth *synth, int64_t i)
{
    (void)synth;
    (void)i;
    return 0.9f;
}

static float hostile_square(analysis_synth *synth, int64_t i)
{
    (void)synth;
    return i / 50 % 2 == 0 ? 1.0f : -1.0f;
}

static float hostile_noise(analysis_synth *synth, int64_t i)
{
    (void)i;
    return (float)(2.0 * analysis_synth_random(synth) - 1.0);
}

static float hostile_impulse(analysis_synth *synth, int64_t i)
{
    (void)synth;
    return i == 30000 ? 1.0f : 0.0f;
}

Test(frontend, hostile_samples_end_in_finite_results)
{
    static const sample_fn FUNCTIONS[] = {hostile_nan,    hostile_huge,   hostile_tiny,
                                          hostile_offset, hostile_square, hostile_noise,
                                          hostile_impulse};
    for (size_t f = 0; f < RF_ARRAY_LEN(FUNCTIONS); f++) {
        analysis_synth synth;
        analysis_synth_init(&synth, 6.0, 22050);
        for (int64_t i = 0; i < synth.audio.n_frames; i++) {
            synth.left[i] = FUNCTIONS[f](&synth, i);
            synth.right[i] = FUNCTIONS[f](&synth, i + 3);
        }
        analyse(&synth.audio);
        analysis_synth_done(&synth);
    }
}

/* Random songs: bursts, notes and noise anywhere, any channel count. */
Test(frontend, random_audio_never_breaks_the_rules, .timeout = 100)
{
    for (uint64_t seed = 1; seed <= 12; seed += FIGURES_EVERY(6)) {
        analysis_synth synth;
        analysis_synth_init(&synth, 1.0 + (double)seed, 16000 + 3000 * (int)seed);
        synth.seed = seed * 7919;
        for (int i = 0; i < 40; i++) {
            double at = 12.0 * analysis_synth_random(&synth);
            double midi = 24.0 + 80.0 * analysis_synth_random(&synth);
            analysis_synth_note(&synth, at, at + analysis_synth_random(&synth), midi, 0.4);
            analysis_synth_click(&synth, at, analysis_synth_random(&synth), 0.2);
        }
        const float *planes[5] = {synth.left, synth.right, synth.right, synth.left, synth.left};
        analysis_audio audio = synth.audio;
        audio.channels = planes;
        audio.n_channels = 1 + (int)(seed % 5);
        analyse(&audio);
        analysis_synth_done(&synth);
    }
}

static bool cancel_after(void *user)
{
    int *left = user;
    return (*left)-- <= 0;
}

Test(frontend, cancel_ends_every_analysis)
{
    analysis_synth synth;
    analysis_frontend *frontend = NULL;
    analysis_synth_init(&synth, 60.0, 22050);
    analysis_synth_noise(&synth, 0.0, 60.0, 0.3);
    cr_assert_eq(analysis_frontend_new(&synth.audio, NULL, &frontend), 0);
    for (int after = 0; after < 3; after++) {
        int left = after;
        analysis_control control = {.cancelled = cancel_after, .user = &left};
        analysis_frontend *none = NULL;
        analysis_beats beats = {0};
        cr_expect_eq(analysis_frontend_new(&synth.audio, &control, &none), -ECANCELED);
        cr_expect(none == NULL);
        left = after;
        cr_expect_eq(analysis_beats_find(frontend, &control, &beats), -ECANCELED);
        cr_expect(beats.beats == NULL);
    }
    int left = 0;
    analysis_control control = {.cancelled = cancel_after, .user = &left};
    analysis_chords chords = {0};
    analysis_sections sections = {0};
    analysis_key key;
    cr_expect_eq(analysis_chords_find(frontend, NULL, &control, &chords), -ECANCELED);
    left = 0;
    cr_expect_eq(analysis_sections_find(frontend, NULL, &control, &sections), -ECANCELED);
    left = 0;
    cr_expect_eq(analysis_key_find(frontend, &control, &key), -ECANCELED);
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}

typedef struct poll_watch {
    double last_s;
    double longest_s;
} poll_watch;

static bool watch_polls(void *user)
{
    poll_watch *watch = user;
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    double at = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    watch->longest_s = watch->last_s > 0.0 ? fmax(watch->longest_s, at - watch->last_s) : 0.0;
    watch->last_s = at;
    return false;
}

Test(frontend, cancel_is_polled_within_500_ms_of_work, .timeout = 100)
{
    analysis_synth synth;
    analysis_frontend *frontend = NULL;
    analysis_beats beats;
    poll_watch watch = {0};
    analysis_control control = {.cancelled = watch_polls, .user = &watch};
    const double seconds = 300.0 / FIGURES_EVERY(8);
    analysis_synth_init(&synth, seconds, 22050);
    for (double at = 0; at < seconds; at += 0.45) {
        analysis_synth_click(&synth, at, 0.4, 0.4);
    }
    cr_assert_eq(analysis_frontend_new(&synth.audio, &control, &frontend), 0);
    cr_assert_eq(analysis_beats_find(frontend, &control, &beats), 0);
    cr_expect_lt(watch.longest_s, 0.5);
    analysis_beats_done(&beats);
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}

static int scratch_file(void)
{
    FILE *file = tmpfile();
    cr_assert(file != NULL);
    int fd = dup(fileno(file));
    fclose(file);
    return fd;
}

Test(frontend, saved_features_come_back)
{
    analysis_synth synth;
    analysis_frontend *frontend = NULL;
    analysis_frontend *back = NULL;
    int fd = scratch_file();
    analysis_synth_init(&synth, 3.0, 44100);
    analysis_synth_note(&synth, 0.0, 3.0, 50, 0.4);
    cr_assert_eq(analysis_frontend_new(&synth.audio, NULL, &frontend), 0);
    cr_assert_eq(analysis_frontend_save(frontend, fd), 0);
    lseek(fd, 0, SEEK_SET);
    cr_assert_eq(analysis_frontend_load(fd, &back), 0);
    cr_expect_eq(back->n_tone, frontend->n_tone);
    cr_expect_eq(back->n_onset, frontend->n_onset);
    cr_expect_eq(back->tuning_hz, frontend->tuning_hz);
    cr_expect(memcmp(back->notes, frontend->notes,
                     frontend->n_tone * ANALYSIS_N_NOTES * sizeof(float)) == 0);
    analysis_frontend_free(back);
    back = NULL;
    cr_assert_eq(ftruncate(fd, 5000), 0);
    lseek(fd, 0, SEEK_SET);
    cr_expect_eq(analysis_frontend_load(fd, &back), -EBADMSG);
    cr_expect(back == NULL);
    close(fd);
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}

Test(frontend, lying_files_are_refused)
{
    struct {
        char magic[8];
        double duration_s, tuning_hz;
        float values[64];
    } file;
    static const double DURATIONS[] = {-1.0, 1e300, NAN, 20000.0, 0.01};
    for (size_t i = 0; i < RF_ARRAY_LEN(DURATIONS); i++) {
        analysis_frontend *back = NULL;
        int fd = scratch_file();
        memset(&file, 0xff, sizeof(file));
        memcpy(file.magic, "rfanal1", 8);
        file.duration_s = DURATIONS[i];
        file.tuning_hz = 440.0;
        cr_assert_eq((size_t)write(fd, &file, sizeof(file)), sizeof(file));
        lseek(fd, 0, SEEK_SET);
        cr_expect_eq(analysis_frontend_load(fd, &back), -EBADMSG, "duration %g", DURATIONS[i]);
        close(fd);
    }
}
