/*
 * jam_state.h - the values of all controls at one moment and the ramps that move them; gives the
 * record for a sample. Private to the timeline. Plain data, no heap, one thread at a time.
 */
#ifndef JAM_STATE_H
#define JAM_STATE_H

#include "jam_mix.h"

typedef enum jam_ramped {
    JAM_RAMP_TEMPERATURE,
    JAM_RAMP_GUIDANCE,
    JAM_RAMP_BPM,
    JAM_RAMP_DENSITY,
    JAM_RAMP_BRIGHTNESS,
    JAM_RAMP_GAIN, /* of the first stem; the others follow */
    JAM_N_RAMPS = JAM_RAMP_GAIN + JAM_N_STEMS,
} jam_ramped;

typedef struct jam_ramp {
    bool on;
    bool from_auto; /* `from` is what the engine plays of its own: told at the next place */
    double from, to;
    int64_t start, end; /* samples */
} jam_ramp;

typedef struct jam_state {
    jam_controls now; /* without ramps: where each value is, or goes */
    jam_ramp ramps[JAM_N_RAMPS];
    jam_style_list list;
    jam_mix from, to;
    jam_ramp mix; /* `from` and `to` of it are not used */
    double style_ramp_seconds;
    int64_t step_until; /* a stem's gain moves by itself until then */
} jam_state;

/* jam_state_init: the controls of a start. */
void jam_state_init(jam_state *state, const jam_change *start);

/* jam_state_apply makes a change hold from `sample` on. */
void jam_state_apply(jam_state *state, const jam_change *change, int64_t sample);

/* jam_state_place: values that ramps from "auto" begin with. */
void jam_state_place(jam_state *state, const jam_place *place);

/* jam_state_record: what holds at `sample`; gains as they are to be `glide_samples` later. */
void jam_state_record(const jam_state *state, int64_t sample, jam_controls *ret);

/* jam_state_moving: whether a record at `sample` differs from one before without any change.
 * jam_state_settle ends the ramps that are over at `sample`. */
bool jam_state_moving(const jam_state *state);
void jam_state_settle(jam_state *state, int64_t sample);

/* jam_state_bpm: 0 for auto. */
double jam_state_bpm(const jam_state *state, int64_t sample);

#endif
