/*
 * band_clock.h - the tempo map: a beat for every sample and back, exact within a stretch of one
 * tempo. A stretch begins where the last one ended, in samples and in beats, so the phase never
 * jumps and nothing adds up but where the tempo changes. Plain data.
 */
#ifndef BAND_CLOCK_H
#define BAND_CLOCK_H

#include "jam_controls.h"

typedef struct band_clock {
    double sample, beat; /* where the stretch began */
    double bpm;
} band_clock;

static inline double band_clock_beat(const band_clock *clock, double sample)
{
    return clock->beat + (sample - clock->sample) * clock->bpm / (60.0 * JAM_RATE_HZ);
}

static inline double band_clock_sample(const band_clock *clock, double beat)
{
    return clock->sample + (beat - clock->beat) * (60.0 * JAM_RATE_HZ) / clock->bpm;
}

/* band_clock_set begins a stretch at `sample`, where the beat is `beat`, if the tempo differs. */
static inline void band_clock_set(band_clock *clock, double sample, double beat, double bpm)
{
    if (bpm < clock->bpm || bpm > clock->bpm) {
        *clock = (band_clock){sample, beat, bpm};
    }
}

#endif
