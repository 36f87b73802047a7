/*
 * analysis_form.h - a song as bars, and how much each bar resembles each other.
 * The bars span the music; silence before and after it is left out. Where there are no beats, even
 * stretches take the place of bars; long songs use longer ones, so that the matrices stay below
 * ANALYSIS_FORM_UNITS_MAX squared.
 */
#ifndef ANALYSIS_FORM_H
#define ANALYSIS_FORM_H

#include "analysis_beats.h"
#include "analysis_frontend.h"

#define ANALYSIS_FORM_UNITS_MAX 1500
#define ANALYSIS_FORM_STEPS 16  /* of a bar, for rhythm */
#define ANALYSIS_MELODY_PARTS 8 /* of a bar */
#define ANALYSIS_HARMONY_PARTS 4
#define ANALYSIS_N_MELODY (ANALYSIS_MELODY_PARTS * ANALYSIS_N_NOTES)
#define ANALYSIS_N_HARMONY (ANALYSIS_HARMONY_PARTS * 24)
#define ANALYSIS_N_RHYTHM (ANALYSIS_FORM_STEPS * ANALYSIS_N_FLUX)

typedef struct analysis_form {
    size_t n;        /* bars */
    double *start_s; /* [n + 1] boundaries, from the first to the last sound of the music */

    float *melody;  /* [n][ANALYSIS_N_MELODY] roots of the notes in eighths of a bar, unit length */
    float *harmony; /* [n][ANALYSIS_N_HARMONY] treble and bass chroma in quarters, unit length */
    float *timbre;  /* [n][ANALYSIS_N_TIMBRE] dB */
    float *rhythm;  /* [n][ANALYSIS_N_RHYTHM] log onset strength, step by step */
    float *loud;    /* [n] standard deviations */

    /* [n][n] likenesses, 0 to 1 */
    float *like_harmony; /* cosine */
    float *like_colour;  /* of timbre against the song's own range of timbres */
    float *like_sound;   /* of timbre in dB */
    float *like_rhythm;  /* cosine */
    float *odds;         /* [n][n] log odds that two bars are the same place of like sections */
    float *same_run;     /* [n + 1][n + 1] sums of the chances of that down each diagonal */
} analysis_form;

/* analysis_form_init returns 0, -ENOMEM or -ECANCELED; analysis_form_done frees either way. */
int analysis_form_init(analysis_form *form, const analysis_frontend *frontend,
                       const analysis_beats *beats, const analysis_control *control);
void analysis_form_done(analysis_form *form);

/* analysis_form_span finds where the music begins and ends: 0 and the duration unless there is
 * silence worth a section of its own. */
void analysis_form_span(const analysis_frontend *frontend, double *ret_start_s, double *ret_end_s);

/* analysis_form_bars writes the bars' boundaries to start_s and returns how many bars there are. */
size_t analysis_form_bars(const analysis_frontend *frontend, const analysis_beats *beats,
                          double **ret_start_s);

/* analysis_form_compare fills the matrices from the descriptions of the bars. */
int analysis_form_compare(analysis_form *form, const analysis_control *control);

/* analysis_form_same is the mean chance of being the same over n_bars bars from i on and from j on,
 * both of which must fit in the song. */
float analysis_form_same(const analysis_form *form, size_t i, size_t j, size_t n_bars);

#endif
