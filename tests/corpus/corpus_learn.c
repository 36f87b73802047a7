/* corpus_learn - writes what the masks of stems and drums are trained on; see train_masks.py. */
#include "analysis_split.h"
#include "analysis_templates.h"
#include "corpus_file.h"
#include "corpus_render.h"

#include <errno.h>
#include <fftw3.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OVERLAP 4
#define BINS_A_TIME 100
#define TIMES_APART 7

typedef struct lesson {
    bool drums;
    int length, hop;
    size_t n_times, n_bins;
    float *window;
    float *samples;
    fftwf_complex *spectrum;
    fftwf_plan plan;
    corpus_sounding mix, stems[CORPUS_N_STEMS];
    analysis_planes planes;
    float *targets[2]; /* [n_times][n_bins] share of the wanted stem */
} lesson;

static void transform(lesson *l, const float *x, size_t time)
{
    for (int i = 0; i < l->length; i++) {
        int64_t at = ((int64_t)time - (OVERLAP - 1)) * l->hop + i;
        bool inside = at >= 0 && at < (int64_t)l->mix.n_frames;
        l->samples[i] = inside ? x[at] * l->window[i] : 0;
    }
    fftwf_execute(l->plan);
}

static void fill_planes(lesson *l, size_t t, fftwf_complex *left)
{
    transform(l, l->mix.left, t);
    memcpy(left, l->spectrum, l->n_bins * sizeof(*left));
    transform(l, l->mix.right, t);
    for (size_t b = 0; b < l->n_bins; b++) {
        const float *x = left[b], *y = l->spectrum[b];
        float xx = x[0] * x[0] + x[1] * x[1], yy = y[0] * y[0] + y[1] * y[1];
        float both = xx + yy + 1e-12f;
        l->planes.level[t * l->n_bins + b] = 4.0f / (float)l->length * sqrtf(0.5f * both);
        l->planes.centre[t * l->n_bins + b] = 0.5f + (x[0] * y[0] + x[1] * y[1]) / both;
        l->planes.balance[t * l->n_bins + b] = fabsf(xx - yy) / both;
    }
}

/* The real factor that takes the mix nearest to the stem, both channels together. */
static void fill_target(lesson *l, size_t t, corpus_stem stem, float *out, fftwf_complex *scratch)
{
    const float *mixes[2] = {l->mix.left, l->mix.right};
    const float *wanted[2] = {l->stems[stem].left, l->stems[stem].right};
    float *powers = out + l->n_times * l->n_bins; /* scratch behind the targets */
    float *row = out + t * l->n_bins;
    memset(powers, 0, l->n_bins * sizeof(float));
    for (int c = 0; c < 2; c++) {
        transform(l, mixes[c], t);
        memcpy(scratch, l->spectrum, l->n_bins * sizeof(*scratch));
        transform(l, wanted[c], t);
        for (size_t b = 0; b < l->n_bins; b++) {
            row[b] += scratch[b][0] * l->spectrum[b][0] + scratch[b][1] * l->spectrum[b][1];
            powers[b] += scratch[b][0] * scratch[b][0] + scratch[b][1] * scratch[b][1];
        }
    }
    for (size_t b = 0; b < l->n_bins; b++) {
        row[b] = fmaxf(0, fminf(1, row[b] / (powers[b] + 1e-12f)));
    }
}

static int load(lesson *l, const char *directory, const char *mix)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s.wav", directory, mix);
    int rc = corpus_wav_read(path, &l->mix, NULL);
    for (int i = 0; i < CORPUS_N_STEMS && rc == 0; i++) {
        RF_CLEANUP(rf_cleanup_free)
        char *stem = rf_asprintf("%s/%s.%s.wav", directory, mix, corpus_stem_name((corpus_stem)i));
        rc = corpus_wav_read(stem, &l->stems[i], NULL);
    }
    return rc;
}

static void prepare(lesson *l)
{
    l->length = l->drums ? 2048 : 4096;
    l->hop = l->length / OVERLAP;
    l->n_times = l->mix.n_frames / (size_t)l->hop;
    l->planes.bin_hz = (double)CORPUS_RATE_HZ / l->length;
    l->planes.time_s = (double)l->hop / CORPUS_RATE_HZ;
    l->n_bins = (size_t)(ANALYSIS_SPLIT_TOP_HZ / l->planes.bin_hz) + 1;
    l->planes.n_bins = l->n_bins;
    l->planes.n_times = l->n_times;
    l->window = RF_NEW_ARRAY(float, (size_t)l->length);
    for (int i = 0; i < l->length; i++) {
        l->window[i] = (float)sqrt(0.5 - 0.5 * cos(2.0 * M_PI * i / l->length));
    }
    l->samples = fftwf_alloc_real((size_t)l->length);
    l->spectrum = fftwf_alloc_complex((size_t)l->length / 2 + 1);
    l->plan = fftwf_plan_dft_r2c_1d(l->length, l->samples, l->spectrum, FFTW_ESTIMATE);
    float **planes[] = {&l->planes.level, &l->planes.centre, &l->planes.balance, &l->targets[0],
                        &l->targets[1]};
    for (size_t i = 0; i < RF_ARRAY_LEN(planes); i++) {
        *planes[i] = RF_NEW_ARRAY(float, (l->n_times + 1) * l->n_bins);
    }
}

static void finish(lesson *l)
{
    fftwf_destroy_plan(l->plan);
    fftwf_free(l->samples);
    fftwf_free(l->spectrum);
    free(l->window);
    free(l->planes.level);
    free(l->planes.centre);
    free(l->planes.balance);
    free(l->targets[0]);
    free(l->targets[1]);
    corpus_sounding_done(&l->mix);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_sounding_done(&l->stems[i]);
    }
}

static double mean_power(const lesson *l)
{
    double sum = 1e-12;
    for (size_t i = 0; i < l->n_times * l->n_bins; i++) {
        sum += pow((double)l->planes.level[i], 2);
    }
    return sum / (double)(l->n_times * l->n_bins);
}

/* Louder bins are drawn more often; the weight makes up for it. */
static void write_time(const lesson *l, size_t t, const float *features, double power,
                       corpus_rng *rng)
{
    const float *level = l->planes.level + t * l->n_bins;
    double total = 0, floor_level = 0.1 * sqrt(power);
    for (size_t b = 0; b < l->n_bins; b++) {
        total += (double)level[b] + floor_level;
    }
    double step = total / BINS_A_TIME, next = step * corpus_unit(rng), at = 0;
    for (size_t b = 0; b < l->n_bins; b++) {
        at += (double)level[b] + floor_level;
        if (at < next) {
            continue;
        }
        next += step * ceil((at - next) / step + 1e-9);
        float row[3] = {l->targets[0][t * l->n_bins + b], l->targets[1][t * l->n_bins + b], 0};
        double share = fmin(1.0, ((double)level[b] + floor_level) / step);
        row[2] = (float)((double)level[b] * (double)level[b] / power / share);
        (void)fwrite(features + b * ANALYSIS_N_FEATURES, sizeof(float), ANALYSIS_N_FEATURES,
                     stdout);
        (void)fwrite(row, sizeof(float), 3, stdout);
    }
}

static void teach(lesson *l)
{
    fftwf_complex *scratch = fftwf_alloc_complex((size_t)l->length / 2 + 1);
    float *features = RF_NEW_ARRAY(float, l->n_bins *ANALYSIS_N_FEATURES);
    corpus_rng rng = corpus_rng_of(l->mix.n_frames, 1);
    for (size_t t = 0; t < l->n_times; t++) {
        fill_planes(l, t, scratch);
        fill_target(l, t, l->drums ? CORPUS_KICK : CORPUS_VOCALS, l->targets[0], scratch);
        if (l->drums) {
            fill_target(l, t, CORPUS_SNARE, l->targets[1], scratch);
        }
    }
    analysis_features *prepared = NULL;
    double power = mean_power(l);
    if (analysis_features_new(&l->planes, NULL, &prepared) == 0) {
        for (size_t t = (size_t)corpus_int(&rng, 0, 5); t < l->n_times; t += TIMES_APART) {
            analysis_features_at(prepared, t, features);
            write_time(l, t, features, power, &rng);
        }
    }
    analysis_features_free(prepared);
    free(features);
    fftwf_free(scratch);
}

/* Band spectra of each stem, for the templates: one row of bands a time, stem by stem. */
static void teach_bands(lesson *l)
{
    for (int stem = 0; stem < CORPUS_N_STEMS; stem++) {
        for (size_t t = 0; t < l->n_times; t += 3) {
            float row[ANALYSIS_N_BANDS + 1] = {(float)stem};
            transform(l, l->stems[stem].left, t);
            for (size_t b = 0; b < l->n_bins; b++) {
                row[1 + analysis_band_of((double)b * l->planes.bin_hz)] +=
                    4.0f / (float)l->length * hypotf(l->spectrum[b][0], l->spectrum[b][1]);
            }
            (void)fwrite(row, sizeof(float), RF_ARRAY_LEN(row), stdout);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fputs("usage: corpus_learn stems|drums|bands PIECE-DIRECTORY/MIX... > ROWS\n",
                    stderr);
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        char *slash = strrchr(argv[i], '/');
        lesson l = {.drums = strcmp(argv[1], "stems") != 0};
        if (slash == NULL) {
            return 2;
        }
        *slash = '\0';
        if (load(&l, argv[i], slash + 1) != 0) {
            continue; /* a clipped mix has no stems */
        }
        prepare(&l);
        if (strcmp(argv[1], "bands") == 0) {
            teach_bands(&l);
        } else {
            teach(&l);
        }
        finish(&l);
    }
    return 0;
}
