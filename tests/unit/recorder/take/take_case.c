#include "take_case.h"

#include <string.h>

uint64_t chance(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}

double chance_unit(uint64_t *state)
{
    return (double)(chance(state) >> 11) / 9007199254740992.0;
}

int64_t chance_below(uint64_t *state, int64_t from, int64_t to)
{
    return from + (int64_t)(chance(state) % (uint64_t)(to - from));
}

recorder_change start_change(void)
{
    recorder_change c;
    memset(&c, 0, sizeof(c));
    c.kind = RECORDER_CHANGE_START;
    c.seq = 1;
    recorder_start *s = &c.start;
    memset(s->id, 7, sizeof(s->id));
    memset(s->key_id, 1, sizeof(s->key_id));
    (void)rf_copy_str(s->tenant, sizeof(s->tenant), "tenant");
    (void)rf_copy_str(s->folder, sizeof(s->folder), "recordings/session-123/segment");
    s->source = RECORDER_SOURCE_NETWORK;
    s->sample_format = RECORDER_SAMPLE_INT16;
    s->channels = 1;
    s->rate_hz = 16000;
    s->chunk = 1024;
    s->store_format = RECORDER_STORE_WAV;
    s->requested_at_ns = T0;
    s->utc_offset_ns = T0 - 5 * SECOND;
    recorder_options_default(&s->options);
    return c;
}

recorder_take *take_begin_with(const recorder_change *start)
{
    recorder_take *take = recorder_take_new();
    return recorder_take_apply(take, start) == 0 ? take : recorder_take_free(take);
}

recorder_take *take_begin(void)
{
    recorder_change start = start_change();
    return take_begin_with(&start);
}

int take_do(recorder_take *take, recorder_change change)
{
    change.seq = take->seq + 1;
    return recorder_take_apply(take, &change);
}

int take_at(recorder_take *take, recorder_change_kind kind, int64_t frame, int64_t utc_ns)
{
    return take_do(take, (recorder_change){.kind = kind, .at = {frame, utc_ns}});
}

int take_gap(recorder_take *take, int64_t start, int64_t length, recorder_gap_cause cause)
{
    recorder_gap gap = {.start_frame = start,
                        .length_frames = length,
                        .utc_ns = T0,
                        .cause = (uint8_t)cause,
                        .filled = true,
                        .exact = true};
    return take_do(take, (recorder_change){.kind = RECORDER_CHANGE_GAP, .gap = gap});
}

int take_finalize(recorder_take *take, recorder_reason reason)
{
    return take_do(take, (recorder_change){.kind = RECORDER_CHANGE_FINALIZE,
                                           .finalize = {reason, take->frames}});
}

int take_publish(recorder_take *take)
{
    recorder_change c = {.kind = RECORDER_CHANGE_SEGMENT};
    c.segment.sequence = take->segments.n + 1;
    c.segment.segment.first_frame = take->covered;
    c.segment.segment.n_frames = take->frames - take->covered;
    c.segment.segment.bytes = (uint64_t)c.segment.segment.n_frames * 2 + 44;
    memcpy(c.segment.segment.key_id, take->next_key_id, RECORDER_KEY_ID_LEN);
    memset(c.segment.next_key_id, (int)take->segments.n + 2, RECORDER_KEY_ID_LEN);
    return take_do(take, c);
}
