#include "analysis_fft.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>

struct analysis_fft {
    int length;
    float *window;
    fftwf_complex *buf;
    fftwf_plan plan;
};

static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;

void analysis_fft_plan_lock(void)
{
    pthread_mutex_lock(&plan_lock);
}

void analysis_fft_plan_unlock(void)
{
    pthread_mutex_unlock(&plan_lock);
}

/* Window scaled so that a full-scale sine has a peak magnitude of 1. */
static void fill_window(float *window, int length)
{
    for (int i = 0; i < length; i++) {
        double hann = 0.5 - 0.5 * cos(2.0 * M_PI * i / length);
        window[i] = (float)(4.0 * hann / length);
    }
}

analysis_fft *analysis_fft_new(int length)
{
    analysis_fft *fft = RF_NEW(analysis_fft);
    fft->length = length;
    fft->window = RF_NEW_ARRAY(float, (size_t)length);
    fill_window(fft->window, length);
    analysis_fft_plan_lock();
    fft->buf = fftwf_alloc_complex((size_t)length);
    if (fft->buf != NULL) {
        fft->plan = fftwf_plan_dft_1d(length, fft->buf, fft->buf, FFTW_FORWARD, FFTW_ESTIMATE);
    }
    analysis_fft_plan_unlock();
    return fft->plan != NULL ? fft : analysis_fft_free(fft);
}

analysis_fft *analysis_fft_free(analysis_fft *fft)
{
    if (fft == NULL) {
        return NULL;
    }
    analysis_fft_plan_lock();
    if (fft->plan != NULL) {
        fftwf_destroy_plan(fft->plan);
    }
    fftwf_free(fft->buf);
    analysis_fft_plan_unlock();
    free(fft->window);
    free(fft);
    return NULL;
}

/* With z = l + i r: |L|^2 + |R|^2 = (|Z[k]|^2 + |Z[n - k]|^2) / 2, one transform for two channels.
 */
void analysis_fft_power(analysis_fft *fft, const float *pairs, float *ret_power)
{
    int n = fft->length;
    for (int i = 0; i < n; i++) {
        fft->buf[i][0] = pairs[2 * i] * fft->window[i];
        fft->buf[i][1] = pairs[2 * i + 1] * fft->window[i];
    }
    fftwf_execute(fft->plan);
    for (int k = 0; k <= n / 2; k++) {
        const float *up = fft->buf[k];
        const float *down = fft->buf[(n - k) % n];
        ret_power[k] =
            0.25f * (up[0] * up[0] + up[1] * up[1] + down[0] * down[0] + down[1] * down[1]);
    }
}
