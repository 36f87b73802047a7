/*
 * analysis_key_profile.h - the evidence that the key is judged by.
 */
#ifndef ANALYSIS_KEY_PROFILE_H
#define ANALYSIS_KEY_PROFILE_H

#include "analysis_frontend.h"
#include "analysis_key_model.h"

/* Mean pitch class shapes (zero mean, unit length, index 0 = C): treble and bass of the whole song,
 * treble and bass of its ending, bass of its opening. sum: 0 when no pitch was heard. */
typedef struct analysis_key_profile {
    float shape[ANALYSIS_N_KEY_PROFILES][12];
    float sum;
} analysis_key_profile;

int analysis_key_profile_make(const analysis_frontend *frontend, const analysis_control *control,
                              analysis_key_profile *ret);

#endif
