#include "band_kinds.h"

#define BAND_PATTERN_ROW(name, neutral, key, steps, key2, steps2)                                  \
    [name] = {neutral, key, key2, steps, steps2},

static const band_pattern KICKS[] = {BAND_KICKS(BAND_PATTERN_ROW)};
static const band_pattern SNARES[] = {BAND_SNARES(BAND_PATTERN_ROW)};
static const band_pattern HATS[] = {BAND_HATS(BAND_PATTERN_ROW)};
static const band_pattern PERCS[] = {BAND_PERCS(BAND_PATTERN_ROW)};
static const band_pattern FILLS[] = {BAND_FILLS(BAND_PATTERN_ROW)};
static const band_pattern BASSES[] = {BAND_BASSES(BAND_PATTERN_ROW)};
static const band_pattern COMPS[] = {BAND_COMPS(BAND_PATTERN_ROW)};
static const band_pattern ARPS[] = {BAND_ARPS(BAND_PATTERN_ROW)};
static const band_pattern RHYTHMS[] = {BAND_RHYTHMS(BAND_PATTERN_ROW)};

/* A program, its weight to a band without a style, and how bright it is: -10 to 10. */
typedef struct band_program {
    uint8_t program;
    uint8_t neutral;
    int8_t shine;
} band_program;

static const band_program KITS[] = {
    {KIT_STANDARD, 10, 2}, {KIT_ROOM, 6, 1}, {KIT_POWER, 4, 4},  {KIT_ELECTRONIC, 4, 2},
    {KIT_808, 3, -2},      {KIT_JAZZ, 3, 0}, {KIT_BRUSH, 2, -4}, {KIT_ORCHESTRA, 1, -2},
};
static const band_program BASS_SOUNDS[] = {
    {GM_UPRIGHT, 5, -3}, {GM_FINGER, 10, 0},    {GM_PICK, 6, 3},          {GM_FRETLESS, 4, -2},
    {GM_SLAP, 2, 5},     {GM_SYNTH_BASS, 5, 4}, {GM_SYNTH_BASS_2, 4, -1}, {GM_CONTRABASS, 1, -5},
    {GM_TUBA, 1, -6},    {GM_BASS_LEAD, 1, 8},
};
static const band_program COMP_SOUNDS[] = {
    {GM_GRAND, 10, 0},       {GM_BRIGHT, 4, 4},     {GM_ELECTRIC_GRAND, 2, 2},
    {GM_HONKY, 1, 4},        {GM_RHODES, 7, -4},    {GM_FM_PIANO, 4, 2},
    {GM_HARPSICHORD, 1, 7},  {GM_CLAV, 2, 7},       {GM_ORGAN, 5, 1},
    {GM_PERC_ORGAN, 2, 1},   {GM_ROCK_ORGAN, 3, 3}, {GM_ACCORDION, 2, 3},
    {GM_BANDONEON, 1, 1},    {GM_NYLON, 5, -3},     {GM_STEEL, 6, 3},
    {GM_JAZZ_GUITAR, 4, -6}, {GM_CLEAN, 6, 1},      {GM_MUTED, 3, -4},
    {GM_OVERDRIVE, 3, 5},    {GM_DISTORTION, 2, 8}, {GM_BRASS, 2, 5},
    {GM_SYNTH_BRASS, 2, 4},  {GM_SAW, 2, 8},        {GM_POLYSYNTH, 3, 3},
    {GM_VIBES, 2, -3},       {GM_MARIMBA, 1, -5},   {GM_STRINGS, 3, 0},
    {GM_SQUARE, 1, 4},       {GM_BANJO, 1, 6},      {GM_PIZZICATO, 1, -2},
};
static const band_program PAD_SOUNDS[] = {
    {GM_ORGAN, 4, 1},         {GM_CHURCH, 1, 4},        {GM_STRINGS, 8, 2},
    {GM_SLOW_STRINGS, 8, -1}, {GM_SYNTH_STRINGS, 6, 2}, {GM_SYNTH_STRINGS_2, 4, -2},
    {GM_CHOIR, 3, -2},        {GM_OOHS, 4, -4},         {GM_SYNTH_VOICE, 3, -1},
    {GM_NEW_AGE, 4, 3},       {GM_WARM, 8, -6},         {GM_POLYSYNTH, 4, 4},
    {GM_SPACE_VOICE, 3, 0},   {GM_BOWED_GLASS, 2, 2},   {GM_METAL_PAD, 1, 5},
    {GM_HALO, 4, 0},          {GM_SWEEP, 3, 3},         {GM_ATMOSPHERE, 2, 4},
    {GM_TREMOLO, 1, 2},       {GM_ACCORDION, 1, 3},     {GM_HORN, 1, -4},
};
static const band_program ARP_SOUNDS[] = {
    {GM_GRAND, 6, 0},       {GM_RHODES, 4, -4},     {GM_CELESTA, 2, 2},    {GM_GLOCKEN, 2, 6},
    {GM_MUSIC_BOX, 2, 4},   {GM_VIBES, 3, -2},      {GM_MARIMBA, 3, -4},   {GM_XYLOPHONE, 1, 5},
    {GM_DULCIMER, 1, 6},    {GM_HARPSICHORD, 1, 7}, {GM_NYLON, 6, -3},     {GM_STEEL, 6, 2},
    {GM_CLEAN, 5, 1},       {GM_MUTED, 2, -5},      {GM_PIZZICATO, 3, -3}, {GM_HARP, 3, -1},
    {GM_SQUARE, 4, 4},      {GM_SAW, 4, 8},         {GM_POLYSYNTH, 3, 3},  {GM_CRYSTAL, 2, 6},
    {GM_SITAR, 1, 5},       {GM_BANJO, 1, 6},       {GM_KOTO, 1, 4},       {GM_KALIMBA, 2, -2},
    {GM_STEEL_DRUMS, 1, 3}, {GM_STRINGS, 2, 1},     {GM_CLAV, 1, 7},       {GM_BRIGHTNESS, 1, 7},
};
static const band_program LEAD_SOUNDS[] = {
    {GM_GRAND, 7, 0},        {GM_RHODES, 4, -5},       {GM_FM_PIANO, 2, 1},
    {GM_VIBES, 3, -4},       {GM_MARIMBA, 1, -5},      {GM_ORGAN, 2, 1},
    {GM_ROCK_ORGAN, 2, 4},   {GM_ACCORDION, 2, 4},     {GM_HARMONICA, 2, 4},
    {GM_BANDONEON, 1, 2},    {GM_NYLON, 4, -4},        {GM_STEEL, 4, 2},
    {GM_JAZZ_GUITAR, 4, -6}, {GM_CLEAN, 5, 0},         {GM_OVERDRIVE, 3, 5},
    {GM_DISTORTION, 3, 8},   {GM_VIOLIN, 3, 5},        {GM_CELLO, 2, -3},
    {GM_STRINGS, 3, 1},      {GM_OOHS, 2, -4},         {GM_TRUMPET, 4, 5},
    {GM_TROMBONE, 2, -1},    {GM_MUTED_TRUMPET, 2, 4}, {GM_HORN, 1, -5},
    {GM_BRASS, 3, 5},        {GM_SOPRANO_SAX, 2, 3},   {GM_ALTO_SAX, 4, 2},
    {GM_TENOR_SAX, 4, 0},    {GM_CLARINET, 2, -3},     {GM_FLUTE, 4, -1},
    {GM_PAN_FLUTE, 2, -2},   {GM_SHAKUHACHI, 1, -1},   {GM_WHISTLE, 1, 0},
    {GM_SQUARE, 5, 4},       {GM_SAW, 5, 8},           {GM_CALLIOPE, 2, 1},
    {GM_VOICE_LEAD, 2, -1},  {GM_FIFTHS, 1, 6},        {GM_SITAR, 1, 6},
    {GM_KALIMBA, 1, -3},     {GM_FIDDLE, 2, 6},        {GM_STEEL_DRUMS, 1, 3},
    {GM_POLYSYNTH, 2, 4},    {GM_SYNTH_BRASS, 2, 4},   {GM_BANJO, 1, 6},
    {GM_GLOCKEN, 1, 6},      {GM_MUSIC_BOX, 1, 3},     {GM_KOTO, 1, 4},
};

static const uint8_t EVEN[BAND_ROOTS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const uint8_t SCALE_WEIGHTS[JAM_N_SCALES - 1] = {30, 26, 12, 4, 4, 10, 1};
static const uint8_t TEMPO_WEIGHTS[BAND_TEMPOS] = {1, 3, 6, 8, 6, 3, 1};
static const uint8_t FORM_WEIGHTS[BAND_N_FORMS] = {6, 6, 2, 2, 1, 8, 6, 6, 4, 6, 5, 10};
static const uint8_t PACE_WEIGHTS[BAND_N_PACES] = {2, 5, 12, 6, 5, 2, 2};
static const uint8_t VOICING_WEIGHTS[BAND_N_VOICINGS] = {12, 6, 3, 2, 2, 2, 2, 5, 1, 4, 1};
static const uint8_t TWIST_WEIGHTS[BAND_N_TWISTS] = {16, 3, 3, 2, 4, 3, 1, 1};
static const uint8_t CAST_WEIGHTS[BAND_N_CASTS] = {8, 3, 4, 3, 3, 1, 4, 1};
static const uint8_t PLAN_WEIGHTS[BAND_N_PLANS] = {6, 5, 5, 6, 3, 3, 2, 4};
static const uint8_t CONTOUR_WEIGHTS[BAND_N_CONTOURS] = {8, 4, 5, 6, 3, 5, 3, 5, 3, 4, 3, 3, 6, 4};
static const uint8_t TURN_WEIGHTS[BAND_N_TURNS] = {9, 4, 4, 2, 2, 3, 4, 2, 1};
static const uint8_t ANSWER_WEIGHTS[BAND_N_ANSWERS] = {5, 5, 3, 5, 2};

typedef struct band_kind_row {
    const char *name;
    size_t n;
    const uint8_t *weights;
    const band_pattern *patterns;
    const band_program *programs;
} band_kind_row;

#define BY_WEIGHT(name, table)                                                                     \
    {                                                                                              \
        name, RF_ARRAY_LEN(table), table, NULL, NULL                                               \
    }
#define BY_PATTERN(name, table)                                                                    \
    {                                                                                              \
        name, RF_ARRAY_LEN(table), NULL, table, NULL                                               \
    }
#define BY_PROGRAM(name, table)                                                                    \
    {                                                                                              \
        name, RF_ARRAY_LEN(table), NULL, NULL, table                                               \
    }

static const band_kind_row KINDS[BAND_N_KINDS] = {
    [K_KEY] = BY_WEIGHT("key", EVEN),
    [K_SCALE] = BY_WEIGHT("scale", SCALE_WEIGHTS),
    [K_TEMPO] = BY_WEIGHT("tempo", TEMPO_WEIGHTS),
    [K_FORM] = BY_WEIGHT("form", FORM_WEIGHTS),
    [K_PACE] = BY_WEIGHT("pace", PACE_WEIGHTS),
    [K_CHORD] = {"chord", BAND_CHORDS, NULL, NULL, NULL},
    [K_VOICING] = BY_WEIGHT("voicing", VOICING_WEIGHTS),
    [K_KICK] = BY_PATTERN("kick", KICKS),
    [K_SNARE] = BY_PATTERN("snare", SNARES),
    [K_HAT] = BY_PATTERN("hat", HATS),
    [K_PERC] = BY_PATTERN("percussion", PERCS),
    [K_TWIST] = BY_WEIGHT("twist", TWIST_WEIGHTS),
    [K_FILL] = BY_PATTERN("fill", FILLS),
    [K_BASS] = BY_PATTERN("bass", BASSES),
    [K_COMP] = BY_PATTERN("comp", COMPS),
    [K_ARP] = BY_PATTERN("arp", ARPS),
    [K_CAST] = BY_WEIGHT("cast", CAST_WEIGHTS),
    [K_PLAN] = BY_WEIGHT("plan", PLAN_WEIGHTS),
    [K_RHYTHM] = BY_PATTERN("rhythm", RHYTHMS),
    [K_CONTOUR] = BY_WEIGHT("contour", CONTOUR_WEIGHTS),
    [K_TURN] = BY_WEIGHT("turn", TURN_WEIGHTS),
    [K_ANSWER] = BY_WEIGHT("answer", ANSWER_WEIGHTS),
    [K_KIT_SOUND] = BY_PROGRAM("kit", KITS),
    [K_BASS_SOUND] = BY_PROGRAM("bass sound", BASS_SOUNDS),
    [K_COMP_SOUND] = BY_PROGRAM("comp sound", COMP_SOUNDS),
    [K_PAD_SOUND] = BY_PROGRAM("pad sound", PAD_SOUNDS),
    [K_ARP_SOUND] = BY_PROGRAM("arp sound", ARP_SOUNDS),
    [K_LEAD_SOUND] = BY_PROGRAM("lead sound", LEAD_SOUNDS),
    [K_COUNTER_SOUND] = BY_PROGRAM("counter sound", LEAD_SOUNDS),
};

const char *band_kinds_name(band_kind kind)
{
    return KINDS[kind].name;
}

size_t band_kinds_count(band_kind kind)
{
    return KINDS[kind].n;
}

double band_kinds_neutral(band_kind kind, size_t i)
{
    const band_kind_row *row = &KINDS[kind];
    return row->patterns != NULL   ? row->patterns[i].neutral
           : row->programs != NULL ? row->programs[i].neutral
                                   : row->weights[i];
}

int band_kinds_item(band_kind kind, size_t i)
{
    return KINDS[kind].programs != NULL ? KINDS[kind].programs[i].program : (int)i;
}

double band_kinds_shine(band_kind kind, size_t i)
{
    return KINDS[kind].programs != NULL ? KINDS[kind].programs[i].shine / 10.0 : 0.0;
}

const band_pattern *band_kinds_pattern(band_kind kind, size_t i)
{
    return KINDS[kind].patterns != NULL ? &KINDS[kind].patterns[i] : NULL;
}
