/*
 * recorder_cost.h - what coding and resampling have cost this process, as metrics (section 11). Any
 * thread.
 */
#ifndef RECORDER_COST_H
#define RECORDER_COST_H

#include "recorder_format.h"

/* recorder_cost_init makes the metrics, so that they are there before anything was spent. Allowed
 * again. */
void recorder_cost_init(void);

/* recorder_cost_encode and _resample add the ns since from_ns (rf_time_ns). */
void recorder_cost_encode(recorder_format format, int64_t from_ns);
void recorder_cost_resample(int64_t from_ns);

#endif
