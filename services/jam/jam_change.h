/*
 * jam_change.h - what a message changes: the fields it holds and their values, already checked.
 * Plain data, copied freely.
 */
#ifndef JAM_CHANGE_H
#define JAM_CHANGE_H

#include "jam_fields.h"

typedef enum jam_stem_part {
    JAM_STEM_GAIN = 1,
    JAM_STEM_MUTE = 2,
    JAM_STEM_SOLO = 4,
} jam_stem_part;

typedef struct jam_stem_change {
    unsigned set; /* jam_stem_part */
    jam_stem_control to;
} jam_stem_change;

typedef struct jam_change {
    jam_field_set set; /* which of the values below count */

    /* controls */
    char styles[JAM_STYLES_MAX][JAM_STYLE_NAME_SIZE];
    size_t n_styles;
    double style_weights[JAM_STYLES_MAX]; /* as given; their sum is not yet 1 */
    size_t n_style_weights;
    double style_ramp_seconds;
    double temperature;
    uint32_t topk;
    double guidance_weight;
    double bpm; /* 0: auto */
    int key;    /* JAM_KEY_AUTO: auto */
    jam_scale scale;
    double density;    /* negative: auto */
    double brightness; /* negative: auto */
    jam_stem_change stems[JAM_N_STEMS];
    jam_section section;

    /* what the session itself obeys */
    jam_pace pace;
    uint32_t max_decode_frames;
    uint32_t overlap; /* samples, of crossfade_seconds */
    jam_format format;
    uint32_t bitrate_kbps;
    uint32_t buffer_chunks;
    jam_catch_up catch_up;
    char engine[JAM_STYLE_NAME_SIZE];
    uint32_t seed;
    bool record;
    char record_name[JAM_STYLE_NAME_SIZE]; /* "" for none */

    /* how */
    uint32_t ramp_ms[JAM_N_FIELDS]; /* for this change only */
    int64_t at_sample;              /* if set */
    uint32_t at_bar;                /* if set */
} jam_change;

/* The settings of a session: what its params say that no engine sees. */
typedef struct jam_settings {
    jam_pace pace;
    uint32_t chunk_frames; /* H / 1920, 1-50 */
    uint32_t overlap;      /* V, samples, 0-4800 */
    jam_format format;
    uint32_t bitrate_kbps;  /* 32-320, opus */
    uint32_t buffer_chunks; /* 1-50 */
    jam_catch_up catch_up;
    char engine[JAM_STYLE_NAME_SIZE];
    bool has_seed; /* else the session draws one */
    uint32_t seed;
    bool record;
    char record_name[JAM_STYLE_NAME_SIZE]; /* of the take, "" for none */
} jam_settings;

/* jam_settings_default: the defaults of jam.md section 3; an overlap of 0.04 s. */
void jam_settings_default(jam_settings *ret);

/* jam_settings_apply takes over the settings that the change holds. */
void jam_settings_apply(jam_settings *settings, const jam_change *change);

/* jam_controls_of_start makes the controls of a start: defaults, then the change without ramps. The
 * instance is opened with them. */
void jam_controls_of_start(const jam_change *change, jam_controls *ret);

#endif
