#include "band_chorus.h"

#include <math.h>
#include <string.h>

#define RATE_HZ 0.6
#define CENTRE 620.0 /* samples, 13 ms */
#define DEPTH 190.0

static void sway(const band_chorus *chorus, float ret[2])
{
    const double s = DEPTH * sin(2 * M_PI * chorus->phase);
    ret[0] = (float)(CENTRE + s);
    ret[1] = (float)(CENTRE - s);
}

void band_chorus_init(band_chorus *chorus)
{
    memset(chorus, 0, sizeof(*chorus));
    sway(chorus, chorus->delay);
}

static inline band_v4 tap(const band_v4 *line, uint32_t at, float delay)
{
    const uint32_t whole = (uint32_t)delay;
    const band_v4 part = band_splat(delay - (float)whole);
    const band_v4 a = line[(at - whole) & (BAND_CHORUS_ROOM - 1)];
    const band_v4 b = line[(at - whole - 1) & (BAND_CHORUS_ROOM - 1)];
    return a + part * (b - a);
}

void band_chorus_run(band_chorus *chorus, const band_block sends[BAND_STEM_VECTORS],
                     band_block stems[BAND_STEM_VECTORS])
{
    float next[2];
    chorus->phase += RATE_HZ * BAND_BLOCK / JAM_RATE_HZ;
    chorus->phase -= floor(chorus->phase);
    sway(chorus, next);
    const float step_left = (next[0] - chorus->delay[0]) / BAND_BLOCK;
    const float step_right = (next[1] - chorus->delay[1]) / BAND_BLOCK;
    for (size_t i = 0; i < BAND_BLOCK; i++, chorus->at++) {
        const float left = chorus->delay[0] + step_left * (float)i;
        const float right = chorus->delay[1] + step_right * (float)i;
        for (size_t v = 0; v < BAND_STEM_VECTORS; v++) {
            band_v4 *line = chorus->lines[v];
            line[chorus->at & (BAND_CHORUS_ROOM - 1)] = sends[v].x[i];
            stems[v].x[i] += __builtin_shufflevector(tap(line, chorus->at, left),
                                                     tap(line, chorus->at, right), 0, 5, 2, 7);
        }
    }
    chorus->delay[0] = next[0];
    chorus->delay[1] = next[1];
}
