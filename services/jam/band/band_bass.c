#include <stdlib.h>
#include <string.h>

#include "band_random.h"
#include "band_state.h"

#define HOME_DEGREE (-2 * BAND_DEGREES) /* two octaves below the tonic of the melody */
#define LOWEST (-18)
#define BASE 0.0
#define SPAN 0.6
#define NO_NEED 0.0

/* Degrees above the root that a line dwells on, the likelier the more often they stand here. */
static const int8_t LINE[12] = {0, 0, 7, 7, 0, 6, 2, 4, 0, 7, 1, 9};

static const char *steps_of(const band_composer *c)
{
    return band_plan_steps(c, K_BASS, false);
}

static const band_chord *chord_at(const band_composer *c, int step)
{
    return band_plan_chord(c, 2 * c->bar + (size_t)(step / 8));
}

static int root_degree(const band_chord *chord)
{
    int degree = chord->degree + HOME_DEGREE;
    return degree < LOWEST ? degree + BAND_DEGREES : degree;
}

/* The root of the chord that comes, in the octave nearest to where the bass is. */
static int next_root(const band_composer *c, int step)
{
    int degree = root_degree(band_plan_next(c, 2 * c->bar + (size_t)(step / 8)));
    if (degree - c->walk > BAND_DEGREES / 2) {
        degree -= BAND_DEGREES;
    } else if (c->walk - degree > BAND_DEGREES / 2) {
        degree += BAND_DEGREES;
    }
    return degree < LOWEST ? degree + BAND_DEGREES : degree;
}

/* A step or half-step beside the next root, from the side the bass comes from. */
static band_tone approach(const band_composer *c, int step)
{
    const band_chord *chord = chord_at(c, step);
    const band_chord *next = band_plan_next(c, 2 * c->bar + (size_t)(step / 8));
    int target = next_root(c, step);
    if (next == chord || next->root == chord->root) {
        return band_theory_tone(chord, target + 4 > 0 ? target - 3 : target + 4);
    }
    int side = c->walk > target ? 1 : -1;
    band_tone tone = band_theory_tone(next, target + side);
    bool chromatic =
        c->letter->picks[K_BASS] == BASS_WALK || c->letter->picks[K_BASS] == BASS_WALK_SKIPS;
    if (chromatic) {
        tone.semis = (int8_t)(band_theory_tone(next, target).semis + side);
    }
    return tone;
}

/* Towards the next root, on tones of the chord in the middle of the bar. */
static band_tone walk(band_composer *c, int step)
{
    const band_chord *chord = chord_at(c, step);
    int target = next_root(c, step);
    uint64_t luck =
        band_random_u64(c->chooser.seed, BAND_LUCK_WALK,
                        (uint64_t)c->letter->number * 256 + c->bar * 16 + (unsigned)step);
    int way = target > c->walk ? 1 : target < c->walk ? -1 : luck % 2 == 0 ? 1 : -1;
    way = luck % 5 == 0 && abs(target - c->walk) < 3 ? -way : way;
    int degree = c->walk + way;
    if (step == 8 || luck % 3 == 0) {
        degree = band_theory_nearest(chord, c->walk + 2 * way);
    }
    if (degree < LOWEST) {
        degree += BAND_DEGREES;
    }
    c->walk = degree;
    return band_theory_tone(chord, degree);
}

static band_tone tone_of(band_composer *c, char mark, int step)
{
    const band_chord *chord = chord_at(c, step);
    int root = root_degree(chord);
    switch (mark) {
    case '8':
        return band_theory_tone(chord, root + 7);
    case '5':
        return band_theory_tone(chord, root + 4);
    case '3':
        return band_theory_tone(chord, root + 2);
    case '7':
        return band_theory_tone(chord, root + 6);
    case 'a':
        return approach(c, step);
    case 'w':
        return walk(c, step);
    case 'l': {
        uint64_t luck = band_random_u64(c->chooser.seed, BAND_LUCK_LINE,
                                        (uint64_t)c->letter->number * BAND_STEPS + (unsigned)step);
        return band_theory_tone(chord, root + LINE[luck % RF_ARRAY_LEN(LINE)]);
    }
    default:
        c->walk = root;
        return band_theory_tone(chord, root);
    }
}

/* The first note of a bar is always there, so that the ground never is missing. */
static double need_of(const char *steps, int step)
{
    size_t first = strcspn(steps, "Rr");
    return (size_t)step == first ? NO_NEED : band_write_need(steps[step], step, BASE, SPAN);
}

/* To the next note; without a pad beneath, to the next that density lets sound. */
static int length_of(const band_composer *c, const char *steps, int step)
{
    bool bridges = c->mix.parts[BAND_PAD].silent;
    double density = c->density + c->scene.lift * (1.0 - c->density);
    int end = step + 1;
    for (; end < BAND_STEPS; end++) {
        bool note = steps[end] != '-' && steps[end] != '.';
        bool ends = bridges ? note && need_of(steps, end) <= density : steps[end] != '-';
        if (ends) {
            break;
        }
    }
    if (bridges && end == BAND_STEPS) {
        end += (int)strcspn(steps_of(c), "Rr"); /* the next bar may begin with a rest */
    }
    return end - step;
}

static void held(band_composer *c, int step)
{
    if (step == 0 || (step == 8 && chord_at(c, 8)->root != chord_at(c, 0)->root)) {
        int root = root_degree(chord_at(c, step));
        double length = c->scene.last ? 3.9 : step == 0 ? 3.9 : 1.9;
        band_write_tone(c, BAND_BASS, step, length, band_theory_tone(chord_at(c, step), root), 88,
                        NO_NEED);
    }
}

void band_bass_step(band_composer *c, int step)
{
    const char *steps = steps_of(c);
    if (!c->scene.plays[BAND_BASS]) {
        return;
    }
    if (c->scene.long_bass || c->scene.last) {
        held(c, step);
        return;
    }
    char mark = steps[step];
    if (mark == '.' || mark == '-') {
        return;
    }
    double length = band_write_length(c, step, step + length_of(c, steps, step));
    band_write_tone(c, BAND_BASS, step, length, tone_of(c, mark, step), mark == 'R' ? 104 : 92,
                    need_of(steps, step));
}
