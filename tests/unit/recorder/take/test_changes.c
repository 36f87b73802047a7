/* Changes as bytes: what is packed comes back, nothing else is taken. */
#include "take_case.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* One of each kind, every field with a value of its own. */
static size_t all_kinds(recorder_change *out)
{
    size_t n = 0;
    memset(out, 0, RECORDER_CHANGE_END * sizeof(*out));
    out[n++] = start_change();
    out[0].start.preroll_frames = 123456;
    (void)rf_copy_str(out[0].start.trace_id, sizeof(out[0].start.trace_id), "00-abc");
    (void)rf_copy_str(out[0].start.source_name, sizeof(out[0].start.source_name), "Mikrofon ä");
    out[n].kind = RECORDER_CHANGE_GAP;
    out[n++].gap = (recorder_gap){5, 6, -7, RECORDER_GAP_MOVED, true, false};
    out[n].kind = RECORDER_CHANGE_MARKER;
    out[n].marker.frame = 99;
    out[n].marker.utc_ns = T0;
    (void)rf_copy_str(out[n++].marker.label, 257, "ein Zeichen €");
    out[n].kind = RECORDER_CHANGE_MAP;
    out[n].map.index = 3;
    out[n].map.piece = (recorder_piece){4, T0, recorder_map_nominal(44100)};
    out[n].map.drift_known = true;
    out[n].map.drift_ppm = -3.25;
    out[n++].map.drift_error_ppm = 0.5;
    out[n].kind = RECORDER_CHANGE_CLOCK_STEP;
    out[n].clock_step.frame = 17;
    out[n++].clock_step.step_ms = -3600000;
    out[n].kind = RECORDER_CHANGE_ATTACHED;
    out[n].attached.frame = 12;
    out[n++].attached.utc_offset_ns = -5;
    out[n].kind = RECORDER_CHANGE_FINALIZE;
    out[n].finalize.reason = RECORDER_REASON_DISK_FULL;
    out[n++].finalize.frames = RECORDER_FRAMES_MAX;
    out[n].kind = RECORDER_CHANGE_SEGMENT;
    out[n].segment.sequence = 77;
    out[n].segment.segment.n_frames = 1000;
    out[n].segment.segment.bytes = UINT64_MAX;
    out[n].segment.segment.loudness = (recorder_loudness){true, -23.5F, 7.0F, -1.0F};
    memset(out[n++].segment.next_key_id, 0xEE, RECORDER_KEY_ID_LEN);
    out[n].kind = RECORDER_CHANGE_SILENCE;
    out[n].span.first_frame = 1;
    out[n++].span.n_frames = 2;
    out[n].kind = RECORDER_CHANGE_CUT;
    out[n].span.first_frame = 3;
    out[n++].span.n_frames = 4;
    for (recorder_change_kind k = RECORDER_CHANGE_START; k < RECORDER_CHANGE_END; k++) {
        bool is_at = k == RECORDER_CHANGE_PAUSE || k == RECORDER_CHANGE_RESUME ||
                     k == RECORDER_CHANGE_CLEAR || k == RECORDER_CHANGE_INTERRUPTED ||
                     (k >= RECORDER_CHANGE_STORED && k <= RECORDER_CHANGE_DELETED);
        if (is_at) {
            out[n].kind = k;
            out[n].at.frame = 8;
            out[n++].at.utc_ns = T0 + 8;
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i].seq = UINT64_C(0x0102030405060708) + i;
    }
    return n;
}

Test(changes, every_kind_comes_back_as_it_was)
{
    static recorder_change all[RECORDER_CHANGE_END];
    size_t n = all_kinds(all);
    cr_assert_eq(n, (size_t)RECORDER_CHANGE_END - 1);
    for (size_t i = 0; i < n; i++) {
        rf_buf out;
        recorder_change back;
        memset(&back, 0xFF, sizeof(back));
        rf_buf_init(&out, 65536);
        cr_assert_eq(recorder_change_pack(&all[i], &out), 0, "kind %d", all[i].kind);
        cr_assert_leq(out.len, (size_t)RECORDER_CHANGE_MAX);
        cr_assert_eq(recorder_change_unpack(out.data, out.len, &back), 0);
        rf_buf again;
        rf_buf_init(&again, 65536);
        cr_assert_eq(recorder_change_pack(&back, &again), 0);
        cr_assert(again.len == out.len && memcmp(again.data, out.data, out.len) == 0);
        cr_assert_eq(back.kind, all[i].kind);
        cr_assert_eq(back.seq, all[i].seq);
        cr_assert_eq(memcmp(&back.at, &all[i].at, sizeof(back.at)), 0, "kind %d", all[i].kind);
        rf_buf_done(&out);
        rf_buf_done(&again);
    }
}

Test(changes, a_cut_or_longer_change_is_refused)
{
    static recorder_change all[RECORDER_CHANGE_END];
    size_t n = all_kinds(all);
    for (size_t i = 0; i < n; i++) {
        rf_buf out;
        recorder_change back;
        rf_buf_init(&out, 65536);
        cr_assert_eq(recorder_change_pack(&all[i], &out), 0);
        for (size_t len = 0; len < out.len; len++) {
            cr_assert_eq(recorder_change_unpack(out.data, len, &back), -EBADMSG);
        }
        (void)rf_buf_append_char(&out, '\0');
        cr_assert_eq(recorder_change_unpack(out.data, out.len, &back), -EBADMSG);
        rf_buf_done(&out);
    }
}

Test(changes, unknown_versions_and_kinds_are_refused)
{
    recorder_change back;
    uint8_t bytes[27] = {1, RECORDER_CHANGE_PAUSE};
    cr_assert_eq(recorder_change_unpack(bytes, 26, &back), 0);
    bytes[0] = 2;
    cr_assert_eq(recorder_change_unpack(bytes, 26, &back), -ENOTSUP);
    bytes[0] = 1;
    for (int kind = 0; kind < 256; kind++) {
        bytes[1] = (uint8_t)kind;
        if (kind == 0 || kind >= RECORDER_CHANGE_END) {
            cr_assert_eq(recorder_change_unpack(bytes, 26, &back), -EBADMSG);
        }
    }
    rf_buf out;
    rf_buf_init(&out, 100);
    recorder_change none = {.kind = (recorder_change_kind)0};
    cr_assert_eq(recorder_change_pack(&none, &out), -EINVAL);
    cr_assert_eq(out.len, 0);
}

static int pack(recorder_change c)
{
    rf_buf out;
    rf_buf_init(&out, 65536);
    int err = recorder_change_pack(&c, &out);
    cr_assert(err == 0 || out.len == 0);
    rf_buf_done(&out);
    return err;
}

Test(changes, values_out_of_their_ranges_are_not_written)
{
    recorder_change c = {.kind = RECORDER_CHANGE_GAP};
    c.gap = (recorder_gap){0, 0, 0, 0, true, true};
    cr_assert_eq(pack(c), -EINVAL, "a gap of nothing");
    c.gap.length_frames = 1;
    cr_assert_eq(pack(c), 0);
    c.gap.start_frame = -1;
    cr_assert_eq(pack(c), -EINVAL);
    c.gap.start_frame = RECORDER_FRAMES_MAX + 1;
    cr_assert_eq(pack(c), -EINVAL);
    c = (recorder_change){.kind = RECORDER_CHANGE_MARKER};
    cr_assert_eq(pack(c), -EINVAL, "no label");
    memset(c.marker.label, 'l', 256);
    cr_assert_eq(pack(c), 0);
    c.marker.label[255] = '\xFF';
    cr_assert_eq(pack(c), -EINVAL, "no UTF-8");
    c = (recorder_change){.kind = RECORDER_CHANGE_MAP};
    c.map.drift_ppm = (double)(1.0F / 0.0F);
    cr_assert_eq(pack(c), -EINVAL);
}

Test(changes, A1_a_start_names_the_field_that_is_wrong)
{
    static const struct {
        const char *field;
        int value;
    } wrong[] = {{"channels", 0},  {"channels", 9}, {"rate", 7999},
                 {"rate", 192001}, {"chunk", 63},   {"chunk", 65537}};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        recorder_change c = start_change();
        const char *field = "";
        uint32_t value = (uint32_t)wrong[i].value;
        char which = wrong[i].field[2];
        c.start.channels = which == 'a' && wrong[i].field[0] == 'c' ? value : 1;
        c.start.rate_hz = which == 't' ? value : 16000;
        c.start.chunk = which == 'u' ? value : 1024;
        cr_assert_eq(recorder_start_check(&c.start, &field), -EINVAL);
        cr_assert_str_eq(field, wrong[i].field);
        cr_assert_eq(pack(c), -EINVAL);
    }
    recorder_change c = start_change();
    const char *field = "";
    c.start.sample_format = RECORDER_SAMPLE_UINT8;
    cr_assert_eq(recorder_start_check(&c.start, &field), -EINVAL, "widened before it is kept");
    cr_assert_str_eq(field, "sample_format");
    c = start_change();
    (void)rf_copy_str(c.start.folder, sizeof(c.start.folder), "recordings/../x");
    cr_assert_eq(recorder_start_check(&c.start, &field), -EINVAL);
    cr_assert_str_eq(field, "prefixes");
}

Test(changes, every_option_has_its_range_and_its_default_lies_in_it)
{
    size_t n;
    const recorder_option *rows = recorder_options_table(&n);
    recorder_options o;
    recorder_options_default(&o);
    cr_assert_null(recorder_options_check(&o));
    cr_assert_eq(n * sizeof(int32_t), sizeof(o), "a row for each field");
    for (size_t i = 0; i < n; i++) {
        recorder_options_default(&o);
        recorder_options_set(&o, &rows[i], rows[i].max + 1);
        cr_assert_eq(recorder_options_check(&o), &rows[i], "%s", rows[i].name);
        recorder_options_set(&o, &rows[i], rows[i].min - 1);
        cr_assert_eq(recorder_options_check(&o), &rows[i], "%s", rows[i].name);
        recorder_options_set(&o, &rows[i], rows[i].max);
        cr_assert_null(recorder_options_check(&o));
        recorder_options_set(&o, &rows[i], rows[i].min);
        cr_assert_null(recorder_options_check(&o));
    }
    recorder_options_default(&o);
    o.peaks_bits = 12;
    cr_assert_str_eq(recorder_options_check(&o)->name, "peaks_bits");
}
