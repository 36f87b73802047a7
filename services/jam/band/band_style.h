/*
 * band_style.h - what a style is: numbers that blend as weighted means, and weights over the
 * choices of band_kinds.h. Constant tables, one file per family; what a style leaves out it takes
 * from its family.
 */
#ifndef BAND_STYLE_H
#define BAND_STYLE_H

#include "band_kinds.h"
#include "band_score.h"

#define BAND_LIKES_MAX 6
#define BAND_OFF (-100) /* as a trim: the style has no such part */

typedef struct band_like {
    uint8_t item; /* see band_kinds_item */
    uint8_t weight;
} band_like;

/* How far parts lie behind the grid, and how loosely. */
typedef enum band_feel {
    FEEL_TIGHT,
    FEEL_EASY,
    FEEL_LAID_BACK, /* snare and chords late */
    FEEL_PUSHED,    /* drums ahead of bass and chords */
    FEEL_DRUNK,
    BAND_N_FEELS,
} band_feel;

/* What its tunes are made of. */
typedef enum band_mode {
    MODE_SCALE,
    MODE_PENTATONIC,
    MODE_BLUES, /* pentatonic, with blue notes */
} band_mode;

typedef enum band_harmony_name {
    HARMONY_COMMON, /* the neutral one */
    HARMONY_POP,
    HARMONY_ROCK,
    HARMONY_METAL,
    HARMONY_JAZZ,
    HARMONY_BLUES,
    HARMONY_SOUL,
    HARMONY_FOLK,
    HARMONY_LATIN,
    HARMONY_CLUB,
    HARMONY_DARK,
    HARMONY_EPIC,
    HARMONY_MODAL,
    HARMONY_REGGAE,
    HARMONY_CLASSICAL,
    BAND_N_HARMONIES,
} band_harmony_name;

typedef enum band_desk {
    DESK_LIVE,
    DESK_ROCK,
    DESK_METAL,
    DESK_JAZZ,
    DESK_CLUB,
    DESK_DEEP,
    DESK_BEATS,
    DESK_LOFI,
    DESK_DUB,
    DESK_AIR,
    DESK_HALL,
    DESK_CHIP,
    BAND_N_DESKS,
} band_desk;

typedef struct band_style {
    const char *name;
    const char *also;  /* other names, by commas */
    const char *words; /* that hint at it, by commas */
    const struct band_style *family;
    uint8_t bpm_low;
    uint8_t bpm;
    uint8_t bpm_high;
    uint8_t swing_8;  /* where the second eighth of a beat lies, % of the beat; 50 straight */
    uint8_t swing_16; /* the second sixteenth, % of the eighth */
    uint8_t density;  /* % */
    uint8_t brightness;
    uint8_t feel;
    uint8_t harmony;
    uint8_t mode;
    uint8_t desk;
    int8_t bus_db_10;                              /* tenths of dB: loudness against the desk's */
    int8_t trim_db[BAND_N_PARTS];                  /* against the desk's */
    band_like likes[BAND_N_KINDS][BAND_LIKES_MAX]; /* ends with weight 0 */
} band_style;

/* band_style_get: built-in style i, below band_styles_count. */
const band_style *band_style_get(size_t i);

/* band_style_neutral: the band that plays when no style is asked for. */
const band_style *band_style_neutral(void);

/* band_style_likes: its own, or its family's; an empty list when neither has any. */
const band_like *band_style_likes(const band_style *style, band_kind kind);

/* The families' tables; each ends with a NULL name. */
extern const band_style BAND_STYLES_JAZZ[];
extern const band_style BAND_STYLES_ROCK[];
extern const band_style BAND_STYLES_METAL[];
extern const band_style BAND_STYLES_POP[];
extern const band_style BAND_STYLES_HOUSE[];
extern const band_style BAND_STYLES_TECHNO[];
extern const band_style BAND_STYLES_BREAKS[];
extern const band_style BAND_STYLES_URBAN[];
extern const band_style BAND_STYLES_LATIN[];
extern const band_style BAND_STYLES_ISLAND[];
extern const band_style BAND_STYLES_ROOTS[];
extern const band_style BAND_STYLES_CALM[];

#endif
