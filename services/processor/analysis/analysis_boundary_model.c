#include "analysis_boundary_model.h"

const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES] = {
    0.95602f, 0.32135f,  0.42322f, 0.0f,     0.006368f, 0.0f,     0.0f,
    0.0f,     0.072345f, 0.0f,     0.86591f, 0.68596f,  0.38551f, -0.31088f};
const float ANALYSIS_BOUNDARY_BIAS = -2.5596f;
