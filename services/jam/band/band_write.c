#include "band_random.h"
#include "band_state.h"

#define DRUM_LENGTH 0.25
#define GAP 0.03     /* beats */
#define LATEST 0.995 /* of a beat: notes stay within theirs */

/* Strong places of the bar come first as density rises. */
static const double RANKS[BAND_STEPS] = {0.0, 0.85, 0.45, 0.95, 0.2,  0.8, 0.5,  0.7,
                                         0.1, 0.9,  0.4,  0.95, 0.25, 0.8, 0.55, 0.65};

double band_write_need(char mark, int step, double base, double span)
{
    double rank = RANKS[step];
    switch (mark) {
    case 'X':
    case 'R':
    case 'S':
        return base + 0.55 * span * rank;
    case 'o':
        return base + 0.15 + 0.6 * span * rank;
    case 'g':
        return base + 0.35 + 0.5 * span * rank;
    case '2':
    case '3':
    case '4':
        return base + 0.3 + 0.3 * rank;
    default:
        return base + span * rank;
    }
}

int band_write_velocity(char mark)
{
    switch (mark) {
    case 'X':
    case 'R':
    case 'S':
        return 112;
    case 'O':
        return 96;
    case 'x':
        return 92;
    case 'o':
        return 72;
    case 'g':
        return 42;
    case '2':
    case '3':
    case '4':
        return 70;
    case '.':
    case '-':
        return 0;
    default:
        return 90;
    }
}

/* Where a place of the beat (0 to below 4 steps) lies when swung, 0-1. */
static double swung(const band_composer *c, double x)
{
    double half = x >= 2.0 ? 1.0 : 0.0;
    double y = x - 2.0 * half;
    double eighth = y < 1.0 ? y * c->swing_16 : c->swing_16 + (y - 1.0) * (1.0 - c->swing_16);
    return half == 0.0 ? eighth * c->swing_8 : c->swing_8 + eighth * (1.0 - c->swing_8);
}

/* Beats from the begin of the bar to a step, which may lie in the next one. */
static double place(const band_composer *c, int step)
{
    int beat = step / BAND_BEAT_STEPS;
    return beat + swung(c, step - BAND_BEAT_STEPS * beat);
}

double band_write_length(const band_composer *c, int from, int to)
{
    return place(c, to) - place(c, from) - GAP;
}

/* The first beat weighs most, then the third. */
static int accent(double step)
{
    return step < 1.0 ? 6 : step >= 8.0 && step < 9.0 ? 2 : 0;
}

static int phrased(const band_composer *c, double step, int velocity, uint64_t number)
{
    static const int SWELL[BAND_PHRASE_BARS] = {-3, 0, 3, 1};
    int luck = (int)(band_random_u64(c->chooser.seed, BAND_LUCK_VELOCITY, number) % 9) - 4;
    int v = velocity + SWELL[c->bar % BAND_PHRASE_BARS] + accent(step) + c->scene.loud + luck;
    return RF_MIN(RF_MAX(v, 1), 127);
}

static band_event *add(band_composer *c, band_part part, double step, int velocity, double need)
{
    if (c->n_events == BAND_EVENTS_MAX) {
        return NULL;
    }
    uint64_t number = ((uint64_t)c->next_beat << 16) + (uint64_t)part * 1024 + c->n_events;
    int beats = (int)step / BAND_BEAT_STEPS;
    double in_beat = step - (double)(beats * BAND_BEAT_STEPS);
    double at = swung(c, in_beat) + c->late[part] +
                c->loose * band_random_unit(c->chooser.seed, BAND_LUCK_TIME, number);
    band_event *e = &c->events[c->n_events++];
    *e = (band_event){.beat = (double)c->next_beat + RF_MIN(at, LATEST),
                      .need = need,
                      .part = (uint8_t)part,
                      .velocity = (uint8_t)phrased(c, step, velocity, number)};
    return e;
}

void band_write_tone(band_composer *c, band_part part, double step, double length, band_tone tone,
                     int velocity, double need)
{
    band_event *e = add(c, part, step, velocity, need);
    if (e != NULL) {
        e->tone = tone;
        e->length = RF_MAX(length, 0.05);
    }
}

void band_write_drum(band_composer *c, band_part part, double step, int key, int velocity,
                     double need)
{
    band_event *e = add(c, part, step, velocity, need);
    if (e != NULL) {
        e->key = (uint8_t)key;
        e->length = DRUM_LENGTH;
    }
}
