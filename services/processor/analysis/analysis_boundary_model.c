#include "analysis_boundary_model.h"

const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES] = {
    0.67636f, 1.0682f,  0.78586f, -0.41768f, 0.19469f, -0.046339f, 0.69665f,
    -0.7555f, -0.7471f, 0.58639f, 1.2528f,   0.98038f, 0.081827f,  -0.62729f};
const float ANALYSIS_BOUNDARY_BIAS = -3.784f;
