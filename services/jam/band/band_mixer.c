#include "band_mixer.h"

#include "band_bus.h"
#include "band_chorus.h"
#include "band_limiter.h"
#include "band_reverb.h"
#include "band_stems.h"
#include "band_strips.h"

#include <string.h>

struct band_mixer {
    band_strips strips;
    band_chorus chorus;
    band_stems stems;
    band_limiter limiter;
    band_reverb *reverb;
    band_bus bus;
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
    band_bus_init(&mixer->bus);
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
    band_bus_level(&mixer->bus, mix->bus_db + trim->level_db, now);
    if (now) {
        mixer->gain = mixer->bus.gain;
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
    const double open = mixer->closing;
    mixer->closing = RF_MAX(open - mixer->closing_step, 0.0);
    const float gain = band_bus_run(&mixer->bus, out.stems);
    band_stems_gain(&mixer->stems, mixer->gain, gain, out.stems);
    band_stems_fade(&mixer->stems, (float)open, (float)mixer->closing, out.stems);
    mixer->gain = gain;
    tap_stems(out.stems, tap);
    sum_stems(out.stems, left, right);
    band_limiter_run(&mixer->limiter, left, right);
}
