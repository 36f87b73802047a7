/* jam.md section 3: messages as wholes, what holds between fields, every error that is not of one.
 */
#include "jam_chunk.h"
#include "message_case.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

Test(requests, updates_of_fixed_fields_are_immutable)
{
    static const char *const fixed[] = {"\"crossfade_seconds\":0.04", "\"format\":\"opus\"",
                                        "\"bitrate_kbps\":128", "\"engine\":\"band\"",
                                        "\"seed\":1"};
    static const char *const names[] = {"crossfade_seconds", "format", "bitrate_kbps", "engine",
                                        "seed"};
    for (size_t i = 0; i < RF_ARRAY_LEN(fixed); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "{\"type\":\"update\",%s}", fixed[i]);
        message_bad(text, JAM_IMMUTABLE, names[i]);
    }
}

Test(requests, schedules_are_for_updates_and_one_of_two)
{
    message_bad("{\"type\":\"start\",\"params\":{\"at_sample\":5}}", JAM_BAD_VALUE, "at_sample");
    message_bad("{\"type\":\"start\",\"params\":{\"at_bar\":5}}", JAM_BAD_VALUE, "at_bar");
    message_bad("{\"type\":\"update\",\"at_sample\":5,\"at_bar\":5}", JAM_BAD_VALUE, "at_bar");
    cr_expect_eq(message_good("{\"type\":\"update\",\"at_sample\":4503599627370497}")->at_sample,
                 4503599627370497);
}

Test(requests, fields_stand_at_the_top_or_in_params_but_not_in_both)
{
    cr_expect_eq(message_good("{\"type\":\"update\",\"params\":{\"topk\":7}}")->topk, 7);
    cr_expect_eq(message_good("{\"type\":\"update\",\"topk\":7,\"params\":{\"bpm\":99}}")->bpm,
                 99.0);
    message_bad("{\"type\":\"update\",\"topk\":7,\"params\":{\"topk\":7}}", JAM_DUPLICATE_FIELD,
                "topk");
    message_good("{\"type\":\"update\",\"topk\":null,\"params\":{\"topk\":7}}");
    message_good("{\"type\":\"update\",\"topk\":7,\"params\":{\"topk\":null}}");
    message_bad("{\"type\":\"update\",\"topk\":7,\"topk\":8}", JAM_DUPLICATE_FIELD, "");
    message_bad("{\"type\":\"update\",\"params\":[]}", JAM_WRONG_TYPE, "params");
    message_bad("{\"type\":\"start\",\"params\":5}", JAM_WRONG_TYPE, "params");
}

Test(requests, null_is_absent_and_unknown_fields_are_named)
{
    cr_expect_eq(message_good("{\"type\":\"update\",\"id\":null,\"topk\":null,\"seed\":null}")->set,
                 0);
    const message_parsed *p =
        message_parse("{\"type\":\"update\",\"use_current_mix_as_style\":true,\"x\":null}");
    cr_expect(p->err == 0 && message_ignores(p, "use_current_mix_as_style") && p->m.ignored.n == 1);
    p = message_parse("{\"type\":\"start\",\"temperature\":1,\"params\":{\"swing\":2}}");
    cr_expect(p->err == 0 && message_ignores(p, "temperature") && message_ignores(p, "swing"));
    p = message_parse("{\"type\":\"stop\",\"why\":1}");
    cr_expect(p->err == 0 && message_ignores(p, "why"));
}

Test(requests, ids_are_echoed_when_they_are_1_to_64_bytes)
{
    RF_CLEANUP(rf_cleanup_free) char *id = message_repeat("i", 65);
    RF_CLEANUP(rf_cleanup_free) char *text = rf_asprintf("{\"type\":\"ping\",\"id\":\"%s\"}", id);
    cr_expect_str_eq(message_parse("{\"type\":\"ping\",\"id\":\"a-1\"}")->m.id, "a-1");
    message_bad(text, JAM_BAD_VALUE, "id");
    message_bad("{\"type\":\"ping\",\"id\":\"\"}", JAM_BAD_VALUE, "id");
    message_bad("{\"type\":\"ping\",\"id\":5}", JAM_WRONG_TYPE, "id");
    const message_parsed *p = message_parse("{\"type\":\"update\",\"id\":\"u\",\"topk\":0}");
    cr_expect_str_eq(p->m.id, "u");
    cr_expect_eq(p->m.type, JAM_TYPE_UPDATE);
}

Test(requests, start_fields)
{
    const message_parsed *p = message_parse(
        "{\"type\":\"start\",\"mode\":\"rt\",\"binary_audio\":true,\"role\":\"listener\",\"session_"
        "id\":\"s\",\"listen_token\":\"l\",\"resume_token\":\"r\",\"last_index\":7}");
    cr_expect(p->err == 0 && p->m.binary_audio && p->m.role == JAM_ROLE_LISTENER);
    cr_expect_str_eq(p->m.session_id, "s");
    cr_expect_str_eq(p->m.listen_token, "l");
    cr_expect_str_eq(p->m.resume_token, "r");
    cr_expect(p->m.has_last_index && p->m.last_index == 7);
    message_bad("{\"type\":\"start\",\"mode\":\"bar\"}", JAM_UNSUPPORTED, "mode");
    message_bad("{\"type\":\"start\",\"mode\":\"RT\"}", JAM_BAD_VALUE, "mode");
    message_bad("{\"type\":\"start\",\"mode\":1}", JAM_WRONG_TYPE, "mode");
    message_bad("{\"type\":\"start\",\"binary_audio\":1}", JAM_WRONG_TYPE, "binary_audio");
    message_bad("{\"type\":\"start\",\"role\":\"boss\"}", JAM_BAD_VALUE, "role");
    message_bad("{\"type\":\"start\",\"role\":1}", JAM_WRONG_TYPE, "role");
    message_bad("{\"type\":\"start\",\"session_id\":\"\"}", JAM_BAD_VALUE, "session_id");
    message_bad("{\"type\":\"start\",\"resume_token\":1}", JAM_WRONG_TYPE, "resume_token");
    message_bad("{\"type\":\"start\",\"last_index\":-2}", JAM_OUT_OF_RANGE, "last_index");
}

Test(requests, pings_tell_their_buffer)
{
    const message_parsed *p = message_parse("{\"type\":\"ping\",\"buffer_ms\":60000}");
    cr_expect(p->m.has_buffer_ms && p->m.buffer_ms == 60000.0);
    message_bad("{\"type\":\"ping\",\"buffer_ms\":60001}", JAM_OUT_OF_RANGE, "buffer_ms");
    message_bad("{\"type\":\"ping\",\"buffer_ms\":\"1\"}", JAM_WRONG_TYPE, "buffer_ms");
}

Test(requests, reset_context_takes_a_seed_alone)
{
    const message_parsed *p = message_parse("{\"type\":\"reset_context\",\"seed\":5,\"topk\":3}");
    cr_expect(p->err == 0 && p->m.change.seed == 5 && message_ignores(p, "topk"));
    cr_expect_eq(p->m.change.set, JAM_FIELD_BIT(JAM_FIELD_SEED));
    cr_expect_eq(message_good("{\"type\":\"reset_context\",\"params\":{\"seed\":6}}")->seed, 6);
    message_bad("{\"type\":\"reset_context\",\"seed\":-1}", JAM_OUT_OF_RANGE, "seed");
}

Test(requests, the_published_page_has_an_overlap_of_25_ms)
{
    cr_expect_eq(
        message_good("{\"type\":\"start\",\"mode\":\"rt\",\"binary_audio\":false,\"params\":{"
                     "\"styles\":\"warmup\",\"temperature\":1.1,\"topk\":40,\"guidance_weight\":1."
                     "1,\"pace\":\"realtime\"}}")
            ->overlap,
        1200);
    cr_expect_eq(
        message_good("{\"type\":\"start\",\"params\":{\"style_weights\":\"1\",\"mean\":null}}")
            ->overlap,
        1200);
    cr_expect_eq(message_good("{\"type\":\"start\"}")->overlap, 1200);
    cr_expect_eq(
        message_good("{\"type\":\"start\",\"params\":{\"max_decode_frames\":50}}")->overlap, 1920);
    cr_expect_eq(
        message_good(
            "{\"type\":\"start\",\"params\":{\"mean\":0,\"use_current_mix_as_style\":false}}")
            ->overlap,
        1920);
    cr_expect_eq(
        message_good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.025}}")->overlap,
        1200);
    jam_message_context fixed = message_running;
    fixed.crossfade_default = 0.1;
    jam_message m;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n;
    const char *text = "{\"type\":\"start\",\"binary_audio\":true}";
    cr_expect_eq(jam_message_parse(text, strlen(text), &fixed, &m, errors, &n), 0);
    cr_expect_eq(m.change.overlap, 4800);
}

Test(requests, overlaps_are_whole_samples_and_not_longer_than_the_hop)
{
    message_bad("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.03334}}", JAM_BAD_VALUE,
                "crossfade_seconds");
    message_good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.0333333333333333}}");
    const jam_error *e =
        message_bad("{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"crossfade_"
                    "seconds\":0.1,\"max_decode_frames\":2}}",
                    JAM_OUT_OF_RANGE, "max_decode_frames");
    cr_expect(e->min == 3.0 && e->max == 50.0);
    message_good(
        "{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1,\"max_decode_frames\":3}}");
}

Test(requests, chunks_too_large_for_text)
{
    const jam_error *e = message_bad("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1}}",
                                     JAM_CHUNK_TOO_LARGE, "max_decode_frames");
    cr_expect(e->has_limit && e->max == 48.0);
    message_good(
        "{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1,\"max_decode_frames\":48}}");
    message_good(
        "{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"crossfade_seconds\":0.1}}");
    message_good(
        "{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1,\"format\":\"wav-s16\"}}");
    message_good(
        "{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.041}}"); /* 1,968 samples */
    jam_message_context wide = message_running;
    wide.overlap = 4800;
    jam_message m;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n;
    const char *text = "{\"type\":\"update\",\"max_decode_frames\":49}";
    cr_expect_eq(jam_message_parse(text, strlen(text), &wide, &m, errors, &n), -EBADMSG);
    cr_expect_eq(errors[0].code, JAM_CHUNK_TOO_LARGE);
}

Test(requests, all_errors_are_told_but_8_at_most)
{
    const message_parsed *p =
        message_parse("{\"type\":\"update\",\"topk\":0,\"bpm\":1,\"key\":\"H\"}");
    cr_expect_eq(p->n_errors, 3);
    p = message_parse(
        "{\"type\":\"update\",\"topk\":0,\"bpm\":1,\"key\":\"H\",\"scale\":1,\"density\":2,"
        "\"brightness\":2,\"temperature\":9,\"guidance_weight\":9,\"pace\":1,\"section\":1}");
    cr_expect_eq(p->n_errors, 8);
}

typedef struct protocol {
    const char *text;
    jam_code code;
    const char *field;
} protocol;

static const protocol protocols[] = {
    {"", JAM_BAD_JSON, ""},
    {"{", JAM_BAD_JSON, ""},
    {"{\"type\":\"stop\"} x", JAM_BAD_JSON, ""},
    {"{'type':'stop'}", JAM_BAD_JSON, ""},
    {"{\"type\":\"\xff\"}", JAM_BAD_JSON, ""},
    {"{\"type\":\"update\",\"topk\":NaN}", JAM_BAD_JSON, ""},
    {"{\"type\":\"update\",\"topk\":1e999}", JAM_BAD_JSON, ""},
    {"{\"type\":\"stop\",\"x\":[[[[[[[[1]]]]]]]]}", JAM_BAD_JSON, ""},
    {"5", JAM_BAD_MESSAGE, ""},
    {"[]", JAM_BAD_MESSAGE, ""},
    {"null", JAM_BAD_MESSAGE, ""},
    {"\"stop\"", JAM_BAD_MESSAGE, ""},
    {"{}", JAM_BAD_MESSAGE, "type"},
    {"{\"type\":null}", JAM_BAD_MESSAGE, "type"},
    {"{\"type\":5}", JAM_BAD_MESSAGE, "type"},
    {"{\"type\":\"\"}", JAM_UNKNOWN_TYPE, "type"},
    {"{\"type\":\"Stop\"}", JAM_UNKNOWN_TYPE, "type"},
    {"{\"type\":\"consume\"}", JAM_UNKNOWN_TYPE, "type"},
    {"{\"type\":\"reseed\"}", JAM_UNKNOWN_TYPE, "type"},
    {"{\"type\":\"reseed_splice\"}", JAM_UNKNOWN_TYPE, "type"},
    {"{\"type\":\"stop\\u0000\"}", JAM_UNKNOWN_TYPE, "type"},
};

Test(requests, protocol_errors)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(protocols); i++) {
        message_bad(protocols[i].text, protocols[i].code, protocols[i].field);
        cr_expect(jam_code_is_protocol(protocols[i].code));
    }
    message_good("{\"type\":\"stop\",\"x\":[[[[[[[1]]]]]]]}"); /* 8 levels */
}

Test(requests, members_are_counted)
{
    RF_CLEANUP(rf_cleanup_free) char *many = rf_alloc(8192);
    for (size_t n = 255; n <= 256; n++) {
        size_t len = (size_t)sprintf(many, "{\"type\":\"stop\"");
        for (size_t i = 0; i < n; i++) {
            len += (size_t)sprintf(many + len, ",\"x%zu\":%zu", i, i);
        }
        (void)sprintf(many + len, "}");
        if (n == 255) {
            message_good(many);
        } else {
            message_bad(many, JAM_BAD_JSON, "");
        }
    }
}

Test(requests, codes_have_their_names)
{
    for (int i = 0; i < JAM_N_CODES; i++) {
        cr_expect(strlen(jam_code_name((jam_code)i)) >= 4);
        cr_expect_eq(jam_code_is_protocol((jam_code)i), i == JAM_BAD_JSON || i == JAM_BAD_MESSAGE ||
                                                            i == JAM_UNKNOWN_TYPE ||
                                                            i == JAM_RATE_LIMITED);
    }
    for (int i = 0; i < JAM_N_TYPES; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"type\":\"%s\"}", jam_type_name((jam_type)i));
        cr_expect_eq(message_parse(text)->m.type, (jam_type)i);
    }
}

Test(requests, settings_and_controls_of_a_start)
{
    jam_settings settings;
    jam_controls controls;
    jam_settings_default(&settings);
    const jam_change *c = message_good(
        "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\",\"max_decode_frames\":40,"
        "\"format\":\"opus\",\"bitrate_kbps\":64,\"buffer_chunks\":3,\"catch_up\":\"skip\","
        "\"engine\":\"x\",\"seed\":9,\"styles\":\"a,b,c\",\"style_weights\":\"3,0,1\","
        "\"section\":\"intro\",\"style_ramp_seconds\":5}}");
    jam_settings_apply(&settings, c);
    cr_expect(settings.pace == JAM_PACE_REALTIME && settings.chunk_frames == 40 &&
              settings.overlap == 1920);
    cr_expect(settings.format == JAM_FORMAT_OPUS && settings.bitrate_kbps == 64 &&
              settings.buffer_chunks == 3);
    cr_expect(settings.catch_up == JAM_CATCH_UP_SKIP && settings.has_seed && settings.seed == 9);
    cr_expect_str_eq(settings.engine, "x");
    jam_controls_of_start(c, &controls);
    cr_expect_eq(controls.n_styles, 2);
    cr_expect_str_eq(controls.styles[1].name, "c");
    cr_expect_eq(controls.styles[0].weight, 0.75);
    cr_expect(controls.section == JAM_SECTION_INTRO && controls.section_count == 0);
    jam_controls_of_start(message_good("{\"type\":\"start\"}"), &controls);
    cr_expect(controls.n_styles == 1 && controls.temperature == 1.1 && controls.topk == 40);
    cr_expect_str_eq(controls.styles[0].name, "warmup");
}

Test(requests, controls_of_a_render_are_objects_of_fields)
{
    jam_change c;
    jam_names ignored;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n;
    const char *text = "{\"at_sample\":4800,\"bpm\":90,\"odd\":1}";
    cr_expect_eq(jam_change_parse(text, strlen(text), JAM_TYPE_UPDATE, &message_running, &c,
                                  &ignored, errors, &n),
                 0);
    cr_expect(c.at_sample == 4800 && c.bpm == 90.0 && ignored.n == 1);
    cr_expect_eq(
        jam_change_parse("[]", 2, JAM_TYPE_UPDATE, &message_running, &c, &ignored, errors, &n),
        -EBADMSG);
}

/* Workflow reflection/jam allows 40 to 240 (jobs.md section 6), a session 60 to 200. */
Test(requests, the_tempo_of_a_render_for_a_job_is_wider)
{
    jam_message_context wide = message_running;
    wide.wide_tempo = true;
    const struct {
        const char *text;
        bool fits_job, fits_session;
    } rows[] = {{"{\"bpm\":40}", true, false},      {"{\"bpm\":39.9}", false, false},
                {"{\"bpm\":240}", true, false},     {"{\"bpm\":240.1}", false, false},
                {"{\"bpm\":\"auto\"}", true, true}, {"{\"bpm\":200}", true, true}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        for (int type = JAM_TYPE_START; type <= JAM_TYPE_UPDATE; type++) {
            jam_change c;
            jam_names ignored;
            jam_error errors[JAM_ERRORS_MAX];
            size_t n, len = strlen(rows[i].text);
            int err = jam_change_parse(rows[i].text, len, (jam_type)type, &wide, &c, &ignored,
                                       errors, &n);
            cr_expect_eq(err == 0, rows[i].fits_job, "%s", rows[i].text);
            err = jam_change_parse(rows[i].text, len, (jam_type)type, &message_running, &c,
                                   &ignored, errors, &n);
            cr_expect_eq(err == 0, rows[i].fits_session, "%s", rows[i].text);
        }
    }
}
