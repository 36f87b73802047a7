#include "analysis_boundary_model.h"

const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES] = {
    0.80881f, 0.37032f, 0.46361f, 0.0f,    0.13739f, 0.0f,     0.022805f,
    0.0f,     0.0f,     0.0f,     1.0284f, 0.74767f, 0.27301f, -0.21253f};
const float ANALYSIS_BOUNDARY_BIAS = -2.7528f;
