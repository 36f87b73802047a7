#include "band_choice.h"

#include <string.h>

#include "band_random.h"

/* A style leaves each candidate this share of its neutral probability: nothing is impossible, and
 * log s is bounded. */
#define OPEN_SHARE 0.006
#define TILT_BITS 1.5   /* of the brightest sound, at full brightness */
#define STRATA 64       /* draws of a kind are spread over so many parts of the range */
#define RANDOM_DRAW 100 /* plus the kind: uses of the seed */
#define RANDOM_ORDER 200

double band_choice_log2(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m;
    memcpy(&m, &bits, sizeof(m));
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    /* ln m = 2 artanh(z) */
    double z = (m - 1.0) / (m + 1.0);
    double zz = z * z;
    double sum = 0.0;
    for (int k = 15; k >= 1; k -= 2) {
        sum = sum * zz + 1.0 / k;
    }
    return exponent + 2.0 * z * sum * 1.4426950408889634;
}

double band_choice_exp2(double x)
{
    if (x < -1000.0) {
        return 0.0;
    }
    double whole = (double)(int)x;
    whole -= whole > x ? 1.0 : 0.0;
    double t = (x - whole) * 0.6931471805599453;
    double sum = 1.0;
    for (int k = 13; k >= 1; k--) {
        sum = 1.0 + sum * t / k;
    }
    uint64_t bits = (uint64_t)((int)whole + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof(scale));
    return sum * scale;
}

static void normalize(double *v, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += v[i];
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = sum > 0.0 ? v[i] / sum : 1.0 / (double)n;
    }
}

static void mix_styles(band_chooser *c, size_t n)
{
    normalize(c->neutral, n);
    memcpy(c->style, c->neutral, n * sizeof(double));
    if (c->n_styles > 0) {
        memset(c->style, 0, n * sizeof(double));
    }
    for (size_t k = 0; k < c->n_styles; k++) {
        double *s = c->by_style[k];
        normalize(s, n);
        for (size_t i = 0; i < n; i++) {
            s[i] = (1.0 - OPEN_SHARE) * s[i] + OPEN_SHARE * c->neutral[i];
            c->style[i] += c->weights[k] * s[i];
        }
    }
    normalize(c->style, n);
}

/* p ~ n^(1-g) s^g, then p^(1/T); the largest first among equals at T = 0. */
static void shape(band_chooser *c, size_t n)
{
    size_t best = 0;
    double g = c->guidance;
    for (size_t i = 0; i < n; i++) {
        c->p[i] = (1.0 - g) * band_choice_log2(c->neutral[i]) + g * band_choice_log2(c->style[i]);
        best = c->p[i] > c->p[best] ? i : best;
    }
    double top = c->p[best];
    for (size_t i = 0; i < n; i++) {
        double below = c->p[i] - top;
        c->p[i] = c->temperature > 0.0 ? band_choice_exp2(RF_MAX(below / c->temperature, -900.0))
                  : i == best          ? 1.0
                                       : 0.0;
    }
    normalize(c->p, n);
}

/* Leaves the k largest; among equals those of lower index. */
static void cut(band_chooser *c, size_t n)
{
    size_t order[BAND_CANDIDATES_MAX];
    if (c->topk >= n) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && c->p[order[at - 1]] < c->p[i]; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (size_t i = c->topk; i < n; i++) {
        c->p[order[i]] = 0.0;
    }
    normalize(c->p, n);
}

/* Each draw alone is uniform; 64 in a row of one kind fall into 64 different parts, as a
 * player who has just done one thing does another. */
static double draw(const band_chooser *c, band_kind kind, uint32_t count)
{
    uint64_t order = band_random_u64(c->seed, RANDOM_ORDER + kind, count / STRATA);
    uint64_t stratum =
        (order + (count % STRATA) * (2 * ((order >> 8) % (STRATA / 2)) + 1)) % STRATA;
    return ((double)stratum + band_random_unit(c->seed, RANDOM_DRAW + kind, count)) / STRATA;
}

static size_t choose(const band_chooser *c, size_t n, double u)
{
    size_t last = 0;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (c->p[i] > 0.0) {
            sum += c->p[i];
            last = i;
            if (u < sum) {
                break;
            }
        }
    }
    return last;
}

static void tell(const band_chooser *c, band_kind kind, double beat, size_t n, size_t chosen)
{
    jam_choice choice = {.kind = band_kinds_name(kind),
                         .beat = beat,
                         .n = n,
                         .neutral = c->neutral,
                         .style = c->style,
                         .n_styles = c->n_styles,
                         .p = c->p,
                         .chosen = chosen};
    for (size_t k = 0; k < c->n_styles; k++) {
        choice.by_style[k] = c->by_style[k];
    }
    c->host.choice(c->host.user, &choice);
}

size_t band_choice_make(band_chooser *c, band_kind kind, double beat, size_t n)
{
    mix_styles(c, n);
    shape(c, n);
    cut(c, n);
    size_t chosen = choose(c, n, draw(c, kind, c->made[kind]++));
    if (c->host.choice != NULL) {
        tell(c, kind, beat, n, chosen);
    }
    return chosen;
}

static void take_likes(const band_chooser *c, band_kind kind, const band_style *style, size_t n,
                       double *ret)
{
    const band_like *likes = style != NULL ? band_style_likes(style, kind) : NULL;
    if (likes == NULL || likes[0].weight == 0) {
        memcpy(ret, c->neutral, n * sizeof(double));
        return;
    }
    memset(ret, 0, n * sizeof(double));
    for (size_t k = 0; k < BAND_LIKES_MAX && likes[k].weight > 0; k++) {
        for (size_t i = 0; i < n; i++) {
            if (band_kinds_item(kind, i) == likes[k].item) {
                ret[i] = likes[k].weight;
            }
        }
    }
}

size_t band_choice_pick(band_chooser *c, band_kind kind, double beat)
{
    size_t n = band_kinds_count(kind);
    double tilt[BAND_CANDIDATES_MAX];
    for (size_t i = 0; i < n; i++) {
        double shine = band_kinds_shine(kind, i);
        tilt[i] =
            shine == 0.0 ? 1.0 : band_choice_exp2(2.0 * TILT_BITS * shine * (c->brightness - 0.5));
        c->neutral[i] = band_kinds_neutral(kind, i);
    }
    for (size_t k = 0; k < c->n_styles; k++) {
        take_likes(c, kind, c->styles[k], n, c->by_style[k]);
        for (size_t i = 0; i < n; i++) {
            c->by_style[k][i] *= tilt[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        c->neutral[i] *= tilt[i];
    }
    return band_choice_make(c, kind, beat, n);
}
