#include "analysis_boundary_model.h"

const float ANALYSIS_SAME_WEIGHTS[ANALYSIS_N_SAME] = {4.932f, 3.958f, 4.531f};
const float ANALYSIS_SAME_BIAS = -11.13f;
const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES] = {
    0.3956f, 0.262f,  0.7854f, 0.0f,     0.0f,    0.5817f, 0.7799f,
    0.7971f, 0.3164f, 0.2137f, 0.04051f, 0.6515f, 0.2401f};
const float ANALYSIS_BOUNDARY_BIAS = -2.874f;
