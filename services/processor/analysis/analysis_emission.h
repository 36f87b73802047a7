/*
 * analysis_emission.h - log probabilities of every chord for every cell of a grid.
 */
#ifndef ANALYSIS_EMISSION_H
#define ANALYSIS_EMISSION_H

#include "analysis_chords_model.h"
#include "analysis_grid.h"

/* What the model sees of one cell: 12 values each, index 0 = C, unit length or zero. */
typedef struct analysis_cell_chroma {
    float input[4][12];                     /* treble, bass, treble and bass of the cells around */
    float none[ANALYSIS_CHORD_NONE_INPUTS]; /* level, peakiness of treble and bass, sum of notes */
} analysis_cell_chroma;

/* analysis_emission_describe fills grid->n descriptions. */
int analysis_emission_describe(const analysis_frontend *frontend, const analysis_grid *grid,
                               const analysis_control *control, analysis_cell_chroma *ret);

/* analysis_emission_score writes ANALYSIS_N_CHORD_STATES log probabilities: state root *
 * ANALYSIS_N_QUALITIES + quality, the last is no chord. */
void analysis_emission_score(const analysis_cell_chroma *cell, float *ret);

#endif
