/* Signal-to-distortion ratios of separated sources. */
#include "corpus_metrics.h"
#include "corpus_synth.h"

#include <math.h>

static bool is_silent(const corpus_sounding *s, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++) {
        if (s->left[i] + s->right[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool any_silent(const corpus_sounding *sources, int n_sources, size_t start, size_t end)
{
    for (int i = 0; i < n_sources; i++) {
        if (is_silent(&sources[i], start, end)) {
            return true;
        }
    }
    return false;
}

static double frame_sdr(const corpus_sounding *reference, const corpus_sounding *estimate,
                        size_t start, size_t end)
{
    double signal = 0, error = 0;
    for (size_t i = start; i < end; i++) {
        double left = (double)reference->left[i], right = (double)reference->right[i];
        double left_error = left - (double)estimate->left[i];
        double right_error = right - (double)estimate->right[i];
        signal += left * left + right * right;
        error += left_error * left_error + right_error * right_error;
    }
    return error > 0 ? 10.0 * log10(signal / error) : INFINITY;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    if (n == 0) {
        return NAN;
    }
    qsort(values, n, sizeof(*values), compare_doubles);
    return 0.5 * (values[(n - 1) / 2] + values[n / 2]);
}

void corpus_sdr_median(const corpus_sounding *references, const corpus_sounding *estimates,
                       int n_sources, int rate_hz, double *ret_db)
{
    size_t window = (size_t)rate_hz, n_frames = references[0].n_frames;
    size_t n_windows = window < n_frames ? n_frames / window : 1;
    RF_CLEANUP(rf_cleanup_free) double *sdr = RF_NEW_ARRAY(double, n_windows);
    for (int source = 0; source < n_sources; source++) {
        size_t n = 0;
        for (size_t w = 0; w < n_windows; w++) {
            size_t start = w * window, end = RF_MIN(start + window, n_frames);
            if (!any_silent(references, n_sources, start, end) &&
                !any_silent(estimates, n_sources, start, end)) {
                sdr[n++] = frame_sdr(&references[source], &estimates[source], start, end);
            }
        }
        ret_db[source] = median(sdr, n);
    }
}
