/*
 * band_filter.h - second-order filters over four lanes, one design per lane. Designs after the
 * bilinear transform of analogue prototypes (R. Bristow-Johnson's cookbook forms).
 */
#ifndef BAND_FILTER_H
#define BAND_FILTER_H

#include "band_lanes.h"

/* y = b0 x + s1; s1 = b1 x - a1 y + s2; s2 = b2 x - a2 y */
typedef struct band_taps {
    band_v4 b0, b1, b2, a1, a2;
} band_taps;

typedef struct band_filter {
    band_taps now, target;
    band_v4 s1, s2;
    bool is_through; /* in all lanes */
    bool moves;      /* from now to target within the next block, sample by sample */
} band_filter;

/* The design of a lane. */
typedef struct band_design {
    float b0, b1, b2, a1, a2;
} band_design;

band_design band_design_through(void);
/* cutoff_hz is kept within 20 Hz and 0.45 of the rate. */
band_design band_design_low_pass(double cutoff_hz, double q);
band_design band_design_low_shelf(double corner_hz, double gain_db);
band_design band_design_high_shelf(double corner_hz, double gain_db);

/* band_filter_set gives lanes `lane` and `lane + 1` (left and right) a design to reach within the
 * next block; band_filter_jump makes all lanes' designs hold at once. */
void band_filter_set(band_filter *filter, size_t lane, const band_design *design);
void band_filter_jump(band_filter *filter);
void band_filter_run(band_filter *filter, band_block *block);

/* The same for two filters of a block each, and for two of one block, first and then second: twice
 * as fast, for a filter waits for itself. */
void band_filter_run_beside(band_filter filters[2], band_block blocks[2]);
void band_filter_run_chain(band_filter *first, band_filter *second, band_block *block);

#endif
