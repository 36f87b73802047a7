/* corpus_estimate - runs the five analyses over sound files and writes what they find. */
#include "analysis_beats.h"
#include "analysis_chords.h"
#include "analysis_frontend.h"
#include "analysis_key.h"
#include "analysis_sections.h"
#include "corpus_file.h"
#include "corpus_truth.h"
#include "rf_file.h"
#include "rf_loudness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct findings {
    analysis_beats beats;
    analysis_chords chords;
    analysis_key key;
    analysis_sections sections;
    double loudness_lufs;
} findings;

/* Processor time: the analyses run on one thread, and other programs' load must not count. */
static double processor_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int measure_loudness(const corpus_sounding *s, int rate_hz, double *ret_lufs)
{
    rf_loudness_meter *meter = NULL;
    rf_loudness loudness = {.integrated_lufs = 0};
    int rc = rf_loudness_meter_new(2, (uint32_t)rate_hz, &meter);
    float pairs[2 * 4096];
    for (size_t at = 0; at < s->n_frames && rc == 0; at += 4096) {
        size_t n = RF_MIN((size_t)4096, s->n_frames - at);
        for (size_t i = 0; i < n; i++) {
            pairs[2 * i] = s->left[at + i];
            pairs[2 * i + 1] = s->right[at + i];
        }
        rf_loudness_meter_add(meter, pairs, (int64_t)n);
    }
    if (rc == 0) {
        rf_loudness_meter_read(meter, &loudness);
    }
    rf_loudness_meter_free(meter);
    *ret_lufs = loudness.integrated_lufs;
    return rc;
}

static int find_all(const corpus_sounding *s, int rate_hz, findings *f)
{
    const float *const planes[2] = {s->left, s->right};
    const analysis_audio audio = {
        .channels = planes, .n_channels = 2, .n_frames = (int64_t)s->n_frames, .rate_hz = rate_hz};
    analysis_frontend *frontend = NULL;
    int rc = analysis_frontend_new(&audio, NULL, &frontend);
    if (rc != 0) {
        return rc;
    }
    rc = analysis_beats_find(frontend, NULL, &f->beats);
    rc = rc == 0 ? analysis_chords_find(frontend, &f->beats, NULL, &f->chords) : rc;
    rc = rc == 0 ? analysis_key_find(frontend, NULL, &f->key) : rc;
    rc = rc == 0 ? analysis_sections_find(frontend, &f->beats, NULL, &f->sections) : rc;
    rc = rc == 0 ? measure_loudness(s, rate_hz, &f->loudness_lufs) : rc;
    analysis_frontend_free(frontend);
    return rc;
}

static void report_chords(const findings *f, corpus_truth *estimate)
{
    estimate->n_chords = f->chords.n_rows;
    estimate->chords = RF_NEW_ARRAY(corpus_span, f->chords.n_rows + 1);
    for (size_t i = 0; i < f->chords.n_rows; i++) {
        corpus_span *span = &estimate->chords[i];
        char label[ANALYSIS_LABEL_SIZE];
        analysis_chord_harte(&f->chords.rows[i], label);
        span->start_s = f->chords.rows[i].start_s;
        span->end_s = f->chords.rows[i].end_s;
        (void)rf_copy_str(span->label, sizeof(span->label), label);
    }
}

static void report_beats(const findings *f, corpus_truth *estimate)
{
    estimate->bpm = f->beats.bpm;
    estimate->meter = f->beats.beats_per_bar;
    estimate->n_beats = f->beats.n_beats;
    estimate->beats_s = RF_NEW_ARRAY(double, f->beats.n_beats + 1);
    estimate->beat_numbers = RF_NEW_ARRAY(int, f->beats.n_beats + 1);
    for (size_t i = 0; i < f->beats.n_beats; i++) {
        estimate->beats_s[i] = f->beats.beats[i].time_s;
        estimate->beat_numbers[i] = f->beats.beats[i].number;
    }
}

static void report_sections(const findings *f, corpus_truth *estimate)
{
    estimate->n_sections = f->sections.n_rows;
    estimate->sections = RF_NEW_ARRAY(corpus_span, f->sections.n_rows + 1);
    for (size_t i = 0; i < f->sections.n_rows; i++) {
        estimate->sections[i].start_s = f->sections.rows[i].start_s;
        estimate->sections[i].end_s = f->sections.rows[i].end_s;
        (void)rf_copy_str(estimate->sections[i].label, sizeof(estimate->sections[i].label),
                          f->sections.rows[i].label);
    }
}

static int report(const findings *f, double duration_s, const char *path)
{
    corpus_truth estimate = {.duration_s = duration_s};
    analysis_key_name(&f->key, estimate.key);
    report_chords(f, &estimate);
    report_beats(f, &estimate);
    report_sections(f, &estimate);
    int rc = corpus_truth_save(path, &estimate);
    corpus_truth_done(&estimate);
    return rc;
}

static int estimate_file(const char *in, const char *out, int index)
{
    corpus_sounding s;
    int rate_hz = 0;
    int rc = corpus_wav_read(in, &s, &rate_hz);
    if (rc != 0) {
        return rc;
    }
    findings f = {.loudness_lufs = 0};
    double started = processor_seconds();
    rc = find_all(&s, rate_hz, &f);
    double seconds = processor_seconds() - started;
    double duration_s = (double)s.n_frames / rate_hz;
    rc = rc == 0 ? report(&f, duration_s, out) : rc;
    (void)printf("{\"file\":%d,\"seconds\":%.6f,\"duration\":%.3f,\"lufs\":%.3f}\n", index, seconds,
                 duration_s, f.loudness_lufs);
    analysis_beats_done(&f.beats);
    analysis_chords_done(&f.chords);
    analysis_sections_done(&f.sections);
    corpus_sounding_done(&s);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 3 || rf_mkdirs(argv[1], 0755) != 0) {
        (void)fputs("usage: corpus_estimate OUT-DIRECTORY FILE...\n"
                    "Writes OUT-DIRECTORY/<n>.json for file n (see corpus_truth.h) and prints the\n"
                    "seconds that all analyses together took.\n",
                    stderr);
        return 2;
    }
    int rc = 0;
    for (int i = 2; i < argc && rc == 0; i++) {
        RF_CLEANUP(rf_cleanup_free) char *out = rf_asprintf("%s/%d.json", argv[1], i - 2);
        rc = estimate_file(argv[i], out, i - 2);
        if (rc != 0) {
            (void)fprintf(stderr, "corpus_estimate: %s: %s\n", argv[i], strerror(-rc));
        }
    }
    return rc == 0 ? 0 : 1;
}
