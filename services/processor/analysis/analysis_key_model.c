#include "analysis_key_model.h"

#define MAJOR                                                                                      \
    {                                                                                              \
        6.35f, 2.23f, 3.48f, 2.33f, 4.38f, 4.09f, 2.52f, 5.19f, 2.39f, 3.66f, 2.29f, 2.88f         \
    }
#define MINOR                                                                                      \
    {                                                                                              \
        6.33f, 2.68f, 3.52f, 5.38f, 2.60f, 3.53f, 2.54f, 4.75f, 3.98f, 2.69f, 3.34f, 3.17f         \
    }
const float ANALYSIS_KEY_WEIGHTS[2][ANALYSIS_N_KEY_PROFILES][12] = {{MAJOR, MAJOR}, {MINOR, MINOR}};
const float ANALYSIS_KEY_BIAS[2] = {0, 0};
