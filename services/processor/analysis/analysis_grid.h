/*
 * analysis_grid.h - a song cut into short stretches: by its beats, or evenly where it has none.
 */
#ifndef ANALYSIS_GRID_H
#define ANALYSIS_GRID_H

#include "analysis_beats.h"
#include "analysis_frontend.h"

typedef struct analysis_cell {
    double start_s;
    double end_s;
    int number; /* beat in the bar at its start, 1 = downbeat; 0: not on a beat */
} analysis_cell;

typedef struct analysis_grid {
    analysis_cell *cells; /* contiguous from 0 to the duration; owned */
    size_t n;
} analysis_grid;

/* analysis_grid_init cuts the song at its beats; gaps longer than max_s are divided evenly. beats
 * may be NULL. Audio of length 0 has no cells. */
void analysis_grid_init(analysis_grid *grid, double duration_s, const analysis_beats *beats,
                        double max_s);
void analysis_grid_done(analysis_grid *grid);

#endif
