/* Section 7: the content of a RecordingEvent. */
#include "recorder_event.h"
#include "take_case.h"

#include <criterion/criterion.h>
#include <string.h>

/* 1 s, a gap of 1 s, 1 s; two segments of 1.5 s; markers in both. */
static recorder_take *session(void)
{
    static const int64_t frames[] = {100, 24000, 48000};
    recorder_take *t = take_begin();
    cr_assert_eq(recorder_take_audio(t, 0, 16000), 0);
    cr_assert_eq(take_gap(t, 16000, 16000, RECORDER_GAP_NETWORK), 0);
    cr_assert_eq(recorder_take_audio(t, 32000, 16000), 0);
    for (size_t i = 0; i < 3; i++) {
        recorder_change c = {.kind = RECORDER_CHANGE_MARKER};
        c.marker.frame = frames[i];
        (void)rf_copy_str(c.marker.label, sizeof(c.marker.label), "m");
        cr_assert_eq(take_do(t, c), 0);
    }
    recorder_change c = {.kind = RECORDER_CHANGE_SEGMENT};
    c.segment.sequence = 1;
    c.segment.segment.n_frames = 24000;
    c.segment.segment.bytes = 48044;
    c.segment.segment.loudness = (recorder_loudness){true, -20.0F, 5.0F, -1.5F};
    memset(c.segment.segment.key_id, 1, RECORDER_KEY_ID_LEN);
    memset(c.segment.segment.sha256, 0xAB, RECORDER_SHA256_LEN);
    memset(c.segment.next_key_id, 2, RECORDER_KEY_ID_LEN);
    cr_assert_eq(take_do(t, c), 0);
    return t;
}

Test(events, a_finished_segment)
{
    recorder_take *t = session();
    recorder_event e;
    recorder_event_segment(t, RECORDER_EVENT_SEGMENT_FINISHED, 0, &e);
    cr_assert_eq(e.type, 1);
    cr_assert_str_eq(e.tenant, "tenant");
    cr_assert_eq(e.session_id[0], 7);
    cr_assert_eq(e.sequence, 1);
    cr_assert_str_eq(e.key, "recordings/session-123/segment/01010101010101010101010101010101.wav");
    cr_assert(e.format == RECORDER_STORE_WAV && e.sample_format == RECORDER_SAMPLE_INT16);
    cr_assert(e.rate_hz == 16000 && e.channels == 1);
    cr_assert(e.frames == 24000 && e.duration_ms == 1500);
    cr_assert(e.started_at_ns == T0 && e.ended_at_ns == T0 + 3 * SECOND / 2);
    cr_assert(e.bytes == 48044 && e.sha256[31] == 0xAB);
    cr_assert_eq(e.state, RECORDER_RECORDING);
    cr_assert_str_eq(e.end_reason, "");
    cr_assert(e.n_gaps == 1 && e.gaps[0].start_frame == 16000);
    cr_assert_not(e.drift_known);
    cr_assert(e.loudness.known && e.loudness.integrated_lufs == -20.0F);
    cr_assert(e.n_markers == 1 && e.markers[0].frame == 100);
    recorder_take_free(t);
}

Test(events, the_last_segment_has_the_rest_and_the_session_all)
{
    recorder_take *t = session();
    recorder_event e;
    cr_assert_eq(take_finalize(t, RECORDER_REASON_MAX_LENGTH), 0);
    cr_assert_eq(take_publish(t), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0), 0);
    recorder_event_segment(t, RECORDER_EVENT_SEGMENT_FINISHED, 1, &e);
    cr_assert(e.sequence == 2 && e.frames == 24000);
    cr_assert_eq(e.n_gaps, 1, "the gap lies in both");
    cr_assert(e.n_markers == 2 && e.markers[1].frame == 48000, "that at the very end too");
    cr_assert_str_eq(e.end_reason, "max_length");
    recorder_event_session(t, RECORDER_EVENT_SESSION_ENDED, &e);
    cr_assert(e.sequence == 0 && e.sha256 == NULL && e.state == RECORDER_STORED);
    cr_assert(e.frames == 48000 && e.duration_ms == 3000 && e.n_gaps == 1 && e.n_markers == 3);
    cr_assert_eq(e.bytes, 48044U + 48044U);
    cr_assert_str_eq(e.key, "recordings/session-123/segment/02020202020202020202020202020202.wav");
    recorder_take_free(t);
}

Test(events, O2_an_empty_session_has_an_event_too)
{
    recorder_take *t = take_begin();
    recorder_event e;
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    cr_assert_eq(take_publish(t), 0);
    recorder_event_segment(t, RECORDER_EVENT_SEGMENT_FINISHED, 0, &e);
    cr_assert(e.frames == 0 && e.duration_ms == 0 && e.started_at_ns == e.ended_at_ns);
    cr_assert(e.n_gaps == 0 && e.n_markers == 0 && e.gaps == NULL && e.markers == NULL);
    recorder_take_free(t);
}

Test(events, a_gap_that_ends_where_a_segment_begins_is_not_its)
{
    recorder_take *t = take_begin();
    recorder_event e;
    cr_assert_eq(take_gap(t, 0, 1600, RECORDER_GAP_XRUN), 0);
    cr_assert_eq(take_publish(t), 0);
    cr_assert_eq(recorder_take_audio(t, 1600, 1600), 0);
    cr_assert_eq(take_publish(t), 0);
    recorder_event_segment(t, RECORDER_EVENT_SEGMENT_FINISHED, 0, &e);
    cr_assert_eq(e.n_gaps, 1);
    recorder_event_segment(t, RECORDER_EVENT_SEGMENT_FINISHED, 1, &e);
    cr_assert_eq(e.n_gaps, 0);
    recorder_take_free(t);
}
