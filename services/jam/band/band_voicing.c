#include "band_voicing.h"

#include <stdlib.h>

#define PARALLEL_COST 9
#define OCTAVES 3 /* above and below the first try */

typedef struct band_spread {
    uint8_t n;
    uint8_t above[BAND_VOICES_MAX]; /* degrees above the root, rising */
    bool inverts;
    bool minds_parallels;
    bool drops; /* the second voice from above, by an octave */
} band_spread;

static const band_spread SPREADS[BAND_N_VOICINGS] = {
    [VOICING_TRIAD] = {3, {0, 2, 4}, true, true, false},
    [VOICING_SEVENTH] = {4, {0, 2, 4, 6}, true, true, false},
    [VOICING_DROP2] = {4, {0, 2, 4, 6}, true, true, true},
    [VOICING_ROOTLESS] = {4, {2, 4, 6, 8}, true, false, false},
    [VOICING_SHELL] = {3, {0, 6, 9}, false, false, false},
    [VOICING_POWER] = {3, {0, 4, 7}, false, false, false},
    [VOICING_SUS] = {3, {0, 3, 4}, true, false, false},
    [VOICING_ADD9] = {4, {0, 1, 2, 4}, true, false, false},
    [VOICING_QUARTAL] = {4, {0, 3, 6, 9}, false, false, false},
    [VOICING_OPEN] = {3, {0, 4, 9}, false, true, false},
    [VOICING_SIX_NINE] = {4, {2, 4, 5, 8}, true, false, false},
};

static void sort(int *degrees, int n)
{
    for (int i = 1; i < n; i++) {
        int x = degrees[i];
        int at = i;
        for (; at > 0 && degrees[at - 1] > x; at--) {
            degrees[at] = degrees[at - 1];
        }
        degrees[at] = x;
    }
}

static void spread(const band_chord *chord, const band_spread *s, int inversion, int octave,
                   band_voicing *ret)
{
    int degrees[BAND_VOICES_MAX] = {0};
    int n = s->n;
    for (int i = 0; i < n; i++) {
        degrees[i] = chord->degree + BAND_DEGREES * octave + s->above[i];
        degrees[i] += i < inversion ? BAND_DEGREES : 0;
    }
    sort(degrees, n);
    if (s->drops) {
        degrees[n - 2] -= BAND_DEGREES;
        sort(degrees, n);
    }
    ret->n = s->n;
    for (int i = 0; i < n; i++) {
        ret->voices[i] = band_theory_tone(chord, degrees[i]);
    }
}

int band_voicing_parallels(const band_voicing *a, const band_voicing *b)
{
    int found = 0;
    size_t n = RF_MIN(a->n, b->n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            int before = (a->voices[k].semis - a->voices[i].semis) % 12;
            int after = (b->voices[k].semis - b->voices[i].semis) % 12;
            bool moves = a->voices[i].semis != b->voices[i].semis;
            found += moves && before == after && (before == 7 || before == 0);
        }
    }
    return found;
}

static int cost(const band_spread *s, int centre, const band_voicing *before,
                const band_voicing *after)
{
    int sum = 0;
    int moved = 0;
    for (size_t i = 0; i < after->n; i++) {
        sum += after->voices[i].semis;
        moved += i < before->n ? abs(after->voices[i].semis - before->voices[i].semis) : 0;
    }
    int off = abs(sum - centre * (int)after->n);
    int drift = before->n == 0 ? off : off / 3 + RF_MAX(0, off - 7 * (int)after->n);
    int parallels = s->minds_parallels ? band_voicing_parallels(before, after) : 0;
    return 2 * moved + drift + PARALLEL_COST * parallels;
}

void band_voicing_lead(const band_chord *chord, band_voicing_kind kind, int centre,
                       band_voicing *voicing)
{
    const band_spread *s = &SPREADS[kind];
    band_voicing before = *voicing;
    int least = INT32_MAX;
    for (int octave = -OCTAVES; octave <= OCTAVES; octave++) {
        for (int inversion = 0; inversion < (s->inverts ? s->n : 1); inversion++) {
            band_voicing tried;
            spread(chord, s, inversion, octave, &tried);
            int c = cost(s, centre, &before, &tried);
            if (c < least) {
                least = c;
                *voicing = tried;
            }
        }
    }
}
