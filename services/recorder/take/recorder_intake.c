#include "recorder_intake.h"

/* Frames from expected to first; a jump that the setting allows, or none. */
static recorder_code jump_to(const recorder_intake *in, uint64_t first, int64_t *ret)
{
    uint64_t expected = (uint64_t)in->expected;
    uint64_t jump = first > expected ? first - expected : 0;
    if (jump > (uint64_t)in->jump_max_s * in->rate_hz) {
        return RECORDER_GAP_TOO_LONG;
    }
    *ret = (int64_t)jump;
    return RECORDER_OK;
}

/* At most *n of what is left to the session; true when that is less than asked. */
static bool cut(int64_t *left, int64_t *n)
{
    bool is_less = *n > *left;
    *n = is_less ? *left : *n;
    *left -= *n;
    return is_less;
}

recorder_code recorder_intake_audio(const recorder_intake *in, uint64_t first, uint32_t n_frames,
                                    recorder_intake_step *ret)
{
    recorder_intake_step step = {0};
    uint64_t expected = (uint64_t)in->expected;
    uint64_t old = first < expected ? expected - first : 0;
    recorder_code code = jump_to(in, first, &step.gap_frames);
    if (code != RECORDER_OK) {
        return code;
    }
    step.skip = old < n_frames ? (uint32_t)old : n_frames;
    int64_t n = (int64_t)n_frames - step.skip;
    int64_t left = in->limit_frames - in->expected;
    bool gap_cut = cut(&left, &step.gap_frames);
    bool audio_cut = cut(&left, &n);
    step.n_frames = (uint32_t)n;
    step.at_limit = gap_cut || audio_cut;
    *ret = step;
    return RECORDER_OK;
}

recorder_code recorder_intake_gap(const recorder_intake *in, uint64_t first, uint64_t length,
                                  recorder_intake_step *ret, int64_t *ret_declared)
{
    recorder_intake_step step = {0};
    uint64_t expected = (uint64_t)in->expected;
    if (length > (uint64_t)RECORDER_GAP_DECLARED_MAX_S * in->rate_hz) {
        return RECORDER_GAP_TOO_LONG;
    }
    recorder_code code = jump_to(in, first, &step.gap_frames);
    if (code != RECORDER_OK) {
        return code;
    }
    uint64_t old = first < expected ? expected - first : 0;
    int64_t declared = old < length ? (int64_t)(length - old) : 0;
    int64_t left = in->limit_frames - in->expected;
    bool jump_cut = cut(&left, &step.gap_frames);
    bool declared_cut = cut(&left, &declared);
    step.at_limit = jump_cut || declared_cut;
    *ret = step;
    *ret_declared = declared;
    return RECORDER_OK;
}
