/* The take: what each change does, in which state, and that a snapshot is the same take. */
#include "take_case.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static recorder_take *with_audio(int64_t frames)
{
    recorder_take *t = take_begin();
    cr_assert_eq(recorder_take_audio(t, 0, frames), 0);
    return t;
}

/* A snapshot's bytes say all there is of a take. */
static rf_buf packed(const recorder_take *t)
{
    rf_buf out;
    rf_buf_init(&out, RECORDER_SNAPSHOT_MAX);
    cr_assert_eq(recorder_take_pack(t, &out), 0);
    return out;
}

static void same(const recorder_take *a, const recorder_take *b)
{
    rf_buf x = packed(a);
    rf_buf y = packed(b);
    cr_assert_eq(x.len, y.len);
    cr_assert_eq(memcmp(x.data, y.data, x.len), 0);
    rf_buf_done(&x);
    rf_buf_done(&y);
}

static int marker(recorder_take *t, int64_t frame, const char *label)
{
    recorder_change c = {.kind = RECORDER_CHANGE_MARKER};
    c.marker.frame = frame;
    c.marker.utc_ns = T0;
    (void)rf_copy_str(c.marker.label, sizeof(c.marker.label), label);
    return take_do(t, c);
}

static int cut(recorder_take *t, int64_t first, int64_t n)
{
    return take_do(t, (recorder_change){.kind = RECORDER_CHANGE_CUT, .span = {first, n}});
}

static int silence(recorder_take *t, int64_t first, int64_t n)
{
    return take_do(t, (recorder_change){.kind = RECORDER_CHANGE_SILENCE, .span = {first, n}});
}

Test(take, a_session_begins_with_its_START_and_has_one)
{
    recorder_take *t = recorder_take_new();
    cr_assert_eq(recorder_take_audio(t, 0, 10), -EPROTO);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 0, T0), -EPROTO);
    recorder_change start = start_change();
    cr_assert_eq(recorder_take_apply(t, &start), 0);
    cr_assert_eq(t->live.state, RECORDER_RECORDING);
    cr_assert_eq(take_do(t, start), -EPROTO);
    recorder_take_free(t);
}

Test(take, a_journal_may_hold_a_change_twice_but_not_leave_one_out)
{
    recorder_take *t = with_audio(1000);
    recorder_change gap = {.kind = RECORDER_CHANGE_GAP, .seq = 2};
    gap.gap = (recorder_gap){1000, 500, T0, RECORDER_GAP_NETWORK, true, true};
    cr_assert_eq(recorder_take_apply(t, &gap), 0);
    cr_assert_eq(recorder_take_apply(t, &gap), 0);
    cr_assert(t->frames == 1500 && t->gaps.n == 1);
    gap.seq = 4;
    cr_assert_eq(recorder_take_apply(t, &gap), -EBADMSG);
    gap.seq = 0;
    cr_assert_eq(recorder_take_apply(t, &gap), -EBADMSG);
    recorder_take_free(t);
}

Test(take, audio_goes_on_where_it_is_and_may_come_twice)
{
    recorder_take *t = with_audio(1000);
    cr_assert_eq(recorder_take_audio(t, 500, 400), 0);
    cr_assert_eq(t->frames, 1000);
    cr_assert_eq(recorder_take_audio(t, 900, 300), 0);
    cr_assert_eq(t->frames, 1200);
    cr_assert_eq(recorder_take_audio(t, 1201, 1), -EPROTO, "a frame is missing");
    cr_assert_eq(recorder_take_audio(t, -1, 5), -EPROTO);
    cr_assert_eq(recorder_take_audio(t, 1200, RECORDER_FRAMES_MAX), -EPROTO);
    recorder_take_free(t);
}

Test(take, Q3_T1_640_ms_of_audio_last_640_ms)
{
    recorder_take *t = with_audio(10240);
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    cr_assert_eq(recorder_take_duration_ms(t), 640);
    cr_assert_eq(recorder_take_started_at(t), T0);
    cr_assert_eq(recorder_take_ended_at(t), T0 + 640000000);
    recorder_take_free(t);
}

Test(take, O2_stop_before_any_audio_leaves_a_valid_empty_segment)
{
    recorder_take *t = take_begin();
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0), -EPROTO, "nothing is in the store");
    cr_assert_eq(take_publish(t), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0 + 1), 0);
    cr_assert_eq(t->live.state, RECORDER_STORED);
    cr_assert(t->segments.n == 1 && t->segments.items[0].n_frames == 0);
    cr_assert_eq(recorder_take_duration_ms(t), 0);
    cr_assert_eq(recorder_take_ended_at(t), T0);
    recorder_take_free(t);
}

Test(take, pauses_in_mode_cut_stop_the_frame_counter)
{
    recorder_take *t = with_audio(16000);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 15000, T0), -EPROTO, "not where the audio is");
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 16000, T0 + SECOND), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 16000, T0 + SECOND), -EPROTO, "twice");
    cr_assert_eq(recorder_take_audio(t, 16000, 1), -EPROTO);
    cr_assert_eq(take_gap(t, 16000, 5, RECORDER_GAP_XRUN), -EPROTO);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, 16001, T0 + 5 * SECOND), -EPROTO);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, 16000, T0 + 5 * SECOND), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, 16000, T0 + 5 * SECOND), -EPROTO);
    cr_assert_eq(recorder_take_audio(t, 16000, 16000), 0);
    cr_assert_eq(recorder_take_duration_ms(t), 2000, "without the pause");
    cr_assert_eq(recorder_take_ended_at(t), T0 + 6 * SECOND);
    cr_assert_eq(t->pauses.items[0].to_utc_ns, T0 + 5 * SECOND);
    cr_assert_eq(t->map.n, 2);
    recorder_take_free(t);
}

Test(take, pauses_in_mode_silence_record_silence)
{
    recorder_change start = start_change();
    start.start.options.pause_mode = RECORDER_PAUSE_SILENCE;
    recorder_take *t = take_begin_with(&start);
    cr_assert_eq(recorder_take_audio(t, 0, 16000), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 16000, T0 + SECOND), 0);
    cr_assert_eq(recorder_take_audio(t, 16000, 800), 0, "silence may be told as it comes");
    cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, 16799, T0 + 5 * SECOND), -EPROTO);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, 80000, T0 + 5 * SECOND), 0);
    cr_assert_eq(recorder_take_duration_ms(t), 5000);
    cr_assert(t->pauses.items[0].frame == 16000 && t->pauses.items[0].end_frame == 80000);
    cr_assert_eq(t->map.n, 1, "time and frames went on together");
    recorder_take_free(t);
}

Test(take, at_most_10000_pauses)
{
    recorder_take *t = with_audio(100);
    for (int64_t i = 0; i < RECORDER_PAUSES_MAX; i++) {
        cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, t->frames, T0 + SECOND + 2 * i), 0);
        cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, t->frames, T0 + SECOND + 2 * i + 1), 0);
    }
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, t->frames, T0 + 2 * SECOND), -ENOSPC);
    cr_assert_eq(t->live.state, RECORDER_RECORDING);
    cr_assert_eq(t->map.n, 2, "pauses without audio between them share a piece");
    recorder_take_free(t);
}

Test(take, markers_stand_in_order_of_frame_at_most_10000)
{
    recorder_take *t = with_audio(16000);
    cr_assert_eq(marker(t, 9000, "b"), 0);
    cr_assert_eq(marker(t, 16000, "c"), 0);
    cr_assert_eq(marker(t, 100, "a"), 0);
    cr_assert_eq(marker(t, 9000, "b2"), 0);
    static const char *const order[] = {"a", "b", "b2", "c"};
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_str_eq(t->markers.items[i].label, order[i]);
    }
    cr_assert_eq(marker(t, 16001, "future"), -EINVAL);
    cr_assert_eq(marker(t, 1, ""), -EINVAL);
    while (t->markers.n < RECORDER_MARKERS_MAX) {
        cr_assert_eq(marker(t, 16000, "m"), 0);
    }
    cr_assert_eq(marker(t, 16000, "m"), -ENOSPC);
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    cr_assert_eq(marker(t, 1, "late"), -EPROTO);
    recorder_take_free(t);
}

Test(take, T2_the_map_freezes_when_the_session_ends)
{
    recorder_take *t = with_audio(16000);
    recorder_change map = {.kind = RECORDER_CHANGE_MAP};
    map.map.piece = (recorder_piece){0, T0 + 7000000, recorder_map_nominal(16000)};
    map.map.drift_known = true;
    map.map.drift_ppm = 12.0;
    map.map.drift_error_ppm = 0.5;
    cr_assert_eq(take_do(t, map), 0);
    cr_assert_eq(recorder_take_started_at(t), T0 + 7000000);
    cr_assert_float_eq(t->drift_ppm, 12.0, 1e-12);
    cr_assert_eq(take_finalize(t, RECORDER_REASON_SOURCE_END), 0);
    map.map.piece.utc_ns = T0;
    cr_assert_eq(take_do(t, map), -EPROTO);
    cr_assert_eq(recorder_take_started_at(t), T0 + 7000000);
    recorder_take_free(t);
}

Test(take, T10_frame_numbers_do_not_change_with_a_loss_found_later)
{
    recorder_take *t = with_audio(48000);
    recorder_gap gap = {16000, 3200, T0 + SECOND, RECORDER_GAP_UNKNOWN, false, false};
    cr_assert_eq(take_do(t, (recorder_change){.kind = RECORDER_CHANGE_GAP, .gap = gap}), 0);
    cr_assert_eq(t->frames, 48000);
    gap.start_frame = 48001;
    cr_assert_eq(take_do(t, (recorder_change){.kind = RECORDER_CHANGE_GAP, .gap = gap}), -EPROTO);
    gap.filled = true;
    gap.start_frame = 47999;
    cr_assert_eq(take_do(t, (recorder_change){.kind = RECORDER_CHANGE_GAP, .gap = gap}), -EPROTO);
    recorder_take_free(t);
}

Test(take, S8_a_publisher_may_come_back)
{
    recorder_take *t = with_audio(16000);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_INTERRUPTED, 0, T0 + SECOND), 0);
    recorder_change attach = {.kind = RECORDER_CHANGE_ATTACHED};
    attach.attached.frame = 16001;
    attach.attached.utc_offset_ns = 99;
    cr_assert_eq(take_do(t, attach), -EPROTO, "from a frame that never came");
    attach.attached.frame = 15000;
    cr_assert_eq(take_do(t, attach), 0);
    cr_assert_eq(t->live.state, RECORDER_RECORDING);
    cr_assert_eq(t->utc_offset_ns, 99);
    cr_assert_eq(recorder_take_audio(t, 15000, 2000), 0, "resending is harmless");
    cr_assert_eq(t->frames, 17000);
    recorder_take_free(t);
}

Test(take, D11_a_failed_store_keeps_the_key_until_it_is_stored)
{
    recorder_take *t = with_audio(16000);
    char key[RECORDER_KEY_SIZE];
    char later[RECORDER_KEY_SIZE];
    recorder_take_key(t, key);
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PENDING, 0, T0 + 9), 0);
    recorder_take_key(t, later);
    cr_assert_str_eq(later, key);
    cr_assert_eq(take_publish(t), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0 + 10), 0);
    recorder_take_key(t, later);
    cr_assert_str_eq(later, key);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_DELETED, 0, T0 + 11), 0);
    cr_assert_eq(t->live.state, RECORDER_DELETED);
    recorder_take_free(t);
}

Test(take, D6_a_recovered_session_says_so)
{
    recorder_take *t = with_audio(16000);
    cr_assert_eq(take_finalize(t, RECORDER_REASON_RECOVERED), 0);
    cr_assert_eq(take_publish(t), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0), 0);
    cr_assert_eq(t->live.state, RECORDER_RECOVERED);
    cr_assert_str_eq(recorder_reason_name(t->reason), "recovered");
    recorder_take_free(t);
}

Test(take, segments_and_silences_cover_every_frame_in_order)
{
    recorder_take *t = with_audio(16000);
    cr_assert_eq(silence(t, 10, 100), -EPROTO, "a hole");
    cr_assert_eq(silence(t, 0, 16001), -EPROTO, "beyond the audio");
    cr_assert_eq(silence(t, 0, 1000), 0);
    cr_assert_eq(silence(t, 500, 1000), -EPROTO, "overlap");
    recorder_change c = {.kind = RECORDER_CHANGE_SEGMENT};
    c.segment.sequence = 1;
    c.segment.segment.first_frame = 1000;
    c.segment.segment.n_frames = 5000;
    memset(c.segment.segment.key_id, 9, RECORDER_KEY_ID_LEN);
    cr_assert_eq(take_do(t, c), -EPROTO, "not the key it was given");
    memset(c.segment.segment.key_id, 1, RECORDER_KEY_ID_LEN);
    c.segment.sequence = 2;
    cr_assert_eq(take_do(t, c), -EPROTO, "sequence counts from 1");
    c.segment.sequence = 1;
    memset(c.segment.next_key_id, 2, RECORDER_KEY_ID_LEN);
    cr_assert_eq(take_do(t, c), 0);
    char key[RECORDER_KEY_SIZE];
    recorder_take_key(t, key);
    cr_assert_str_eq(key, "recordings/session-123/segment/02020202020202020202020202020202.wav");
    recorder_take_segment_key(t, 0, key);
    cr_assert_str_eq(key, "recordings/session-123/segment/01010101010101010101010101010101.wav");
    recorder_change end = {.kind = RECORDER_CHANGE_FINALIZE};
    end.finalize.frames = 5999;
    cr_assert_eq(take_do(t, end), -EPROTO, "before what is stored");
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0), -EPROTO, "not to the last frame");
    cr_assert_eq(silence(t, 6000, 10000), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0), 0);
    recorder_take_key(t, key);
    cr_assert_str_eq(key, "recordings/session-123/segment/01010101010101010101010101010101.wav");
    recorder_take_free(t);
}

/* A journal of random changes: what apply lets through comes out of a snapshot unchanged, and the
 * rest of the journal then does the same to both. */
static recorder_change random_change(uint64_t *seed, const recorder_take *t)
{
    recorder_change c = {
        .kind = (recorder_change_kind)chance_below(seed, RECORDER_CHANGE_GAP, RECORDER_CHANGE_END)};
    c.seq = t->seq + 1;
    switch (c.kind) {
    case RECORDER_CHANGE_GAP:
        c.gap = (recorder_gap){t->frames,
                               chance_below(seed, 1, 5000),
                               T0,
                               (uint8_t)chance_below(seed, 0, RECORDER_N_GAP_CAUSES),
                               chance(seed) % 2 == 0,
                               chance(seed) % 2 == 0};
        break;
    case RECORDER_CHANGE_MARKER:
        c.marker.frame = chance_below(seed, 0, t->frames + 1);
        (void)snprintf(c.marker.label, sizeof(c.marker.label), "m%u", (unsigned)t->seq);
        break;
    case RECORDER_CHANGE_MAP:
        c.map.index = t->map.n - (uint32_t)chance_below(seed, 0, 2);
        c.map.piece =
            (recorder_piece){t->frames, recorder_take_ended_at(t) + 5, recorder_map_nominal(16000)};
        break;
    case RECORDER_CHANGE_FINALIZE:
        c.finalize.frames = t->frames;
        c.kind = chance_below(seed, 0, 40) == 0 ? c.kind : RECORDER_CHANGE_CLEAR;
        c.at.frame = c.kind == RECORDER_CHANGE_CLEAR ? t->frames / 2 : c.at.frame;
        break;
    case RECORDER_CHANGE_SEGMENT:
        c.segment.sequence = t->segments.n + 1;
        c.segment.segment.first_frame = t->covered;
        c.segment.segment.n_frames =
            t->cuts.n > 0 ? t->cuts.items[0].n_frames : (t->frames - t->covered) / 2;
        memcpy(c.segment.segment.key_id, t->next_key_id, RECORDER_KEY_ID_LEN);
        break;
    case RECORDER_CHANGE_SILENCE:
    case RECORDER_CHANGE_CUT:
        c.span.first_frame = t->cut_end;
        c.span.n_frames = (t->frames - t->cut_end) / 3 + 1;
        break;
    default:
        c.at.frame = t->frames;
        c.at.utc_ns = recorder_take_ended_at(t) + 1000;
        break;
    }
    return c;
}

/* The first cut is stored, or what the test says in its place. */
static int store_cut(recorder_take *t, int64_t first, int64_t n)
{
    recorder_change c = {.kind = RECORDER_CHANGE_SEGMENT};
    c.segment.sequence = t->segments.n + 1;
    c.segment.segment.first_frame = first;
    c.segment.segment.n_frames = n;
    memcpy(c.segment.segment.key_id, t->next_key_id, RECORDER_KEY_ID_LEN);
    memset(c.segment.next_key_id, (int)t->segments.n + 5, RECORDER_KEY_ID_LEN);
    return take_do(t, c);
}

Test(take, section_7_a_cut_is_known_before_its_segment_is_stored)
{
    recorder_take *t = with_audio(16000);
    cr_assert_eq(cut(t, 5, 100), -EPROTO, "a hole");
    cr_assert_eq(cut(t, 0, 16001), -EPROTO, "beyond the audio");
    cr_assert_eq(silence(t, 0, 1000), 0);
    cr_assert_eq(cut(t, 1000, 2000), 0);
    cr_assert_eq(silence(t, 3000, 500), 0);
    cr_assert_eq(cut(t, 3500, 1500), 0);
    cr_assert_eq(t->covered, 1000, "a silence behind a segment waits for it");
    cr_assert_eq(t->cut_end, 5000);
    rf_buf out = packed(t);
    recorder_take *back = NULL;
    cr_assert_eq(recorder_take_unpack(out.data, out.len, &back), 0);
    same(t, back);
    cr_assert_eq(store_cut(back, 1000, 1999), -EPROTO, "what was decided stays so");
    cr_assert_eq(store_cut(back, 1000, 2000), 0);
    cr_assert_eq(back->covered, 3500);
    cr_assert_eq(back->silences.n, 2);
    cr_assert_eq(take_finalize(back, RECORDER_REASON_STOP), 0);
    cr_assert_eq(store_cut(back, 3500, 1500), 0);
    cr_assert_eq(take_at(back, RECORDER_CHANGE_STORED, 0, T0), -EPROTO, "not all is stored");
    cr_assert_eq(store_cut(back, 5000, 11000), 0, "the rest");
    cr_assert_eq(take_at(back, RECORDER_CHANGE_STORED, 0, T0), 0);
    cr_assert_eq(back->cuts.n, 0);
    rf_buf_done(&out);
    recorder_take_free(back);
    recorder_take_free(t);
}

Test(take, section_7_cuts_leave_the_last_place_to_the_rest)
{
    recorder_take *t = with_audio(200000);
    int64_t at = 0;
    while (cut(t, at, 1) == 0) {
        cr_assert_eq(store_cut(t, at, 1), 0);
        at++;
    }
    cr_assert_eq(at, RECORDER_SEGMENTS_MAX - 1);
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    cr_assert_eq(store_cut(t, at, t->frames - at), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_STORED, 0, T0), 0);
    rf_buf out = packed(t);
    cr_expect_lt(out.len, (size_t)6 << 20, "%zu bytes of a snapshot", out.len);
    rf_buf_done(&out);
    recorder_take_free(t);
}

Test(take, section_7_cuts_that_wait_to_be_stored_have_a_limit)
{
    recorder_take *t = with_audio(200000);
    int64_t at = 0;
    while (cut(t, at, 1) == 0) {
        at++;
    }
    cr_assert_eq(at, RECORDER_CUTS_MAX);
    cr_assert_eq(silence(t, at, 1), -ENOSPC);
    cr_assert_eq(store_cut(t, 0, 1), 0);
    cr_assert_eq(cut(t, at, 1), 0);
    recorder_take_free(t);
}

Test(take, random_journals_recover_from_a_snapshot_and_the_rest)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t state = seed;
        recorder_take *live = take_begin();
        recorder_take *recovered = NULL;
        int at = (int)chance_below(&state, 0, 400);
        for (int i = 0; i < 400; i++) {
            recorder_change c = random_change(&state, live);
            rf_buf bytes;
            rf_buf_init(&bytes, 65536);
            cr_assert_eq(recorder_change_pack(&c, &bytes), 0);
            cr_assert_eq(recorder_change_unpack(bytes.data, bytes.len, &c), 0);
            rf_buf_done(&bytes);
            int64_t n = chance_below(&state, 0, 3000);
            int64_t first = live->frames;
            int audio = recorder_take_audio(live, first, n);
            int err = recorder_take_apply(live, &c);
            if (recovered != NULL) {
                cr_assert_eq(recorder_take_audio(recovered, first, n), audio);
                cr_assert_eq(recorder_take_apply(recovered, &c), err);
            }
            if (i == at) {
                rf_buf out = packed(live);
                cr_assert_eq(recorder_take_unpack(out.data, out.len, &recovered), 0);
                rf_buf_done(&out);
            }
        }
        same(live, recovered);
        recorder_take_free(live);
        recorder_take_free(recovered);
    }
}

Test(take, a_cut_snapshot_is_refused_at_every_length)
{
    recorder_take *t = with_audio(16000);
    cr_assert_eq(marker(t, 5, "m"), 0);
    cr_assert_eq(take_gap(t, 16000, 5, RECORDER_GAP_XRUN), 0);
    cr_assert_eq(silence(t, 0, 16), 0);
    cr_assert_eq(take_publish(t), 0);
    cr_assert_eq(recorder_take_audio(t, t->frames, 100), 0);
    cr_assert_eq(cut(t, t->covered, 60), 0);
    cr_assert_eq(silence(t, t->cut_end, 30), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, t->frames, T0), 0);
    rf_buf out = packed(t);
    recorder_take *back = NULL;
    for (size_t len = 0; len < out.len; len++) {
        cr_assert_eq(recorder_take_unpack(out.data, len, &back), -EBADMSG);
    }
    cr_assert_eq(recorder_take_unpack(out.data, out.len, &back), 0);
    same(t, back);
    recorder_take_free(back);
    out.data[0] = 9;
    cr_assert_eq(recorder_take_unpack(out.data, out.len, &back), -ENOTSUP);
    rf_buf_done(&out);
    recorder_take_free(t);
}

Test(take, D1_a_plain_session_of_31_days_takes_less_than_1_MiB)
{
    recorder_take *t = take_begin();
    int64_t hour = INT64_C(3600) * 16000;
    for (int64_t h = 0; h < 31 * 24; h++) { /* with a new piece of the map each hour */
        recorder_change c = {.kind = RECORDER_CHANGE_MAP};
        c.map.index = (uint32_t)h;
        c.map.piece =
            (recorder_piece){h * hour, T0 + h * 3600 * SECOND, recorder_map_nominal(16000)};
        cr_assert_eq(take_do(t, c), 0);
        cr_assert_eq(recorder_take_audio(t, t->frames, hour), 0);
    }
    cr_assert_lt(recorder_take_bytes(t), (size_t)64 << 10);
    recorder_take_free(t);
    t = take_begin();
    cr_assert_eq(recorder_take_audio(t, 0, 16000), 0);
    cr_assert_lt(recorder_take_bytes(t), 4096U, "%zu", recorder_take_bytes(t));
    recorder_take_free(t);
}
