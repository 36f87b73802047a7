/* How much each bar resembles each other, in harmony, sound and rhythm, and whether it is the same
 * place of the form. */
#include "analysis_form.h"

#include <errno.h>
#include <math.h>

#include "analysis_boundary_model.h"

#define COLOUR_SCALE 0.5f /* squared distance a band at which likeness is 1/e */
#define SOUND_SCALE 3.0f  /* dB a band, likewise */

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0.0f;
    for (size_t k = 0; k < n; k++) {
        sum += a[k] * b[k];
    }
    return sum;
}

/* One over the variance of each band of timbre in the song. */
static void timbre_scale(const analysis_form *form, float ret[ANALYSIS_N_TIMBRE])
{
    for (size_t b = 0; b < ANALYSIS_N_TIMBRE; b++) {
        double sum = 0;
        double square = 0;
        for (size_t i = 0; i < form->n; i++) {
            double v = (double)form->timbre[i * ANALYSIS_N_TIMBRE + b];
            sum += v;
            square += v * v;
        }
        double mean = sum / (double)form->n;
        double deviation = sqrt(RF_MAX(0.0, square / (double)form->n - mean * mean)) + 0.5; /* dB */
        ret[b] = (float)(1.0 / (deviation * deviation));
    }
}

static void compare_timbre(analysis_form *form, size_t i, size_t j, const float *scale)
{
    const float *a = form->timbre + i * ANALYSIS_N_TIMBRE;
    const float *b = form->timbre + j * ANALYSIS_N_TIMBRE;
    float square = 0.0f;
    float scaled = 0.0f;
    for (int k = 0; k < ANALYSIS_N_TIMBRE; k++) {
        float d = a[k] - b[k];
        square += d * d;
        scaled += d * d * scale[k];
    }
    form->like_colour[i * form->n + j] = expf(-scaled / ANALYSIS_N_TIMBRE / COLOUR_SCALE);
    form->like_sound[i * form->n + j] = expf(-sqrtf(square / ANALYSIS_N_TIMBRE) / SOUND_SCALE);
}

static void compare(analysis_form *form, size_t i, size_t j, const float *scale)
{
    size_t at = i * form->n + j;
    const float *rhythm_i = form->rhythm + i * ANALYSIS_N_RHYTHM;
    const float *rhythm_j = form->rhythm + j * ANALYSIS_N_RHYTHM;
    float energy =
        dot(rhythm_i, rhythm_i, ANALYSIS_N_RHYTHM) * dot(rhythm_j, rhythm_j, ANALYSIS_N_RHYTHM);
    float melody = dot(form->melody + i * ANALYSIS_N_MELODY, form->melody + j * ANALYSIS_N_MELODY,
                       ANALYSIS_N_MELODY);
    compare_timbre(form, i, j, scale);
    form->like_harmony[at] = dot(form->harmony + i * ANALYSIS_N_HARMONY,
                                 form->harmony + j * ANALYSIS_N_HARMONY, ANALYSIS_N_HARMONY);
    form->like_rhythm[at] =
        energy > 0.0f ? dot(rhythm_i, rhythm_j, ANALYSIS_N_RHYTHM) / sqrtf(energy) : 1.0f;
    form->odds[at] = ANALYSIS_SAME_BIAS + ANALYSIS_SAME_WEIGHTS[0] * melody +
                     ANALYSIS_SAME_WEIGHTS[1] * form->like_sound[at] +
                     ANALYSIS_SAME_WEIGHTS[2] * form->like_harmony[at];
}

static void mirror(float *matrix, size_t n, size_t i, size_t j)
{
    matrix[j * n + i] = matrix[i * n + j];
}

static void sum_diagonals(analysis_form *form)
{
    size_t n = form->n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            float chance = 1.0f / (1.0f + expf(-form->odds[i * n + j]));
            form->same_run[(i + 1) * (n + 1) + j + 1] = form->same_run[i * (n + 1) + j] + chance;
        }
    }
}

static int alloc_matrices(analysis_form *form)
{
    size_t size = form->n * form->n;
    form->like_harmony = calloc(size, sizeof(float));
    form->like_colour = calloc(size, sizeof(float));
    form->like_sound = calloc(size, sizeof(float));
    form->like_rhythm = calloc(size, sizeof(float));
    form->odds = calloc(size, sizeof(float));
    form->same_run = calloc((form->n + 1) * (form->n + 1), sizeof(float));
    bool ok = form->like_harmony != NULL && form->like_colour != NULL && form->like_sound != NULL &&
              form->like_rhythm != NULL && form->odds != NULL && form->same_run != NULL;
    return ok ? 0 : -ENOMEM;
}

int analysis_form_compare(analysis_form *form, const analysis_control *control)
{
    float scale[ANALYSIS_N_TIMBRE];
    if (alloc_matrices(form) < 0) {
        return -ENOMEM;
    }
    timbre_scale(form, scale);
    for (size_t i = 0; i < form->n; i++) {
        if (analysis_cancelled(control)) {
            return -ECANCELED;
        }
        for (size_t j = 0; j <= i; j++) {
            compare(form, i, j, scale);
            mirror(form->like_harmony, form->n, i, j);
            mirror(form->like_colour, form->n, i, j);
            mirror(form->like_sound, form->n, i, j);
            mirror(form->like_rhythm, form->n, i, j);
            mirror(form->odds, form->n, i, j);
        }
    }
    sum_diagonals(form);
    return 0;
}

float analysis_form_same(const analysis_form *form, size_t i, size_t j, size_t n_bars)
{
    size_t stride = form->n + 1;
    float sum = form->same_run[(i + n_bars) * stride + j + n_bars] - form->same_run[i * stride + j];
    return sum / (float)n_bars;
}
