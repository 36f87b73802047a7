/* Vocals and accompaniments: sums, edges, cancelling, and that they are what they are called. */
#include "analysis_stems.h"
#include "corpus_metrics.h"
#include "corpus_piece.h"
#include "figures.h"
#include "split_case.h"

#include <criterion/criterion.h>
#include <math.h>

Test(stems, sum_to_the_input_exactly)
{
    split_check_sums(analysis_stems_split, ANALYSIS_N_STEMS);
}

Test(stems, odd_inputs_are_safe)
{
    split_check_edges(analysis_stems_split, ANALYSIS_N_STEMS);
}

Test(stems, stop_soon_when_cancelled)
{
    split_check_cancel(analysis_stems_split, ANALYSIS_N_STEMS);
}

/* SDR in dB of an output, and how much better it is than the unsplit mix. */
static void expect_gain(const split_case *c, int stem, const corpus_sounding *truth,
                        double least_db, double least_gain_db)
{
    const corpus_sounding found = {c->stems[stem][0], c->stems[stem][1], c->n_frames};
    const corpus_sounding mix = {c->input[0], c->input[1], c->n_frames};
    double sdr_db = NAN, mix_db = NAN;
    corpus_sdr_median(truth, &found, 1, c->rate_hz, &sdr_db);
    corpus_sdr_median(truth, &mix, 1, c->rate_hz, &mix_db);
    cr_expect(sdr_db >= least_db, "stem %d: %.2f dB", stem, sdr_db);
    cr_expect(sdr_db - mix_db >= least_gain_db, "stem %d: %.2f dB, the mix has %.2f dB", stem,
              sdr_db, mix_db);
}

static void split_song(bool mono)
{
    split_case c;
    corpus_sounding stems[CORPUS_N_STEMS];
    split_case_load(&c, ANALYSIS_N_STEMS, 20, stems);
    for (size_t i = 0; mono && i < c.n_frames; i++) {
        c.input[0][i] = c.input[1][i] = 0.5f * (c.input[0][i] + c.input[1][i]);
        for (int s = 0; s < CORPUS_N_STEMS; s++) {
            stems[s].left[i] = stems[s].right[i] = 0.5f * (stems[s].left[i] + stems[s].right[i]);
        }
    }
    corpus_sounding band;
    corpus_sounding_init(&band, c.n_frames);
    for (size_t i = 0; i < c.n_frames; i++) {
        band.left[i] = c.input[0][i] - stems[CORPUS_VOCALS].left[i];
        band.right[i] = c.input[1][i] - stems[CORPUS_VOCALS].right[i];
    }
    cr_assert_eq(split_case_run(&c, analysis_stems_split, NULL), 0);
    expect_gain(&c, ANALYSIS_STEM_VOCALS, &stems[CORPUS_VOCALS], 3.0, 3.0);
    expect_gain(&c, ANALYSIS_STEM_ACCOMPANIMENTS, &band, 3.0, 3.0);
    corpus_sounding_done(&band);
    for (int s = 0; s < CORPUS_N_STEMS; s++) {
        corpus_sounding_done(&stems[s]);
    }
    split_case_done(&c);
}

static double power_of(const float *const *channels, size_t n_frames)
{
    double sum = 0;
    for (size_t i = 0; i < n_frames; i++) {
        sum += (double)channels[0][i] * (double)channels[0][i] +
               (double)channels[1][i] * (double)channels[1][i];
    }
    return sum;
}

/* The band alone: what is taken for a singer must not be missed by those who hear the rest. */
Test(stems, a_band_without_a_singer_stays_whole, .disabled = !FIGURES_COUNT)
{
    split_case c;
    corpus_sounding stems[CORPUS_N_STEMS];
    split_case_load(&c, ANALYSIS_N_STEMS, 20, stems);
    for (size_t i = 0; i < c.n_frames; i++) {
        c.input[0][i] -= stems[CORPUS_VOCALS].left[i];
        c.input[1][i] -= stems[CORPUS_VOCALS].right[i];
    }
    cr_assert_eq(split_case_run(&c, analysis_stems_split, NULL), 0);
    const float *vocals[] = {c.stems[ANALYSIS_STEM_VOCALS][0], c.stems[ANALYSIS_STEM_VOCALS][1]};
    const float *input[] = {c.input[0], c.input[1]};
    double level_db =
        10.0 * log10(power_of(vocals, c.n_frames) / power_of(input, c.n_frames) + 1e-12);
    cr_expect(level_db < -10.0, "vocals at %.1f dB of a band without a singer", level_db);
    for (int s = 0; s < CORPUS_N_STEMS; s++) {
        corpus_sounding_done(&stems[s]);
    }
    split_case_done(&c);
}

Test(stems, vocals_stand_out_of_a_stereo_song, .disabled = !FIGURES_COUNT)
{
    split_song(false);
}

Test(stems, vocals_stand_out_of_a_mono_song, .disabled = !FIGURES_COUNT)
{
    split_song(true);
}
