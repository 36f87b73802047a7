/*
 * jam_fields.h - the one table of what a client may set (jam.md section 3, `params`): names, kinds,
 * ranges, defaults. The parser, the limits in errors, the names in `status.updated` and the
 * AsyncAPI document all read it. Constant data, any thread.
 */
#ifndef JAM_FIELDS_H
#define JAM_FIELDS_H

#include "jam_engine.h"

#define JAM_WEIGHT_MAX 100.0
#define JAM_STYLES_BYTES_MAX 1024
#define JAM_CHUNK_FRAMES_MAX 50
#define JAM_OVERLAP_MAX 4800 /* samples */
#define JAM_BUFFER_CHUNKS_MAX 50
#define JAM_RAMP_MS_MAX 60000
#define JAM_SEED_MAX 2147483647

typedef enum jam_field {
    JAM_FIELD_STYLES,
    JAM_FIELD_STYLE_WEIGHTS,
    JAM_FIELD_STYLE_RAMP_SECONDS,
    JAM_FIELD_TEMPERATURE,
    JAM_FIELD_TOPK,
    JAM_FIELD_GUIDANCE_WEIGHT,
    JAM_FIELD_MEAN,
    JAM_FIELD_CENTROID_WEIGHTS,
    JAM_FIELD_PACE,
    JAM_FIELD_MAX_DECODE_FRAMES,
    JAM_FIELD_CROSSFADE_SECONDS,
    JAM_FIELD_FORMAT,
    JAM_FIELD_BITRATE_KBPS,
    JAM_FIELD_BUFFER_CHUNKS,
    JAM_FIELD_CATCH_UP,
    JAM_FIELD_ENGINE,
    JAM_FIELD_SEED,
    JAM_FIELD_BPM,
    JAM_FIELD_KEY,
    JAM_FIELD_SCALE,
    JAM_FIELD_DENSITY,
    JAM_FIELD_BRIGHTNESS,
    JAM_FIELD_STEMS,
    JAM_FIELD_SECTION,
    JAM_FIELD_RAMP_MS,
    JAM_FIELD_AT_SAMPLE,
    JAM_FIELD_AT_BAR,
    JAM_FIELD_RECORD,
    JAM_N_FIELDS,
} jam_field;

/* A set of fields: bit i is field i. */
typedef uint32_t jam_field_set;
#define JAM_FIELD_BIT(field) ((jam_field_set)1 << (field))

/* Fields that say how a change comes to hold and are no value themselves. */
#define JAM_FIELDS_HOW                                                                             \
    (JAM_FIELD_BIT(JAM_FIELD_RAMP_MS) | JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE) |                       \
     JAM_FIELD_BIT(JAM_FIELD_AT_BAR))

typedef enum jam_pace { JAM_PACE_REALTIME, JAM_PACE_ASAP } jam_pace;
typedef enum jam_catch_up {
    JAM_CATCH_UP_SKIP,
    JAM_CATCH_UP_BURST,
    JAM_CATCH_UP_STRETCH
} jam_catch_up;
typedef enum jam_format {
    JAM_FORMAT_WAV_F32,
    JAM_FORMAT_WAV_S16,
    JAM_FORMAT_OPUS,
    JAM_FORMAT_FLAC,
    JAM_N_FORMATS,
} jam_format;

typedef enum jam_field_kind {
    JAM_KIND_NUMBER,
    JAM_KIND_INTEGER,
    JAM_KIND_AUTO_NUMBER, /* a number or "auto" */
    JAM_KIND_CHOICE,      /* one of `choices` */
    JAM_KIND_NAME,        /* text of 1-128 bytes */
    JAM_KIND_NAMES,       /* comma list or array of names */
    JAM_KIND_NUMBERS,     /* comma list or array of numbers */
    JAM_KIND_STEMS,
    JAM_KIND_RAMP,   /* ms, or an object field -> ms */
    JAM_KIND_RECORD, /* bool or {name} */
} jam_field_kind;

typedef enum jam_field_when {
    JAM_WHEN_START = 1, /* may stand in a start */
    JAM_WHEN_UPDATE = 2,
    JAM_WHEN_RESET = 4, /* in a reset_context */
} jam_field_when;

typedef struct jam_field_def {
    const char *name;
    jam_field_kind kind;
    double min, max;     /* of the number, or of each in a list */
    const char *unit;    /* "" for none */
    const char *choices; /* names by commas, in the order of their enum */
    const char *def;     /* default as JSON; "" for none */
    unsigned when;       /* jam_field_when */
    bool ramps;          /* ramp_ms works on it */
    bool ignored;        /* accepted, without effect */
    bool control;        /* an engine may lack it: see jam_fields_unsupported */
    const char *help;    /* one sentence */
} jam_field_def;

const jam_field_def *jam_field_get(jam_field field);

/* jam_field_find gives the field of a name; -ENOENT. */
int jam_field_find(const char *name, jam_field *ret);

/* jam_field_choice: the index of text among the choices of a field; -ENOENT. jam_field_choice_name
 * copies the name of a choice and returns ret. `key` has 18 choices for 13 values: its index is not
 * the value, see jam_key_of_choice. */
int jam_field_choice(jam_field field, const char *text);
#define JAM_CHOICE_SIZE 16
const char *jam_field_choice_name(jam_field field, int choice, char ret[JAM_CHOICE_SIZE]);

/* jam_key_of_choice: 0 C to 11 B, or JAM_KEY_AUTO. */
int jam_key_of_choice(int choice);

/* jam_fields_unsupported: which fields of the set the engine does not obey. */
jam_field_set jam_fields_unsupported(const jam_engine *engine, jam_field_set set);

const char *jam_stem_name(jam_stem stem);
const char *jam_format_name(jam_format format);
const char *jam_pace_name(jam_pace pace);

#endif
