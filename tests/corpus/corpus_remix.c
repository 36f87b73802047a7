#include "corpus_remix.h"

#include "corpus_effects.h"
#include "corpus_file.h"
#include "corpus_render.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define EXCERPT_S 12
#define EXCERPT_FRAMES ((size_t)EXCERPT_S * CORPUS_RATE_HZ)

void corpus_remix_init(corpus_remix *r, const char **sources, size_t n, uint64_t seed)
{
    *r = (corpus_remix){.rng = corpus_rng_of(seed, 5000)};
    r->pieces = RF_NEW_ARRAY(const char *, n);
    r->voices = RF_NEW_ARRAY(const char *, n);
    r->kits = RF_NEW_ARRAY(const char *, n);
    for (size_t i = 0; i < n; i++) {
        if (strstr(sources[i], "-voice-") != NULL) {
            r->voices[r->n_voices++] = sources[i];
        } else if (strstr(sources[i], "-kit-") != NULL) {
            r->kits[r->n_kits++] = sources[i];
        } else {
            r->pieces[r->n_pieces++] = sources[i];
        }
    }
}

void corpus_remix_done(corpus_remix *r)
{
    free(r->pieces);
    free(r->voices);
    free(r->kits);
}

static const char *draw_source(corpus_remix *r, const char **sources, size_t n)
{
    return n > 0 ? sources[corpus_int(&r->rng, 0, (int)n - 1)] : NULL;
}

/* ---- stems from files ---- */

/* Reads one stem of "DIRECTORY/MIX" and keeps the excerpt at `start` of its length, 0 to 1. */
static int read_stem(const char *source, corpus_stem stem, double start, corpus_sounding *ret)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_asprintf("%s.%s.wav", source, corpus_stem_name(stem));
    corpus_sounding whole = {0};
    int rc = corpus_wav_read(path, &whole, NULL);
    if (rc == 0) {
        size_t spare = whole.n_frames > EXCERPT_FRAMES ? whole.n_frames - EXCERPT_FRAMES : 0;
        size_t first = (size_t)(start * (double)spare);
        size_t n = RF_MIN(EXCERPT_FRAMES, whole.n_frames);
        memcpy(ret->left, whole.left + first, n * sizeof(float));
        memcpy(ret->right, whole.right + first, n * sizeof(float));
    }
    corpus_sounding_done(&whole);
    return rc;
}

static int read_stems(corpus_remix *r, const char *source, corpus_stem first, corpus_stem last,
                      corpus_sounding *stems)
{
    double start = corpus_unit(&r->rng);
    int rc = 0;
    for (int i = (int)first; i <= (int)last && rc == 0; i++) {
        rc = read_stem(source, (corpus_stem)i, start, &stems[i]);
    }
    return rc;
}

static double group_power(const corpus_sounding *stems, corpus_stem first, corpus_stem last)
{
    double sum = 0;
    for (int i = (int)first; i <= (int)last; i++) {
        sum += pow(corpus_rms(&stems[i]), 2);
    }
    return sum;
}

static void silence(corpus_sounding *stems, corpus_stem first, corpus_stem last)
{
    for (int i = (int)first; i <= (int)last; i++) {
        corpus_gain(&stems[i], 0);
    }
}

/* Takes the stems first to last from elsewhere, as loud as those that stood there. */
static int replace(corpus_remix *r, const char *source, corpus_stem first, corpus_stem last,
                   corpus_sounding *stems)
{
    double before = group_power(stems, first, last);
    double whole = group_power(stems, CORPUS_VOCALS, CORPUS_OTHER);
    silence(stems, first, last);
    if (source == NULL) {
        return 0;
    }
    int rc = read_stems(r, source, first, last, stems);
    double wanted = before > 0.02 * whole ? before : 0.4 * whole;
    double found = group_power(stems, first, last);
    for (int i = (int)first; i <= (int)last && found > 0 && wanted > 0; i++) {
        corpus_gain(&stems[i], sqrt(wanted / found));
    }
    return rc;
}

/* Half of all excerpts keep what stood there; now and then there is nothing. */
static int exchange(corpus_remix *r, const char **further, size_t n_further, corpus_stem first,
                    corpus_stem last, corpus_sounding *stems)
{
    double choice = corpus_unit(&r->rng);
    if (choice < 0.4) {
        return 0;
    }
    if (choice < 0.65 || (choice < 0.9 && n_further == 0)) {
        return replace(r, draw_source(r, r->pieces, r->n_pieces), first, last, stems);
    }
    return replace(r, choice < 0.9 ? draw_source(r, further, n_further) : NULL, first, last, stems);
}

/* ---- colour ---- */

typedef struct biquad {
    double b0, b1, b2, a1, a2;
} biquad;

/* A peak or dip (Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"). */
static biquad peak_filter(double hz, double gain_db, double q)
{
    double w = 2.0 * M_PI * hz / CORPUS_RATE_HZ, a = pow(10.0, gain_db / 40.0);
    double alpha = sin(w) / (2.0 * q), a0 = 1.0 + alpha / a;
    return (biquad){(1.0 + alpha * a) / a0, -2.0 * cos(w) / a0, (1.0 - alpha * a) / a0,
                    -2.0 * cos(w) / a0, (1.0 - alpha / a) / a0};
}

static void filter(const biquad *f, float *x, size_t n)
{
    double z1 = 0, z2 = 0;
    for (size_t i = 0; i < n; i++) {
        double in = (double)x[i], out = f->b0 * in + z1;
        z1 = f->b1 * in - f->a1 * out + z2;
        z2 = f->b2 * in - f->a2 * out;
        x[i] = (float)out;
    }
}

/* Two broad bells anywhere, a level of its own. */
static void colour(corpus_remix *r, corpus_sounding *stem)
{
    for (int i = 0; i < 2; i++) {
        double hz = 50.0 * exp2(corpus_range(&r->rng, 0, 8)), q = corpus_range(&r->rng, 0.3, 0.9);
        biquad f = peak_filter(hz, 4.0 * corpus_normal(&r->rng), q);
        filter(&f, stem->left, stem->n_frames);
        filter(&f, stem->right, stem->n_frames);
    }
    corpus_gain(stem, pow(10.0, 3.0 * corpus_normal(&r->rng) / 20.0));
}

static double draw_width(corpus_remix *r)
{
    double choice = corpus_unit(&r->rng);
    return choice < 0.2 ? 0.0 : choice < 0.35 ? corpus_unit(&r->rng) : 1.0;
}

static void master(corpus_remix *r, corpus_sounding *mix)
{
    static const int rates[] = {64, 96, 128};
    if (corpus_chance(&r->rng, 0.1)) {
        corpus_clip(mix, corpus_range(&r->rng, 1, 6));
    }
    if (corpus_chance(&r->rng, 0.15)) {
        (void)corpus_mp3_trip(mix, rates[corpus_int(&r->rng, 0, 2)]);
    }
}

static void mix_stems(corpus_remix *r, corpus_sounding *stems, corpus_sounding *mix)
{
    double width = draw_width(r);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        colour(r, &stems[i]);
        corpus_pan(&stems[i], 0, width);
        corpus_add(mix, &stems[i]);
    }
    double scale = corpus_range(&r->rng, 0.2, 0.95) / fmax(1e-3, corpus_peak(mix));
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_gain(&stems[i], scale);
    }
    corpus_gain(mix, scale);
}

int corpus_remix_draw(corpus_remix *r, corpus_sounding *ret_mix, corpus_sounding *ret_stems)
{
    corpus_sounding_init(ret_mix, EXCERPT_FRAMES);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_sounding_init(&ret_stems[i], EXCERPT_FRAMES);
    }
    const char *base = draw_source(r, r->pieces, r->n_pieces);
    int rc = base == NULL ? -EIO : read_stems(r, base, CORPUS_VOCALS, CORPUS_OTHER, ret_stems);
    if (rc == 0) {
        rc = exchange(r, r->voices, r->n_voices, CORPUS_VOCALS, CORPUS_VOCALS, ret_stems);
    }
    if (rc == 0) {
        rc = exchange(r, r->kits, r->n_kits, CORPUS_KICK, CORPUS_DRUMS_OTHER, ret_stems);
    }
    if (rc == 0) {
        mix_stems(r, ret_stems, ret_mix);
        master(r, ret_mix);
    }
    return rc;
}
