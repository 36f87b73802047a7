#include "band_random.h"
#include "band_state.h"

#define KICK 36
#define SNARE 38
#define CLAP 39
#define CLOSED_HAT 42
#define OPEN_HAT 46
#define CRASH 49

/* Where the parts of the kit begin and end to sound as density rises. */
typedef struct lane_need {
    double base;
    double span;
} lane_need;

static const lane_need KICK_NEED = {0.0, 0.5};
static const lane_need SNARE_NEED = {0.02, 0.5};
static const lane_need HAT_NEED = {0.1, 0.5};
static const lane_need PERC_NEED = {0.2, 0.4};

static void hit(band_composer *c, band_part part, int step, int key, char mark, lane_need need,
                double gain)
{
    int velocity = (int)(band_write_velocity(mark) * gain);
    double from = band_write_need(mark, step, need.base, need.span);
    int strokes = mark >= '2' && mark <= '4' ? mark - '0' : 1;
    for (int i = 0; i < strokes; i++) {
        band_write_drum(c, part, step + (double)i / strokes, key, velocity - 6 * (strokes - 1 - i),
                        from);
    }
}

static void lane(band_composer *c, band_part part, band_kind kind, bool second, int step,
                 lane_need need, double gain)
{
    const char *steps = band_plan_steps(c, kind, second);
    if (steps == NULL || steps[step] == '.') {
        return;
    }
    const band_pattern *pattern = band_kinds_pattern(kind, c->letter->picks[kind]);
    int key = second ? pattern->key2 : pattern->key;
    key = steps[step] == 'O' ? OPEN_HAT : key;
    hit(c, part, step, key, steps[step], need, gain);
}

static void kick(band_composer *c, int step)
{
    bool dropped = c->scene.twist == TWIST_DROP_KICK && step >= 8;
    if (c->scene.no_kick || dropped) {
        return;
    }
    lane(c, BAND_DRUMS, K_KICK, false, step, KICK_NEED, 1.0);
    lane(c, BAND_DRUMS, K_KICK, true, step, KICK_NEED, 1.0);
    bool free =
        band_plan_steps(c, K_KICK, false)[step] == '.' && c->letter->picks[K_KICK] != KICK_NONE;
    bool extra = c->scene.twist == TWIST_EXTRA_KICK && step == 10;
    bool pickup = c->scene.twist == TWIST_KICK_PICKUP && step == 14;
    if (free && (extra || pickup)) {
        hit(c, BAND_DRUMS, step, KICK, 'o', KICK_NEED, 1.1);
    }
}

static void snare(band_composer *c, int step)
{
    lane(c, BAND_DRUMS, K_SNARE, false, step, SNARE_NEED, 1.0);
    lane(c, BAND_DRUMS, K_SNARE, true, step, SNARE_NEED, 1.0);
    if (c->scene.twist == TWIST_SNARE_DRAG && step == 15 &&
        c->letter->picks[K_SNARE] != SNARE_NONE) {
        hit(c, BAND_DRUMS, step, SNARE, '2', SNARE_NEED, 0.7);
    }
}

/* Where the pattern leaves room, a busy drummer plays soft strokes. */
static void busy_hat(band_composer *c, int step)
{
    double luck = band_random_unit(c->chooser.seed, BAND_LUCK_DRUMS,
                                   (uint64_t)c->letter->number * BAND_STEPS + (unsigned)step);
    band_write_drum(c, BAND_DRUMS, step, CLOSED_HAT, 44, 0.72 + 0.26 * luck);
}

static void hat(band_composer *c, int step)
{
    double gain = 0.6 + 0.6 * c->brightness;
    const char *steps = band_plan_steps(c, K_HAT, false);
    if (c->letter->picks[K_HAT] == HAT_NONE) {
        return;
    }
    if (c->scene.twist == TWIST_OPEN_HAT && step == 14) {
        hit(c, BAND_DRUMS, step, OPEN_HAT, 'x', HAT_NEED, gain);
        return;
    }
    if (c->scene.twist == TWIST_HAT_ROLL && step >= 14) {
        hit(c, BAND_DRUMS, step, CLOSED_HAT, step == 14 ? '3' : '4', HAT_NEED, gain);
        return;
    }
    lane(c, BAND_DRUMS, K_HAT, false, step, HAT_NEED, gain);
    lane(c, BAND_DRUMS, K_HAT, true, step, HAT_NEED, gain);
    if (steps[step] == '.') {
        busy_hat(c, step);
    }
}

static int fill_key(char mark)
{
    switch (mark) {
    case 'h':
        return 50;
    case 'm':
        return 47;
    case 'l':
        return 43;
    case 'k':
        return KICK;
    case 'c':
        return 57;
    case 'p':
        return CLAP;
    default:
        return SNARE;
    }
}

/* Louder towards its end. */
static void fill(band_composer *c, int step)
{
    const band_pattern *pattern = band_kinds_pattern(K_FILL, c->scene.fill);
    char mark = pattern->steps[step];
    if (mark == '.') {
        return;
    }
    double need = band_write_need(mark == 'S' ? 'S' : 'x', step, 0.0, 0.5);
    int velocity = 70 + 2 * step + (mark == 'S' ? 10 : 0);
    int strokes = mark == 'r' ? 2 : 1;
    for (int i = 0; i < strokes; i++) {
        band_write_drum(c, BAND_DRUMS, step + (double)i / strokes, fill_key(mark), velocity, need);
    }
}

void band_drums_step(band_composer *c, int step)
{
    const band_scene *scene = &c->scene;
    if (scene->plays[BAND_DRUMS]) {
        bool filling = scene->fill != FILL_NONE && step >= scene->fill_from;
        if (scene->crash && step == 0 && c->letter->picks[K_HAT] != HAT_NONE) {
            band_write_drum(c, BAND_DRUMS, step, CRASH, 90 + (int)(20.0 * c->brightness), 0.2);
        }
        if (scene->last) {
            band_write_drum(c, BAND_DRUMS, step, KICK, 100, 0.0);
        } else if (filling) {
            fill(c, step);
        } else {
            kick(c, step);
            if (!scene->kick_only) {
                snare(c, step);
                hat(c, step);
            }
        }
    }
    if (scene->plays[BAND_PERCUSSION] && !scene->last) {
        lane(c, BAND_PERCUSSION, K_PERC, false, step, PERC_NEED, 0.85);
        lane(c, BAND_PERCUSSION, K_PERC, true, step, PERC_NEED, 0.85);
    }
}
