#include "rf_loudness.h"

#include "rf_kweight.h"
#include "rf_true_peak.h"

#include <errno.h>
#include <math.h>

#define STEPS_HZ 100
#define MOMENTARY_STEPS 40
#define SHORT_TERM_STEPS 300
#define SHORT_TERM_EVERY 5   /* steps: 50 ms */
#define GATE_EVERY 10        /* steps: blocks of 400 ms overlap by three quarters */
#define RANGE_EVERY STEPS_HZ /* steps: windows of 3 s overlap by two thirds */
#define OFFSET_LU (-0.691)
#define ABSOLUTE_GATE_LUFS (-70.0)
#define INTEGRATED_GATE_LU (-10.0)
#define RANGE_GATE_LU (-20.0)
#define RANGE_LOW 0.10
#define RANGE_HIGH 0.95
#define SURROUND 1.41

/* Mean squares above the absolute gate. Each of the first N_SINGLE is known, so that the relative
 * gate is exact where one block matters; of more, 0.05 LU apart, the energies are, so that only the
 * gate's place is rounded. */
#define BINS_PER_LU 20
#define N_BINS (110 * BINS_PER_LU)
#define N_SINGLE 4096

typedef struct histogram {
    uint32_t counts[N_BINS];
    double energies[N_BINS];
    uint32_t n; /* in all, not beyond N_SINGLE + 1 */
    double singles[N_SINGLE];
} histogram;

struct rf_loudness_meter {
    uint32_t n_channels;
    uint32_t rate_hz;
    double weights[RF_MEDIA_MAX_CHANNELS];
    rf_kweight kweight;
    rf_true_peak_filter peak_filter;
    rf_kweight_state pairs[(RF_MEDIA_MAX_CHANNELS + 1) / 2];
    rf_true_peak *peaks; /* n_channels */
    int64_t n_frames;
    int64_t n_steps;                /* complete */
    double energy;                  /* of the step that is being taken */
    double steps[SHORT_TERM_STEPS]; /* energies of the last ones */
    double momentary;               /* mean squares of the last windows */
    double short_term;
    double momentary_max;
    double short_term_max;
    histogram blocks;
    histogram windows;
};

/* ---- levels ---- */

static double lufs_of(double mean_square)
{
    return mean_square > 0 ? OFFSET_LU + 10 * log10(mean_square) : -HUGE_VAL;
}

static double decibel(double peak)
{
    return peak > 0 ? 20 * log10(peak) : -HUGE_VAL;
}

static void note(histogram *h, double mean_square)
{
    const double above = lufs_of(mean_square) - ABSOLUTE_GATE_LUFS;
    if (above >= 0) {
        const size_t bin = (size_t)fmin(above * BINS_PER_LU, N_BINS - 1);
        h->counts[bin]++;
        h->energies[bin] += mean_square;
        if (h->n < N_SINGLE) {
            h->singles[h->n] = mean_square;
        }
        h->n = RF_MIN(h->n + 1, (uint32_t)N_SINGLE + 1);
    }
}

/* The relative gate above the absolute one, in LU: so far from the mean of all. */
static double gate(const histogram *h, double from_mean_lu)
{
    double energy = 0;
    double n = 0;
    for (size_t i = 0; i < N_BINS; i++) {
        energy += h->energies[i];
        n += h->counts[i];
    }
    return n > 0 ? fmax(lufs_of(energy / n) + from_mean_lu - ABSOLUTE_GATE_LUFS, 0) : 0;
}

static double integrated(const histogram *h)
{
    const double above = gate(h, INTEGRATED_GATE_LU);
    double energy = 0;
    double n = 0;
    if (h->n <= N_SINGLE) {
        for (uint32_t i = 0; i < h->n; i++) {
            const bool counts = lufs_of(h->singles[i]) - ABSOLUTE_GATE_LUFS >= above;
            energy += counts ? h->singles[i] : 0;
            n += counts;
        }
    } else {
        for (size_t i = (size_t)(above * BINS_PER_LU); i < N_BINS; i++) {
            energy += h->energies[i];
            n += h->counts[i];
        }
    }
    return n > 0 ? lufs_of(energy / n) : -HUGE_VAL;
}

/* The level of the one that `rank` lie below, from bin `at` on. */
static double level_at(const histogram *h, size_t at, uint64_t rank)
{
    uint64_t below = h->counts[at];
    while (below <= rank) {
        below += h->counts[++at];
    }
    return lufs_of(h->energies[at] / h->counts[at]);
}

static double range(const histogram *h)
{
    const size_t first = (size_t)(gate(h, RANGE_GATE_LU) * BINS_PER_LU);
    uint64_t n = 0;
    for (size_t i = first; i < N_BINS; i++) {
        n += h->counts[i];
    }
    if (n == 0) {
        return 0;
    }
    const double last = (double)(n - 1);
    return level_at(h, first, (uint64_t)(last * RANGE_HIGH + 0.5)) -
           level_at(h, first, (uint64_t)(last * RANGE_LOW + 0.5));
}

/* ---- steps of 10 ms ---- */

/* The first frame behind step n; to the nearest frame. */
static int64_t step_end(const rf_loudness_meter *meter, int64_t n)
{
    return (n * meter->rate_hz + STEPS_HZ / 2) / STEPS_HZ;
}

/* The mean square of the last n steps. */
static double mean_square(const rf_loudness_meter *meter, int64_t n)
{
    double energy = 0;
    for (int64_t i = RF_MAX(meter->n_steps - n, (int64_t)0); i < meter->n_steps; i++) {
        energy += meter->steps[i % SHORT_TERM_STEPS];
    }
    return energy / ((double)n * meter->rate_hz / STEPS_HZ);
}

static void end_step(rf_loudness_meter *m)
{
    m->steps[m->n_steps++ % SHORT_TERM_STEPS] = m->energy;
    m->energy = 0;
    m->momentary = mean_square(m, MOMENTARY_STEPS);
    m->momentary_max = fmax(m->momentary_max, m->momentary);
    if (m->n_steps % GATE_EVERY == 0 && m->n_steps >= MOMENTARY_STEPS) {
        note(&m->blocks, m->momentary);
    }
    if (m->n_steps % SHORT_TERM_EVERY == 0) {
        m->short_term = mean_square(m, SHORT_TERM_STEPS);
        m->short_term_max = fmax(m->short_term_max, m->short_term);
    }
    if (m->n_steps % RANGE_EVERY == 0 && m->n_steps >= SHORT_TERM_STEPS) {
        note(&m->windows, m->short_term);
    }
}

/* At most to the end of the step. */
static void take(rf_loudness_meter *m, const float *data, size_t n)
{
    const uint32_t channels = m->n_channels;
    for (uint32_t c = 0; c < channels; c += 2) {
        const bool next = c + 1 < channels;
        const rf_pair e =
            rf_kweight_energy(&m->kweight, &m->pairs[c / 2], data, n, channels, c, next);
        m->energy += e[0] * m->weights[c] + (next ? e[1] * m->weights[c + 1] : 0);
    }
    for (uint32_t c = 0; c < channels; c++) {
        rf_true_peak_add(&m->peaks[c], &m->peak_filter, data + c, n, channels);
    }
    m->n_frames += (int64_t)n;
}

void rf_loudness_meter_add(rf_loudness_meter *meter, const float *data, int64_t n)
{
    while (n > 0) {
        const int64_t part = RF_MIN(n, step_end(meter, meter->n_steps + 1) - meter->n_frames);
        take(meter, data, (size_t)part);
        data += part * meter->n_channels;
        n -= part;
        if (meter->n_frames == step_end(meter, meter->n_steps + 1)) {
            end_step(meter);
        }
    }
}

/* ---- life ---- */

/* BS.1770 weighs surrounds and leaves the LFE out; mono is measured as one channel, not as two.
 * 6.1 and 7.1 are as 5.1, what follows is surround; WAVE order beyond that is front. */
static void set_weights(rf_loudness_meter *m)
{
    static const double first[7][6] = {{0},
                                       {1},
                                       {1, 1},
                                       {1, 1, 1},
                                       {1, 1, SURROUND, SURROUND},
                                       {1, 1, 1, SURROUND, SURROUND},
                                       {1, 1, 1, 0, SURROUND, SURROUND}};
    for (uint32_t c = 0; c < m->n_channels; c++) {
        if (m->n_channels > 8) {
            m->weights[c] = 1;
        } else {
            m->weights[c] = c < 6 ? first[RF_MIN(m->n_channels, 6U)][c] : SURROUND;
        }
    }
}

int rf_loudness_meter_new(uint32_t n_channels, uint32_t rate_hz, rf_loudness_meter **ret_meter)
{
    if (n_channels < 1 || n_channels > RF_MEDIA_MAX_CHANNELS || rate_hz < RF_MEDIA_MIN_RATE_HZ ||
        rate_hz > RF_MEDIA_MAX_RATE_HZ) {
        return -EINVAL;
    }
    rf_loudness_meter *meter = RF_NEW(rf_loudness_meter);
    meter->n_channels = n_channels;
    meter->rate_hz = rate_hz;
    meter->peaks = RF_NEW_ARRAY(rf_true_peak, n_channels);
    rf_kweight_init(&meter->kweight, rate_hz);
    rf_true_peak_init(&meter->peak_filter, rate_hz);
    set_weights(meter);
    *ret_meter = meter;
    return 0;
}

rf_loudness_meter *rf_loudness_meter_free(rf_loudness_meter *meter)
{
    if (meter != NULL) {
        free(meter->peaks);
        free(meter);
    }
    return NULL;
}

void rf_loudness_meter_read(rf_loudness_meter *meter, rf_loudness *ret)
{
    float sample_peak = 0;
    float true_peak = 0;
    for (uint32_t c = 0; c < meter->n_channels; c++) {
        rf_true_peak_flush(&meter->peaks[c], &meter->peak_filter);
        sample_peak = fmaxf(sample_peak, meter->peaks[c].sample_peak);
        true_peak = fmaxf(true_peak, meter->peaks[c].true_peak);
    }
    *ret = (rf_loudness){.integrated_lufs = integrated(&meter->blocks),
                         .momentary_max_lufs = lufs_of(meter->momentary_max),
                         .short_term_max_lufs = lufs_of(meter->short_term_max),
                         .momentary_lufs = lufs_of(meter->momentary),
                         .short_term_lufs = lufs_of(meter->short_term),
                         .range_lu = range(&meter->windows),
                         .true_peak_dbtp = decibel((double)true_peak),
                         .sample_peak_dbfs = decibel((double)sample_peak)};
}

int rf_loudness_of(const rf_frames *frames, rf_loudness *ret)
{
    rf_loudness_meter *meter = NULL;
    int err = rf_loudness_meter_new(frames->n_channels, frames->rate_hz, &meter);
    if (err == 0) {
        rf_loudness_meter_add(meter, frames->data, frames->n_frames);
        rf_loudness_meter_read(meter, ret);
        rf_loudness_meter_free(meter);
    }
    return err;
}
