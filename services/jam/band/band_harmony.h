/*
 * band_harmony.h - which chord comes next: per family of harmony the chords it likes, the moves it
 * likes between roots, and how readily it borrows; the same grammar serves all (functions,
 * cadences, motion of roots). Constant tables; the choice itself is band_choice.h's.
 */
#ifndef BAND_HARMONY_H
#define BAND_HARMONY_H

#include "band_choice.h"

/* What a chord has to do at its place in the phrase. */
typedef enum band_role {
    ROLE_OPEN, /* the phrase begins: home, or where it sets out from */
    ROLE_INNER,
    ROLE_PREPARE, /* before the last */
    ROLE_HALF,    /* the phrase ends open */
    ROLE_TURN,    /* it leads back home */
    ROLE_FULL,    /* it ends at home */
    BAND_N_ROLES,
} band_role;

#define BAND_NO_TARGET (-1)

typedef struct band_harmony_place {
    jam_scale scale;
    bool strict; /* the scale is the client's: chords outside it would not sound as such */
    int before;  /* root before, or BAND_NO_TARGET */
    band_role role;
    int target; /* root that the form asks for, or BAND_NO_TARGET */
} band_harmony_place;

/* band_harmony_weigh puts the weight of every chord there into ret[BAND_CHORDS], all > 0. */
void band_harmony_weigh(band_harmony_name harmony, const band_harmony_place *place, double *ret);

/* band_harmony_home: quality of the tonic chord that a family of harmony calls its own. */
band_quality band_harmony_home(band_harmony_name harmony, jam_scale scale);

/* band_harmony_choose chooses the chord at a place. */
void band_harmony_choose(band_chooser *chooser, const band_harmony_place *place, double beat,
                         band_chord *ret);

typedef struct band_chord_like {
    uint8_t root;
    uint8_t quality;
    uint8_t weight;
} band_chord_like;

typedef struct band_move_like {
    uint8_t from;
    uint8_t to;
    uint8_t weight; /* of tenths: 10 changes nothing */
} band_move_like;

#define BAND_CHORD_LIKES_MAX 18
#define BAND_MOVE_LIKES_MAX 14

typedef struct band_harmony {
    double borrow;                                   /* weight of a chord outside the scale */
    band_chord_like chords[2][BAND_CHORD_LIKES_MAX]; /* minor, major; ends with weight 0 */
    band_move_like moves[2][BAND_MOVE_LIKES_MAX];
} band_harmony;

extern const band_harmony BAND_HARMONIES[BAND_N_HARMONIES];

#endif
