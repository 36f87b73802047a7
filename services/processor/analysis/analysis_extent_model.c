#include "analysis_extent_model.h"

const float ANALYSIS_EXTENT_BIAS = 6.9354f;
const float ANALYSIS_EXTENT_WEIGHTS[3][ANALYSIS_N_EXTENT] = {
    {0.056824f, 0.54218f, -0.40863f, -0.14388f, -0.92974f, 15.03f, 0.73601f, 1.0028f, 0.30723f},
    {-0.19058f, 0.20194f, -0.40796f, -0.41015f, 0.077616f, -0.48089f, 0.7717f, 1.3075f, 1.832f},
    {0.23183f, 0.76201f, -1.1762f, -1.6825f, -2.3543f, 4.105f, 1.3079f, -0.19183f, 0.11114f}};
