/*
 * corpus_metrics.h - how good an estimate is, as mir_eval 0.8 and museval 0.4 define it.
 *
 * Pure functions. Scores are 0 to 1 unless stated; they agree with those packages within 1e-6, see
 * tests/corpus/fixtures.
 */
#ifndef CORPUS_METRICS_H
#define CORPUS_METRICS_H

#include "corpus_truth.h"

/* corpus_f_measure matches sorted events within window_s, each at most once, as many as possible.
 * 0 when either list is empty. */
double corpus_f_measure(const double *truth_s, size_t n_truth, const double *estimate_s,
                        size_t n_estimate, double window_s);

/* corpus_beat_f: +-70 ms, beats before 5 s left out. corpus_downbeat_f: those numbered 1 only. */
double corpus_beat_f(const corpus_truth *truth, const corpus_truth *estimate);
double corpus_downbeat_f(const corpus_truth *truth, const corpus_truth *estimate);

/* corpus_tempo_acc1 and _acc2: within 4 %, the second also at 2, 3, 1/2 or 1/3 of the tempo. */
bool corpus_tempo_acc1(double truth_bpm, double estimate_bpm);
bool corpus_tempo_acc2(double truth_bpm, double estimate_bpm);

/* corpus_key_score compares names such as "F# Minor": 1 equal, 0.5 a fifth above, 0.3 relative, 0.2
 * parallel, else 0. */
double corpus_key_score(const char *truth, const char *estimate);

typedef enum corpus_chord_rule { CORPUS_MAJMIN, CORPUS_SEVENTHS } corpus_chord_rule;

/* corpus_chord_recall is the duration-weighted symbol recall. Gaps of the estimate count as "N".
 * -EINVAL when a label does not follow Harte's grammar; *ret is then not written. */
int corpus_chord_recall(const corpus_truth *truth, const corpus_truth *estimate,
                        corpus_chord_rule rule, double *ret);

/* corpus_section_f scores boundaries within window_s, first and last left out. */
double corpus_section_f(const corpus_truth *truth, const corpus_truth *estimate, double window_s);

/* corpus_sdr_median is the median over frames of 1 s of BSS Eval v4's SDR of images, in dB. (With
 * images the SDR is that of the plain error: the distortion filters only split the error up.)
 * references and estimates are n_sources soundings of equal length; frames in which any of them is
 * silent are left out, for all. ret_db[i] is NAN where no frame remains. */
struct corpus_sounding;
void corpus_sdr_median(const struct corpus_sounding *references,
                       const struct corpus_sounding *estimates, int n_sources, int rate_hz,
                       double *ret_db);

#endif
