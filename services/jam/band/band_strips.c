#include "band_strips.h"

#include <math.h>
#include <string.h>

/* Levels of the parts of a plain mix, on top of the soundfont's; what a style adds stands in its
 * band_mix. */
static const double standard_db[BAND_N_PARTS] = {
    [BAND_DRUMS] = 0, [BAND_PERCUSSION] = -3, [BAND_BASS] = 0,  [BAND_COMP] = -2,
    [BAND_PAD] = -5,  [BAND_ARP] = -4,        [BAND_LEAD] = -1, [BAND_COUNTER] = -4,
};

/* Share of the echo at full width, and its delay in samples: 7 to 17 ms. */
static const struct {
    double share;
    uint32_t delay;
} echoes[BAND_N_PARTS] = {
    [BAND_DRUMS] = {0.40, 347}, [BAND_PERCUSSION] = {0.60, 419}, [BAND_BASS] = {0.10, 577},
    [BAND_COMP] = {0.80, 661},  [BAND_PAD] = {0.90, 809},        [BAND_ARP] = {0.80, 491},
    [BAND_LEAD] = {0.50, 733},  [BAND_COUNTER] = {0.70, 547},
};

#define ECHO_CORNER_HZ 250.0
#define REVERB_LEVEL 0.30
#define CHORUS_LEVEL 0.6
#define OPEN_OCTAVES 4.0 /* of the low-passes from brightness 0 to 1 */
/* The part of the way that a value goes in a block: 27 ms to come within a third. */
#define GLIDE 0.05F
#define CLOSE_ENOUGH 1e-5F
#define LOW_PASS_Q 0.7

void band_strips_init(band_strips *strips)
{
    memset(strips, 0, sizeof(*strips));
    const band_design through = band_design_through();
    for (size_t part = 0; part < BAND_N_PARTS; part++) {
        band_filter_set(&strips->low_pass[part / 2], part % 2 * 2, &through);
        band_filter_jump(&strips->low_pass[part / 2]);
    }
}

static void set_lanes(band_v4 *v, size_t lane, double left, double right)
{
    (*v)[lane] = (float)left;
    (*v)[lane + 1] = (float)right;
}

/* Equal power, unity in the middle. */
static void set_part(band_strip_pair *pair, size_t lane, band_part part, const band_sound *sound,
                     double width)
{
    const double gain = pow(10, (standard_db[part] + BAND_SYNTH_MAKEUP_DB + sound->level_db) / 20);
    const double angle = (sound->pan + 1) * M_PI / 4;
    const double left = gain * M_SQRT2 * cos(angle), right = gain * M_SQRT2 * sin(angle);
    const double w = RF_MIN(width, 1.0), side = gain * echoes[part].share * width;
    set_lanes(&pair->direct.target, lane, left * (1 + w) / 2, right * (1 + w) / 2);
    set_lanes(&pair->cross.target, lane, left * (1 - w) / 2, right * (1 - w) / 2);
    set_lanes(&pair->side.target, lane, side, -side);
    set_lanes(&pair->reverb.target, lane, REVERB_LEVEL * sound->reverb,
              REVERB_LEVEL * sound->reverb);
    set_lanes(&pair->chorus.target, lane, CHORUS_LEVEL * sound->chorus,
              CHORUS_LEVEL * sound->chorus);
}

static void set_cutoff(band_strips *strips, size_t part, double hz)
{
    strips->cutoff[part] = (float)hz;
    const band_design design =
        hz > 0 ? band_design_low_pass(exp2(hz), LOW_PASS_Q) : band_design_through();
    band_filter_set(&strips->low_pass[part / 2], part % 2 * 2, &design);
}

static void jump(band_strips *strips)
{
    for (size_t part = 0; part < BAND_N_PARTS; part++) {
        set_cutoff(strips, part, strips->cutoff_target[part]);
    }
    for (size_t i = 0; i < BAND_PART_VECTORS; i++) {
        band_strip_pair *pair = &strips->pairs[i];
        band_filter_jump(&strips->low_pass[i]);
        pair->direct.now = pair->direct.target;
        pair->cross.now = pair->cross.target;
        pair->side.now = pair->side.target;
        pair->reverb.now = pair->reverb.target;
        pair->chorus.now = pair->chorus.target;
    }
}

void band_strips_set(band_strips *strips, const band_mix *mix, double brightness, double width,
                     bool now)
{
    for (size_t part = 0; part < BAND_N_PARTS; part++) {
        const band_sound *sound = &mix->parts[part];
        if (sound->silent) {
            continue;
        }
        set_part(&strips->pairs[part / 2], part % 2 * 2, (band_part)part, sound,
                 mix->width * width);
        strips->cutoff_target[part] =
            sound->cutoff_hz > 0
                ? (float)(log2(sound->cutoff_hz) + OPEN_OCTAVES * (brightness - 0.5))
                : 0;
    }
    if (now) {
        jump(strips);
    }
}

/* A filter that comes or goes does so by way of 20 kHz. */
static void glide_cutoffs(band_strips *strips)
{
    static const float open = 14.3F;
    for (size_t part = 0; part < BAND_N_PARTS; part++) {
        const float target = strips->cutoff_target[part];
        const float now = strips->cutoff[part];
        if (now == target) {
            continue;
        }
        const float from = now > 0 ? now : open, to = target > 0 ? target : open;
        const bool there = fabsf(to - from) < 0.01F;
        set_cutoff(strips, part, (double)(there ? target : from + GLIDE * (to - from)));
    }
}

/* The step of a block on the way to the target. */
static band_v4 glide(band_ramp *ramp)
{
    const band_v4 way = ramp->target - ramp->now;
    band_v4 step;
    for (size_t i = 0; i < 4; i++) {
        step[i] = fabsf(way[i]) < CLOSE_ENOUGH ? way[i] : GLIDE * way[i];
    }
    return step * band_splat(1.0F / BAND_BLOCK);
}

/* What the middle of both parts was their delays ago, without its bass. */
static inline band_v4 echo(band_strip_pair *pair, uint32_t first_delay, uint32_t second_delay,
                           band_v4 x)
{
    const band_v4 corner = band_splat((float)(2 * M_PI * ECHO_CORNER_HZ / JAM_RATE_HZ));
    pair->echo[pair->at & (BAND_STRIP_ROOM - 1)] = band_splat(0.5F) * (x + band_swap(x));
    const band_v4 a = pair->echo[(pair->at - first_delay) & (BAND_STRIP_ROOM - 1)];
    const band_v4 b = pair->echo[(pair->at - second_delay) & (BAND_STRIP_ROOM - 1)];
    const band_v4 both = __builtin_shufflevector(a, b, 0, 1, 6, 7);
    pair->at++;
    pair->echo_low += corner * (both - pair->echo_low);
    return both - pair->echo_low;
}

/* Level, pan and width of two parts; out is the block, sends are what goes to the effects. */
static void run_pair(band_strip_pair *pair, size_t first_part, band_block *block,
                     band_block *reverb, band_block *chorus)
{
    const uint32_t delay = echoes[first_part].delay, next_delay = echoes[first_part + 1].delay;
    const band_v4 side_step = glide(&pair->side);
    band_v4 side = pair->side.now;
    const band_v4 direct_step = glide(&pair->direct), cross_step = glide(&pair->cross);
    const band_v4 reverb_step = glide(&pair->reverb), chorus_step = glide(&pair->chorus);
    band_v4 direct = pair->direct.now, cross = pair->cross.now;
    band_v4 to_reverb = pair->reverb.now, to_chorus = pair->chorus.now;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        direct += direct_step;
        cross += cross_step;
        to_reverb += reverb_step;
        to_chorus += chorus_step;
        side += side_step;
        const band_v4 x = block->x[i];
        const band_v4 y =
            direct * x + cross * band_swap(x) + side * echo(pair, delay, next_delay, x);
        block->x[i] = y;
        reverb->x[i] = to_reverb * y;
        chorus->x[i] = to_chorus * y;
    }
    pair->direct.now = direct;
    pair->cross.now = cross;
    pair->side.now = side;
    pair->reverb.now = to_reverb;
    pair->chorus.now = to_chorus;
}

/* Parts to stems: drums and percussion; bass; comp, pad and arp; lead and counter. */
static inline band_v4 first_stems(band_v4 drums, band_v4 bass_comp)
{
    const band_v4 both = drums + __builtin_shufflevector(drums, drums, 2, 3, 0, 1);
    return __builtin_shufflevector(both, bass_comp, 0, 1, 4, 5);
}

static inline band_v4 last_stems(band_v4 bass_comp, band_v4 pad_arp, band_v4 lead)
{
    const band_v4 chords = pad_arp + __builtin_shufflevector(pad_arp, pad_arp, 2, 3, 0, 1) +
                           __builtin_shufflevector(bass_comp, bass_comp, 2, 3, 0, 1);
    const band_v4 both = lead + __builtin_shufflevector(lead, lead, 2, 3, 0, 1);
    return __builtin_shufflevector(chords, both, 0, 1, 4, 5);
}

static void to_stems(const band_block parts[BAND_PART_VECTORS], band_block stems[BAND_STEM_VECTORS])
{
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        stems[0].x[i] = first_stems(parts[0].x[i], parts[1].x[i]);
        stems[1].x[i] = last_stems(parts[1].x[i], parts[2].x[i], parts[3].x[i]);
    }
}

/* Left and right of both stems of a vector, as the lower two lanes. */
static inline band_v4 both_ears(band_v4 x)
{
    const band_v4 sum = x + band_swap(x);
    return __builtin_shufflevector(sum, sum, 0, 2, 0, 2);
}

void band_strips_run(band_strips *strips, float rows[BAND_SYNTH_ROWS][BAND_BLOCK],
                     band_strips_out *ret)
{
    band_block parts[BAND_PART_VECTORS], reverb[BAND_PART_VECTORS], chorus[BAND_PART_VECTORS];
    glide_cutoffs(strips);
    for (size_t i = 0; i < BAND_PART_VECTORS; i++) {
        band_lanes_load(&rows[4 * i], &parts[i]);
    }
    for (size_t i = 0; i < BAND_PART_VECTORS; i += 2) {
        band_filter_run_beside(&strips->low_pass[i], &parts[i]);
    }
    for (size_t i = 0; i < BAND_PART_VECTORS; i++) {
        run_pair(&strips->pairs[i], 2 * i, &parts[i], &reverb[i], &chorus[i]);
    }
    to_stems(parts, ret->stems);
    to_stems(chorus, ret->chorus);
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 first = first_stems(reverb[0].x[i], reverb[1].x[i]);
        const band_v4 last = last_stems(reverb[1].x[i], reverb[2].x[i], reverb[3].x[i]);
        ret->reverb.x[i] = __builtin_shufflevector(both_ears(first), both_ears(last), 0, 1, 4, 5);
    }
}
