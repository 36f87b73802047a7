/*
 * band_state.h - the composer's inside, shared by its files: band_composer.c (controls, time, what
 * is handed out), band_plan.c (form, phrases, sections), and the players of single parts, which
 * write the notes of one step at a time.
 */
#ifndef BAND_STATE_H
#define BAND_STATE_H

#include "band_choice.h"
#include "band_composer.h"
#include "band_form.h"
#include "band_voicing.h"

#define BAND_BEAT_STEPS 4
#define BAND_CHORDS_MAX (2 * BAND_PHRASE_BARS)
#define BAND_MELODY_MAX 18  /* notes a bar */
#define BAND_EVENTS_MAX 192 /* a beat */

/* Uses of the seed. */
enum {
    BAND_LUCK_TIME = 1,
    BAND_LUCK_VELOCITY,
    BAND_LUCK_LINE,
    BAND_LUCK_WALK,
    BAND_LUCK_MELODY,
    BAND_LUCK_DRUMS,
};

typedef struct band_melody_note {
    uint8_t step;
    uint8_t length; /* steps */
    int8_t degree;  /* above the tonic */
    bool grace;     /* an ornament */
} band_melody_note;

typedef struct band_melody {
    size_t n;
    band_melody_note notes[BAND_MELODY_MAX];
} band_melody;

/* One phrase of the form: all that returns when its letter does. */
typedef struct band_letter {
    bool made;
    uint32_t number; /* of its making, for its own luck */
    size_t n_chords;
    uint8_t chord_at[BAND_CHORDS_MAX]; /* half bars, 0-7 */
    band_chord chords[BAND_CHORDS_MAX];
    uint8_t picks[BAND_N_KINDS]; /* candidates chosen, of the kinds that a phrase keeps */
    band_melody lead[BAND_PHRASE_BARS];
    band_melody counter[BAND_PHRASE_BARS];
} band_letter;

/* What a bar asks of the parts, by its section. */
typedef struct band_scene {
    bool plays[BAND_N_PARTS];
    bool kick_only; /* of the drums: no snare */
    bool no_kick;
    bool long_bass; /* held notes instead of the pattern */
    bool crash;     /* on its first beat */
    bool riser;
    bool last;         /* the final chord */
    uint8_t twist;     /* band_twist */
    uint8_t fill;      /* band_fill, FILL_NONE: none */
    uint8_t fill_from; /* step */
    double lift;       /* towards full density, 0-1 */
    int loud;          /* added to velocities */
} band_scene;

typedef struct band_event {
    double beat;
    double length;
    double need; /* sounds at this density and above */
    band_tone tone;
    uint8_t part;
    uint8_t key; /* drums */
    uint8_t velocity;
} band_event;

struct band_composer {
    band_chooser chooser;
    jam_controls controls;
    bool restyle;                          /* at the next beat */
    double styled_weights[JAM_STYLES_MAX]; /* as they were when the parts were last chosen */

    /* of the styles' numbers */
    double swing_8;
    double swing_16;
    double late[BAND_N_PARTS];
    double loose;
    double density;
    double brightness;
    bool club; /* risers, kick first */
    double bpm;
    size_t tempo;
    int key_own;
    jam_scale scale_own;
    jam_scale scale_written; /* of the phrases that are made */
    band_mix mix;
    uint32_t mix_count;
    uint8_t programs[BAND_N_PARTS];

    /* where the music stands */
    int64_t next_beat;
    jam_section section;
    jam_section section_before; /* a fill */
    uint32_t section_count;
    uint32_t section_bar; /* bars that it has lasted */
    int64_t over_beat;    /* of an ending; -1 */
    bool form_stale;
    size_t form;
    size_t phrase;
    size_t bar;         /* of the phrase */
    uint32_t form_bars; /* played since the form was chosen */
    uint32_t letters_made;
    band_letter letters[BAND_LETTERS];
    band_letter ending; /* two bars */
    const band_letter *letter;
    band_scene scene;

    /* of the parts */
    band_voicing comp;
    band_voicing pad;
    const band_chord *comp_chord; /* the chord that the voicing is of */
    int walk;                     /* degree that the bass is at */
    int64_t pad_bar;

    /* notes of the beat being handed out */
    band_event events[BAND_EVENTS_MAX];
    size_t n_events;
    size_t next_event;
    double last_given;
    double last_of[BAND_N_PARTS][128];
};

/* Whether the client set key or scale: nothing is borrowed then. */
static inline bool band_state_is_strict(const band_composer *c)
{
    return c->controls.key != JAM_KEY_AUTO || c->controls.scale != JAM_SCALE_AUTO;
}

/* band_plan.c: band_plan_bar sets letter and scene for the bar that begins at `beat`;
 * band_plan_restyle lets the parts choose anew in mid-phrase. */
void band_plan_start(band_composer *c);
void band_plan_bar(band_composer *c, double beat);
void band_plan_restyle(band_composer *c, double beat);

/* band_plan_chord: the chord at a half bar (0-7) of a phrase; band_plan_next the one that follows
 * it. Lent until the next phrase. */
const band_chord *band_plan_chord(const band_composer *c, size_t half_bar);
const band_chord *band_plan_next(const band_composer *c, size_t half_bar);

/* The steps of a pattern that the phrase plays, 16 from the bar's first; NULL for no second lane.
 */
const char *band_plan_steps(const band_composer *c, band_kind kind, bool second);

/* band_sound.c: numbers of the styles and sounds. band_sound_blend takes the means of the styles in
 * force; band_sound_pick chooses programs. */
void band_sound_blend(band_composer *c);
void band_sound_pick(band_composer *c, double beat);
double band_sound_bpm(const band_composer *c);

/* band_sound_main: the style that weighs most; the neutral one when there is none. */
const band_style *band_sound_main(const band_composer *c);

/* band_melody.c: writes lead and counter of a phrase. */
void band_melody_write(band_composer *c, band_letter *letter, double beat);

/* Each writes the notes that a part starts at a step (0-15) of the bar. */
void band_drums_step(band_composer *c, int step);
void band_bass_step(band_composer *c, int step);
void band_comp_step(band_composer *c, int step);
void band_pad_step(band_composer *c, int step);
void band_arp_step(band_composer *c, int step);
void band_lead_step(band_composer *c, int step);

/* band_write.c: one note into the batch, `after` (0-1) steps behind the step's begin, swung and
 * loosened. Velocity is clamped. */
void band_write_tone(band_composer *c, band_part part, double step, double length, band_tone tone,
                     int velocity, double need);
void band_write_drum(band_composer *c, band_part part, double step, int key, int velocity,
                     double need);

/* band_write_length: beats from one step to another, swung, less the gap that parts two notes. */
double band_write_length(const band_composer *c, int from, int to);

/* band_write_need: the density from which a mark at a step sounds; base and span are the part's. */
double band_write_need(char mark, int step, double base, double span);

/* band_write_velocity: of a mark; 0 for none. */
int band_write_velocity(char mark);

#endif
