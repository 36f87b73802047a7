#include "analysis_onset.h"

#include <math.h>
#include <string.h>

#include "analysis_fft.h"
#include "analysis_source.h"

#define N_BINS (ANALYSIS_ONSET_WINDOW / 2 + 1)
#define N_FILTERS_MAX 96
#define LAG 2 /* frames between the spectra compared: 23 ms */
#define FILTERS_PER_OCTAVE 12
#define COMPRESSION 3000.0f /* log(1 + c x): with levelled audio the noise floor stays near 0 */

static const float BAND_EDGES_HZ[ANALYSIS_N_FLUX + 1] = {25, 120, 280, 700, 2000, 5000, 11100};

struct analysis_onset {
    analysis_fft *fft;
    int n_filters;
    int first[N_FILTERS_MAX + 2]; /* FFT bins at the filters' corners and peaks */
    int band[N_FILTERS_MAX];
    int n_in_band[ANALYSIS_N_FLUX];
    float history[LAG][N_FILTERS_MAX];
    int64_t n_pushed;
};

static int band_of(double hz)
{
    int band = 0;
    while (band < ANALYSIS_N_FLUX - 1 && hz >= (double)BAND_EDGES_HZ[band + 1]) {
        band++;
    }
    return band;
}

/* Corners at 12 to the octave, but never closer than one FFT bin. */
static void place_filters(analysis_onset *onset)
{
    double hz_per_bin = (double)ANALYSIS_RATE_HZ / ANALYSIS_ONSET_WINDOW;
    double hz = (double)BAND_EDGES_HZ[0];
    int n = 0;
    int last = 0;
    while (hz < (double)BAND_EDGES_HZ[ANALYSIS_N_FLUX] && n < N_FILTERS_MAX + 2) {
        int bin = (int)lround(hz / hz_per_bin);
        if (bin > last && bin < N_BINS) {
            onset->first[n++] = last = bin;
        }
        hz *= pow(2.0, 1.0 / FILTERS_PER_OCTAVE);
    }
    onset->n_filters = n - 2;
    for (int f = 0; f < onset->n_filters; f++) {
        onset->band[f] = band_of(onset->first[f + 1] * hz_per_bin);
        onset->n_in_band[onset->band[f]]++;
    }
}

analysis_onset *analysis_onset_new(void)
{
    analysis_onset *onset = RF_NEW(analysis_onset);
    onset->fft = analysis_fft_new(ANALYSIS_ONSET_WINDOW);
    place_filters(onset);
    return onset->fft != NULL ? onset : analysis_onset_free(onset);
}

analysis_onset *analysis_onset_free(analysis_onset *onset)
{
    if (onset != NULL) {
        analysis_fft_free(onset->fft);
        free(onset);
    }
    return NULL;
}

/* Triangular filter over FFT magnitudes from corner to corner, area normalised. */
static float filter_output(const float *power, int low, int peak, int high)
{
    float sum = 0.0f;
    float area = 0.0f;
    for (int k = low + 1; k < high; k++) {
        float weight = k <= peak ? (float)(k - low) / (float)(peak - low)
                                 : (float)(high - k) / (float)(high - peak);
        sum += weight * sqrtf(power[k]);
        area += weight;
    }
    return sum / area;
}

static float max_of_three(const float *v, int i, int n)
{
    float max = v[i];
    max = i > 0 ? RF_MAX(max, v[i - 1]) : max;
    return i + 1 < n ? RF_MAX(max, v[i + 1]) : max;
}

void analysis_onset_push(analysis_onset *onset, const float *pairs, float ret[ANALYSIS_N_FLUX])
{
    float power[N_BINS];
    float now[N_FILTERS_MAX];
    float *before = onset->history[onset->n_pushed % LAG];
    analysis_fft_power(onset->fft, pairs, power);
    for (int f = 0; f < onset->n_filters; f++) {
        const int *corner = onset->first + f;
        now[f] = logf(1.0f + COMPRESSION * filter_output(power, corner[0], corner[1], corner[2]));
    }
    memset(ret, 0, ANALYSIS_N_FLUX * sizeof(*ret));
    for (int f = 0; f < onset->n_filters && onset->n_pushed >= LAG; f++) {
        float rise = now[f] - max_of_three(before, f, onset->n_filters);
        ret[onset->band[f]] += RF_MAX(0.0f, rise) / (float)onset->n_in_band[onset->band[f]];
    }
    memcpy(before, now, sizeof(now));
    onset->n_pushed++;
}
