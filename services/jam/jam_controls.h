/*
 * jam_controls.h - what steers a session: one plain record that holds the value of every control at
 * one sample. Ramps and schedules are the host's work: an engine is given the record again whenever
 * a value moves, and obeys the one it was given last. Plain data, copied freely.
 */
#ifndef JAM_CONTROLS_H
#define JAM_CONTROLS_H

#include "rf_base.h"

#define JAM_RATE_HZ 48000
#define JAM_FRAME_SAMPLES 1920 /* 40 ms, the render grid */
#define JAM_CHANNELS 2
#define JAM_BEATS_A_BAR 4
#define JAM_STYLES_MAX 16
#define JAM_STYLE_NAME_SIZE 129 /* 128 bytes and the terminator */
#define JAM_KEY_AUTO (-1)

typedef enum jam_stem {
    JAM_STEM_DRUMS,
    JAM_STEM_BASS,
    JAM_STEM_CHORDS,
    JAM_STEM_LEAD,
    JAM_N_STEMS,
} jam_stem;

typedef enum jam_scale {
    JAM_SCALE_AUTO,
    JAM_SCALE_MAJOR,
    JAM_SCALE_MINOR, /* natural */
    JAM_SCALE_DORIAN,
    JAM_SCALE_PHRYGIAN,
    JAM_SCALE_LYDIAN,
    JAM_SCALE_MIXOLYDIAN,
    JAM_SCALE_LOCRIAN,
    JAM_N_SCALES,
} jam_scale;

typedef enum jam_section {
    JAM_SECTION_INTRO,
    JAM_SECTION_VERSE,
    JAM_SECTION_FILL,
    JAM_SECTION_BREAK,
    JAM_SECTION_DROP,
    JAM_SECTION_ENDING,
    JAM_N_SECTIONS,
} jam_section;

typedef struct jam_style_weight {
    char name[JAM_STYLE_NAME_SIZE]; /* as the client wrote it, trimmed */
    double weight;                  /* of all styles together 1 */
} jam_style_weight;

typedef struct jam_stem_control {
    double gain_db; /* -60 to 12 */
    bool mute;
    bool solo; /* any solo mutes the stems without */
} jam_stem_control;

typedef struct jam_controls {
    jam_style_weight styles[JAM_STYLES_MAX];
    size_t n_styles;        /* 0: neutral */
    double temperature;     /* 0-3 */
    uint32_t topk;          /* 1-1024 */
    double guidance_weight; /* 0-8 */
    double bpm;             /* 60-200, 0: the style's */
    int key;                /* 0 C to 11 B, JAM_KEY_AUTO: the engine's choice */
    jam_scale scale;
    double density;    /* 0-1, negative: the style's */
    double brightness; /* 0-1, negative: the style's */
    jam_stem_control stems[JAM_N_STEMS];
    /* Stem gains move to the values here evenly (amplitude per sample) over this many samples, at
     * least 960 (20 ms; a mute or solo takes no longer); a ramp in progress is a new record each
     * frame with 1920 here. */
    uint32_t glide_samples;
    jam_section section;
    uint32_t section_count; /* grows with each order of a section, the same one included; it starts
                               at the next bar line */
} jam_controls;

/* jam_controls_default gives the values of a start without params: "warmup", all else at the
 * defaults of jam.md section 3. */
void jam_controls_default(jam_controls *ret);

#endif
