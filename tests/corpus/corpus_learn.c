/* corpus_learn - writes what the masks of stems and drums are trained on; see train_masks.py. */
#include "analysis_split.h"
#include "corpus_file.h"
#include "corpus_remix.h"
#include "corpus_render.h"
#include "corpus_spectra.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BINS_A_TIME 96
#define TIMES_APART 7
#define N_TARGETS 2 /* the second is 0 for stems */
#define POWER_S 1.0 /* powers are those of so long a time around */

/* The frames that a time is judged by, in steps; train_masks.py writes them to the tables. */
static const int taps[] = {-16, -12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12, 16};

/* One time of an excerpt. */
typedef struct record {
    float power, target_power[N_TARGETS + 1]; /* of the mix, the targets, and their sum */
    float frames[RF_ARRAY_LEN(taps)][ANALYSIS_N_FRAME_FEATURES];
    float band_power[ANALYSIS_N_BANDS];
    float band_share[N_TARGETS][ANALYSIS_N_BANDS];
    struct {
        float features[ANALYSIS_N_FEATURES];
        float position; /* among the bands */
        float share[N_TARGETS];
        float weight; /* its power, for the times that it was not drawn, too */
    } bins[BINS_A_TIME];
} record;

typedef struct lesson {
    int n_targets;
    corpus_stem targets[N_TARGETS];
    corpus_spectra spectra;
    corpus_sounding mix, stems[CORPUS_N_STEMS];
    analysis_planes planes;
    float *shares[N_TARGETS];      /* [n_times][n_bins] */
    double *powers[N_TARGETS + 2]; /* [n_times] of the mix, the targets, and their sum */
    fftwf_complex *mixed[2], *wanted[2];
    float *features; /* [ANALYSIS_N_FEATURES][n_bins] */
} lesson;

static void both_channels(lesson *l, const corpus_sounding *s, size_t t, fftwf_complex *const *ret)
{
    const float *channels[2] = {s->left, s->right};
    for (int c = 0; c < 2; c++) {
        corpus_spectra_forward(&l->spectra, channels[c], s->n_frames, t);
        memcpy(ret[c], l->spectra.spectrum, l->spectra.n_bins * sizeof(**ret));
    }
}

static void fill_planes(lesson *l, size_t t)
{
    float scale = 4.0f / (float)l->spectra.length;
    both_channels(l, &l->mix, t, l->mixed);
    for (size_t b = 0; b < l->planes.n_bins; b++) {
        const float *x = l->mixed[0][b], *y = l->mixed[1][b];
        size_t at = t * l->planes.n_bins + b;
        float xx = x[0] * x[0] + x[1] * x[1], yy = y[0] * y[0] + y[1] * y[1];
        float both = xx + yy + 1e-12f;
        l->planes.level[at] = scale * sqrtf(0.5f * both);
        l->planes.centre[at] = 0.5f + (x[0] * y[0] + x[1] * y[1]) / both;
        l->planes.balance[at] = fabsf(xx - yy) / both;
        l->powers[0][t] += (double)l->planes.level[at] * (double)l->planes.level[at];
    }
}

/* Shares and power of one target; the sum's power counts what overlaps twice, as hits rarely do. */
static void fill_target(lesson *l, size_t t, int target)
{
    double scale = pow(4.0 / l->spectra.length, 2) / 2.0;
    both_channels(l, &l->stems[l->targets[target]], t, l->wanted);
    for (size_t b = 0; b < l->planes.n_bins; b++) {
        const float *x = l->wanted[0][b], *y = l->wanted[1][b];
        double power = scale * (double)(x[0] * x[0] + x[1] * x[1] + y[0] * y[0] + y[1] * y[1]);
        l->shares[target][t * l->planes.n_bins + b] =
            corpus_ideal_share(l->mixed[0][b], l->mixed[1][b], x, y);
        l->powers[1 + target][t] += power;
        l->powers[1 + N_TARGETS][t] += power;
    }
}

static void prepare(lesson *l, bool drums)
{
    *l = (lesson){.n_targets = drums ? 2 : 1, .targets = {CORPUS_VOCALS, CORPUS_VOCALS}};
    if (drums) {
        l->targets[0] = CORPUS_KICK;
        l->targets[1] = CORPUS_SNARE;
    }
    corpus_spectra_init(&l->spectra, drums ? 2048 : 4096);
    for (int c = 0; c < 2; c++) {
        l->mixed[c] = fftwf_alloc_complex(l->spectra.n_bins);
        l->wanted[c] = fftwf_alloc_complex(l->spectra.n_bins);
    }
    l->planes.bin_hz = (double)CORPUS_RATE_HZ / l->spectra.length;
    l->planes.time_s = (double)l->spectra.hop / CORPUS_RATE_HZ;
    l->planes.n_bins = (size_t)(ANALYSIS_SPLIT_TOP_HZ / l->planes.bin_hz) + 1;
    l->features = RF_NEW_ARRAY(float, l->planes.n_bins *ANALYSIS_N_FEATURES);
}

static void finish(lesson *l)
{
    for (int c = 0; c < 2; c++) {
        fftwf_free(l->mixed[c]);
        fftwf_free(l->wanted[c]);
    }
    free(l->features);
    corpus_spectra_done(&l->spectra);
}

static void fill_excerpt(lesson *l)
{
    l->planes.n_times = corpus_spectra_times(&l->spectra, l->mix.n_frames);
    size_t n = l->planes.n_times * l->planes.n_bins;
    float **planes[] = {&l->planes.level, &l->planes.centre, &l->planes.balance, &l->shares[0],
                        &l->shares[1]};
    for (size_t i = 0; i < RF_ARRAY_LEN(planes); i++) {
        *planes[i] = RF_NEW_ARRAY(float, n);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(l->powers); i++) {
        l->powers[i] = RF_NEW_ARRAY(double, l->planes.n_times);
    }
    for (size_t t = 0; t < l->planes.n_times; t++) {
        fill_planes(l, t);
        for (int i = 0; i < l->n_targets; i++) {
            fill_target(l, t, i);
        }
    }
}

static void end_excerpt(lesson *l)
{
    free(l->planes.level);
    free(l->planes.centre);
    free(l->planes.balance);
    for (int i = 0; i < N_TARGETS; i++) {
        free(l->shares[i]);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(l->powers); i++) {
        free(l->powers[i]);
    }
    corpus_sounding_done(&l->mix);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_sounding_done(&l->stems[i]);
    }
}

/* ---- records ---- */

static float power_around(const lesson *l, int which, size_t t)
{
    size_t reach = (size_t)(0.5 * POWER_S / l->planes.time_s);
    size_t first = t > reach ? t - reach : 0, end = RF_MIN(t + reach + 1, l->planes.n_times);
    double sum = 0;
    for (size_t i = first; i < end; i++) {
        sum += l->powers[which][i];
    }
    return (float)(sum / (double)(end - first));
}

static void fill_frames(const lesson *l, const analysis_features *features, size_t t, record *r)
{
    r->power = power_around(l, 0, t);
    for (int i = 0; i <= N_TARGETS; i++) {
        r->target_power[i] = power_around(l, 1 + i, t);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(taps); i++) {
        long at = RF_MAX(0L, RF_MIN((long)t + taps[i], (long)l->planes.n_times - 1));
        memcpy(r->frames[i], analysis_features_frame(features, (size_t)at), sizeof(r->frames[i]));
    }
}

static void fill_bands(const lesson *l, size_t t, record *r)
{
    for (size_t b = 0; b < l->planes.n_bins; b++) {
        int band = analysis_band_of((double)b * l->planes.bin_hz);
        size_t at = t * l->planes.n_bins + b;
        float power = l->planes.level[at] * l->planes.level[at];
        r->band_power[band] += power;
        for (int i = 0; i < N_TARGETS; i++) {
            r->band_share[i][band] += power * l->shares[i][at];
        }
    }
    for (int i = 0; i < N_TARGETS * ANALYSIS_N_BANDS; i++) {
        float *share = &r->band_share[i / ANALYSIS_N_BANDS][i % ANALYSIS_N_BANDS];
        *share /= r->band_power[i % ANALYSIS_N_BANDS] + 1e-12f;
    }
}

/* Louder bins are drawn more often; the weight makes up for it. */
static void fill_bins(const lesson *l, size_t t, corpus_rng *rng, record *r)
{
    const float *level = l->planes.level + t * l->planes.n_bins;
    double total = 0, floor_level = 0.03 * sqrt((double)r->power / (double)l->planes.n_bins) + 1e-7;
    for (size_t b = 0; b < l->planes.n_bins; b++) {
        total += (double)level[b] + floor_level;
    }
    double step = total / BINS_A_TIME, next = step * corpus_unit(rng), passed = 0;
    size_t n = 0;
    for (size_t b = 0; b < l->planes.n_bins && n < BINS_A_TIME; b++) {
        passed += (double)level[b] + floor_level;
        if (passed < next) {
            continue;
        }
        next += step * ceil((passed - next) / step + 1e-9);
        double drawn = fmin(1.0, ((double)level[b] + floor_level) / step);
        for (int i = 0; i < ANALYSIS_N_FEATURES; i++) {
            r->bins[n].features[i] = l->features[(size_t)i * l->planes.n_bins + b];
        }
        r->bins[n].position = (float)analysis_band_position((double)b * l->planes.bin_hz);
        for (int i = 0; i < N_TARGETS; i++) {
            r->bins[n].share[i] = l->shares[i][t * l->planes.n_bins + b];
        }
        r->bins[n++].weight = (float)((double)level[b] * (double)level[b] / drawn);
    }
}

static void teach(lesson *l, corpus_rng *rng)
{
    analysis_features *features = NULL;
    RF_CLEANUP(rf_cleanup_free) record *r = RF_NEW(record);
    fill_excerpt(l);
    if (analysis_features_new(&l->planes, NULL, &features) == 0) {
        for (size_t t = (size_t)corpus_int(rng, 0, TIMES_APART - 1); t < l->planes.n_times;
             t += TIMES_APART) {
            memset(r, 0, sizeof(*r));
            analysis_features_at(features, t, l->features);
            fill_frames(l, features, t, r);
            fill_bands(l, t, r);
            fill_bins(l, t, rng, r);
            (void)fwrite(r, sizeof(*r), 1, stdout);
        }
    }
    analysis_features_free(features);
}

static int teach_masks(bool drums, int n_excerpts, const char **sources, size_t n_sources)
{
    lesson l;
    corpus_remix remix;
    corpus_rng rng = corpus_rng_of(1, 5001);
    int rc = 0;
    prepare(&l, drums);
    corpus_remix_init(&remix, sources, n_sources, drums ? 2 : 1);
    for (int i = 0; i < n_excerpts && rc == 0; i++) {
        rc = corpus_remix_draw(&remix, &l.mix, l.stems);
        if (rc == 0) {
            teach(&l, &rng);
        }
        end_excerpt(&l);
    }
    corpus_remix_done(&remix);
    finish(&l);
    return rc;
}

/* ---- band spectra of each stem, for the templates: one row of bands a time, stem by stem ---- */

static int teach_bands(const char *source)
{
    corpus_spectra spectra;
    corpus_spectra_init(&spectra, 2048);
    int rc = 0;
    for (int stem = 0; stem < CORPUS_N_STEMS && rc == 0; stem++) {
        RF_CLEANUP(rf_cleanup_free)
        char *path = rf_asprintf("%s.%s.wav", source, corpus_stem_name((corpus_stem)stem));
        corpus_sounding s = {0};
        rc = corpus_wav_read(path, &s, NULL);
        for (size_t t = 0; rc == 0 && t < corpus_spectra_times(&spectra, s.n_frames); t += 3) {
            float row[ANALYSIS_N_BANDS + 1] = {(float)stem};
            corpus_spectra_forward(&spectra, s.left, s.n_frames, t);
            for (size_t b = 0; b * CORPUS_RATE_HZ < (size_t)ANALYSIS_SPLIT_TOP_HZ * 2048; b++) {
                row[1 + analysis_band_of((double)b * CORPUS_RATE_HZ / 2048)] +=
                    4.0f / 2048 * hypotf(spectra.spectrum[b][0], spectra.spectrum[b][1]);
            }
            (void)fwrite(row, sizeof(float), RF_ARRAY_LEN(row), stdout);
        }
        corpus_sounding_done(&s);
    }
    corpus_spectra_done(&spectra);
    return rc;
}

int main(int argc, char **argv)
{
    int64_t n_excerpts = 0;
    int rc = 0;
    if (argc < 4 || rf_parse_i64(argv[2], &n_excerpts) != 0) {
        (void)fputs("usage: corpus_learn stems|drums EXCERPTS SOURCE... > RECORDS\n"
                    "       corpus_learn bands 0 SOURCE... > ROWS\n"
                    "A source is PIECE-DIRECTORY/MIX; see train_masks.py.\n",
                    stderr);
        return 2;
    }
    if (strcmp(argv[1], "bands") != 0) {
        rc = teach_masks(strcmp(argv[1], "drums") == 0, (int)n_excerpts, (const char **)argv + 3,
                         (size_t)argc - 3);
    }
    for (int i = 3; i < argc && strcmp(argv[1], "bands") == 0 && rc == 0; i++) {
        rc = teach_bands(argv[i]);
    }
    if (rc != 0) {
        (void)fprintf(stderr, "corpus_learn: %s\n", strerror(-rc));
    }
    return rc == 0 ? 0 : 1;
}
