#include "analysis_boundary_model.h"

const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES] = {
    0.2f, 0.2f, 0.5f, 0.5f, 0, 0, 0.2f, 0.3f, 0.2f, 0.3f, 0.2f, 0.2f, 0.1f, 0.1f};
const float ANALYSIS_BOUNDARY_BIAS = -2.5f;
