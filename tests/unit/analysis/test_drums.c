/* Kick, snare and the rest: sums, edges, cancelling, and that they are what they are called. */
#include "analysis_drums.h"
#include "corpus_metrics.h"
#include "corpus_piece.h"
#include "figures.h"
#include "split_case.h"

#include <criterion/criterion.h>
#include <math.h>

Test(drums, sum_to_the_input_exactly)
{
    split_check_sums(analysis_drums_split, ANALYSIS_N_DRUMS);
}

Test(drums, odd_inputs_are_safe)
{
    split_check_edges(analysis_drums_split, ANALYSIS_N_DRUMS);
}

Test(drums, stop_soon_when_cancelled)
{
    split_check_cancel(analysis_drums_split, ANALYSIS_N_DRUMS);
}

Test(drums, kick_and_snare_stand_out_of_a_song, .disabled = !FIGURES_COUNT)
{
    split_case c;
    corpus_sounding stems[CORPUS_N_STEMS];
    split_case_load(&c, ANALYSIS_N_DRUMS, 1, stems);
    cr_assert_eq(split_case_run(&c, analysis_drums_split, NULL), 0);
    const corpus_sounding mix = {c.input[0], c.input[1], c.n_frames};
    for (int drum = ANALYSIS_DRUM_KICK; drum <= ANALYSIS_DRUM_SNARE; drum++) {
        const corpus_sounding *truth = &stems[CORPUS_KICK + drum];
        const corpus_sounding found = {c.stems[drum][0], c.stems[drum][1], c.n_frames};
        double sdr_db = NAN, mix_db = NAN;
        corpus_sdr_median(truth, &found, 1, c.rate_hz, &sdr_db);
        corpus_sdr_median(truth, &mix, 1, c.rate_hz, &mix_db);
        cr_expect(sdr_db > 3.0 && sdr_db > mix_db + 3.0, "drum %d: %.2f dB, the mix has %.2f dB",
                  drum, sdr_db, mix_db);
    }
    for (int s = 0; s < CORPUS_N_STEMS; s++) {
        corpus_sounding_done(&stems[s]);
    }
    split_case_done(&c);
}
