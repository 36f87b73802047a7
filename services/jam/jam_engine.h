/*
 * jam_engine.h - what makes the music: a versioned struct of callbacks (jam.md section 8). The host
 * (sessions, schedule, chunks, sockets) knows no engine but through this header.
 *
 * Threads: an instance is used by one thread at a time, not always the same; different instances by
 * different threads at once. open may block up to 5 s and allocate; set_controls and render_frames
 * allocate nothing, lock nothing that instances share, and touch no file or network.
 *
 * Time: an instance renders from sample 0 in order. Frames are 1,920 samples. The host calls
 * set_controls for positions at or after the next sample to be rendered and before the end of the
 * next frame, in rising order, each a multiple of control_grain_samples away from a frame boundary,
 * and then render_frames. Equal seeds and equal records at equal positions give equal bytes.
 */
#ifndef JAM_ENGINE_H
#define JAM_ENGINE_H

#include "jam_controls.h"

#define JAM_ENGINE_ABI 1

/* Names that an engine may list in jam_engine.controls. */
#define JAM_ENGINE_ALL_CONTROLS                                                                    \
    "styles,style_weights,temperature,topk,guidance_weight,bpm,key,scale,density,brightness,"      \
    "stems,section"

/* One discrete choice, for the choice log of tests (jam.md section 7). Arrays have n entries, each
 * sums to 1; lent for the call. */
typedef struct jam_choice {
    const char *kind; /* "chord", "groove", ... */
    double beat;      /* for which it was made */
    size_t n;
    const double *neutral;                  /* n */
    const double *style;                    /* s: weighted mean of the styles' */
    const double *by_style[JAM_STYLES_MAX]; /* s_A for each of the controls' styles */
    size_t n_styles;
    const double *p; /* drawn from: after guidance, temperature and topk */
    size_t chosen;   /* index */
} jam_choice;

/* A note as it starts, for tests. */
typedef struct jam_note {
    int64_t sample; /* exact time, rounded to the next sample */
    double beat;
    jam_stem stem;
    int pitch; /* MIDI; drums: General MIDI percussion key */
    int velocity;
} jam_note;

/* Host callbacks; each may be NULL, is called by the thread that renders, and must not block. */
typedef struct jam_engine_host {
    uint32_t struct_size;
    void *user;
    void (*choice)(void *user, const jam_choice *choice);
    void (*note)(void *user, const jam_note *note);
} jam_engine_host;

/* Where the music stands at the next sample to be rendered. */
typedef struct jam_place {
    uint32_t struct_size;
    double bpm;   /* in force */
    uint32_t bar; /* from 1 */
    double beat;  /* 1.0 to below 5.0 */
    jam_section section;
    bool ended; /* the ending is over, only silence follows */
    int key;    /* resolved: 0 to 11 */
    jam_scale scale;
    /* In force, 0-1: where ramps from "auto" begin. The host sets them to -1 before it asks; an
     * engine that does not tell leaves them. */
    double density;
    double brightness;
} jam_place;

typedef struct jam_engine jam_engine;

struct jam_engine {
    uint32_t struct_size;
    uint32_t abi_version; /* JAM_ENGINE_ABI; a host refuses others */

    /* capability record */
    const char *name;
    const char *version;
    const char *kind;
    bool gpu;
    bool deterministic;
    uint32_t control_grain_samples;
    const char *controls; /* names by commas */
    const char *stems;    /* names by commas, in the order of jam_stem; "" for none */
    uint32_t max_sessions;
    double realtime_ratio;        /* render time / audio time at p99 */
    const char *model;            /* NULL: none */
    const char *soundfont_sha256; /* hex, NULL: none */

    void *engine_data; /* of the engine */

    /* open makes an instance that is silent until the first render_frames. Returns 0; -ENOENT when
     * something it needs is not installed (then `why` says what); -ENOMEM. */
    int (*open)(const jam_engine *engine, uint64_t seed, const jam_controls *controls,
                const jam_engine_host *host, void **ret, char *why, size_t why_size);

    /* set_controls hands over the full record that holds from `sample` on. At most 1 ms. */
    void (*set_controls)(void *instance, int64_t sample, const jam_controls *controls);

    /* render_frames writes n frames (1-50), planar: left and right have n * 1920 floats each.
     * Returns 0 or negative errno: the instance is then only closed. */
    int (*render_frames)(void *instance, uint32_t n, float *left, float *right);

    /* place tells where the music stands; see jam_place. Its bpm holds until the next set_controls
     * or bar line, so that the host can tell when a bar begins. */
    void (*place)(const void *instance, jam_place *ret);

    /* close frees all; also after a failure, and at most 100 ms. */
    void (*close)(void *instance);

    /* n_styles and style_name list the built-in styles; style_match tells which of them a free text
     * is taken for, with a score of 0 to 1: NULL and 0 for none (neutral). Texts live as long as
     * the engine. Any thread. */
    size_t (*n_styles)(const jam_engine *engine);
    const char *(*style_name)(const jam_engine *engine, size_t i);
    const char *(*style_match)(const jam_engine *engine, const char *text, double *ret_score);
};

#endif
