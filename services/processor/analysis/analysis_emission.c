#include "analysis_emission.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_chroma.h"

#define SILENT_LEVEL (-2.0f) /* 40 dB below the song */
#define SILENT_SCORE 100.0f
#define NEIGHBOURS 2 /* cells either side that the context averages */

static void to_unit(const float *v, float *ret)
{
    float square = 0.0f;
    for (int i = 0; i < 12; i++) {
        square += v[i] * v[i];
    }
    float scale = square > 1e-6f ? 1.0f / sqrtf(square) : 0.0f;
    for (int i = 0; i < 12; i++) {
        ret[i] = v[i] * scale;
    }
}

static float sum_of(const float *v)
{
    float sum = 0.0f;
    for (int i = 0; i < 12; i++) {
        sum += v[i];
    }
    return sum;
}

/* Largest against mean: 0 for flat, about 1 for few clear pitches. */
static float peakiness(const float *v)
{
    float sum = sum_of(v);
    float max = 0.0f;
    for (int i = 0; i < 12; i++) {
        max = RF_MAX(max, v[i]);
    }
    return sum > 1e-6f ? 12.0f / 11.0f * (max / sum - 1.0f / 12.0f) : 0.0f;
}

static float level_db(const analysis_frontend *frontend, const analysis_cell *cell)
{
    double rate = frontend->tone_rate_hz;
    size_t t = RF_MIN((size_t)(0.5 * (cell->start_s + cell->end_s) * rate), frontend->n_tone - 1);
    return RF_MAX(-80.0f, 20.0f * log10f(frontend->level[t] + 1e-9f));
}

static float song_level_db(const analysis_frontend *frontend)
{
    double sum = 0;
    for (size_t t = 0; t < frontend->n_tone; t++) {
        sum += (double)frontend->level[t] * (double)frontend->level[t];
    }
    return (float)(10.0 * log10(sum / (double)frontend->n_tone + 1e-12));
}

static void add_context(const analysis_chroma *chroma, size_t n, size_t i,
                        analysis_cell_chroma *ret)
{
    float treble[12] = {0};
    float bass[12] = {0};
    size_t low = i > NEIGHBOURS ? i - NEIGHBOURS : 0;
    for (size_t k = low; k < RF_MIN(n, i + NEIGHBOURS + 1); k++) {
        for (int p = 0; p < 12 && k != i; p++) {
            treble[p] += chroma[k].treble[p];
            bass[p] += chroma[k].bass[p];
        }
    }
    to_unit(treble, ret->input[2]);
    to_unit(bass, ret->input[3]);
}

static void describe_cell(const analysis_frontend *frontend, const analysis_cell *cell,
                          const analysis_chroma *chroma, float song_db, analysis_cell_chroma *ret)
{
    to_unit(chroma->treble, ret->input[0]);
    to_unit(chroma->bass, ret->input[1]);
    ret->none[0] = RF_MAX(-3.0f, (level_db(frontend, cell) - song_db) / 20.0f);
    ret->none[1] = peakiness(chroma->treble);
    ret->none[2] = peakiness(chroma->bass);
    ret->none[3] = log1pf(sum_of(chroma->treble)) - 2.0f;
}

int analysis_emission_describe(const analysis_frontend *frontend, const analysis_grid *grid,
                               const analysis_control *control, analysis_cell_chroma *ret)
{
    RF_CLEANUP(rf_cleanup_free) analysis_chroma *chroma = calloc(grid->n + 1, sizeof(*chroma));
    if (chroma == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < grid->n; i++) {
        const analysis_cell *cell = &grid->cells[i];
        analysis_chroma_mean(frontend, cell->start_s, cell->end_s, &chroma[i]);
        if (i % 256 == 0 && analysis_cancelled(control)) {
            return -ECANCELED;
        }
    }
    float song_db = grid->n > 0 ? song_level_db(frontend) : 0.0f;
    for (size_t i = 0; i < grid->n; i++) {
        describe_cell(frontend, &grid->cells[i], &chroma[i], song_db, &ret[i]);
        add_context(chroma, grid->n, i, &ret[i]);
    }
    return 0;
}

/* The network for one root. */
static void score_root(const analysis_cell_chroma *cell, int root, float ret[ANALYSIS_N_QUALITIES])
{
    float turned[ANALYSIS_CHORD_INPUTS];
    for (int i = 0; i < ANALYSIS_CHORD_INPUTS; i++) {
        turned[i] = cell->input[i / 12][(i % 12 + root) % 12];
    }
    memcpy(ret, ANALYSIS_CHORD_OUT_BIAS, sizeof(ANALYSIS_CHORD_OUT_BIAS));
    for (int h = 0; h < ANALYSIS_CHORD_HIDDEN; h++) {
        float sum = ANALYSIS_CHORD_HIDDEN_BIAS[h];
        for (int i = 0; i < ANALYSIS_CHORD_INPUTS; i++) {
            sum += ANALYSIS_CHORD_HIDDEN_WEIGHTS[h][i] * turned[i];
        }
        for (int q = 0; q < ANALYSIS_N_QUALITIES && sum > 0.0f; q++) {
            ret[q] += ANALYSIS_CHORD_OUT_WEIGHTS[q][h] * sum;
        }
    }
}

static void to_log_probabilities(float *v, int n)
{
    float max = v[0];
    float sum = 0.0f;
    for (int i = 1; i < n; i++) {
        max = RF_MAX(max, v[i]);
    }
    for (int i = 0; i < n; i++) {
        sum += expf(v[i] - max);
    }
    for (int i = 0; i < n; i++) {
        v[i] -= max + logf(sum);
    }
}

/* Nothing sounds: no pitch at all, or far below the song and near the noise floor. */
static bool is_silent(const analysis_cell_chroma *cell)
{
    return cell->none[0] <= SILENT_LEVEL || (cell->none[1] == 0.0f && cell->none[2] == 0.0f);
}

void analysis_emission_score(const analysis_cell_chroma *cell, float *ret)
{
    for (int root = 0; root < 12; root++) {
        score_root(cell, root, ret + root * ANALYSIS_N_QUALITIES);
    }
    float none = ANALYSIS_CHORD_NONE_BIAS;
    for (int i = 0; i < ANALYSIS_CHORD_NONE_INPUTS; i++) {
        none += ANALYSIS_CHORD_NONE_WEIGHTS[i] * cell->none[i];
    }
    ret[ANALYSIS_N_CHORD_STATES - 1] = is_silent(cell) ? SILENT_SCORE : none;
    to_log_probabilities(ret, ANALYSIS_N_CHORD_STATES);
}
