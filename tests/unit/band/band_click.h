/*
 * band_click.h - the click test of jam.md section 10: the second difference around an event against
 * that of the tenth of a second before and after it.
 */
#ifndef BAND_CLICK_H
#define BAND_CLICK_H

#include "rf_base.h"

#define BAND_CLICK_NEAR 96
#define BAND_CLICK_FAR 4704
#define BAND_CLICK_NOTE_FREE 240 /* no note may start this close to the event */

/* band_click_ratio gives the largest of both channels' M / max(B, 0.001); above 2 it is a click.
 * The event must stand BAND_CLICK_NEAR + BAND_CLICK_FAR + 2 samples from both ends. */
double band_click_ratio(const float *left, const float *right, size_t event);

#endif
