#include "band_reverb.h"

#include <math.h>
#include <string.h>

#define N_LINES 8
#define LINE_ROOM 4096U /* samples, a power of two above the longest line */
#define PREDELAY 480U   /* 10 ms */
#define N_DIFFUSERS 2
#define DIFFUSER_ROOM 512U
#define DIFFUSION 0.6F
#define CROSS 0.3F /* of one ear to the other: rooms are not all side */
#define GLIDE 0.05F
#define DAMPING 0.32F /* one-pole low-pass in each line */

/* Lengths without common factors, so that echoes do not pile up. */
static const uint32_t line_lengths[N_LINES] = {1427, 1637, 1867, 2087, 2339, 2617, 2903, 3203};
static const uint32_t diffuser_lengths[N_DIFFUSERS] = {211, 347};
/* Which lines each ear hears, and with what sign: two orthogonal sums. */
static const float left_signs[N_LINES] = {1, -1, 1, 1, -1, 1, -1, -1};
static const float right_signs[N_LINES] = {1, 1, -1, 1, -1, -1, 1, -1};

struct band_reverb {
    band_v4 lines[N_LINES][LINE_ROOM];
    band_v4 diffusers[N_DIFFUSERS][DIFFUSER_ROOM];
    band_v4 predelay[DIFFUSER_ROOM];
    band_v4 damped[N_LINES];
    float gains[N_LINES], targets[N_LINES];
    uint32_t at;
};

band_reverb *band_reverb_new(void)
{
    band_reverb *reverb = NULL;
    if (posix_memalign((void **)&reverb, 64, sizeof(*reverb)) != 0) {
        return NULL;
    }
    memset(reverb, 0, sizeof(*reverb));
    band_reverb_room(reverb, 1);
    memcpy(reverb->gains, reverb->targets, sizeof(reverb->gains));
    return reverb;
}

band_reverb *band_reverb_free(band_reverb *reverb)
{
    free(reverb);
    return NULL;
}

void band_reverb_room(band_reverb *reverb, double room_s)
{
    for (size_t i = 0; i < N_LINES; i++) {
        reverb->targets[i] = (float)pow(10, -3.0 * line_lengths[i] / (room_s * JAM_RATE_HZ));
    }
}

static inline band_v4 diffuse(band_v4 *buffer, uint32_t length, uint32_t at, band_v4 x)
{
    const band_v4 old = buffer[(at - length) & (DIFFUSER_ROOM - 1)];
    const band_v4 in = x - band_splat(DIFFUSION) * old;
    buffer[at & (DIFFUSER_ROOM - 1)] = in;
    return old + band_splat(DIFFUSION) * in;
}

static inline band_v4 feed(band_reverb *r, band_v4 x)
{
    r->predelay[r->at & (DIFFUSER_ROOM - 1)] = x;
    x = r->predelay[(r->at - PREDELAY) & (DIFFUSER_ROOM - 1)];
    for (size_t i = 0; i < N_DIFFUSERS; i++) {
        x = diffuse(r->diffusers[i], diffuser_lengths[i], r->at, x);
    }
    return x;
}

/* One sample of all lines: out of the delays, damped, mixed, back in. */
static inline void step(band_reverb *r, const float moves[N_LINES], band_v4 x, band_v4 *ret_left,
                        band_v4 *ret_right)
{
    band_v4 y[N_LINES];
    band_v4 sum = band_splat(0), left = band_splat(0), right = band_splat(0);
    for (size_t i = 0; i < N_LINES; i++) {
        const band_v4 out = r->lines[i][(r->at - line_lengths[i]) & (LINE_ROOM - 1)];
        r->damped[i] = out + band_splat(DAMPING) * (r->damped[i] - out);
        r->gains[i] += moves[i];
        y[i] = band_splat(r->gains[i]) * r->damped[i];
        sum += y[i];
        left += band_splat(left_signs[i]) * y[i];
        right += band_splat(right_signs[i]) * y[i];
    }
    sum *= band_splat(2.0F / N_LINES);
    for (size_t i = 0; i < N_LINES; i++) {
        r->lines[i][r->at & (LINE_ROOM - 1)] = x + y[i] - sum;
    }
    *ret_left = left + band_splat(CROSS) * right;
    *ret_right = right + band_splat(CROSS) * left;
}

void band_reverb_run(band_reverb *reverb, const band_block *send,
                     band_block stems[BAND_STEM_VECTORS])
{
    float moves[N_LINES];
    for (size_t i = 0; i < N_LINES; i++) {
        moves[i] = GLIDE * (reverb->targets[i] - reverb->gains[i]) / BAND_BLOCK;
    }
    for (size_t i = 0; i < BAND_BLOCK; i++, reverb->at++) {
        band_v4 left, right;
        step(reverb, moves, feed(reverb, send->x[i]), &left, &right);
        stems[0].x[i] += __builtin_shufflevector(left, right, 0, 4, 1, 5);
        stems[1].x[i] += __builtin_shufflevector(left, right, 2, 6, 3, 7);
    }
}
