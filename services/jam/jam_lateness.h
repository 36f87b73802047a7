/*
 * jam_lateness.h - how late the chunks of a session left, in little memory: counts by duration with
 * steps of about a tenth, 0.5 ms to 60 s. Plain data.
 */
#ifndef JAM_LATENESS_H
#define JAM_LATENESS_H

#include "rf_base.h"

#define JAM_LATENESS_STEPS 128

typedef struct jam_lateness {
    uint32_t counts[JAM_LATENESS_STEPS];
    uint32_t n;
} jam_lateness;

void jam_lateness_add(jam_lateness *l, int64_t late_ns);

/* jam_lateness_quantile: ms below which the share q (0-1) of the chunks lie; 0 without any. */
double jam_lateness_quantile(const jam_lateness *l, double q);

#endif
