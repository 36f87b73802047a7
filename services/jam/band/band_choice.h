/*
 * band_choice.h - how every discrete choice of the composer is made (jam.md section 7): neutral
 * prior n and style prior s, guidance, temperature, topk, a draw, and a line in the choice log.
 * All fields are the composer's; no allocation, no libm.
 */
#ifndef BAND_CHOICE_H
#define BAND_CHOICE_H

#include "band_style.h"
#include "jam_engine.h"

typedef struct band_chooser {
    uint64_t seed;
    jam_engine_host host;
    double temperature;
    double guidance;
    size_t topk;
    double brightness; /* tilts sounds */
    size_t n_styles;
    const band_style *styles[JAM_STYLES_MAX]; /* NULL: neutral */
    double weights[JAM_STYLES_MAX];           /* sum 1 */
    uint32_t made[BAND_N_KINDS];

    /* of the choice being made */
    double neutral[BAND_CANDIDATES_MAX];
    double by_style[JAM_STYLES_MAX][BAND_CANDIDATES_MAX];
    double style[BAND_CANDIDATES_MAX];
    double p[BAND_CANDIDATES_MAX];
} band_chooser;

/* band_choice_pick chooses among the candidates of a kind by the styles' likes; gives an index. */
size_t band_choice_pick(band_chooser *chooser, band_kind kind, double beat);

/* band_choice_make chooses among n candidates whose weights (> 0 in neutral, >= 0 in by_style) the
 * caller has put into the chooser. */
size_t band_choice_make(band_chooser *chooser, band_kind kind, double beat, size_t n);

/* The functions that it is made of: base 2 logarithm of x > 0 and power, alike on every machine to
 * 1e-9. */
double band_choice_log2(double x);
double band_choice_exp2(double x);

#endif
