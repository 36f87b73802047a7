/* jam.md section 3: every field of params with its range. */
#include "message_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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
            message_good(texts[i]);
        } else {
            const jam_error *e = message_bad(texts[i], JAM_OUT_OF_RANGE, r->field);
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
            message_bad(texts[r->update ? 1 : 0], JAM_WRONG_TYPE, r->field);
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
    cr_expect_eq(message_good("{\"type\":\"update\",\"topk\":40.0}")->topk, 40);
    cr_expect_eq(message_good("{\"type\":\"update\",\"max_decode_frames\":4e1}")->max_decode_frames,
                 40);
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
            message_good(texts[0]);
            if (c->update) {
                message_good(texts[1]);
            }
        }
        static const char *const wrong[] = {"\"\"", "\"H\"", "\"Major\"", "\"asap,realtime\"",
                                            "\"auto\\u0000\""};
        for (size_t k = 0; k < RF_ARRAY_LEN(wrong); k++) {
            in_both(c->field, wrong[k], texts[0], texts[1]);
            message_bad(texts[0], JAM_BAD_VALUE, c->field);
        }
        in_both(c->field, "1", texts[0], texts[1]);
        message_bad(texts[0], JAM_WRONG_TYPE, c->field);
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
        cr_expect_eq(message_good(text)->key, keys[i].key, "%s", keys[i].name);
    }
}

Test(messages, auto_frees_bpm_density_and_brightness)
{
    const jam_change *c = message_good("{\"type\":\"update\",\"bpm\":\"auto\",\"density\":\"auto\","
                                       "\"brightness\":\"auto\",\"scale\":\"auto\"}");
    cr_expect_eq(c->bpm, 0.0);
    cr_expect_lt(c->density, 0.0);
    cr_expect_lt(c->brightness, 0.0);
    cr_expect_eq(c->scale, JAM_SCALE_AUTO);
    message_bad("{\"type\":\"update\",\"bpm\":\"Auto\"}", JAM_WRONG_TYPE, "bpm");
}

Test(messages, styles_are_a_comma_list_or_an_array)
{
    const jam_change *c = message_good("{\"type\":\"update\",\"styles\":\" jazz , hip hop\"}");
    cr_expect_eq(c->n_styles, 2);
    cr_expect_str_eq(c->styles[0], "jazz");
    cr_expect_str_eq(c->styles[1], "hip hop");
    c = message_good("{\"type\":\"update\",\"styles\":[\"a, b\",\"c\"]}");
    cr_expect_eq(c->n_styles, 2);
    cr_expect_str_eq(c->styles[0], "a, b");
    cr_expect_eq(message_good("{\"type\":\"update\",\"styles\":\"\"}")->n_styles, 0);
    cr_expect_eq(message_good("{\"type\":\"update\",\"styles\":[]}")->n_styles, 0);
    cr_expect_eq(
        message_good("{\"type\":\"update\",\"styles\":\"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\"}")
            ->n_styles,
        16);
}

static char *update_with(const char *field, const char *value)
{
    return rf_asprintf("{\"type\":\"update\",\"%s\":\"%s\"}", field, value);
}

Test(messages, styles_outside_their_limits_are_bad_values)
{
    RF_CLEANUP(rf_cleanup_free) char *long_name = message_repeat("x", 129);
    RF_CLEANUP(rf_cleanup_free) char *fitting = message_repeat("x", 128);
    RF_CLEANUP(rf_cleanup_free)
    char *names = message_repeat("0123456789012345678901234567890123456789"
                                 "0123456789012345678901234567890,",
                                 15);
    RF_CLEANUP(rf_cleanup_free) char *a = update_with("styles", long_name);
    RF_CLEANUP(rf_cleanup_free) char *b = update_with("styles", fitting);
    names[strlen(names) - 1] = '\0'; /* 15 x 71 = 1,065 bytes */
    RF_CLEANUP(rf_cleanup_free) char *c = update_with("styles", names);
    message_bad(a, JAM_BAD_VALUE, "styles");
    message_good(b);
    message_bad(c, JAM_BAD_VALUE, "styles");
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
        message_bad(texts[0], JAM_BAD_VALUE, "styles");
    }
    message_bad("{\"type\":\"update\",\"styles\":7}", JAM_WRONG_TYPE, "styles");
    message_bad("{\"type\":\"update\",\"styles\":[7]}", JAM_WRONG_TYPE, "styles");
}

Test(messages, weights_belong_to_styles)
{
    const jam_change *c = message_good("{\"type\":\"update\",\"style_weights\":\"1.0, 0.5\"}");
    cr_expect_eq(c->n_style_weights, 2);
    cr_expect_eq(c->style_weights[1], 0.5);
    cr_expect_eq(message_good("{\"type\":\"update\",\"style_weights\":[0,100]}")->style_weights[1],
                 100.0);
    cr_expect_eq(message_good("{\"type\":\"update\",\"style_weights\":\"\"}")->n_style_weights, 0);
    message_bad("{\"type\":\"update\",\"style_weights\":[1,1,1]}", JAM_BAD_VALUE, "style_weights");
    message_good("{\"type\":\"update\",\"styles\":\"a,b,c\",\"style_weights\":[1,1,1]}");
    message_bad("{\"type\":\"start\",\"params\":{\"style_weights\":[1,1]}}", JAM_BAD_VALUE,
                "style_weights");
    const jam_error *e = message_bad("{\"type\":\"update\",\"style_weights\":[100.5]}",
                                     JAM_OUT_OF_RANGE, "style_weights");
    cr_expect(e->min == 0.0 && e->max == 100.0);
    message_bad("{\"type\":\"update\",\"style_weights\":[\"1\"]}", JAM_WRONG_TYPE, "style_weights");
    message_bad("{\"type\":\"update\",\"style_weights\":1}", JAM_WRONG_TYPE, "style_weights");
    static const char *const texts[] = {"1,x", "nan", "inf", "0x1", "1,", ",1"};
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        RF_CLEANUP(rf_cleanup_free) char *text = update_with("style_weights", texts[i]);
        message_bad(text, JAM_BAD_VALUE, "style_weights");
    }
}

Test(messages, mean_and_centroid_weights_are_checked_and_without_effect)
{
    const message_parsed *p =
        message_parse("{\"type\":\"update\",\"mean\":1,\"centroid_weights\":\"1,2\"}");
    cr_expect(p->err == 0 && message_ignores(p, "mean") && message_ignores(p, "centroid_weights"));
    cr_expect_eq(p->m.change.set, 0);
    const jam_error *e = message_bad("{\"type\":\"update\",\"centroid_weights\":[11]}",
                                     JAM_OUT_OF_RANGE, "centroid_weights");
    cr_expect(e->min == 0.0 && e->max == 10.0);
    RF_CLEANUP(rf_cleanup_free) char *many = message_repeat("1,", 65);
    many[strlen(many) - 1] = '\0';
    RF_CLEANUP(rf_cleanup_free) char *text = update_with("centroid_weights", many);
    message_bad(text, JAM_BAD_VALUE, "centroid_weights");
}

Test(messages, stems_keep_what_is_not_said)
{
    const jam_change *c =
        message_good("{\"type\":\"update\",\"stems\":{\"bass\":{\"gain_db\":-60,\"mute\":"
                     "true},\"lead\":{\"solo\":false,\"gain_db\":12.0}}}");
    cr_expect_eq(c->stems[JAM_STEM_DRUMS].set, 0);
    cr_expect_eq(c->stems[JAM_STEM_BASS].set, JAM_STEM_GAIN | JAM_STEM_MUTE);
    cr_expect_eq(c->stems[JAM_STEM_BASS].to.gain_db, -60.0);
    cr_expect_eq(c->stems[JAM_STEM_LEAD].set, JAM_STEM_GAIN | JAM_STEM_SOLO);
    const jam_error *e =
        message_bad("{\"type\":\"update\",\"stems\":{\"bass\":{\"gain_db\":12.5}}}",
                    JAM_OUT_OF_RANGE, "stems.bass.gain_db");
    cr_expect(e->min == -60.0 && e->max == 12.0);
    message_bad("{\"type\":\"update\",\"stems\":{\"bass\":{\"gain_db\":-61}}}", JAM_OUT_OF_RANGE,
                "stems.bass.gain_db");
    message_bad("{\"type\":\"update\",\"stems\":{\"drums\":{\"mute\":1}}}", JAM_WRONG_TYPE,
                "stems.drums.mute");
    message_bad("{\"type\":\"update\",\"stems\":{\"lead\":{\"solo\":\"yes\"}}}", JAM_WRONG_TYPE,
                "stems.lead.solo");
    message_bad("{\"type\":\"update\",\"stems\":{\"chords\":-3}}", JAM_WRONG_TYPE, "stems.chords");
    message_bad("{\"type\":\"update\",\"stems\":[]}", JAM_WRONG_TYPE, "stems");
    const message_parsed *p = message_parse(
        "{\"type\":\"update\",\"stems\":{\"piano\":{},\"bass\":{\"pan\":1,\"mute\":null}}}");
    cr_expect(p->err == 0 && message_ignores(p, "stems.piano") &&
              message_ignores(p, "stems.bass.pan"));
    cr_expect_eq(p->m.change.stems[JAM_STEM_BASS].set, 0);
}

Test(messages, ramps_are_for_all_or_by_field)
{
    const jam_change *c = message_good("{\"type\":\"update\",\"bpm\":100,\"ramp_ms\":500}");
    cr_expect_eq(c->ramp_ms[JAM_FIELD_BPM], 500);
    cr_expect_eq(c->ramp_ms[JAM_FIELD_STEMS], 500);
    cr_expect_eq(c->ramp_ms[JAM_FIELD_TOPK], 0);
    c = message_good(
        "{\"type\":\"update\",\"ramp_ms\":{\"temperature\":1,\"guidance_weight\":2,\"bpm\":3,"
        "\"density\":4,\"brightness\":5,\"stems\":60000}}");
    cr_expect(c->ramp_ms[JAM_FIELD_TEMPERATURE] == 1 && c->ramp_ms[JAM_FIELD_STEMS] == 60000);
    message_bad("{\"type\":\"update\",\"ramp_ms\":{\"topk\":5}}", JAM_BAD_VALUE, "ramp_ms.topk");
    message_bad("{\"type\":\"update\",\"ramp_ms\":{\"bpm\":60001}}", JAM_OUT_OF_RANGE,
                "ramp_ms.bpm");
    const message_parsed *p = message_parse("{\"type\":\"update\",\"ramp_ms\":{\"swing\":5}}");
    cr_expect(p->err == 0 && message_ignores(p, "ramp_ms.swing"));
}

Test(messages, engine_is_a_name)
{
    cr_expect_str_eq(message_good("{\"type\":\"start\",\"params\":{\"engine\":\"band\"}}")->engine,
                     "band");
    message_bad("{\"type\":\"start\",\"params\":{\"engine\":\"\"}}", JAM_BAD_VALUE, "engine");
    message_bad("{\"type\":\"start\",\"params\":{\"engine\":5}}", JAM_WRONG_TYPE, "engine");
}

Test(messages, record_is_a_bool_or_an_object_with_a_name)
{
    const jam_change *c = message_good("{\"type\":\"update\",\"record\":false}");
    cr_expect(!c->record);
    c = message_good("{\"type\":\"update\",\"record\":true}");
    cr_expect(c->record);
    cr_expect_str_empty(c->record_name);
    c = message_good("{\"type\":\"start\",\"params\":{\"record\":{\"name\":\"take\"}}}");
    cr_expect(c->record);
    cr_expect_str_eq(c->record_name, "take");
    c = message_good("{\"type\":\"update\",\"record\":{}}");
    cr_expect(c->record);
    message_bad("{\"type\":\"update\",\"record\":{\"name\":\"\"}}", JAM_BAD_VALUE, "record.name");
    message_bad("{\"type\":\"update\",\"record\":1}", JAM_WRONG_TYPE, "record");
}
