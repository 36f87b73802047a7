#include "band_harmony.h"

#define TONIC 0
#define DOMINANT 7

/* Weights that a chord has in any family. */
#define UNLIKED 0.02
#define UNLIKED_OUTSIDE 0.002
#define BORROW_STRICT 0.02
#define TARGET_PULL 1000.0

/* How readily a root moves up by so many semitones: fifths and seconds, thirds down. */
static const double MOTIONS[BAND_ROOTS] = {0.35, 0.9, 1.2, 0.9, 0.9, 1.7,
                                           0.5,  1.3, 1.1, 1.3, 1.2, 0.9};

/* Roots that a role asks for. */
static const double ROLES[BAND_N_ROLES][BAND_ROOTS] = {
    /*              I   bII  II  bIII III  IV   bV    V   bVI  VI  bVII VII */
    [ROLE_OPEN] = {0.5, 1.0, 2.0, 1.5, 1.5, 3.0, 0.5, 1.5, 2.0, 3.0, 1.0, 0.5},
    [ROLE_INNER] = {1.2, 1.0, 1.0, 1.0, 1.0, 1.0, 0.6, 0.7, 1.0, 1.0, 1.0, 1.0},
    [ROLE_PREPARE] = {0.7, 1.0, 2.5, 0.8, 0.6, 2.5, 0.8, 0.5, 2.0, 1.2, 1.2, 0.5},
    [ROLE_HALF] = {0.1, 0.8, 0.8, 0.4, 0.4, 2.0, 0.2, 9.0, 0.8, 0.4, 3.0, 0.5},
    [ROLE_TURN] = {0.15, 2.0, 1.0, 0.5, 0.5, 2.5, 0.3, 6.0, 1.2, 0.5, 4.0, 0.6},
    [ROLE_FULL] = {60.0, 0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.2, 0.2, 0.3, 0.1, 0.1},
};

/* What a root does for the key, minor and major: home is home, and the relative key's home is less
 * at hand than it might be, or a listener hears that one. */
static const double GRAVITY[2][BAND_ROOTS] = {
    {2.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 0.8, 0.9, 1.0, 0.8, 1.0},
    {1.8, 1.0, 1.0, 1.0, 0.9, 1.0, 1.0, 0.8, 1.0, 0.8, 1.0, 1.0},
};

static void weigh_likes(const band_harmony *harmony, jam_scale scale, bool strict, double *ret)
{
    bool major = band_theory_is_major(scale);
    bool fits[BAND_CHORDS];
    for (int i = 0; i < BAND_CHORDS; i++) {
        fits[i] =
            band_theory_fits(scale, i / BAND_N_QUALITIES, (band_quality)(i % BAND_N_QUALITIES));
        ret[i] = fits[i] ? UNLIKED : UNLIKED_OUTSIDE;
    }
    const band_chord_like *likes = harmony->chords[major];
    for (int k = 0; k < BAND_CHORD_LIKES_MAX && likes[k].weight > 0; k++) {
        int i = likes[k].root * BAND_N_QUALITIES + likes[k].quality;
        ret[i] = likes[k].weight * (fits[i] ? 1.0 : strict ? BORROW_STRICT : harmony->borrow);
    }
    /* The scale's own chords stand in for liked ones that it has not. */
    for (int i = 0; i < BAND_CHORDS; i++) {
        if (fits[i] && ret[i] < 2.0 && i % BAND_N_QUALITIES < BAND_DOM7) {
            ret[i] = i % BAND_N_QUALITIES == BAND_DIM ? 0.5 : 4.0;
        }
    }
}

/* What the move to each root weighs. */
static void weigh_moves(const band_harmony *harmony, const band_harmony_place *place, double *ret)
{
    bool major = band_theory_is_major(place->scale);
    const band_move_like *moves = harmony->moves[major];
    for (int root = 0; root < BAND_ROOTS; root++) {
        ret[root] = ROLES[place->role][root] * GRAVITY[major][root];
        if (place->before != BAND_NO_TARGET) {
            ret[root] *= MOTIONS[band_mod(root - place->before, BAND_ROOTS)];
        }
        if (place->target == root) {
            ret[root] *= TARGET_PULL;
        }
    }
    for (int k = 0; k < BAND_MOVE_LIKES_MAX && moves[k].weight > 0; k++) {
        if (moves[k].from == place->before) {
            ret[moves[k].to] *= moves[k].weight / 10.0;
        }
    }
}

void band_harmony_weigh(band_harmony_name name, const band_harmony_place *place, double *ret)
{
    double moves[BAND_ROOTS];
    weigh_likes(&BAND_HARMONIES[name], place->scale, place->strict, ret);
    weigh_moves(&BAND_HARMONIES[name], place, moves);
    for (int i = 0; i < BAND_CHORDS; i++) {
        ret[i] *= moves[i / BAND_N_QUALITIES];
    }
}

band_quality band_harmony_home(band_harmony_name name, jam_scale scale)
{
    double weights[BAND_CHORDS];
    weigh_likes(&BAND_HARMONIES[name], scale, false, weights);
    int best = BAND_MAJ;
    for (int q = 0; q < BAND_N_QUALITIES; q++) {
        best = weights[q] > weights[best] ? q : best;
    }
    return (band_quality)best;
}

void band_harmony_choose(band_chooser *chooser, const band_harmony_place *place, double beat,
                         band_chord *ret)
{
    band_harmony_weigh(HARMONY_COMMON, place, chooser->neutral);
    for (size_t k = 0; k < chooser->n_styles; k++) {
        const band_style *style = chooser->styles[k];
        band_harmony_weigh(style != NULL ? (band_harmony_name)style->harmony : HARMONY_COMMON,
                           place, chooser->by_style[k]);
    }
    size_t i = band_choice_make(chooser, K_CHORD, beat, BAND_CHORDS);
    band_theory_chord(place->scale, (int)i / BAND_N_QUALITIES, (band_quality)(i % BAND_N_QUALITIES),
                      ret);
    if (place->strict) {
        band_theory_within(place->scale, ret);
    }
}
