#include "band_theory.h"

static const int8_t SCALES[JAM_N_SCALES][BAND_DEGREES] = {
    [JAM_SCALE_AUTO] = {0, 2, 4, 5, 7, 9, 11},       [JAM_SCALE_MAJOR] = {0, 2, 4, 5, 7, 9, 11},
    [JAM_SCALE_MINOR] = {0, 2, 3, 5, 7, 8, 10},      [JAM_SCALE_DORIAN] = {0, 2, 3, 5, 7, 9, 10},
    [JAM_SCALE_PHRYGIAN] = {0, 1, 3, 5, 7, 8, 10},   [JAM_SCALE_LYDIAN] = {0, 2, 4, 6, 7, 9, 11},
    [JAM_SCALE_MIXOLYDIAN] = {0, 2, 4, 5, 7, 9, 10}, [JAM_SCALE_LOCRIAN] = {0, 1, 3, 5, 6, 8, 10},
};

#define OF_THE_SCALE (-1)

/* Third, fifth and seventh above the root. */
static const int QUALITIES[BAND_N_QUALITIES][3] = {
    [BAND_MAJ] = {4, 7, OF_THE_SCALE}, [BAND_MIN] = {3, 7, OF_THE_SCALE}, [BAND_DIM] = {3, 6, 10},
    [BAND_DOM7] = {4, 7, 10},          [BAND_MAJ7] = {4, 7, 11},          [BAND_MIN7] = {3, 7, 10},
};

const int8_t *band_theory_scale(jam_scale scale)
{
    return SCALES[scale];
}

bool band_theory_is_major(jam_scale scale)
{
    return SCALES[scale][2] == 4;
}

/* Roots between two degrees are written flat: the degree above, lowered. */
static int degree_of(const int8_t *scale, int root)
{
    for (int up = 0; up < 3; up++) {
        for (int i = 0; i < BAND_DEGREES; i++) {
            if (scale[i] == (root + up) % BAND_ROOTS) {
                return i;
            }
        }
    }
    return 0;
}

/* The pitch class next to where the scale has that degree, so that octaves stay whole. */
static int8_t beside(int pitch_class, int scale_semis)
{
    return (int8_t)(scale_semis + band_mod(pitch_class - scale_semis + 6, 12) - 6);
}

void band_theory_chord(jam_scale scale, int root, band_quality quality, band_chord *ret)
{
    const int8_t *semis = SCALES[scale];
    *ret = (band_chord){.root = (uint8_t)root,
                        .quality = (uint8_t)quality,
                        .degree = (int8_t)degree_of(semis, root)};
    for (int i = 0; i < BAND_DEGREES; i++) {
        ret->semis[i] = semis[i];
    }
    ret->semis[ret->degree] = beside(root, semis[ret->degree]);
    for (int i = 0; i < 3; i++) {
        int above = QUALITIES[quality][i];
        int degree = (ret->degree + 2 + 2 * i) % BAND_DEGREES;
        if (above != OF_THE_SCALE) {
            ret->semis[degree] = beside(root + above, semis[degree]);
        }
    }
}

void band_theory_within(jam_scale scale, band_chord *chord)
{
    for (int i = 0; i < BAND_DEGREES; i++) {
        chord->semis[i] = SCALES[scale][i];
    }
}

static bool in_scale(const int8_t *semis, int pitch_class)
{
    for (int i = 0; i < BAND_DEGREES; i++) {
        if (semis[i] == pitch_class % 12) {
            return true;
        }
    }
    return false;
}

bool band_theory_fits(jam_scale scale, int root, band_quality quality)
{
    const int8_t *semis = SCALES[scale];
    bool fits = in_scale(semis, root);
    for (int i = 0; i < 3 && fits; i++) {
        int above = QUALITIES[quality][i];
        fits = above == OF_THE_SCALE || in_scale(semis, root + above);
    }
    return fits;
}

band_tone band_theory_tone(const band_chord *chord, int degree)
{
    int octave = band_floor_div(degree, BAND_DEGREES);
    int semis = 12 * octave + chord->semis[degree - octave * BAND_DEGREES];
    return (band_tone){.degree = (int8_t)degree, .semis = (int8_t)semis};
}

bool band_theory_has(const band_chord *chord, int degree)
{
    int above = band_mod(degree - chord->degree, BAND_DEGREES);
    return above == 0 || above == 2 || above == 4;
}

int band_theory_nearest(const band_chord *chord, int degree)
{
    for (int away = 0; away < BAND_DEGREES; away++) {
        if (band_theory_has(chord, degree - away)) {
            return degree - away;
        }
        if (band_theory_has(chord, degree + away)) {
            return degree + away;
        }
    }
    return degree;
}

int band_theory_pitch(band_tone tone, int key, jam_scale scale, bool strict)
{
    int tonic = 60 + (key > 6 ? key - 12 : key);
    if (!strict) {
        return tonic + tone.semis;
    }
    int octave = band_floor_div(tone.degree, BAND_DEGREES);
    return tonic + 12 * octave + SCALES[scale][tone.degree - octave * BAND_DEGREES];
}
