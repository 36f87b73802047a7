#include "analysis_key_chords.h"

#include <string.h>

#define SHARE_GAIN 3.0f
#define CHANGE_GAIN 4.0f

enum { MAJOR, MINOR, DOMINANT, OTHER, N_KINDS };

enum { ENDS = 12 * N_KINDS, CHANGES = ENDS + 6 };

static int kind_of(const analysis_chord *chord)
{
    switch (chord->quality) {
    case ANALYSIS_MAJ:
    case ANALYSIS_MAJ7:
        return MAJOR;
    case ANALYSIS_MIN:
    case ANALYSIS_MIN7:
        return MINOR;
    case ANALYSIS_DOM7:
        return DOMINANT;
    default:
        return OTHER;
    }
}

static int degree_of(const analysis_chord *chord, int tonic)
{
    return (chord->root + 12 - tonic) % 12;
}

static bool is_major(const analysis_chord *chord)
{
    return kind_of(chord) == MAJOR || kind_of(chord) == DOMINANT;
}

static bool is_tonic_chord(const analysis_chord *chord, int tonic, bool minor)
{
    bool fits = minor ? kind_of(chord) == MINOR : is_major(chord);
    return degree_of(chord, tonic) == 0 && fits;
}

static void add_shares(const analysis_chords *chords, int tonic, float *ret)
{
    double total = 1e-6;
    for (size_t i = 0; i < chords->n_rows; i++) {
        const analysis_chord *c = &chords->rows[i];
        total += c->root == ANALYSIS_NO_CHORD ? 0.0 : c->end_s - c->start_s;
    }
    for (size_t i = 0; i < chords->n_rows; i++) {
        const analysis_chord *c = &chords->rows[i];
        if (c->root != ANALYSIS_NO_CHORD) {
            float share = (float)((c->end_s - c->start_s) / total);
            ret[degree_of(c, tonic) * N_KINDS + kind_of(c)] += SHARE_GAIN * share;
        }
    }
}

static void add_ends(const analysis_chord *first, const analysis_chord *last, int tonic, bool minor,
                     float *ret)
{
    ret[0] = is_tonic_chord(last, tonic, minor) ? 1.0f : 0.0f;
    ret[1] = degree_of(last, tonic) == 0 ? 1.0f : 0.0f;
    ret[2] = is_tonic_chord(first, tonic, minor) ? 1.0f : 0.0f;
    ret[3] = degree_of(first, tonic) == 0 ? 1.0f : 0.0f;
    ret[4] = degree_of(last, tonic) == 7 && is_major(last) ? 1.0f : 0.0f;
    ret[5] = !minor && degree_of(first, tonic) == 0 && is_major(first) ? 1.0f : 0.0f;
}

static int way_to_tonic(const analysis_chord *from, int tonic)
{
    switch (degree_of(from, tonic)) {
    case 7:
        return is_major(from) ? 0 : 1;
    case 5:
        return 2;
    case 10:
        return 3;
    default:
        return 4;
    }
}

static bool is_change(const analysis_chord *a, const analysis_chord *b)
{
    return a->root != b->root || kind_of(a) != kind_of(b);
}

/* The next chord that differs from the one before, silences left out; NULL after the last. */
static const analysis_chord *next_change(const analysis_chords *chords, size_t *at,
                                         const analysis_chord *before)
{
    while (*at < chords->n_rows) {
        const analysis_chord *c = &chords->rows[(*at)++];
        if (c->root != ANALYSIS_NO_CHORD && (before == NULL || is_change(before, c))) {
            return c;
        }
    }
    return NULL;
}

static void add_changes(const analysis_chords *chords, int tonic, float *ret)
{
    size_t at = 0;
    int n = 0;
    const analysis_chord *before = next_change(chords, &at, NULL);
    const analysis_chord *now = NULL;
    while (before != NULL && (now = next_change(chords, &at, before)) != NULL) {
        if (degree_of(now, tonic) == 0) {
            ret[way_to_tonic(before, tonic)] += CHANGE_GAIN;
        }
        if (degree_of(before, tonic) == 0 && degree_of(now, tonic) == 7) {
            ret[5] += CHANGE_GAIN;
        }
        before = now;
        n++;
    }
    for (int i = 0; i < 6 && n > 0; i++) {
        ret[i] /= (float)n;
    }
}

void analysis_key_chords_describe(const analysis_chords *chords, int key,
                                  float ret[ANALYSIS_N_KEY_CHORDS])
{
    const analysis_chord *first = NULL;
    const analysis_chord *last = NULL;
    for (size_t i = 0; i < chords->n_rows; i++) {
        if (chords->rows[i].root != ANALYSIS_NO_CHORD) {
            last = &chords->rows[i];
            first = first == NULL ? last : first;
        }
    }
    memset(ret, 0, ANALYSIS_N_KEY_CHORDS * sizeof(*ret));
    if (first != NULL) {
        add_shares(chords, key % 12, ret);
        add_ends(first, last, key % 12, key >= 12, ret + ENDS);
        add_changes(chords, key % 12, ret + CHANGES);
    }
}
