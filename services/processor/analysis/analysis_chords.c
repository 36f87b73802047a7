#include "analysis_chords.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_chroma.h"
#include "analysis_emission.h"
#include "analysis_grid.h"

#define CELL_MAX_S 0.8
#define N_STATES ANALYSIS_N_CHORD_STATES
#define NONE_STATE (N_STATES - 1)
#define INVERSION_RATIO 1.5f /* how much stronger than the root another bass must be */

/* Cost in nats of a change of chord, by where it falls. */
#define CHANGE_ON_DOWNBEAT 2.0f
#define CHANGE_ON_BEAT 3.0f
#define CHANGE_OFF_BEAT 4.5f

static const int INTERVALS[ANALYSIS_N_QUALITIES][4] = {
    [ANALYSIS_MAJ] = {0, 4, 7, 7},    [ANALYSIS_MIN] = {0, 3, 7, 7},
    [ANALYSIS_DOM7] = {0, 4, 7, 10},  [ANALYSIS_MAJ7] = {0, 4, 7, 11},
    [ANALYSIS_MIN7] = {0, 3, 7, 10},  [ANALYSIS_DIM] = {0, 3, 6, 6},
    [ANALYSIS_HDIM7] = {0, 3, 6, 10}, [ANALYSIS_DIM7] = {0, 3, 6, 9},
    [ANALYSIS_AUG] = {0, 4, 8, 8},    [ANALYSIS_SUS4] = {0, 5, 7, 7},
    [ANALYSIS_SUS2] = {0, 2, 7, 7},
};

typedef struct chord_path {
    analysis_grid grid;
    analysis_cell_chroma *cells;
    float *emissions; /* [n][N_STATES] */
    uint8_t *stays;   /* [n][N_STATES]: 1 when the best way here keeps the chord */
    uint8_t *best;    /* [n]: best state after each cell, where a change comes from */
    uint8_t *states;  /* [n]: the path found */
} chord_path;

static void path_done(chord_path *path)
{
    analysis_grid_done(&path->grid);
    free(path->cells);
    free(path->emissions);
    free(path->stays);
    free(path->best);
    free(path->states);
}

static int path_init(chord_path *path, const analysis_frontend *frontend,
                     const analysis_beats *beats)
{
    analysis_grid_init(&path->grid, frontend->duration_s, beats, CELL_MAX_S);
    size_t n = path->grid.n + 1;
    path->cells = calloc(n, sizeof(*path->cells));
    path->emissions = calloc(n, N_STATES * sizeof(float));
    path->stays = calloc(n, N_STATES);
    path->best = calloc(n, 1);
    path->states = calloc(n, 1);
    bool ok = path->cells != NULL && path->emissions != NULL && path->stays != NULL &&
              path->best != NULL && path->states != NULL;
    return ok ? 0 : -ENOMEM;
}

static float change_cost(const analysis_cell *cell)
{
    if (cell->number == 1) {
        return CHANGE_ON_DOWNBEAT;
    }
    return cell->number > 0 ? CHANGE_ON_BEAT : CHANGE_OFF_BEAT;
}

static uint8_t best_of(const float *scores)
{
    int best = 0;
    for (int s = 1; s < N_STATES; s++) {
        best = scores[s] > scores[best] ? s : best;
    }
    return (uint8_t)best;
}

/* Viterbi with one cost for any change: a chord stays, or follows the best chord so far. */
static void find_path(chord_path *path)
{
    float scores[N_STATES] = {0};
    size_t n = path->grid.n;
    for (size_t i = 0; i < n; i++) {
        float changed =
            i > 0 ? scores[path->best[i - 1]] - change_cost(&path->grid.cells[i]) : 0.0f;
        float base = i > 0 ? scores[path->best[i - 1]] : 0.0f;
        for (int s = 0; s < N_STATES; s++) {
            bool stays = scores[s] >= changed;
            path->stays[i * N_STATES + (size_t)s] = stays;
            scores[s] =
                (stays ? scores[s] : changed) - base + path->emissions[i * N_STATES + (size_t)s];
        }
        path->best[i] = best_of(scores);
    }
    uint8_t state = n > 0 ? path->best[n - 1] : 0;
    for (size_t i = n; i-- > 0;) {
        path->states[i] = state;
        if (!path->stays[i * N_STATES + state] && i > 0) {
            state = path->best[i - 1];
        }
    }
}

/* The pitch class that sounds lowest: another chord tone only when it is clearly above the root. */
static int find_bass(const analysis_frontend *frontend, const analysis_chord *chord)
{
    analysis_chroma chroma;
    analysis_chroma_mean(frontend, chord->start_s, chord->end_s, &chroma);
    int best = chord->root;
    float best_strength = INVERSION_RATIO * chroma.bass[chord->root];
    for (int i = 1; i < 4; i++) {
        int pitch = (chord->root + INTERVALS[chord->quality][i]) % 12;
        if (chroma.bass[pitch] > best_strength) {
            best = pitch;
            best_strength = chroma.bass[pitch];
        }
    }
    return best;
}

static analysis_chord make_row(const analysis_frontend *frontend, const chord_path *path,
                               size_t first, size_t end)
{
    int state = path->states[first];
    analysis_chord row = {
        .start_s = path->grid.cells[first].start_s,
        .end_s = path->grid.cells[end - 1].end_s,
        .root = ANALYSIS_NO_CHORD,
    };
    double sum = 0;
    for (size_t i = first; i < end; i++) {
        sum += exp((double)path->emissions[i * N_STATES + (size_t)state]);
    }
    row.confidence = (float)RF_MIN(1.0, sum / (double)(end - first));
    if (state != NONE_STATE) {
        row.root = state / ANALYSIS_N_QUALITIES;
        row.quality = (analysis_quality)(state % ANALYSIS_N_QUALITIES);
        row.bass = find_bass(frontend, &row);
    }
    return row;
}

static int make_rows(const analysis_frontend *frontend, const chord_path *path,
                     analysis_chords *ret)
{
    analysis_chords chords = {.rows = calloc(path->grid.n + 1, sizeof(*chords.rows))};
    if (chords.rows == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < path->grid.n;) {
        size_t end = i + 1;
        while (end < path->grid.n && path->states[end] == path->states[i]) {
            end++;
        }
        chords.rows[chords.n_rows++] = make_row(frontend, path, i, end);
        i = end;
    }
    *ret = chords;
    return 0;
}

int analysis_chords_find(const analysis_frontend *frontend, const analysis_beats *beats,
                         const analysis_control *control, analysis_chords *ret)
{
    chord_path path = {0};
    int err = path_init(&path, frontend, beats);
    if (err == 0) {
        err = analysis_emission_describe(frontend, &path.grid, control, path.cells);
    }
    for (size_t i = 0; i < path.grid.n && err == 0; i++) {
        analysis_emission_score(&path.cells[i], path.emissions + i * N_STATES);
        if (i % 128 == 0) {
            analysis_progress(control, (double)i / (double)path.grid.n);
            err = analysis_cancelled(control) ? -ECANCELED : 0;
        }
    }
    if (err == 0) {
        find_path(&path);
        err = make_rows(frontend, &path, ret);
    }
    path_done(&path);
    return err;
}

void analysis_chords_done(analysis_chords *chords)
{
    free(chords->rows);
    memset(chords, 0, sizeof(*chords));
}
