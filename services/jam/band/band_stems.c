#include "band_stems.h"

#include "band_limiter.h"

#include <math.h>
#include <string.h>

#define SHORTEST_GLIDE 960 /* samples, 20 ms */
#define GLIDE 0.05
#define DC_CORNER_HZ 18.0
#define LOW_CORNER_HZ 110.0
#define HIGH_CORNER_HZ 2500.0
#define HIGH_RANGE_DB 20.0 /* of the shelf from brightness 0 to 1 */
#define LOW_PASS_FLOOR_HZ 2400.0
#define LOW_PASS_OCTAVES 4.2
#define LOW_PASS_Q 0.6
#define DUCK_DEPTH 0.75
#define DUCK_ATTACK 0.4    /* of the way in a block */
#define DUCK_RELEASE 0.985 /* what is left after a block: 90 ms to a third */
#define DRIVE_GAIN 7.0F
#define PEAK_KNEE 0.35F
#define PEAK_MOST 0.75F

static void tune(band_stems *stems, bool now)
{
    const double b = stems->brightness;
    const band_design low = band_design_low_shelf(LOW_CORNER_HZ, stems->low_db);
    const band_design pass =
        band_design_low_pass(LOW_PASS_FLOOR_HZ * exp2(LOW_PASS_OCTAVES * b), LOW_PASS_Q);
    const band_design high = band_design_high_shelf(HIGH_CORNER_HZ, HIGH_RANGE_DB * (b - 0.5));
    for (size_t i = 0; i < BAND_STEM_VECTORS; i++) {
        band_stem_pair *pair = &stems->pairs[i];
        for (size_t lane = 0; lane < 4; lane += 2) {
            band_filter_set(&pair->low_shelf, lane, &low);
            band_filter_set(&pair->low_pass, lane, &pass);
            band_filter_set(&pair->high_shelf, lane, &high);
        }
        if (now) {
            band_filter_jump(&pair->low_shelf);
            band_filter_jump(&pair->low_pass);
            band_filter_jump(&pair->high_shelf);
        }
    }
}

void band_stems_init(band_stems *stems)
{
    memset(stems, 0, sizeof(*stems));
    stems->brightness = stems->brightness_target = 0.5;
    for (size_t i = 0; i < BAND_STEM_VECTORS; i++) {
        stems->pairs[i].fader.now = stems->pairs[i].fader.target = band_splat(1);
    }
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        stems->heard[i] = true;
    }
    tune(stems, true);
}

/* The drive of a stem is the most that one of its parts wants. */
static void set_drive(band_stems *stems, const band_mix *mix)
{
    float drive[JAM_N_STEMS] = {0};
    for (size_t part = 0; part < BAND_N_PARTS; part++) {
        float *of = &drive[band_part_stem((band_part)part)];
        *of = RF_MAX(*of, mix->parts[part].silent ? 0.0F : (float)mix->parts[part].drive);
    }
    for (size_t i = 0; i < BAND_STEM_VECTORS; i++) {
        stems->pairs[i].drive_target = band_pairs(drive[2 * i], drive[2 * i + 1]);
    }
}

void band_stems_set(band_stems *stems, const band_mix *mix, double brightness, double low_db,
                    bool now)
{
    set_drive(stems, mix);
    stems->brightness_target = brightness;
    stems->low_db_target = low_db;
    stems->pump_target = mix->pump;
    if (now) {
        stems->pump = mix->pump;
        stems->brightness = brightness;
        stems->low_db = low_db;
        tune(stems, true);
        for (size_t i = 0; i < BAND_STEM_VECTORS; i++) {
            stems->pairs[i].drive = stems->pairs[i].drive_target;
        }
    }
}

static bool is_heard(const jam_stem_control *stem, bool any_solo)
{
    return !stem->mute && (!any_solo || stem->solo);
}

/* Blocks of a way of so many samples. The shortest glide is a bound on what is heard; longer ones
 * are steps of a ramp. */
static uint32_t blocks_of(uint32_t glide_samples)
{
    const uint32_t blocks = (glide_samples + BAND_BLOCK - 1) / BAND_BLOCK;
    const uint32_t late = BAND_LIMITER_DELAY / BAND_BLOCK;
    const bool is_shortest = blocks > 0 && blocks <= SHORTEST_GLIDE / BAND_BLOCK;
    return is_shortest ? RF_MAX(blocks - late, 1U) : blocks;
}

/* A way that is not begun anew goes on. */
static void move_fader(band_stems *stems, size_t stem, float gain, bool heard,
                       uint32_t glide_samples)
{
    band_ramp *fader = &stems->pairs[stem / 2].fader;
    const size_t lane = stem % 2 * 2;
    const bool turned = heard != stems->heard[stem];
    stems->heard[stem] = heard;
    if (glide_samples == 0) {
        fader->now[lane] = fader->now[lane + 1] = gain;
        stems->fader_blocks[stem] = 0;
    } else if (fader->target[lane] != gain) {
        stems->fader_blocks[stem] = blocks_of(turned ? SHORTEST_GLIDE : glide_samples);
    }
    fader->target[lane] = fader->target[lane + 1] = gain;
}

void band_stems_faders(band_stems *stems, const jam_stem_control controls[JAM_N_STEMS],
                       uint32_t glide_samples)
{
    bool any_solo = false;
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        any_solo = any_solo || controls[i].solo;
    }
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        bool heard = is_heard(&controls[i], any_solo);
        move_fader(stems, i, heard ? (float)pow(10, controls[i].gain_db / 20) : 0, heard,
                   glide_samples);
    }
}

void band_stems_kick(band_stems *stems, int velocity)
{
    stems->duck_target = RF_MAX(stems->duck_target, velocity / 127.0);
}

/* x (27 + x^2) / (27 + 9 x^2) is tanh to 2 % below 3, where it ends. */
static inline band_v4 soft_clip(band_v4 x)
{
    const band_v4 limit = band_splat(3);
    x = band_min(band_max(x, -limit), limit);
    const band_v4 square = x * x;
    return x * (band_splat(27) + square) / (band_splat(27) + band_splat(9) * square);
}

/* What a drive does: gain into the clipper, and shares of the clean and the clipped. */
typedef struct drive_gains {
    band_v4 in, dry, wet;
} drive_gains;

static inline drive_gains gains_of(band_v4 drive)
{
    const band_v4 one = band_splat(1);
    return (drive_gains){one + band_splat(DRIVE_GAIN) * drive, one - drive,
                         drive / (one + band_splat(DRIVE_GAIN / 2) * drive)};
}

static inline band_v4 ramp(band_v4 from, band_v4 to)
{
    return (to - from) * band_splat(1.0F / BAND_BLOCK);
}

/* Harmonics come in with drive; the level of a full signal stays about where it was. */
static void saturate(band_stem_pair *pair, band_block *block)
{
    const drive_gains from = gains_of(pair->drive);
    pair->drive += band_splat((float)GLIDE) * (pair->drive_target - pair->drive);
    const drive_gains to = gains_of(pair->drive);
    if (from.wet[0] + from.wet[2] + to.wet[0] + to.wet[2] < 1e-5F) {
        return;
    }
    const drive_gains step = {ramp(from.in, to.in), ramp(from.dry, to.dry), ramp(from.wet, to.wet)};
    drive_gains g = from;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        g = (drive_gains){g.in + step.in, g.dry + step.dry, g.wet + step.wet};
        block->x[i] = g.dry * block->x[i] + g.wet * soft_clip(g.in * block->x[i]);
    }
}

/* Two one-pole high-passes. */
static void take_dc(band_stem_pair *pair, band_block *block)
{
    const band_v4 k = band_splat((float)(2 * M_PI * DC_CORNER_HZ / JAM_RATE_HZ));
    band_v4 first = pair->dc[0], second = pair->dc[1];
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 once = block->x[i] - first;
        first += k * once;
        const band_v4 twice = once - second;
        second += k * twice;
        block->x[i] = twice;
    }
    pair->dc[0] = first;
    pair->dc[1] = second;
}

/* How far the chords are pushed down. */
static double pushed(const band_stems *stems)
{
    return DUCK_DEPTH * stems->pump * stems->duck;
}

static void glide_duck(band_stems *stems)
{
    const double way = stems->pump_target - stems->pump;
    stems->pump = fabs(way) < 1e-4 ? stems->pump_target : stems->pump + GLIDE * way;
    stems->duck += DUCK_ATTACK * (stems->duck_target - stems->duck);
    stems->duck_target *= DUCK_RELEASE;
}

/* The kick pushes bass and chords down, the lead half as much; the drums stay. */
static void duck(band_stems *stems, band_block blocks[BAND_STEM_VECTORS])
{
    const double from = pushed(stems);
    glide_duck(stems);
    const double to = pushed(stems);
    if (from + to < 1e-5) {
        return;
    }
    const band_v4 amount[BAND_STEM_VECTORS] = {band_pairs(0, 1), band_pairs(1, 0.5F)};
    for (size_t v = 0; v < BAND_STEM_VECTORS; v++) {
        const band_v4 step = amount[v] * band_splat((float)((to - from) / BAND_BLOCK));
        band_v4 gain = band_splat(1) - amount[v] * band_splat((float)from);
        for (size_t i = 0; i < BAND_BLOCK; i++) {
            gain -= step;
            blocks[v].x[i] *= gain;
        }
    }
}

static void glide_tone(band_stems *stems)
{
    const double way = stems->brightness_target - stems->brightness;
    const double low_way = stems->low_db_target - stems->low_db;
    if (way == 0 && low_way == 0) {
        return;
    }
    stems->brightness =
        fabs(way) < 1e-3 ? stems->brightness_target : stems->brightness + GLIDE * way;
    stems->low_db = fabs(low_way) < 1e-2 ? stems->low_db_target : stems->low_db + GLIDE * low_way;
    tune(stems, false);
}

void band_stems_run(band_stems *stems, band_block blocks[BAND_STEM_VECTORS])
{
    glide_tone(stems);
    for (size_t i = 0; i < BAND_STEM_VECTORS; i++) {
        band_stem_pair *pair = &stems->pairs[i];
        saturate(pair, &blocks[i]);
        band_filter_run(&pair->low_shelf, &blocks[i]);
        band_filter_run_chain(&pair->low_pass, &pair->high_shelf, &blocks[i]);
    }
    duck(stems, blocks);
}

/* Peaks of a stem bend from PEAK_KNEE on and end at PEAK_MOST, so that the limiter has little to do
 * and a fader's decibels are what is heard. */
static inline band_v4 bend(band_v4 x)
{
    const band_v4 knee = band_splat(PEAK_KNEE), room = band_splat(PEAK_MOST - PEAK_KNEE);
    const band_v4 inner = band_min(band_max(x, -knee), knee);
    return inner + room * soft_clip((x - inner) / room);
}

void band_stems_gain(band_stems *stems, float from, float to, band_block blocks[BAND_STEM_VECTORS])
{
    const band_v4 step = band_splat((to - from) / BAND_BLOCK);
    for (size_t v = 0; v < BAND_STEM_VECTORS; v++) {
        band_v4 gain = band_splat(from);
        for (size_t i = 0; i < BAND_BLOCK; i++) {
            gain += step;
            blocks[v].x[i] = bend(gain * blocks[v].x[i]);
        }
        take_dc(&stems->pairs[v], &blocks[v]);
    }
}

/* Share of its way that a fader goes in one block. */
static float share_of(uint32_t blocks)
{
    return blocks > 0 ? 1.0F / (float)blocks : 0;
}

/* After a block: where the last one has been, the fader is at its target to the bit. */
static void step_fader(band_ramp *fader, band_v4 level, uint32_t blocks[2])
{
    fader->now = level;
    for (size_t lane = 0; lane < 4; lane++) {
        if (blocks[lane / 2] == 1) {
            fader->now[lane] = fader->target[lane];
        }
    }
    blocks[0] -= blocks[0] > 0;
    blocks[1] -= blocks[1] > 0;
}

void band_stems_fade(band_stems *stems, float from, float to, band_block blocks[BAND_STEM_VECTORS])
{
    const band_v4 all_step = band_splat((to - from) / BAND_BLOCK);
    for (size_t v = 0; v < BAND_STEM_VECTORS; v++) {
        band_ramp *fader = &stems->pairs[v].fader;
        uint32_t *left = &stems->fader_blocks[2 * v];
        const band_v4 share = band_pairs(share_of(left[0]), share_of(left[1]));
        const band_v4 step = (fader->target - fader->now) * share / band_splat(BAND_BLOCK);
        band_v4 level = fader->now, all = band_splat(from);
        for (size_t i = 0; i < BAND_BLOCK; i++) {
            level += step;
            all += all_step;
            blocks[v].x[i] *= level * all;
        }
        step_fader(fader, level, left);
    }
}
