/*
 * analysis_templates.h - band spectra of drums and of what plays along, and how much of each is in
 * a spectrum: non-negative factorisation with fixed templates (multiplicative updates,
 * Kullback-Leibler divergence).
 */
#ifndef ANALYSIS_TEMPLATES_H
#define ANALYSIS_TEMPLATES_H

#include "rf_base.h"

#define ANALYSIS_N_BANDS 40 /* logarithmic, 40 Hz to 16 kHz */
#define ANALYSIS_N_KICK 4
#define ANALYSIS_N_SNARE 4
#define ANALYSIS_N_TEMPLATES 20 /* kicks, snares, then the rest */

/* analysis_templates has ANALYSIS_N_TEMPLATES rows of unit sum, learned on the tuning half. */
extern const float analysis_templates[ANALYSIS_N_TEMPLATES][ANALYSIS_N_BANDS];

/* analysis_band_of gives the band of a frequency, clamped to the outermost ones. */
int analysis_band_of(double hz);

/* analysis_band_position says where a frequency lies between the middles of the bands: 2.5 is
 * halfway between the middles of bands 2 and 3. From 0 to ANALYSIS_N_BANDS - 1. */
double analysis_band_position(double hz);

/* analysis_templates_explain writes for each band the shares (0 to 1) of kick and snare. */
void analysis_templates_explain(const float *bands, float *ret_kick, float *ret_snare);

#endif
