#include "analysis_level_model.h"

const float ANALYSIS_LEVEL_WEIGHTS[ANALYSIS_N_LEVEL_FEATURES] = {0, -3.0f, 0, 1.0f, -1.0f};
const float ANALYSIS_METER_WEIGHTS[ANALYSIS_N_METERS][3 + ANALYSIS_N_METERS] = {
    {-0.5f, 1.0f, 0, 1.0f, 0, 0}, {0, 0, 0, 0, 1.0f, 0}, {0.5f, 0, 0, 0, 0, 1.0f}};
