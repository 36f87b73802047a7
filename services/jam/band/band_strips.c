#include "band_strips.h"

#include <math.h>
#include <string.h>

/* Levels of the parts of a plain mix, on top of the soundfont's; what a style adds stands in its
 * band_mix. */
static const double standard_db[BAND_N_PARTS] = {
    [BAND_DRUMS] = 0, [BAND_PERCUSSION] = -3, [BAND_BASS] = 0,  [BAND_COMP] = -2,
    [BAND_PAD] = -5,  [BAND_ARP] = -4,        [BAND_LEAD] = -1, [BAND_COUNTER] = -4,
};

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
        band_filter_set(&strips->pairs[part / 2].low_pass, part % 2 * 2, &through);
        band_filter_jump(&strips->pairs[part / 2].low_pass);
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
    const double gain = pow(10, (standard_db[part] + sound->level_db) / 20);
    const double angle = (sound->pan + 1) * M_PI / 4;
    const double left = gain * M_SQRT2 * cos(angle), right = gain * M_SQRT2 * sin(angle);
    const double w = part >= BAND_COMP ? width : 1;
    set_lanes(&pair->direct.target, lane, left * (1 + w) / 2, right * (1 + w) / 2);
    set_lanes(&pair->cross.target, lane, left * (1 - w) / 2, right * (1 - w) / 2);
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
    band_filter_set(&strips->pairs[part / 2].low_pass, part % 2 * 2, &design);
}

static void jump(band_strips *strips)
{
    for (size_t part = 0; part < BAND_N_PARTS; part++) {
        set_cutoff(strips, part, strips->cutoff_target[part]);
    }
    for (size_t i = 0; i < BAND_PART_VECTORS; i++) {
        band_strip_pair *pair = &strips->pairs[i];
        band_filter_jump(&pair->low_pass);
        pair->direct.now = pair->direct.target;
        pair->cross.now = pair->cross.target;
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

/* Level, pan and width of two parts; out is the block, sends are what goes to the effects. */
static void run_pair(band_strip_pair *pair, band_block *block, band_block *reverb,
                     band_block *chorus)
{
    band_filter_run(&pair->low_pass, block);
    const band_v4 direct_step = glide(&pair->direct), cross_step = glide(&pair->cross);
    const band_v4 reverb_step = glide(&pair->reverb), chorus_step = glide(&pair->chorus);
    band_v4 direct = pair->direct.now, cross = pair->cross.now;
    band_v4 to_reverb = pair->reverb.now, to_chorus = pair->chorus.now;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        direct += direct_step;
        cross += cross_step;
        to_reverb += reverb_step;
        to_chorus += chorus_step;
        const band_v4 x = block->x[i];
        const band_v4 y = direct * x + cross * band_swap(x);
        block->x[i] = y;
        reverb->x[i] = to_reverb * y;
        chorus->x[i] = to_chorus * y;
    }
    pair->direct.now = direct;
    pair->cross.now = cross;
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
        run_pair(&strips->pairs[i], &parts[i], &reverb[i], &chorus[i]);
    }
    to_stems(parts, ret->stems);
    to_stems(chorus, ret->chorus);
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 first = first_stems(reverb[0].x[i], reverb[1].x[i]);
        const band_v4 last = last_stems(reverb[1].x[i], reverb[2].x[i], reverb[3].x[i]);
        ret->reverb.x[i] = __builtin_shufflevector(both_ears(first), both_ears(last), 0, 1, 4, 5);
    }
}
