/*
 * band_kinds.h - the kinds of choices that the composer makes, and what there is to choose from in
 * each. Constant data.
 */
#ifndef BAND_KINDS_H
#define BAND_KINDS_H

#include "band_patterns.h"
#include "band_theory.h"

#define BAND_CANDIDATES_MAX 72 /* of any kind */

typedef enum band_kind {
    K_KEY,     /* 0-11 */
    K_SCALE,   /* jam_scale - 1 */
    K_TEMPO,   /* band_tempo: where in the style's range */
    K_FORM,    /* band_form_name */
    K_PACE,    /* harmonic rhythm of a phrase */
    K_CHORD,   /* root * BAND_N_QUALITIES + quality */
    K_VOICING, /* how chords are spread */
    K_KICK,    /* band_kick, and so on */
    K_SNARE,
    K_HAT,
    K_PERC,
    K_TWIST, /* what one bar of drums does differently */
    K_FILL,
    K_BASS,
    K_COMP,
    K_ARP,
    K_CAST,    /* who rests in a phrase */
    K_PLAN,    /* how a phrase of melody is made of motifs */
    K_RHYTHM,  /* of a motif */
    K_CONTOUR, /* of a motif */
    K_TURN,    /* how a motif returns */
    K_ANSWER,  /* what the second voice does */
    K_KIT_SOUND,
    K_BASS_SOUND,
    K_COMP_SOUND,
    K_PAD_SOUND,
    K_ARP_SOUND,
    K_LEAD_SOUND,
    K_COUNTER_SOUND,
    BAND_N_KINDS,
} band_kind;

#define BAND_TEMPOS 7 /* 0 the slowest, 3 the style's own, 6 the fastest */

typedef enum band_form_name {
    FORM_LOOP_8,
    FORM_PERIOD_8,
    FORM_BLUES_12,
    FORM_QUICK_BLUES_12,
    FORM_MINOR_BLUES_12,
    FORM_LOOP_16,
    FORM_AABA_16,
    FORM_ABAC_16,
    FORM_VAMP_16,
    FORM_AABA_32,
    FORM_ABAC_32,
    FORM_VERSE_CHORUS_32,
    BAND_N_FORMS,
} band_form_name;

typedef enum band_pace {
    PACE_PHRASE, /* one chord for four bars */
    PACE_TWO_BARS,
    PACE_BAR,
    PACE_BAR_RUSHED, /* two in the last bar */
    PACE_LONG_FIRST, /* two bars, then one each */
    PACE_HALF_BAR,
    PACE_ALTERNATE, /* bar, two halves, bar, two halves */
    BAND_N_PACES,
} band_pace;

typedef enum band_voicing_kind {
    VOICING_TRIAD,
    VOICING_SEVENTH,
    VOICING_DROP2,
    VOICING_ROOTLESS,
    VOICING_SHELL,
    VOICING_POWER,
    VOICING_SUS,
    VOICING_ADD9,
    VOICING_QUARTAL,
    VOICING_OPEN,
    VOICING_SIX_NINE,
    BAND_N_VOICINGS,
} band_voicing_kind;

typedef enum band_twist {
    TWIST_NONE,
    TWIST_EXTRA_KICK,
    TWIST_KICK_PICKUP,
    TWIST_DROP_KICK, /* the last kicks of the bar stay away */
    TWIST_OPEN_HAT,
    TWIST_SNARE_DRAG,
    TWIST_HAT_ROLL,
    TWIST_CRASH,
    BAND_N_TWISTS,
} band_twist;

typedef enum band_cast {
    CAST_ALL,
    CAST_NO_LEAD,
    CAST_NO_ARP,
    CAST_NO_PERC,
    CAST_SOLO, /* lead alone over the rhythm */
    CAST_RHYTHM,
    CAST_NO_COUNTER,
    CAST_NO_PAD_LEAD,
    BAND_N_CASTS,
} band_cast;

typedef enum band_plan {
    PLAN_AAAB,
    PLAN_AABA,
    PLAN_ABAB,
    PLAN_ABAC,
    PLAN_AABB,
    PLAN_ABCB,
    PLAN_AAAA,
    PLAN_CALL, /* motif, rest, motif, rest */
    BAND_N_PLANS,
} band_plan;

typedef enum band_contour {
    CONTOUR_ARCH,
    CONTOUR_BOWL,
    CONTOUR_RISE,
    CONTOUR_FALL,
    CONTOUR_STAY,
    CONTOUR_NEIGHBOUR,
    CONTOUR_ZIGZAG,
    CONTOUR_LEAP_FALL,
    CONTOUR_DROP_RISE,
    CONTOUR_CHORD_UP,
    CONTOUR_CHORD_DOWN,
    CONTOUR_PEDAL,
    CONTOUR_WAVE,
    CONTOUR_SIGH,
    BAND_N_CONTOURS,
} band_contour;

typedef enum band_turn {
    TURN_SAME,
    TURN_UP, /* a step higher */
    TURN_DOWN,
    TURN_THIRD_UP,
    TURN_INVERTED,
    TURN_DISPLACED, /* an eighth later */
    TURN_ORNAMENTED,
    TURN_CUT, /* only its first half */
    TURN_OCTAVE,
    BAND_N_TURNS,
} band_turn;

typedef enum band_answer {
    ANSWER_NONE,
    ANSWER_ECHO,   /* the motif again where the lead rests */
    ANSWER_THIRDS, /* along with the lead, a third or sixth below */
    ANSWER_GUIDE,  /* long thirds and sevenths */
    ANSWER_HITS,   /* short chords tones on the accents */
    BAND_N_ANSWERS,
} band_answer;

/* General MIDI programs by short names; kits below. */
enum {
    GM_GRAND = 0,
    GM_BRIGHT = 1,
    GM_ELECTRIC_GRAND = 2,
    GM_HONKY = 3,
    GM_RHODES = 4,
    GM_FM_PIANO = 5,
    GM_HARPSICHORD = 6,
    GM_CLAV = 7,
    GM_CELESTA = 8,
    GM_GLOCKEN = 9,
    GM_MUSIC_BOX = 10,
    GM_VIBES = 11,
    GM_MARIMBA = 12,
    GM_XYLOPHONE = 13,
    GM_DULCIMER = 15,
    GM_ORGAN = 16,
    GM_PERC_ORGAN = 17,
    GM_ROCK_ORGAN = 18,
    GM_CHURCH = 19,
    GM_ACCORDION = 21,
    GM_HARMONICA = 22,
    GM_BANDONEON = 23,
    GM_NYLON = 24,
    GM_STEEL = 25,
    GM_JAZZ_GUITAR = 26,
    GM_CLEAN = 27,
    GM_MUTED = 28,
    GM_OVERDRIVE = 29,
    GM_DISTORTION = 30,
    GM_UPRIGHT = 32,
    GM_FINGER = 33,
    GM_PICK = 34,
    GM_FRETLESS = 35,
    GM_SLAP = 36,
    GM_SYNTH_BASS = 38,
    GM_SYNTH_BASS_2 = 39,
    GM_VIOLIN = 40,
    GM_CELLO = 42,
    GM_CONTRABASS = 43,
    GM_TREMOLO = 44,
    GM_PIZZICATO = 45,
    GM_HARP = 46,
    GM_STRINGS = 48,
    GM_SLOW_STRINGS = 49,
    GM_SYNTH_STRINGS = 50,
    GM_SYNTH_STRINGS_2 = 51,
    GM_CHOIR = 52,
    GM_OOHS = 53,
    GM_SYNTH_VOICE = 54,
    GM_TRUMPET = 56,
    GM_TROMBONE = 57,
    GM_TUBA = 58,
    GM_MUTED_TRUMPET = 59,
    GM_HORN = 60,
    GM_BRASS = 61,
    GM_SYNTH_BRASS = 62,
    GM_SYNTH_BRASS_2 = 63,
    GM_SOPRANO_SAX = 64,
    GM_ALTO_SAX = 65,
    GM_TENOR_SAX = 66,
    GM_BARITONE_SAX = 67,
    GM_OBOE = 68,
    GM_CLARINET = 71,
    GM_FLUTE = 73,
    GM_PAN_FLUTE = 75,
    GM_SHAKUHACHI = 77,
    GM_WHISTLE = 78,
    GM_OCARINA = 79,
    GM_SQUARE = 80,
    GM_SAW = 81,
    GM_CALLIOPE = 82,
    GM_CHARANG = 84,
    GM_VOICE_LEAD = 85,
    GM_FIFTHS = 86,
    GM_BASS_LEAD = 87,
    GM_NEW_AGE = 88,
    GM_WARM = 89,
    GM_POLYSYNTH = 90,
    GM_SPACE_VOICE = 91,
    GM_BOWED_GLASS = 92,
    GM_METAL_PAD = 93,
    GM_HALO = 94,
    GM_SWEEP = 95,
    GM_CRYSTAL = 98,
    GM_ATMOSPHERE = 99,
    GM_BRIGHTNESS = 100,
    GM_SITAR = 104,
    GM_BANJO = 105,
    GM_KOTO = 107,
    GM_KALIMBA = 108,
    GM_FIDDLE = 110,
    GM_STEEL_DRUMS = 114,
};

enum {
    KIT_STANDARD = 0,
    KIT_ROOM = 8,
    KIT_POWER = 16,
    KIT_ELECTRONIC = 24,
    KIT_808 = 25,
    KIT_JAZZ = 32,
    KIT_BRUSH = 40,
    KIT_ORCHESTRA = 48,
};

/* band_kinds_name: as in the choice log. band_kinds_count: candidates. */
const char *band_kinds_name(band_kind kind);
size_t band_kinds_count(band_kind kind);

/* band_kinds_neutral: the weight of candidate i to a band without a style, > 0; not for K_CHORD. */
double band_kinds_neutral(band_kind kind, size_t i);

/* band_kinds_item: what candidate i stands for in style tables and in use (a program for sounds,
 * else i itself). */
int band_kinds_item(band_kind kind, size_t i);

/* band_kinds_shine: how bright a sound is, -1 to 1; 0 for kinds that are no sounds. */
double band_kinds_shine(band_kind kind, size_t i);

/* band_kinds_pattern: the pattern that a candidate of a pattern kind stands for, or NULL. */
const band_pattern *band_kinds_pattern(band_kind kind, size_t i);

#endif
