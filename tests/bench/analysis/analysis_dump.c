/* analysis_dump - what the trained parts of the analyses see of a song, for train.py.
 * analysis_dump SONG.wav OUT writes, in this machine's byte order:
 *  int32 counts: candidates, level features, beat features, extent features
 *  per candidate: int32 beats; double period; double times[]; float level[]; float beats[][];
 *    float extent[][]
 *  int32 rows; float inputs of the activation[rows][]
 *  int32 cells; per cell: double start, end; then float inputs (4 x 12) and 4 more per cell
 *  float key shapes[5][12], chords' evidence[24][60]
 *  int32 bars; double starts[bars + 1]; int32 boundary features; float features[bars][];
 *    float melody[bars][8][84], timbre[bars][24], harmony[bars][4][24]
 */
#include <sndfile.h>
#include <stdio.h>

#include "analysis_boundary.h"
#include "analysis_emission.h"
#include "analysis_extent.h"
#include "analysis_key_chords.h"
#include "analysis_key_profile.h"
#include "analysis_level.h"

#define CELL_MAX_S 0.8

static void put(FILE *out, const void *data, size_t size, size_t n)
{
    if (fwrite(data, size, n, out) != n) {
        perror("analysis_dump");
        exit(1);
    }
}

static void put_count(FILE *out, size_t n)
{
    int32_t count = (int32_t)n;
    put(out, &count, sizeof(count), 1);
}

static analysis_frontend *load(const char *path)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (file == NULL || info.channels > ANALYSIS_CHANNELS_MAX) {
        return NULL;
    }
    size_t n = (size_t)info.frames, channels = (size_t)info.channels;
    float *samples = RF_NEW_ARRAY(float, n *channels + 1);
    sf_count_t read = sf_readf_float(file, samples, info.frames);
    n = read > 0 ? (size_t)read : 0;
    (void)sf_close(file);
    float *planes[ANALYSIS_CHANNELS_MAX];
    for (size_t c = 0; c < channels; c++) {
        planes[c] = RF_NEW_ARRAY(float, n + 1);
        for (size_t i = 0; i < n; i++) {
            planes[c][i] = samples[i * channels + c];
        }
    }
    analysis_audio audio = {(const float *const *)planes, info.channels, (int64_t)n,
                            info.samplerate};
    analysis_frontend *frontend = NULL;
    int err = analysis_frontend_new(&audio, NULL, &frontend);
    for (size_t c = 0; c < channels; c++) {
        free(planes[c]);
    }
    free(samples);
    return err == 0 ? frontend : NULL;
}

static void dump_inputs(FILE *out, const analysis_frontend *frontend, const analysis_pulse *pulse)
{
    size_t n = analysis_activation_frames(pulse->n);
    float *inputs = RF_NEW_ARRAY(float, n *ANALYSIS_N_ACTIVATION_INPUTS + 1);
    if (analysis_activation_inputs(frontend, pulse->bands, ANALYSIS_N_PULSE, inputs) < 0) {
        exit(1);
    }
    put_count(out, n);
    put(out, inputs, sizeof(float), n * ANALYSIS_N_ACTIVATION_INPUTS);
    free(inputs);
}

static void dump_candidates(FILE *out, const analysis_frontend *frontend)
{
    analysis_candidates *candidates = RF_NEW(analysis_candidates);
    analysis_pulse *pulse = analysis_pulse_new(frontend);
    if (pulse == NULL || analysis_candidates_find(frontend, pulse, NULL, candidates) < 0) {
        exit(1);
    }
    put_count(out, (size_t)candidates->n);
    put_count(out, ANALYSIS_N_LEVEL_FEATURES);
    put_count(out, ANALYSIS_N_BEAT_FEATURES);
    put_count(out, ANALYSIS_N_EXTENT);
    for (int c = 0; c < candidates->n; c++) {
        const analysis_candidate *candidate = &candidates->list[c];
        size_t n = candidate->track.n;
        float *features = RF_NEW_ARRAY(float, n *ANALYSIS_N_BEAT_FEATURES + 1);
        analysis_bars_features(frontend, pulse, &candidate->track, features);
        put_count(out, n);
        put(out, &candidate->period_s, sizeof(double), 1);
        put(out, candidate->track.times_s, sizeof(double), n);
        put(out, candidate->features, sizeof(float), ANALYSIS_N_LEVEL_FEATURES);
        put(out, features, sizeof(float), n * ANALYSIS_N_BEAT_FEATURES);
        if (analysis_extent_features(frontend, pulse, &candidate->track, features) < 0) {
            exit(1);
        }
        put(out, features, sizeof(float), n * ANALYSIS_N_EXTENT);
        free(features);
    }
    dump_inputs(out, frontend, pulse);
    analysis_candidates_done(candidates);
    analysis_pulse_free(pulse);
    free(candidates);
}

static void dump_cells(FILE *out, const analysis_frontend *frontend, const analysis_beats *beats)
{
    analysis_grid grid;
    analysis_grid_init(&grid, frontend->duration_s, beats, CELL_MAX_S);
    analysis_cell_chroma *cells = RF_NEW_ARRAY(analysis_cell_chroma, grid.n + 1);
    if (analysis_emission_describe(frontend, &grid, NULL, cells) < 0) {
        exit(1);
    }
    put_count(out, grid.n);
    for (size_t i = 0; i < grid.n; i++) {
        put(out, &grid.cells[i].start_s, sizeof(double), 1);
        put(out, &grid.cells[i].end_s, sizeof(double), 1);
    }
    put(out, cells, sizeof(*cells), grid.n);
    free(cells);
    analysis_grid_done(&grid);
}

static void dump_form(FILE *out, const analysis_frontend *frontend, const analysis_beats *beats)
{
    analysis_form form;
    if (analysis_form_init(&form, frontend, beats, NULL) < 0) {
        exit(1);
    }
    float *features = RF_NEW_ARRAY(float, form.n *ANALYSIS_N_BOUNDARY_FEATURES + 1);
    analysis_boundary_features(&form, features);
    put_count(out, form.n);
    put(out, form.start_s, sizeof(double), form.n + 1);
    put_count(out, ANALYSIS_N_BOUNDARY_FEATURES);
    put(out, features, ANALYSIS_N_BOUNDARY_FEATURES * sizeof(float), form.n);
    put(out, form.melody, ANALYSIS_N_MELODY * sizeof(float), form.n);
    put(out, form.timbre, ANALYSIS_N_TIMBRE * sizeof(float), form.n);
    put(out, form.harmony, ANALYSIS_N_HARMONY * sizeof(float), form.n);
    free(features);
    analysis_form_done(&form);
}

static void dump_key_chords(FILE *out, const analysis_frontend *frontend)
{
    analysis_chords chords;
    if (analysis_chords_find(frontend, NULL, NULL, &chords) < 0) {
        exit(1);
    }
    for (int key = 0; key < 24; key++) {
        float evidence[ANALYSIS_N_KEY_CHORDS];
        analysis_key_chords_describe(&chords, key, evidence);
        put(out, evidence, sizeof(evidence), 1);
    }
    analysis_chords_done(&chords);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("usage: analysis_dump SONG.wav OUT\n", stderr);
        return 2;
    }
    analysis_frontend *frontend = load(argv[1]);
    FILE *out = fopen(argv[2], "wb");
    analysis_beats beats = {0};
    analysis_key_profile key;
    if (frontend == NULL || out == NULL || analysis_beats_find(frontend, NULL, &beats) < 0 ||
        analysis_key_profile_make(frontend, NULL, &key) < 0) {
        (void)fprintf(stderr, "analysis_dump: cannot analyse %s\n", argv[1]);
        return 1;
    }
    dump_candidates(out, frontend);
    dump_cells(out, frontend, &beats);
    put(out, key.shape, sizeof(key.shape), 1);
    dump_key_chords(out, frontend);
    dump_form(out, frontend, &beats);
    analysis_beats_done(&beats);
    analysis_frontend_free(frontend);
    return fclose(out) == 0 ? 0 : 1;
}
