/* jam.md section 3: every field with its range, every error that the parser gives. */
#include "jam_chunk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const jam_message_context running = {.n_styles = 2,
                                            .overlap = 1920,
                                            .chunk_frames = 50,
                                            .format = JAM_FORMAT_WAV_F32,
                                            .bitrate_kbps = 128,
                                            .text = true,
                                            .crossfade_default = -1.0};

typedef struct parsed {
    jam_message m;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n_errors;
    int err;
} parsed;

static const parsed *parse(const char *text)
{
    static parsed p;
    p.err = jam_message_parse(text, strlen(text), &running, &p.m, p.errors, &p.n_errors);
    cr_assert_eq(p.err, p.n_errors > 0 ? -EBADMSG : 0, "%s", text);
    return &p;
}

/* A message with exactly one error. */
static const jam_error *bad(const char *text, jam_code code, const char *field)
{
    const parsed *p = parse(text);
    cr_expect_eq(p->n_errors, 1, "%s: %zu errors", text, p->n_errors);
    cr_expect_eq(p->errors[0].code, code, "%s: %s", text, jam_code_name(p->errors[0].code));
    cr_expect_str_eq(p->errors[0].field, field, "%s", text);
    cr_expect(p->errors[0].text[0] != '\0' && strlen(p->errors[0].text) <= 512);
    return &p->errors[0];
}

static const jam_change *good(const char *text)
{
    const parsed *p = parse(text);
    cr_expect_eq(p->n_errors, 0, "%s: %s", text, p->errors[0].text);
    return &p->m.change;
}

/* As a start and as an update. */
static void in_both(const char *field, const char *value, char start[512], char update[512])
{
    (void)snprintf(start, 512, "{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"%s\":%s}}",
                   field, value);
    (void)snprintf(update, 512, "{\"type\":\"update\",\"%s\":%s}", field, value);
}

typedef struct range {
    const char *field;
    const char *low, *high;   /* allowed */
    const char *under, *over; /* not allowed */
    double min, max;
    bool integer, start, update;
} range;

static const range ranges[] = {
    {"style_ramp_seconds", "0", "60.0", "-0.001", "60.001", 0, 60, false, true, true},
    {"temperature", "0.0", "3.0", "-0.1", "3.01", 0, 3, false, true, true},
    {"topk", "1", "1024", "0", "1025", 1, 1024, true, true, true},
    {"guidance_weight", "0", "8", "-1", "8.5", 0, 8, false, true, true},
    {"mean", "0", "10", "-1", "10.1", 0, 10, false, true, true},
    {"max_decode_frames", "1", "50", "0", "51", 1, 50, true, true, true},
    {"crossfade_seconds", "0", "0.1", "-0.01", "0.11", 0, 0.1, false, true, false},
    {"bitrate_kbps", "32", "320", "31", "321", 32, 320, true, true, false},
    {"buffer_chunks", "1", "50", "0", "51", 1, 50, true, true, true},
    {"seed", "0", "2147483647", "-1", "2147483648", 0, 2147483647, true, true, false},
    {"bpm", "60", "200.0", "59.9", "200.1", 60, 200, false, true, true},
    {"density", "0", "1", "-0.1", "1.1", 0, 1, false, true, true},
    {"brightness", "0.0", "1.0", "-0.1", "1e400", 0, 1, false, true, true},
    {"ramp_ms", "0", "60000", "-1", "60001", 0, 60000, true, true, true},
    {"at_sample", "0", "1e15", "-1", "1e16", 0, 9007199254740992.0, true, false, true},
    {"at_bar", "1", "2147483647", "0", "2147483648", 1, 2147483647, true, false, true},
};

static void check_range(const range *r, const char *value, bool allowed)
{
    char texts[2][512];
    in_both(r->field, value, texts[0], texts[1]);
    for (int i = 0; i < 2; i++) {
        if (!(i == 0 ? r->start : r->update)) {
            continue;
        }
        if (allowed) {
            good(texts[i]);
        } else {
            const jam_error *e = bad(texts[i], JAM_OUT_OF_RANGE, r->field);
            cr_expect(e->has_limit && e->min == r->min && e->max == r->max, "%s", texts[i]);
        }
    }
}

static void check_types(const range *r)
{
    static const char *const wrong[] = {"\"1\"", "true", "[1]", "\"\"", "40.5"};
    char texts[2][512];
    for (size_t k = 0; k < RF_ARRAY_LEN(wrong); k++) {
        bool fraction = k == RF_ARRAY_LEN(wrong) - 1;
        in_both(r->field, wrong[k], texts[0], texts[1]);
        if (!fraction || r->integer) {
            bad(texts[r->update ? 1 : 0], JAM_WRONG_TYPE, r->field);
        }
    }
}

Test(messages, numbers_have_their_ranges_and_types)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(ranges); i++) {
        const range *r = &ranges[i];
        check_range(r, r->low, true);
        check_range(r, r->high, true);
        check_range(r, r->under, false);
        if (strcmp(r->over, "1e400") != 0) {
            check_range(r, r->over, false);
        }
        check_types(r);
    }
}

Test(messages, an_integral_float_is_an_integer)
{
    cr_expect_eq(good("{\"type\":\"update\",\"topk\":40.0}")->topk, 40);
    cr_expect_eq(good("{\"type\":\"update\",\"max_decode_frames\":4e1}")->max_decode_frames, 40);
}

typedef struct choice {
    const char *field;
    const char *allowed[20];
    bool update;
} choice;

static const choice choices[] = {
    {"pace", {"realtime", "asap"}, true},
    {"format", {"wav-f32", "wav-s16", "opus", "flac"}, false},
    {"catch_up", {"skip", "burst", "stretch"}, true},
    {"key",
     {"C", "C#", "Db", "D", "D#", "Eb", "E", "F", "F#", "Gb", "G", "G#", "Ab", "A", "A#", "Bb", "B",
      "auto"},
     true},
    {"scale",
     {"major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian", "auto"},
     true},
    {"section", {"intro", "verse", "fill", "break", "drop", "ending"}, true},
};

Test(messages, choices_take_their_names_alone)
{
    char texts[2][512];
    char value[64];
    for (size_t i = 0; i < RF_ARRAY_LEN(choices); i++) {
        const choice *c = &choices[i];
        for (size_t k = 0; c->allowed[k] != NULL; k++) {
            (void)snprintf(value, sizeof(value), "\"%s\"", c->allowed[k]);
            in_both(c->field, value, texts[0], texts[1]);
            good(texts[0]);
            if (c->update) {
                good(texts[1]);
            }
        }
        static const char *const wrong[] = {"\"\"", "\"H\"", "\"Major\"", "\"asap,realtime\"",
                                            "\"auto\\u0000\""};
        for (size_t k = 0; k < RF_ARRAY_LEN(wrong); k++) {
            in_both(c->field, wrong[k], texts[0], texts[1]);
            bad(texts[0], JAM_BAD_VALUE, c->field);
        }
        in_both(c->field, "1", texts[0], texts[1]);
        bad(texts[0], JAM_WRONG_TYPE, c->field);
    }
}

Test(messages, enharmonic_keys_are_equal)
{
    static const struct {
        const char *name;
        int key;
    } keys[] = {{"C", 0},
                {"C#", 1},
                {"Db", 1},
                {"D#", 3},
                {"Eb", 3},
                {"F#", 6},
                {"Gb", 6},
                {"G#", 8},
                {"Ab", 8},
                {"A#", 10},
                {"Bb", 10},
                {"B", 11},
                {"auto", JAM_KEY_AUTO}};
    for (size_t i = 0; i < RF_ARRAY_LEN(keys); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"type\":\"update\",\"key\":\"%s\"}", keys[i].name);
        cr_expect_eq(good(text)->key, keys[i].key, "%s", keys[i].name);
    }
}

Test(messages, auto_frees_bpm_density_and_brightness)
{
    const jam_change *c = good("{\"type\":\"update\",\"bpm\":\"auto\",\"density\":\"auto\","
                               "\"brightness\":\"auto\",\"scale\":\"auto\"}");
    cr_expect_eq(c->bpm, 0.0);
    cr_expect_lt(c->density, 0.0);
    cr_expect_lt(c->brightness, 0.0);
    cr_expect_eq(c->scale, JAM_SCALE_AUTO);
    bad("{\"type\":\"update\",\"bpm\":\"Auto\"}", JAM_WRONG_TYPE, "bpm");
}

Test(messages, styles_are_a_comma_list_or_an_array)
{
    const jam_change *c = good("{\"type\":\"update\",\"styles\":\" jazz , hip hop\"}");
    cr_expect_eq(c->n_styles, 2);
    cr_expect_str_eq(c->styles[0], "jazz");
    cr_expect_str_eq(c->styles[1], "hip hop");
    c = good("{\"type\":\"update\",\"styles\":[\"a, b\",\"c\"]}");
    cr_expect_eq(c->n_styles, 2);
    cr_expect_str_eq(c->styles[0], "a, b");
    cr_expect_eq(good("{\"type\":\"update\",\"styles\":\"\"}")->n_styles, 0);
    cr_expect_eq(good("{\"type\":\"update\",\"styles\":[]}")->n_styles, 0);
    cr_expect_eq(
        good("{\"type\":\"update\",\"styles\":\"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\"}")->n_styles, 16);
}

static char *repeat(const char *s, size_t n)
{
    size_t len = strlen(s);
    char *all = rf_alloc(n * len + 1);
    for (size_t i = 0; i < n; i++) {
        memcpy(all + i * len, s, len);
    }
    return all;
}

static char *update_with(const char *field, const char *value)
{
    return rf_asprintf("{\"type\":\"update\",\"%s\":\"%s\"}", field, value);
}

Test(messages, styles_outside_their_limits_are_bad_values)
{
    RF_CLEANUP(rf_cleanup_free) char *long_name = repeat("x", 129);
    RF_CLEANUP(rf_cleanup_free) char *fitting = repeat("x", 128);
    RF_CLEANUP(rf_cleanup_free)
    char *names = repeat("0123456789012345678901234567890123456789"
                         "0123456789012345678901234567890,",
                         15);
    RF_CLEANUP(rf_cleanup_free) char *a = update_with("styles", long_name);
    RF_CLEANUP(rf_cleanup_free) char *b = update_with("styles", fitting);
    names[strlen(names) - 1] = '\0'; /* 15 x 71 = 1,065 bytes */
    RF_CLEANUP(rf_cleanup_free) char *c = update_with("styles", names);
    bad(a, JAM_BAD_VALUE, "styles");
    good(b);
    bad(c, JAM_BAD_VALUE, "styles");
    static const char *const wrong[] = {"\"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\"",
                                        "\"a,,b\"",
                                        "\",\"",
                                        "\"a,\"",
                                        "[\"\"]",
                                        "\"a\\tb\"",
                                        "\"a\\u0000b\"",
                                        "\"a\\u0085b\"",
                                        "\"\\u007f\""};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        char texts[2][512];
        in_both("styles", wrong[i], texts[0], texts[1]);
        bad(texts[0], JAM_BAD_VALUE, "styles");
    }
    bad("{\"type\":\"update\",\"styles\":7}", JAM_WRONG_TYPE, "styles");
    bad("{\"type\":\"update\",\"styles\":[7]}", JAM_WRONG_TYPE, "styles");
}

Test(messages, weights_belong_to_styles)
{
    const jam_change *c = good("{\"type\":\"update\",\"style_weights\":\"1.0, 0.5\"}");
    cr_expect_eq(c->n_style_weights, 2);
    cr_expect_eq(c->style_weights[1], 0.5);
    cr_expect_eq(good("{\"type\":\"update\",\"style_weights\":[0,100]}")->style_weights[1], 100.0);
    cr_expect_eq(good("{\"type\":\"update\",\"style_weights\":\"\"}")->n_style_weights, 0);
    bad("{\"type\":\"update\",\"style_weights\":[1,1,1]}", JAM_BAD_VALUE, "style_weights");
    good("{\"type\":\"update\",\"styles\":\"a,b,c\",\"style_weights\":[1,1,1]}");
    bad("{\"type\":\"start\",\"params\":{\"style_weights\":[1,1]}}", JAM_BAD_VALUE,
        "style_weights");
    const jam_error *e =
        bad("{\"type\":\"update\",\"style_weights\":[100.5]}", JAM_OUT_OF_RANGE, "style_weights");
    cr_expect(e->min == 0.0 && e->max == 100.0);
    bad("{\"type\":\"update\",\"style_weights\":[\"1\"]}", JAM_WRONG_TYPE, "style_weights");
    bad("{\"type\":\"update\",\"style_weights\":1}", JAM_WRONG_TYPE, "style_weights");
    static const char *const texts[] = {"1,x", "nan", "inf", "0x1", "1,", ",1"};
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        RF_CLEANUP(rf_cleanup_free) char *text = update_with("style_weights", texts[i]);
        bad(text, JAM_BAD_VALUE, "style_weights");
    }
}

static bool ignores(const parsed *p, const char *name)
{
    const char *at = p->m.ignored.text;
    for (size_t i = 0; i < p->m.ignored.n; i++, at += strlen(at) + 1) {
        if (strcmp(at, name) == 0) {
            return true;
        }
    }
    return false;
}

Test(messages, mean_and_centroid_weights_are_checked_and_without_effect)
{
    const parsed *p = parse("{\"type\":\"update\",\"mean\":1,\"centroid_weights\":\"1,2\"}");
    cr_expect(p->err == 0 && ignores(p, "mean") && ignores(p, "centroid_weights"));
    cr_expect_eq(p->m.change.set, 0);
    const jam_error *e = bad("{\"type\":\"update\",\"centroid_weights\":[11]}", JAM_OUT_OF_RANGE,
                             "centroid_weights");
    cr_expect(e->min == 0.0 && e->max == 10.0);
    RF_CLEANUP(rf_cleanup_free) char *many = repeat("1,", 65);
    many[strlen(many) - 1] = '\0';
    RF_CLEANUP(rf_cleanup_free) char *text = update_with("centroid_weights", many);
    bad(text, JAM_BAD_VALUE, "centroid_weights");
}

Test(messages, stems_keep_what_is_not_said)
{
    const jam_change *c = good("{\"type\":\"update\",\"stems\":{\"bass\":{\"gain_db\":-60,\"mute\":"
                               "true},\"lead\":{\"solo\":false,\"gain_db\":12.0}}}");
    cr_expect_eq(c->stems[JAM_STEM_DRUMS].set, 0);
    cr_expect_eq(c->stems[JAM_STEM_BASS].set, JAM_STEM_GAIN | JAM_STEM_MUTE);
    cr_expect_eq(c->stems[JAM_STEM_BASS].to.gain_db, -60.0);
    cr_expect_eq(c->stems[JAM_STEM_LEAD].set, JAM_STEM_GAIN | JAM_STEM_SOLO);
    const jam_error *e = bad("{\"type\":\"update\",\"stems\":{\"bass\":{\"gain_db\":12.5}}}",
                             JAM_OUT_OF_RANGE, "stems.bass.gain_db");
    cr_expect(e->min == -60.0 && e->max == 12.0);
    bad("{\"type\":\"update\",\"stems\":{\"bass\":{\"gain_db\":-61}}}", JAM_OUT_OF_RANGE,
        "stems.bass.gain_db");
    bad("{\"type\":\"update\",\"stems\":{\"drums\":{\"mute\":1}}}", JAM_WRONG_TYPE,
        "stems.drums.mute");
    bad("{\"type\":\"update\",\"stems\":{\"lead\":{\"solo\":\"yes\"}}}", JAM_WRONG_TYPE,
        "stems.lead.solo");
    bad("{\"type\":\"update\",\"stems\":{\"chords\":-3}}", JAM_WRONG_TYPE, "stems.chords");
    bad("{\"type\":\"update\",\"stems\":[]}", JAM_WRONG_TYPE, "stems");
    const parsed *p =
        parse("{\"type\":\"update\",\"stems\":{\"piano\":{},\"bass\":{\"pan\":1,\"mute\":null}}}");
    cr_expect(p->err == 0 && ignores(p, "stems.piano") && ignores(p, "stems.bass.pan"));
    cr_expect_eq(p->m.change.stems[JAM_STEM_BASS].set, 0);
}

Test(messages, ramps_are_for_all_or_by_field)
{
    const jam_change *c = good("{\"type\":\"update\",\"bpm\":100,\"ramp_ms\":500}");
    cr_expect_eq(c->ramp_ms[JAM_FIELD_BPM], 500);
    cr_expect_eq(c->ramp_ms[JAM_FIELD_STEMS], 500);
    cr_expect_eq(c->ramp_ms[JAM_FIELD_TOPK], 0);
    c = good("{\"type\":\"update\",\"ramp_ms\":{\"temperature\":1,\"guidance_weight\":2,\"bpm\":3,"
             "\"density\":4,\"brightness\":5,\"stems\":60000}}");
    cr_expect(c->ramp_ms[JAM_FIELD_TEMPERATURE] == 1 && c->ramp_ms[JAM_FIELD_STEMS] == 60000);
    bad("{\"type\":\"update\",\"ramp_ms\":{\"topk\":5}}", JAM_BAD_VALUE, "ramp_ms.topk");
    bad("{\"type\":\"update\",\"ramp_ms\":{\"bpm\":60001}}", JAM_OUT_OF_RANGE, "ramp_ms.bpm");
    const parsed *p = parse("{\"type\":\"update\",\"ramp_ms\":{\"swing\":5}}");
    cr_expect(p->err == 0 && ignores(p, "ramp_ms.swing"));
}

Test(messages, engine_is_a_name)
{
    cr_expect_str_eq(good("{\"type\":\"start\",\"params\":{\"engine\":\"band\"}}")->engine, "band");
    bad("{\"type\":\"start\",\"params\":{\"engine\":\"\"}}", JAM_BAD_VALUE, "engine");
    bad("{\"type\":\"start\",\"params\":{\"engine\":5}}", JAM_WRONG_TYPE, "engine");
}

Test(messages, record_is_unsupported)
{
    good("{\"type\":\"update\",\"record\":false}");
    bad("{\"type\":\"update\",\"record\":true}", JAM_UNSUPPORTED, "record");
    bad("{\"type\":\"start\",\"params\":{\"record\":{\"name\":\"take\"}}}", JAM_UNSUPPORTED,
        "record");
    bad("{\"type\":\"update\",\"record\":{\"name\":\"\"}}", JAM_BAD_VALUE, "record.name");
    bad("{\"type\":\"update\",\"record\":1}", JAM_WRONG_TYPE, "record");
}

Test(messages, updates_of_fixed_fields_are_immutable)
{
    static const char *const fixed[] = {"\"crossfade_seconds\":0.04", "\"format\":\"opus\"",
                                        "\"bitrate_kbps\":128", "\"engine\":\"band\"",
                                        "\"seed\":1"};
    static const char *const names[] = {"crossfade_seconds", "format", "bitrate_kbps", "engine",
                                        "seed"};
    for (size_t i = 0; i < RF_ARRAY_LEN(fixed); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "{\"type\":\"update\",%s}", fixed[i]);
        bad(text, JAM_IMMUTABLE, names[i]);
    }
}

Test(messages, schedules_are_for_updates_and_one_of_two)
{
    bad("{\"type\":\"start\",\"params\":{\"at_sample\":5}}", JAM_BAD_VALUE, "at_sample");
    bad("{\"type\":\"start\",\"params\":{\"at_bar\":5}}", JAM_BAD_VALUE, "at_bar");
    bad("{\"type\":\"update\",\"at_sample\":5,\"at_bar\":5}", JAM_BAD_VALUE, "at_bar");
    cr_expect_eq(good("{\"type\":\"update\",\"at_sample\":4503599627370497}")->at_sample,
                 4503599627370497);
}

Test(messages, fields_stand_at_the_top_or_in_params_but_not_in_both)
{
    cr_expect_eq(good("{\"type\":\"update\",\"params\":{\"topk\":7}}")->topk, 7);
    cr_expect_eq(good("{\"type\":\"update\",\"topk\":7,\"params\":{\"bpm\":99}}")->bpm, 99.0);
    bad("{\"type\":\"update\",\"topk\":7,\"params\":{\"topk\":7}}", JAM_DUPLICATE_FIELD, "topk");
    good("{\"type\":\"update\",\"topk\":null,\"params\":{\"topk\":7}}");
    good("{\"type\":\"update\",\"topk\":7,\"params\":{\"topk\":null}}");
    bad("{\"type\":\"update\",\"topk\":7,\"topk\":8}", JAM_DUPLICATE_FIELD, "");
    bad("{\"type\":\"update\",\"params\":[]}", JAM_WRONG_TYPE, "params");
    bad("{\"type\":\"start\",\"params\":5}", JAM_WRONG_TYPE, "params");
}

Test(messages, null_is_absent_and_unknown_fields_are_named)
{
    cr_expect_eq(good("{\"type\":\"update\",\"id\":null,\"topk\":null,\"seed\":null}")->set, 0);
    const parsed *p = parse("{\"type\":\"update\",\"use_current_mix_as_style\":true,\"x\":null}");
    cr_expect(p->err == 0 && ignores(p, "use_current_mix_as_style") && p->m.ignored.n == 1);
    p = parse("{\"type\":\"start\",\"temperature\":1,\"params\":{\"swing\":2}}");
    cr_expect(p->err == 0 && ignores(p, "temperature") && ignores(p, "swing"));
    p = parse("{\"type\":\"stop\",\"why\":1}");
    cr_expect(p->err == 0 && ignores(p, "why"));
}

Test(messages, ids_are_echoed_when_they_are_1_to_64_bytes)
{
    RF_CLEANUP(rf_cleanup_free) char *id = repeat("i", 65);
    RF_CLEANUP(rf_cleanup_free) char *text = rf_asprintf("{\"type\":\"ping\",\"id\":\"%s\"}", id);
    cr_expect_str_eq(parse("{\"type\":\"ping\",\"id\":\"a-1\"}")->m.id, "a-1");
    bad(text, JAM_BAD_VALUE, "id");
    bad("{\"type\":\"ping\",\"id\":\"\"}", JAM_BAD_VALUE, "id");
    bad("{\"type\":\"ping\",\"id\":5}", JAM_WRONG_TYPE, "id");
    const parsed *p = parse("{\"type\":\"update\",\"id\":\"u\",\"topk\":0}");
    cr_expect_str_eq(p->m.id, "u");
    cr_expect_eq(p->m.type, JAM_TYPE_UPDATE);
}

Test(messages, start_fields)
{
    const parsed *p = parse(
        "{\"type\":\"start\",\"mode\":\"rt\",\"binary_audio\":true,\"role\":\"listener\",\"session_"
        "id\":\"s\",\"listen_token\":\"l\",\"resume_token\":\"r\",\"last_index\":7}");
    cr_expect(p->err == 0 && p->m.binary_audio && p->m.role == JAM_ROLE_LISTENER);
    cr_expect_str_eq(p->m.session_id, "s");
    cr_expect_str_eq(p->m.listen_token, "l");
    cr_expect_str_eq(p->m.resume_token, "r");
    cr_expect(p->m.has_last_index && p->m.last_index == 7);
    bad("{\"type\":\"start\",\"mode\":\"bar\"}", JAM_UNSUPPORTED, "mode");
    bad("{\"type\":\"start\",\"mode\":\"RT\"}", JAM_BAD_VALUE, "mode");
    bad("{\"type\":\"start\",\"mode\":1}", JAM_WRONG_TYPE, "mode");
    bad("{\"type\":\"start\",\"binary_audio\":1}", JAM_WRONG_TYPE, "binary_audio");
    bad("{\"type\":\"start\",\"role\":\"boss\"}", JAM_BAD_VALUE, "role");
    bad("{\"type\":\"start\",\"role\":1}", JAM_WRONG_TYPE, "role");
    bad("{\"type\":\"start\",\"session_id\":\"\"}", JAM_BAD_VALUE, "session_id");
    bad("{\"type\":\"start\",\"resume_token\":1}", JAM_WRONG_TYPE, "resume_token");
    bad("{\"type\":\"start\",\"last_index\":-2}", JAM_OUT_OF_RANGE, "last_index");
}

Test(messages, pings_tell_their_buffer)
{
    const parsed *p = parse("{\"type\":\"ping\",\"buffer_ms\":60000}");
    cr_expect(p->m.has_buffer_ms && p->m.buffer_ms == 60000.0);
    bad("{\"type\":\"ping\",\"buffer_ms\":60001}", JAM_OUT_OF_RANGE, "buffer_ms");
    bad("{\"type\":\"ping\",\"buffer_ms\":\"1\"}", JAM_WRONG_TYPE, "buffer_ms");
}

Test(messages, reset_context_takes_a_seed_alone)
{
    const parsed *p = parse("{\"type\":\"reset_context\",\"seed\":5,\"topk\":3}");
    cr_expect(p->err == 0 && p->m.change.seed == 5 && ignores(p, "topk"));
    cr_expect_eq(p->m.change.set, JAM_FIELD_BIT(JAM_FIELD_SEED));
    cr_expect_eq(good("{\"type\":\"reset_context\",\"params\":{\"seed\":6}}")->seed, 6);
    bad("{\"type\":\"reset_context\",\"seed\":-1}", JAM_OUT_OF_RANGE, "seed");
}

Test(messages, the_published_page_has_an_overlap_of_25_ms)
{
    cr_expect_eq(good("{\"type\":\"start\",\"mode\":\"rt\",\"binary_audio\":false,\"params\":{"
                      "\"styles\":\"warmup\",\"temperature\":1.1,\"topk\":40,\"guidance_weight\":1."
                      "1,\"pace\":\"realtime\"}}")
                     ->overlap,
                 1200);
    cr_expect_eq(
        good("{\"type\":\"start\",\"params\":{\"style_weights\":\"1\",\"mean\":null}}")->overlap,
        1200);
    cr_expect_eq(good("{\"type\":\"start\"}")->overlap, 1200);
    cr_expect_eq(good("{\"type\":\"start\",\"params\":{\"max_decode_frames\":50}}")->overlap, 1920);
    cr_expect_eq(
        good("{\"type\":\"start\",\"params\":{\"mean\":0,\"use_current_mix_as_style\":false}}")
            ->overlap,
        1920);
    cr_expect_eq(good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.025}}")->overlap,
                 1200);
    jam_message_context fixed = running;
    fixed.crossfade_default = 0.1;
    jam_message m;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n;
    const char *text = "{\"type\":\"start\",\"binary_audio\":true}";
    cr_expect_eq(jam_message_parse(text, strlen(text), &fixed, &m, errors, &n), 0);
    cr_expect_eq(m.change.overlap, 4800);
}

Test(messages, overlaps_are_whole_samples_and_not_longer_than_the_hop)
{
    bad("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.03334}}", JAM_BAD_VALUE,
        "crossfade_seconds");
    good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.0333333333333333}}");
    const jam_error *e = bad("{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"crossfade_"
                             "seconds\":0.1,\"max_decode_frames\":2}}",
                             JAM_OUT_OF_RANGE, "max_decode_frames");
    cr_expect(e->min == 3.0 && e->max == 50.0);
    good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1,\"max_decode_frames\":3}}");
}

Test(messages, chunks_too_large_for_text)
{
    const jam_error *e = bad("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1}}",
                             JAM_CHUNK_TOO_LARGE, "max_decode_frames");
    cr_expect(e->has_limit && e->max == 48.0);
    good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1,\"max_decode_frames\":48}}");
    good("{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"crossfade_seconds\":0.1}}");
    good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.1,\"format\":\"wav-s16\"}}");
    good("{\"type\":\"start\",\"params\":{\"crossfade_seconds\":0.041}}"); /* 1,968 samples */
    jam_message_context wide = running;
    wide.overlap = 4800;
    jam_message m;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n;
    const char *text = "{\"type\":\"update\",\"max_decode_frames\":49}";
    cr_expect_eq(jam_message_parse(text, strlen(text), &wide, &m, errors, &n), -EBADMSG);
    cr_expect_eq(errors[0].code, JAM_CHUNK_TOO_LARGE);
}

Test(messages, all_errors_are_told_but_8_at_most)
{
    const parsed *p = parse("{\"type\":\"update\",\"topk\":0,\"bpm\":1,\"key\":\"H\"}");
    cr_expect_eq(p->n_errors, 3);
    p = parse("{\"type\":\"update\",\"topk\":0,\"bpm\":1,\"key\":\"H\",\"scale\":1,\"density\":2,"
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

Test(messages, protocol_errors)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(protocols); i++) {
        bad(protocols[i].text, protocols[i].code, protocols[i].field);
        cr_expect(jam_code_is_protocol(protocols[i].code));
    }
    good("{\"type\":\"stop\",\"x\":[[[[[[[1]]]]]]]}"); /* 8 levels */
}

Test(messages, members_are_counted)
{
    RF_CLEANUP(rf_cleanup_free) char *many = rf_alloc(8192);
    for (size_t n = 255; n <= 256; n++) {
        size_t len = (size_t)sprintf(many, "{\"type\":\"stop\"");
        for (size_t i = 0; i < n; i++) {
            len += (size_t)sprintf(many + len, ",\"x%zu\":%zu", i, i);
        }
        (void)sprintf(many + len, "}");
        if (n == 255) {
            good(many);
        } else {
            bad(many, JAM_BAD_JSON, "");
        }
    }
}

Test(messages, codes_have_their_names)
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
        cr_expect_eq(parse(text)->m.type, (jam_type)i);
    }
}

Test(messages, settings_and_controls_of_a_start)
{
    jam_settings settings;
    jam_controls controls;
    jam_settings_default(&settings);
    const jam_change *c =
        good("{\"type\":\"start\",\"params\":{\"pace\":\"realtime\",\"max_decode_frames\":40,"
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
    jam_controls_of_start(good("{\"type\":\"start\"}"), &controls);
    cr_expect(controls.n_styles == 1 && controls.temperature == 1.1 && controls.topk == 40);
    cr_expect_str_eq(controls.styles[0].name, "warmup");
}

Test(messages, controls_of_a_render_are_objects_of_fields)
{
    jam_change c;
    jam_names ignored;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n;
    const char *text = "{\"at_sample\":4800,\"bpm\":90,\"odd\":1}";
    cr_expect_eq(
        jam_change_parse(text, strlen(text), JAM_TYPE_UPDATE, &running, &c, &ignored, errors, &n),
        0);
    cr_expect(c.at_sample == 4800 && c.bpm == 90.0 && ignored.n == 1);
    cr_expect_eq(jam_change_parse("[]", 2, JAM_TYPE_UPDATE, &running, &c, &ignored, errors, &n),
                 -EBADMSG);
}
