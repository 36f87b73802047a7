/*
 * analysis_form.h - a song as bars, and how much each bar resembles each other.
 * Where there are no beats, even stretches take the place of bars; long songs use longer ones, so
 * that the matrices stay below ANALYSIS_FORM_UNITS_MAX squared.
 */
#ifndef ANALYSIS_FORM_H
#define ANALYSIS_FORM_H

#include "analysis_beats.h"
#include "analysis_frontend.h"

#define ANALYSIS_FORM_UNITS_MAX 1500
#define ANALYSIS_FORM_PARTS 4 /* parts of a bar whose chroma are compared in order */

typedef struct analysis_form {
    size_t n;        /* bars */
    double *start_s; /* [n + 1] boundaries, from 0 to the duration */
    float *chroma;   /* [n][ANALYSIS_FORM_PARTS * 24], unit length */
    float *timbre;   /* [n][ANALYSIS_N_TIMBRE], standard deviations from the song's mean */
    float *loud;     /* [n] dB, standard deviations */
    float *harmony;  /* [n][n] likeness of chroma, 0 to 1 */
    float *colour;   /* [n][n] likeness of timbre, 0 to 1 */
} analysis_form;

/* analysis_form_init returns 0, -ENOMEM or -ECANCELED; analysis_form_done frees either way. */
int analysis_form_init(analysis_form *form, const analysis_frontend *frontend,
                       const analysis_beats *beats, const analysis_control *control);
void analysis_form_done(analysis_form *form);

/* analysis_form_near gives the boundary nearest to a time. */
size_t analysis_form_near(const analysis_form *form, double time_s);

#endif
