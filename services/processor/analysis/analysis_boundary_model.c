#include "analysis_boundary_model.h"

const float ANALYSIS_SAME_WEIGHTS[ANALYSIS_N_SAME] = {4.928f, 3.945f, 4.528f};
const float ANALYSIS_SAME_BIAS = -11.12f;
const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES] = {
    0.3828f, 0.2178f, 0.705f,  0.0f,    0.0f,    0.5011f, 0.7669f,
    0.7859f, 0.2714f, 0.1808f, 0.0345f, 0.6307f, 0.2333f};
const float ANALYSIS_BOUNDARY_BIAS = -2.909f;
