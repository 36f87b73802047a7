#include "analysis_extent_model.h"

const float ANALYSIS_EXTENT_BIAS = 3.4231f;
const float ANALYSIS_EXTENT_WEIGHTS[3][ANALYSIS_N_EXTENT] = {
    {0.030256f, 0.16205f, -0.36071f, 0.0056754f, -1.3967f, 11.849f, 0.026045f, 0.43629f, 0.50394f,
     0.48113f},
    {-0.029467f, 0.17055f, -0.18259f, -0.21115f, -0.36928f, -0.94437f, 0.28585f, 0.81877f, 1.0925f,
     0.54958f},
    {-0.027733f, 0.19281f, -0.26741f, -0.42249f, -1.609f, 1.8041f, 0.29048f, 0.15028f, -0.12052f,
     0.44282f}};
