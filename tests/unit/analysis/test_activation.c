#include <criterion/criterion.h>
#include <math.h>

#include "analysis_beats.h"
#include "analysis_pulse.h"
#include "analysis_synth.h"

static analysis_frontend *hear(const analysis_synth *synth)
{
    analysis_frontend *frontend = NULL;
    cr_assert_eq(analysis_frontend_new(&synth->audio, NULL, &frontend), 0);
    return frontend;
}

/* Kick and snare on the beats, a hat between them, a chord a bar. */
static void play_backbeat(analysis_synth *synth, double seconds, double period_s)
{
    static const int MAJOR[3] = {0, 4, 7};
    static const int ROOTS[4] = {0, 5, 7, 9};
    for (int i = 0; (i + 1) * period_s < seconds; i++) {
        double at = i * period_s;
        analysis_synth_click(synth, at, i % 2 == 0 ? 0.2 : 0.6, i % 2 == 0 ? 0.9 : 0.3);
        analysis_synth_click(synth, at + 0.5 * period_s, 0.3, 0.0);
        if (i % 4 == 0) {
            analysis_synth_chord(synth, at, at + 4 * period_s, ROOTS[i / 4 % 4], MAJOR, 3, 0);
        }
    }
}

Test(activation, tells_beats_from_off_beats)
{
    static const double PERIOD = 0.55;
    analysis_synth synth;
    analysis_synth_init(&synth, 40.0, 22050);
    play_backbeat(&synth, 40.0, PERIOD);
    analysis_frontend *frontend = hear(&synth);
    analysis_pulse *pulse = analysis_pulse_new(frontend);
    double on = 0, off = 0;
    int n = 0;
    for (double at = 10 * PERIOD; at < 35.0; at += PERIOD, n++) {
        on += (double)analysis_pulse_beat(pulse, at);
        off += (double)analysis_pulse_beat(pulse, at + 0.5 * PERIOD);
    }
    cr_expect_gt(on / n, off / n + 0.2, "%g on, %g off the beat", on / n, off / n);
    analysis_pulse_free(pulse);
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}

Test(activation, is_a_probability_at_every_frame_of_short_and_odd_lengths)
{
    static const double SECONDS[] = {0.0, 0.005, 0.0118, 0.3, 2.01};
    for (size_t c = 0; c < RF_ARRAY_LEN(SECONDS); c++) {
        analysis_synth synth;
        analysis_synth_init(&synth, SECONDS[c], 22050);
        analysis_synth_noise(&synth, 0.0, SECONDS[c], 0.3);
        analysis_frontend *frontend = hear(&synth);
        analysis_pulse *pulse = analysis_pulse_new(frontend);
        cr_assert_not_null(pulse);
        cr_expect_eq(analysis_activation_frames(pulse->n), (pulse->n + 1) / 2);
        for (size_t i = 0; i < pulse->n; i++) {
            cr_expect(pulse->beat[i] >= 0.0f && pulse->beat[i] <= 1.0f, "%g at %zu of %g s",
                      (double)pulse->beat[i], i, SECONDS[c]);
        }
        analysis_pulse_free(pulse);
        analysis_frontend_free(frontend);
        analysis_synth_done(&synth);
    }
}

/* Level and the ends of a file say nothing about where the beats are. */
Test(activation, does_not_change_with_the_level)
{
    analysis_pulse *pulses[2];
    for (int c = 0; c < 2; c++) {
        analysis_synth synth;
        analysis_synth_init(&synth, 15.0, 22050);
        play_backbeat(&synth, 15.0, 0.5);
        for (int64_t i = 0; i < synth.audio.n_frames && c == 1; i++) {
            synth.left[i] *= 0.1f;
            synth.right[i] *= 0.1f;
        }
        analysis_frontend *frontend = hear(&synth);
        pulses[c] = analysis_pulse_new(frontend);
        analysis_frontend_free(frontend);
        analysis_synth_done(&synth);
    }
    for (size_t i = 0; i < pulses[0]->n; i++) {
        cr_expect_float_eq(pulses[0]->beat[i], pulses[1]->beat[i], 0.05f, "frame %zu", i);
    }
    analysis_pulse_free(pulses[0]);
    analysis_pulse_free(pulses[1]);
}

/* Nobody taps 280 times a minute: with nothing to choose by, the moderate tempo wins. */
Test(activation, even_clicks_are_counted_at_a_moderate_tempo)
{
    static const double BPM[] = {240, 280};
    for (size_t c = 0; c < RF_ARRAY_LEN(BPM); c++) {
        analysis_synth synth;
        analysis_beats beats;
        analysis_synth_init(&synth, 30.0, 22050);
        for (double at = 0.2; at < 29.8; at += 60.0 / BPM[c]) {
            analysis_synth_click(&synth, at, 0.4, 0.4);
        }
        analysis_frontend *frontend = hear(&synth);
        cr_assert_eq(analysis_beats_find(frontend, NULL, &beats), 0);
        cr_expect(beats.bpm > 50 && beats.bpm < 200, "%g for clicks at %g", beats.bpm, BPM[c]);
        analysis_beats_done(&beats);
        analysis_frontend_free(frontend);
        analysis_synth_done(&synth);
    }
}
