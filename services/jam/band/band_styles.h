/*
 * band_styles.h - the built-in styles by name and by free text. Constant data, any thread.
 */
#ifndef BAND_STYLES_H
#define BAND_STYLES_H

#include "rf_base.h"

size_t band_styles_count(void);
const char *band_styles_name(size_t i);

/* band_styles_match: index of the style that a text names or hints at, by its name, its other names
 * and its key words; ret_score 0-1. -1 and 0: none. */
int band_styles_match(const char *text, double *ret_score);

#endif
