#include "analysis_bars_model.h"

const float ANALYSIS_BARS_BIAS = -1.2f;
const float ANALYSIS_BARS_WEIGHTS[2 * ANALYSIS_BEAT_CONTEXT + 1][ANALYSIS_N_BEAT_FEATURES] = {
    [ANALYSIS_BEAT_CONTEXT] = {0.5f, 0.2f, 0, 0, 0, 0, 0.3f, 0.3f, 0.3f, 0.4f, 0.4f, 0, 0, 0.2f},
};
