#include "processor_wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

Test(values, names_of_types_read_back)
{
    for (int t = PROCESSOR_URL; t <= PROCESSOR_FILE; t++) {
        processor_type back;
        cr_assert_eq(processor_type_parse(processor_type_name((processor_type)t), &back), 0);
        cr_assert_eq((int)back, t);
    }
    processor_type none;
    cr_assert_eq(processor_type_parse("none", &none), -EINVAL);
}

Test(values, only_strings_take_other_types)
{
    cr_assert(processor_type_feeds(PROCESSOR_INTEGER, PROCESSOR_STRING));
    cr_assert(processor_type_feeds(PROCESSOR_NUMBER, PROCESSOR_STRING));
    cr_assert(processor_type_feeds(PROCESSOR_AUDIO, PROCESSOR_AUDIO));
    cr_assert_not(processor_type_feeds(PROCESSOR_STRING, PROCESSOR_INTEGER));
    cr_assert_not(processor_type_feeds(PROCESSOR_URL, PROCESSOR_STRING));
    cr_assert_not(processor_type_feeds(PROCESSOR_JSON, PROCESSOR_FILE));
}

Test(values, a_map_is_never_longer_than_its_file)
{
    processor_value v = PROCESSOR_VALUE_NONE;
    processor_map map;
    cr_assert_eq(processor_value_memfd(PROCESSOR_JSON, "[1]", 3, &v), 0);
    cr_assert_eq(processor_map_open(&v, &map), 0);
    cr_assert_eq(map.len, 3);
    cr_assert_eq(memcmp(map.data, "[1]", 3), 0);
    processor_map_close(&map);
    v.size = 4;
    cr_assert_eq(processor_map_open(&v, &map), -EINVAL);
    processor_value_done(&v);
    cr_assert_eq(v.fd, -1);
}

static processor_value audio(uint32_t rate_hz, uint32_t channels, uint64_t n_frames)
{
    processor_value v = PROCESSOR_VALUE_NONE;
    v.type = PROCESSOR_AUDIO;
    v.fd = STDIN_FILENO;
    v.audio = (processor_audio){.rate_hz = rate_hz, .channels = channels, .n_frames = n_frames};
    v.size = n_frames * channels * sizeof(float);
    return v;
}

Test(values, audio_outside_the_limits_is_invalid)
{
    processor_value good = audio(44100, 2, 1000);
    processor_value cases[] = {audio(7999, 2, 10),   audio(192001, 2, 10),
                               audio(44100, 0, 10),  audio(44100, 9, 10),
                               audio(44100, 2, 0),   audio(44100, 2, UINT64_MAX),
                               audio(44100, 2, 100), audio(44100, 2, 100)};
    cases[6].size--;
    cases[7].fd = -1;
    cr_assert(processor_audio_valid(&good));
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        cr_expect_not(processor_audio_valid(&cases[i]), "case %zu", i);
    }
}

/* ---- the child's channel ---- */

static rf_buf task_of(const processor_module *m, processor_value *in, processor_value *out,
                      int fds[PROCESSOR_WIRE_FDS], size_t *n_fds)
{
    rf_buf b;
    rf_buf_init(&b, PROCESSOR_WIRE_MAX);
    cr_assert_eq(processor_wire_task(m, in, out, &b, fds, n_fds), 0);
    return b;
}

Test(wire, a_task_arrives_as_it_was_sent)
{
    const processor_module *m = processor_module_find("convert");
    processor_value in[PROCESSOR_MAX_PORTS];
    processor_value out[PROCESSOR_MAX_PORTS];
    for (size_t i = 0; i < PROCESSOR_MAX_PORTS; i++) {
        in[i] = out[i] = PROCESSOR_VALUE_NONE;
    }
    in[0] = audio(48000, 2, 480);
    in[0].fd = 100;
    in[0].audio.source_bits = 16;
    in[1] = processor_value_text(PROCESSOR_STRING, "flac");
    out[0].fd = 101;
    int fds[PROCESSOR_WIRE_FDS];
    size_t n_fds;
    rf_buf b = task_of(m, in, out, fds, &n_fds);
    cr_assert_eq(n_fds, 2);

    const int there[] = {7, 8};
    const processor_module *got = NULL;
    processor_value in2[PROCESSOR_MAX_PORTS];
    processor_value out2[PROCESSOR_MAX_PORTS];
    cr_assert_eq(processor_wire_read_task(b.data, b.len, there, 2, &got, in2, out2), 0);
    cr_assert_eq(got, m);
    cr_assert_eq(in2[0].fd, 7);
    cr_assert_eq(in2[0].size, in[0].size);
    cr_assert_eq(in2[0].audio.rate_hz, 48000);
    cr_assert_eq(in2[0].audio.n_frames, 480);
    cr_assert_eq(in2[0].audio.source_bits, 16);
    cr_assert_str_eq(in2[1].text, "flac");
    cr_assert_eq(in2[2].type, PROCESSOR_NONE);
    cr_assert_eq(out2[0].fd, 8);
    free(in2[1].text);
    for (size_t len = 0; len < b.len; len++) {
        cr_expect_eq(processor_wire_read_task(b.data, len, there, 2, &got, in2, out2), -EBADMSG);
    }
    processor_value_done(&in[1]);
    rf_buf_done(&b);
}

Test(wire, the_end_completes_outputs_and_only_what_the_child_may_say)
{
    const processor_module *m = processor_module_find("beats");
    processor_value said[3] = {PROCESSOR_VALUE_NONE, PROCESSOR_VALUE_NONE, PROCESSOR_VALUE_NONE};
    processor_value out[3] = {PROCESSOR_VALUE_NONE, PROCESSOR_VALUE_NONE, PROCESSOR_VALUE_NONE};
    said[0].type = PROCESSOR_AUDIO; /* a lie: the port is JSON */
    said[0].size = 77;
    said[1] = processor_value_text(PROCESSOR_STRING, "64");
    out[0].fd = 100;
    rf_buf b;
    rf_buf_init(&b, PROCESSOR_WIRE_MAX);
    cr_assert_eq(processor_wire_end(0, "", said, 3, &b), 0);
    processor_reply reply;
    cr_assert_eq(processor_wire_read_reply(b.data, b.len, m, &reply, out), 0);
    cr_assert(reply.is_end);
    cr_assert_eq(reply.err, 0);
    cr_assert_eq(out[0].type, PROCESSOR_JSON);
    cr_assert_eq(out[0].size, 77);
    cr_assert_str_eq(out[1].text, "64");
    cr_assert_eq(out[2].type, PROCESSOR_NONE);
    rf_buf_done(&b);
    free(said[1].text);
    free(out[1].text);
}

Test(wire, a_failure_carries_its_message)
{
    const processor_module *m = processor_module_find("noop");
    processor_value out[1] = {PROCESSOR_VALUE_NONE};
    rf_buf b;
    rf_buf_init(&b, PROCESSOR_WIRE_MAX);
    processor_wire_end(-EBADMSG, "too quiet", out, 1, &b);
    processor_reply reply;
    cr_assert_eq(processor_wire_read_reply(b.data, b.len, m, &reply, out), 0);
    cr_assert_eq(reply.err, -EBADMSG);
    cr_assert_str_eq(reply.message, "too quiet");
    rf_buf_done(&b);
}

Test(wire, nonsense_from_a_child_is_refused)
{
    const processor_module *m = processor_module_find("noop");
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"\0", 1},
        {"\3", 1},
        {"\1", 1},                         /* progress without a number */
        {"\1\5\5", 3},                     /* bytes left over */
        {"\2\0\0\0\0", 5},                 /* end without a message */
        {"\2\1\0\0\0\0\0\0\0\1", 10},      /* a positive error */
        {"\2\0\0\0\0\xff\xff\xff\xff", 9}, /* a message longer than memory */
        {"\2\0\0\0\0\0\0\0\0\2", 10},      /* two outputs, the module has one */
        {"\2\0\0\0\0\1\0\0\0\0\1", 11},    /* a NUL in the message */
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        processor_reply reply;
        processor_value out[1] = {PROCESSOR_VALUE_NONE};
        cr_expect_eq(processor_wire_read_reply(cases[i].bytes, cases[i].len, m, &reply, out),
                     -EBADMSG, "case %zu", i);
    }
}

Test(wire, progress_above_100_is_100)
{
    processor_reply reply;
    cr_assert_eq(
        processor_wire_read_reply("\1\xff", 2, processor_module_find("noop"), &reply, NULL), 0);
    cr_assert_eq(reply.percent, 100);
}
