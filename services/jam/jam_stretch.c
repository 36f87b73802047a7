#include "jam_stretch.h"

#include "jam_window.h"

#include <math.h>
#include <string.h>

#define PIECE 960 /* 20 ms: what one step gives */
#define BACK 480  /* 10 ms: so far a jump goes, more or less */
#define SEARCH_BACK 384
#define SEARCH_AHEAD 240
#define KEPT (2 * BACK + SEARCH_BACK) /* behind `read` */
#define CAP 8192
#define COARSE 8 /* every so many samples are compared, and offsets tried, at first */

struct jam_stretch {
    double factor;
    double behind; /* how far `read` is ahead of where the factor wants it, in samples */
    uint32_t n;    /* pairs held */
    uint32_t read; /* pairs before it are kept for the search alone */
    float data[CAP * JAM_CHANNELS];
};

jam_stretch *jam_stretch_new(void)
{
    jam_stretch *s = RF_NEW(jam_stretch);
    s->factor = 1.0;
    return s;
}

jam_stretch *jam_stretch_free(jam_stretch *stretch)
{
    free(stretch);
    return NULL;
}

void jam_stretch_factor(jam_stretch *stretch, double factor)
{
    stretch->factor = fmin(fmax(factor, 1.0), JAM_STRETCH_MAX);
    stretch->behind = 0.0;
}

uint32_t jam_stretch_held(const jam_stretch *stretch)
{
    return stretch->n - stretch->read;
}

/* Drops what no search can reach again. */
static void forget(jam_stretch *s)
{
    if (s->read <= KEPT) {
        return;
    }
    uint32_t drop = s->read - KEPT;
    s->n -= drop;
    s->read -= drop;
    memmove(s->data, s->data + (size_t)drop * JAM_CHANNELS,
            (size_t)s->n * JAM_CHANNELS * sizeof(float));
}

void jam_stretch_push(jam_stretch *stretch, const float *frame)
{
    jam_stretch *s = stretch;
    forget(s);
    memcpy(s->data + (size_t)s->n * JAM_CHANNELS, frame,
           JAM_FRAME_SAMPLES * JAM_CHANNELS * sizeof(float));
    s->n += JAM_FRAME_SAMPLES;
}

/* How alike two pieces are: normalised correlation of every step-th sample of both channels. */
static double likeness(const float *a, const float *b, uint32_t step)
{
    double ab = 0.0;
    double bb = 1e-9;
    for (uint32_t i = 0; i < PIECE * JAM_CHANNELS; i += step) {
        ab += (double)a[i] * (double)b[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(bb);
}

static int best_of(const jam_stretch *s, uint32_t at, int low, int high, int step, uint32_t compare)
{
    const float *wanted = s->data + (size_t)s->read * JAM_CHANNELS;
    double best = -HUGE_VAL;
    int found = low;
    for (int d = low; d <= high; d += step) {
        const float *piece = s->data + (size_t)((int)at + d) * JAM_CHANNELS;
        double like = likeness(wanted, piece, compare);
        if (like > best) {
            best = like;
            found = d;
        }
    }
    return found;
}

/* The place near `at` whose sound goes on most like the sound at `read`. */
static uint32_t best_place(const jam_stretch *s, uint32_t at)
{
    int low = -(int)RF_MIN(at, (uint32_t)SEARCH_BACK);
    int near = best_of(s, at, low, SEARCH_AHEAD, COARSE, 2 * COARSE + 1);
    int fine =
        best_of(s, at, RF_MAX(near - COARSE, low), RF_MIN(near + COARSE, SEARCH_AHEAD), 1, 3);
    return (uint32_t)((int)at + fine);
}

/* One piece: as the music goes on or, once it is too far ahead, faded to a place further back that
 * the next piece goes on from. Returns the pairs written. */
static uint32_t step(jam_stretch *s, float *out)
{
    s->behind += PIECE * (1.0 - 1.0 / s->factor);
    const float *from = s->data + (size_t)s->read * JAM_CHANNELS;
    uint32_t back = (uint32_t)fmax(s->behind, 0.0);
    if (back < BACK || s->read < back) {
        memcpy(out, from, PIECE * JAM_CHANNELS * sizeof(float));
        s->read += PIECE;
        return PIECE;
    }
    uint32_t place = best_place(s, s->read - back);
    jam_fade(from, s->data + (size_t)place * JAM_CHANNELS, PIECE, out);
    s->behind -= (double)s->read - (double)place;
    s->read = place + PIECE;
    return PIECE;
}

uint32_t jam_stretch_pull(jam_stretch *stretch, float *out)
{
    jam_stretch *s = stretch;
    uint32_t given = 0;
    if (s->factor <= 1.0) {
        given = s->n - s->read;
        memcpy(out, s->data + (size_t)s->read * JAM_CHANNELS,
               (size_t)given * JAM_CHANNELS * sizeof(float));
        s->read = s->n;
        return given;
    }
    while (s->n - s->read >= PIECE + SEARCH_AHEAD && given + PIECE <= JAM_STRETCH_OUT_MAX) {
        given += step(s, out + (size_t)given * JAM_CHANNELS);
    }
    return given;
}
