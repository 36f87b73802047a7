#include "sound_measure.h"

#include "analysis_fft.h"

#include <ebur128.h>
#include <math.h>
#include <string.h>

#define FFT_LENGTH 8192
#define HOP 4096
#define LOW_HZ 20.0
#define HIGH_HZ 120.0

static double to_db(double amplitude)
{
    return 20 * log10(amplitude + 1e-12);
}

static void meter(const sound_take *take, sound_figures *ret)
{
    ebur128_state *state =
        ebur128_init(JAM_CHANNELS, JAM_RATE_HZ, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
    for (size_t at = 0; at < take->n; at += JAM_FRAME_SAMPLES) {
        float pairs[2 * JAM_FRAME_SAMPLES];
        for (size_t i = 0; i < JAM_FRAME_SAMPLES; i++) {
            pairs[2 * i] = take->left[at + i];
            pairs[2 * i + 1] = take->right[at + i];
        }
        (void)ebur128_add_frames_float(state, pairs, JAM_FRAME_SAMPLES);
    }
    double left = 0, right = 0;
    (void)ebur128_loudness_global(state, &ret->lufs);
    (void)ebur128_true_peak(state, 0, &left);
    (void)ebur128_true_peak(state, 1, &right);
    ret->peak_dbtp = to_db(fmax(left, right));
    ebur128_destroy(&state);
}

/* Every 10 s that start on a whole second. */
static double largest_mean(const float *x, size_t n)
{
    double most = 0;
    for (size_t at = 0; at + 480000 <= n; at += JAM_RATE_HZ) {
        double sum = 0;
        for (size_t i = 0; i < 480000; i++) {
            sum += (double)x[at + i];
        }
        most = fmax(most, fabs(sum) / 480000);
    }
    return most;
}

static double correlate(const sound_take *take)
{
    double both = 0, left = 0, right = 0;
    for (size_t i = 0; i < take->n; i++) {
        const double l = take->left[i], r = take->right[i];
        both += l * r;
        left += l * l;
        right += r * r;
    }
    return both / sqrt(left * right + 1e-20);
}

static size_t count_silences(const sound_take *take)
{
    size_t n = 0;
    for (size_t at = 4800; at + 4800 <= take->n; at += 2400) {
        double sum = 0;
        for (size_t i = at; i < at + 4800; i++) {
            const double l = take->left[i], r = take->right[i];
            sum += l * l + r * r;
        }
        n += to_db(sqrt(sum / 9600)) < -80;
    }
    return n;
}

typedef struct spectrum {
    double power[FFT_LENGTH / 2 + 1]; /* of all frames */
    double centroid_sum, weight;
} spectrum;

static void add_frame(const sound_take *take, size_t at, analysis_fft *fft, spectrum *ret)
{
    float pairs[2 * FFT_LENGTH], power[FFT_LENGTH / 2 + 1];
    for (size_t i = 0; i < FFT_LENGTH; i++) {
        pairs[2 * i] = take->left[at + i];
        pairs[2 * i + 1] = take->right[at + i];
    }
    analysis_fft_power(fft, pairs, power);
    double first = 0, total = 0;
    for (size_t k = 1; k <= FFT_LENGTH / 2; k++) {
        const double p = power[k];
        ret->power[k] += p;
        first += sqrt(p) * (double)k;
        total += sqrt(p);
    }
    if (total > 1e-6) {
        const double weight = sqrt(total);
        ret->centroid_sum += weight * first / total * JAM_RATE_HZ / FFT_LENGTH;
        ret->weight += weight;
    }
}

static void analyse(const sound_take *take, spectrum *ret)
{
    analysis_fft *fft = analysis_fft_new(FFT_LENGTH);
    memset(ret, 0, sizeof(*ret));
    for (size_t at = 0; at + FFT_LENGTH <= take->n; at += HOP) {
        add_frame(take, at, fft, ret);
    }
    (void)analysis_fft_free(fft);
}

double sound_centroid(const sound_take *take)
{
    spectrum s;
    analyse(take, &s);
    return s.centroid_sum / fmax(s.weight, 1e-12);
}

static uint64_t hash(const sound_take *take)
{
    uint64_t h = 14695981039346656037U;
    const float *const channels[2] = {take->left, take->right};
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < take->n; i++) {
            uint32_t bits;
            memcpy(&bits, &channels[c][i], sizeof(bits));
            h = (h ^ bits) * 1099511628211U;
        }
    }
    return h;
}

void sound_measure(const sound_take *take, sound_figures *ret)
{
    static spectrum s;
    *ret = (sound_figures){.hash = hash(take)};
    meter(take, ret);
    ret->dc = fmax(largest_mean(take->left, take->n), largest_mean(take->right, take->n));
    ret->correlation = correlate(take);
    ret->silences = count_silences(take);
    analyse(take, &s);
    ret->centroid_hz = s.centroid_sum / fmax(s.weight, 1e-12);
    double low = 0, all = 0;
    for (size_t k = 1; k <= FFT_LENGTH / 2; k++) {
        const double hz = (double)k * JAM_RATE_HZ / FFT_LENGTH;
        all += s.power[k];
        low += hz >= LOW_HZ && hz <= HIGH_HZ ? s.power[k] : 0;
    }
    ret->low_share = low / fmax(all, 1e-20);
}
