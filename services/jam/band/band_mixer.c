#include "band_mixer.h"

#include "band_chorus.h"
#include "band_limiter.h"
#include "band_reverb.h"
#include "band_stems.h"
#include "band_strips.h"

#include <math.h>
#include <string.h>

/* The compressor: 2 to 1 above the threshold, on the power of all stems before their faders. */
#define THRESHOLD_DB (-17.0)
#define SLOPE 0.5
#define ATTACK 0.08   /* of the way in a block: 16 ms */
#define RELEASE 0.008 /* 160 ms */
#define GLIDE 0.05

struct band_mixer {
    band_strips strips;
    band_chorus chorus;
    band_stems stems;
    band_limiter limiter;
    band_reverb *reverb;
    double power; /* as the compressor feels it */
    double level_db, level_db_target;
    double closing, closing_step; /* 1 to 0, per block */
    float gain;                   /* at the end of the last block */
    bool started;
};

band_mixer *band_mixer_new(void)
{
    band_mixer *mixer = NULL;
    if (posix_memalign((void **)&mixer, 64, sizeof(*mixer)) != 0) {
        return NULL;
    }
    memset(mixer, 0, sizeof(*mixer));
    band_strips_init(&mixer->strips);
    band_chorus_init(&mixer->chorus);
    band_stems_init(&mixer->stems);
    band_limiter_init(&mixer->limiter);
    mixer->closing = 1;
    mixer->reverb = band_reverb_new();
    return mixer->reverb != NULL ? mixer : band_mixer_free(mixer);
}

band_mixer *band_mixer_free(band_mixer *mixer)
{
    if (mixer != NULL) {
        (void)band_reverb_free(mixer->reverb);
        free(mixer);
    }
    return NULL;
}

void band_mixer_sound(band_mixer *mixer, const band_mix *mix, const band_trim *trim,
                      double brightness)
{
    const bool now = !mixer->started;
    band_strips_set(&mixer->strips, mix, brightness, trim->width, now);
    band_stems_set(&mixer->stems, mix, brightness, trim->low_db, now);
    band_reverb_room(mixer->reverb, RF_MAX(0.3, RF_MIN(mix->room_s, 4.0)));
    mixer->level_db_target = mix->bus_db + trim->level_db;
    if (now) {
        mixer->level_db = mixer->level_db_target;
        mixer->gain = (float)pow(10, mixer->level_db / 20);
    }
    mixer->started = true;
}

void band_mixer_faders(band_mixer *mixer, const jam_stem_control controls[JAM_N_STEMS],
                       uint32_t glide_samples)
{
    band_stems_faders(&mixer->stems, controls, glide_samples);
}

void band_mixer_kick(band_mixer *mixer, int velocity)
{
    band_stems_kick(&mixer->stems, velocity);
}

void band_mixer_close(band_mixer *mixer, uint32_t n)
{
    mixer->closing_step = (double)BAND_BLOCK / RF_MAX(n, (uint32_t)BAND_BLOCK);
}

/* Mean power of the sum of the stems, of both channels. */
static double power_of(const band_block stems[BAND_STEM_VECTORS])
{
    band_v4 sum = band_splat(0);
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 both = stems[0].x[i] + stems[1].x[i];
        const band_v4 mix = both + __builtin_shufflevector(both, both, 2, 3, 0, 1);
        sum += mix * mix;
    }
    return (double)(sum[0] + sum[1]) / (2 * BAND_BLOCK);
}

/* The gain of all stems at the end of this block. */
static float next_gain(band_mixer *mixer, const band_block stems[BAND_STEM_VECTORS])
{
    mixer->level_db += GLIDE * (mixer->level_db_target - mixer->level_db);
    const double power = power_of(stems) * pow(10, mixer->level_db / 10);
    mixer->power += (power > mixer->power ? ATTACK : RELEASE) * (power - mixer->power);
    const double over_db = 10 * log10(mixer->power + 1e-12) - THRESHOLD_DB;
    const double gain_db = mixer->level_db - SLOPE * RF_MAX(over_db, 0.0);
    mixer->closing = RF_MAX(mixer->closing - mixer->closing_step, 0.0);
    return (float)(pow(10, gain_db / 20) * mixer->closing);
}

static void tap_stems(const band_block stems[BAND_STEM_VECTORS], band_mixer_tap *tap)
{
    for (size_t lane = 0; tap != NULL && lane < (size_t)2 * JAM_N_STEMS; lane++) {
        for (size_t i = 0; i < BAND_BLOCK; i++) {
            (*tap)[lane][i] = stems[lane / 4].x[i][lane % 4];
        }
    }
}

static void sum_stems(const band_block stems[BAND_STEM_VECTORS], float left[BAND_BLOCK],
                      float right[BAND_BLOCK])
{
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 both = stems[0].x[i] + stems[1].x[i];
        left[i] = both[0] + both[2];
        right[i] = both[1] + both[3];
    }
}

void band_mixer_run(band_mixer *mixer, float rows[BAND_SYNTH_ROWS][BAND_BLOCK],
                    float left[BAND_BLOCK], float right[BAND_BLOCK], band_mixer_tap *tap)
{
    band_strips_out out;
    band_strips_run(&mixer->strips, rows, &out);
    band_chorus_run(&mixer->chorus, out.chorus, out.stems);
    band_reverb_run(mixer->reverb, &out.reverb, out.stems);
    band_stems_run(&mixer->stems, out.stems);
    const float gain = next_gain(mixer, out.stems);
    band_stems_fade(&mixer->stems, mixer->gain, gain, out.stems);
    mixer->gain = gain;
    tap_stems(out.stems, tap);
    sum_stems(out.stems, left, right);
    band_limiter_run(&mixer->limiter, left, right);
}
