/* Changes and settings written as a client would write them, and read back. */
#include "jam_message.h"
#include "jam_params.h"
#include "message_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const updates[] = {
    "{\"styles\":[\"jazz\",\"a \\\"quoted\\\" one\"],\"style_weights\":[1,0.25],"
    "\"style_ramp_seconds\":1.5}",
    "{\"temperature\":0.1,\"topk\":1,\"guidance_weight\":8.0}",
    "{\"pace\":\"realtime\",\"max_decode_frames\":7,\"buffer_chunks\":3,\"catch_up\":\"stretch\"}",
    "{\"bpm\":60.25,\"key\":\"Db\",\"scale\":\"locrian\"}",
    "{\"bpm\":\"auto\",\"key\":\"auto\",\"scale\":\"auto\",\"density\":\"auto\",\"brightness\":"
    "\"auto\"}",
    "{\"density\":0.0,\"brightness\":1.0,\"section\":\"drop\"}",
    "{\"stems\":{\"bass\":{\"gain_db\":-6.5},\"lead\":{\"mute\":true,\"solo\":false}}}",
    "{\"bpm\":120,\"ramp_ms\":{\"bpm\":250},\"at_bar\":9}",
    "{\"bpm\":120,\"ramp_ms\":40,\"at_sample\":9007199254740991}",
    "{\"record\":true}",
    "{\"record\":false,\"topk\":3}",
    "{\"record\":{\"name\":\"Take \\\"1\\\"\"}}",
};

static void parse(const char *text, jam_type type, jam_change *ret)
{
    jam_error errors[JAM_ERRORS_MAX];
    jam_names ignored;
    size_t n_errors;
    cr_assert_eq(jam_change_parse(text, strlen(text), type, &message_running, ret, &ignored, errors,
                                  &n_errors),
                 0, "%s: %s", text, errors[0].text);
    cr_assert_eq(ignored.n, 0, "%s", text);
}

Test(params, a_change_reads_back_as_it_was)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(updates); i++) {
        static jam_change was, is;
        char text[8192];
        jam_text t;
        memset(&was, 0, sizeof(was));
        memset(&is, 0, sizeof(is));
        parse(updates[i], JAM_TYPE_UPDATE, &was);
        jam_text_init(&t, text, sizeof(text));
        jam_params_put_change(&t, &was);
        cr_assert(!t.full);
        text[t.len] = '\0';
        parse(text, JAM_TYPE_UPDATE, &is);
        cr_expect_eq(memcmp(&was, &is, sizeof(was)), 0, "%s became %s", updates[i], text);
    }
}

Test(params, fields_of_a_start_alone_read_back_too)
{
    static jam_change was, is;
    char text[8192];
    jam_text t;
    parse("{\"crossfade_seconds\":0.025,\"format\":\"opus\",\"bitrate_kbps\":96,\"engine\":\"x\","
          "\"seed\":7,\"max_decode_frames\":50}",
          JAM_TYPE_START, &was);
    jam_text_init(&t, text, sizeof(text));
    jam_params_put_change(&t, &was);
    text[t.len] = '\0';
    parse(text, JAM_TYPE_START, &is);
    cr_expect_eq(memcmp(&was, &is, sizeof(was)), 0, "%s", text);
}

Test(params, what_holds_reads_back_as_a_start)
{
    static jam_change start;
    jam_settings settings, again;
    jam_controls controls, same;
    char text[8192];
    jam_text t;
    parse("{\"styles\":\"jazz,techno\",\"style_weights\":\"1,3\",\"bpm\":97,\"key\":\"F#\","
          "\"format\":\"flac\",\"record\":{\"name\":\"n\"},\"stems\":{\"drums\":{\"mute\":true}}}",
          JAM_TYPE_START, &start);
    jam_settings_default(&settings);
    jam_settings_apply(&settings, &start);
    jam_controls_of_start(&start, &controls);
    jam_text_init(&t, text, sizeof(text));
    jam_params_put(&t, &settings, &controls);
    text[t.len] = '\0';
    parse(text, JAM_TYPE_START, &start);
    jam_settings_default(&again);
    jam_settings_apply(&again, &start);
    jam_controls_of_start(&start, &same);
    cr_expect(again.record);
    cr_expect_str_eq(again.record_name, "n");
    cr_expect_eq(again.format, JAM_FORMAT_FLAC);
    cr_expect_eq(same.n_styles, 2);
    cr_expect_float_eq(same.styles[1].weight, 0.75, 1e-15);
    cr_expect_float_eq(same.bpm, 97.0, 0.0);
    cr_expect_eq(same.key, 6);
    cr_expect(same.stems[JAM_STEM_DRUMS].mute);
    cr_expect_lt(same.density, 0.0);
}
