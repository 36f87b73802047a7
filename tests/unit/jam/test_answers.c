/* jam.md sections 3 and 4: what the server says, key by key, and the document that describes it. */
#include "engine_fixture.h"
#include "jam_answer.h"
#include "jam_asyncapi.h"
#include "jam_chunk.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <locale.h>
#include <string.h>

static char text[JAM_ANSWER_SIZE];

static json_t *read_text(size_t len)
{
    json_error_t error;
    json_t *root = json_loadb(text, len, 0, &error);
    cr_assert_not_null(root, "%s in %.*s", error.text, (int)len, text);
    return root;
}

/* The text is this JSON, whatever the order of its keys. */
static void is(size_t len, const char *expected)
{
    json_t *a = read_text(len);
    json_error_t error;
    json_t *b = json_loads(expected, 0, &error);
    cr_assert_not_null(b, "%s in %s", error.text, expected);
    cr_expect(json_equal(a, b), "%.*s is not %s", (int)len, text, expected);
    json_decref(a);
    json_decref(b);
}

Test(answers, started)
{
    engine_fixture f;
    jam_settings settings;
    jam_controls controls;
    engine_fixture_init(&f);
    jam_settings_default(&settings);
    jam_controls_default(&controls);
    jam_started s = {.id = "a",
                     .session_id = "0123456789ABCDEFGHJKMNPQRS",
                     .engine = &f.engine,
                     .settings = &settings,
                     .controls = &controls,
                     .seed = 2147483647,
                     .resume_token = "t",
                     .next_index = 3,
                     .resumed = true};
    is(jam_answer_started(&s, text, sizeof(text)),
       "{\"type\":\"started\",\"id\":\"a\",\"mode\":\"rt\",\"steering_assets\":\"none\",\"session_"
       "id\":\"0123456789ABCDEFGHJKMNPQRS\",\"sample_rate\":48000,\"channels\":2,\"seed\":"
       "2147483647,\"engine\":\"fixture\",\"engine_info\":{\"version\":\"1\",\"kind\":\"test\","
       "\"gpu\":false,\"model\":null,\"soundfont_sha256\":null},\"overlap\":1920,\"crossfade_"
       "seconds\":0.04,\"chunk_frames\":50,\"format\":\"wav-f32\",\"pace\":\"asap\",\"role\":"
       "\"controller\",\"styles\":[{\"name\":\"warmup\",\"weight\":1}],\"resume_token\":\"t\","
       "\"resumed\":true,\"next_index\":3}");
    s.role = JAM_ROLE_LISTENER;
    s.resume_token = NULL;
    json_t *root = read_text(jam_answer_started(&s, text, sizeof(text)));
    cr_expect_str_eq(json_string_value(json_object_get(root, "role")), "listener");
    cr_expect(json_is_null(json_object_get(root, "resume_token")));
    json_decref(root);
    engine_fixture_done(&f);
}

Test(answers, status_of_an_update)
{
    const jam_status s = {.id = "u",
                          .rev = 4,
                          .applied_at_sample = 1920,
                          .updated =
                              JAM_FIELD_BIT(JAM_FIELD_BPM) | JAM_FIELD_BIT(JAM_FIELD_STYLES) |
                              JAM_FIELD_BIT(JAM_FIELD_RAMP_MS) | JAM_FIELD_BIT(JAM_FIELD_AT_BAR)};
    is(jam_answer_status(&s, text, sizeof(text)),
       "{\"type\":\"status\",\"id\":\"u\",\"rev\":4,\"applied_at_sample\":1920,\"updated\":["
       "\"styles\",\"bpm\"]}");
}

Test(answers, status_with_all_its_parts)
{
    const jam_when when = {.scheduled = true, .at_sample = 5, .at_bar = 2};
    const jam_names ignored = {.text = "mean\0x\"y", .n = 2};
    const jam_style_match matches[] = {{"jaz", "jazz", 0.5}, {"zzz", NULL, 0.0}};
    const jam_status s = {.rev = 1,
                          .applied_at_sample = -1,
                          .ignored = &ignored,
                          .unsupported = JAM_FIELD_BIT(JAM_FIELD_STEMS),
                          .scheduled = &when,
                          .has_late = true,
                          .late_ms = 1.5,
                          .has_slip = true,
                          .slip_ms = 20.25,
                          .has_skip = true,
                          .skip_from = 1,
                          .skip_to = 2,
                          .paused = true,
                          .resumed = true,
                          .reset = true,
                          .seed = 9,
                          .draining = true,
                          .deadline_ms = 30000,
                          .matches = matches,
                          .n_matches = 2};
    is(jam_answer_status(&s, text, sizeof(text)),
       "{\"type\":\"status\",\"rev\":1,\"updated\":[],\"ignored\":[\"mean\",\"x\\\"y\"],"
       "\"unsupported\":[\"stems\"],\"scheduled\":{\"at_sample\":5,\"at_bar\":2},\"late_ms\":1.50,"
       "\"slip_ms\":20.25,\"skip\":{\"from\":1,\"to\":2},\"paused\":true,\"resumed\":true,"
       "\"reset\":{\"seed\":9},\"draining\":{\"deadline_ms\":30000},\"style_match\":[{\"style\":"
       "\"jaz\",\"name\":\"jazz\",\"score\":0.500},{\"style\":\"zzz\",\"name\":null,\"score\":0."
       "000}]}");
}

Test(answers, style_matches_come_from_the_engine)
{
    engine_fixture f;
    jam_controls controls;
    jam_style_match matches[JAM_STYLES_MAX];
    engine_fixture_init(&f);
    jam_controls_default(&controls);
    controls.n_styles = 2;
    memcpy(controls.styles[1].name, "klezmer", 8);
    cr_expect_eq(jam_style_matches(&f.engine, &controls, matches), 2);
    cr_expect(matches[0].score == 1.0 && matches[1].name == NULL && matches[1].score == 0.0);
    engine_fixture_done(&f);
}

Test(answers, errors_name_code_field_and_limit)
{
    jam_error e;
    jam_error_set(&e, JAM_OUT_OF_RANGE, "topk", "topk: must be %d to %d", 1, 1024);
    jam_error_limit(&e, 1, 1024);
    is(jam_answer_error(&e, "i", text, sizeof(text)),
       "{\"type\":\"error\",\"id\":\"i\",\"error\":\"topk: must be 1 to "
       "1024\",\"code\":\"OUT_OF_RANGE\",\"field\":\"topk\",\"limit\":{\"min\":1,\"max\":1024}}");
    jam_error_set(&e, JAM_BUSY, NULL, "no place");
    e.has_retry = true;
    e.retry_after_ms = 2000;
    e.has_place = true;
    is(jam_answer_error(&e, NULL, text, sizeof(text)),
       "{\"type\":\"error\",\"error\":\"no "
       "place\",\"code\":\"BUSY\",\"field\":null,\"limit\":null,\"retry_after_ms\":2000,\"queue_"
       "place\":0}");
}

Test(answers, stopped_and_pong)
{
    static const char *const reasons[] = {"client",        "ended",           "max_duration",
                                          "pause_timeout", "controller_lost", "draining",
                                          "engine"};
    cr_assert_eq(RF_ARRAY_LEN(reasons), JAM_N_REASONS);
    for (int i = 0; i < JAM_N_REASONS; i++) {
        cr_expect_str_eq(jam_reason_name((jam_reason)i), reasons[i]);
    }
    is(jam_answer_stopped(JAM_REASON_CLIENT, 3, 9007199254740991, "s", text, sizeof(text)),
       "{\"type\":\"stopped\",\"id\":\"s\",\"reason\":\"client\",\"chunks_sent\":3,\"samples_"
       "sent\":9007199254740991}");
    is(jam_answer_pong("", text, sizeof(text)), "{\"type\":\"pong\"}");
    is(jam_answer_pong("p\n", text, sizeof(text)), "{\"type\":\"pong\",\"id\":\"p\\n\"}");
}

Test(answers, what_does_not_fit_is_no_answer)
{
    for (size_t cap = 0; cap < 15; cap++) {
        cr_expect_eq(jam_answer_pong("", text, cap), 0);
    }
    cr_expect_eq(jam_answer_pong("", text, 15), 15);
}

static jam_chunk a_chunk(void)
{
    jam_chunk c = {.index = 7,
                   .start_sample = 672000,
                   .n_frames = 50,
                   .n_samples = 97920,
                   .overlap = 1920,
                   .format = JAM_FORMAT_WAV_F32,
                   .seed = 12,
                   .generation_ms = 23.456};
    c.mark = (jam_mark){.bpm = 98.5, .bar = 3, .beat = 2.5, .rev = 2, .n_styles = 2};
    memcpy(c.mark.styles[0].name, "jazz", 5);
    memcpy(c.mark.styles[1].name, "a\"b", 4);
    c.mark.styles[0].weight = 2.0 / 3.0;
    c.mark.styles[1].weight = 1.0 / 3.0;
    return c;
}

#define METADATA                                                                                   \
    "{\"sample_rate\":48000,\"channels\":2,\"crossfade_seconds\":0.04,\"chunk_frames\":50,"        \
    "\"chunk_seconds\":2.0,\"index\":7,\"start_sample\":672000,\"samples\":97920,"                 \
    "\"format\":\"wav-f32\",\"seed\":12,\"styles\":[{\"name\":\"jazz\",\"weight\":"                \
    "0.66666666666666663},{\"name\":\"a\\\"b\",\"weight\":0.33333333333333331}],\"bpm\":98.5,"     \
    "\"rev\":2,\"bar\":3,\"beat\":2.5,\"generation_ms\":23.46,\"lead_ms\":-1.25}"

static json_t *reals(const char *s)
{
    json_t *root = json_loads(s, JSON_DECODE_INT_AS_REAL, NULL);
    cr_assert_not_null(root, "%s", s);
    return root;
}

static void check_chunk_text(void)
{
    const jam_chunk c = a_chunk();
    size_t len = jam_chunk_before(text, sizeof(text));
    memcpy(text + len, "QUJD", 4);
    len += 4;
    len += jam_chunk_after(&c, -1.25, text + len, sizeof(text) - len);
    text[len] = '\0';
    json_t *a = reals(text);
    json_t *b = reals("{\"type\":\"chunk\",\"audio_base64\":\"QUJD\",\"metadata\":" METADATA "}");
    cr_expect(json_equal(a, b), "%s", text);
    json_decref(a);
    json_decref(b);
    len = jam_chunk_meta(&c, -1.25, text, sizeof(text));
    text[len] = '\0';
    a = reals(text);
    b = reals("{\"type\":\"chunk_meta\",\"metadata\":" METADATA "}");
    cr_expect(json_equal(a, b), "%s", text);
    json_decref(a);
    json_decref(b);
}

Test(answers, chunks_have_every_key_of_their_metadata)
{
    check_chunk_text();
}

Test(answers, numbers_do_not_follow_the_locale)
{
    struct lconv *conventions = localeconv();
    char *point = conventions->decimal_point;
    if (setlocale(LC_ALL, "de_DE.UTF-8") != NULL) {
        point = localeconv()->decimal_point;
        cr_expect_str_eq(point, ",");
        check_chunk_text();
        (void)setlocale(LC_ALL, "C");
    }
    jam_text t;
    jam_text_init(&t, text, sizeof(text));
    jam_text_open(&t, '[');
    static const double values[] = {0.0, -0.5, 0.1, 1.0 / 48000.0, 1e300, 123456789.125, 4.9e-324};
    for (size_t i = 0; i < RF_ARRAY_LEN(values); i++) {
        jam_text_f64(&t, values[i]);
    }
    jam_text_f64(&t, 0.0 / (values[0] + 0.0));
    jam_text_close(&t, ']');
    json_t *root = json_loadb(text, t.len, JSON_DECODE_INT_AS_REAL, NULL);
    cr_assert_not_null(root);
    for (size_t i = 0; i < RF_ARRAY_LEN(values); i++) {
        cr_expect_eq(json_real_value(json_array_get(root, i)), values[i]);
    }
    cr_expect(json_is_null(json_array_get(root, RF_ARRAY_LEN(values))));
    json_decref(root);
}

Test(answers, the_envelope_of_a_chunk_has_its_bound)
{
    jam_chunk c = a_chunk();
    char envelope[JAM_ENVELOPE_MAX];
    c.index = c.start_sample = 9007199254740991;
    c.mark.n_styles = JAM_STYLES_MAX;
    size_t bytes = 0;
    for (size_t i = 0; i < JAM_STYLES_MAX; i++) { /* 1,024 bytes of names in all */
        memset(c.mark.styles[i].name, 'x', 64);
        c.mark.styles[i].name[64] = '\0';
        c.mark.styles[i].weight = 0.12345678901234567;
        bytes += 64;
    }
    cr_expect_eq(bytes, JAM_STYLES_BYTES_MAX);
    size_t len = jam_chunk_before(envelope, sizeof(envelope));
    size_t after = jam_chunk_after(&c, -123456789.12, envelope + len, sizeof(envelope) - len);
    cr_expect(after > 0 && len + after <= JAM_ENVELOPE_MAX, "%zu", len + after);
}

Test(answers, a_beat_never_reads_as_the_fifth)
{
    jam_chunk c = a_chunk();
    c.mark.beat = 4.99999999;
    size_t len = jam_chunk_meta(&c, 0.0, text, sizeof(text));
    json_t *root = read_text(len);
    double beat = json_real_value(json_object_get(json_object_get(root, "metadata"), "beat"));
    cr_expect(beat < 5.0 && beat > 4.9);
    json_decref(root);
}

Test(answers, chunk_sizes_and_overlaps)
{
    jam_error e;
    cr_expect(jam_chunk_min_frames(0) == 1 && jam_chunk_min_frames(1920) == 1);
    cr_expect(jam_chunk_min_frames(1921) == 2 && jam_chunk_min_frames(4800) == 3);
    cr_expect(jam_chunk_fits(JAM_FORMAT_WAV_F32, 128, 50, 1968));
    cr_expect(!jam_chunk_fits(JAM_FORMAT_WAV_F32, 128, 50, 1969));
    cr_expect(jam_chunk_fits(JAM_FORMAT_WAV_F32, 128, 48, 4800));
    cr_expect(!jam_chunk_fits(JAM_FORMAT_WAV_F32, 128, 49, 4800));
    cr_expect_eq(jam_chunk_check(JAM_FORMAT_WAV_F32, 128, 50, 1969, false, &e), 0);
    cr_expect_neq(jam_chunk_check(JAM_FORMAT_WAV_F32, 128, 50, 1969, true, &e), 0);
    cr_expect(e.code == JAM_CHUNK_TOO_LARGE && e.max == 49.0);
    cr_expect_neq(jam_chunk_check(JAM_FORMAT_WAV_F32, 128, 1, 1921, false, &e), 0);
    cr_expect(e.code == JAM_OUT_OF_RANGE && e.min == 2.0);
}

static const json_t *dig(const json_t *root, const char *path)
{
    char key[64];
    while (root != NULL && *path != '\0') {
        size_t n = strcspn(path, "/");
        memcpy(key, path, n);
        key[n] = '\0';
        root = json_object_get(root, key);
        path += n + (path[n] == '/' ? 1 : 0);
    }
    return root;
}

Test(asyncapi, describes_every_field_with_its_range_and_default)
{
    rf_buf out;
    rf_buf_init(&out, JAM_ASYNCAPI_MAX);
    cr_assert_eq(jam_asyncapi_write(&out, "wss://example.org"), 0);
    json_error_t error;
    json_t *root = json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(root, "%s", error.text);
    cr_expect_str_eq(json_string_value(dig(root, "asyncapi")), "3.0.0");
    cr_expect_str_eq(json_string_value(dig(root, "servers/gateway/host")), "example.org");
    const json_t *start =
        dig(root, "components/messages/start/payload/properties/params/properties");
    const json_t *update = dig(root, "components/messages/update/payload/properties");
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        const jam_field_def *def = jam_field_get((jam_field)i);
        cr_expect_eq(json_object_get(start, def->name) != NULL, (def->when & JAM_WHEN_START) != 0,
                     "%s", def->name);
        cr_expect_eq(json_object_get(update, def->name) != NULL, (def->when & JAM_WHEN_UPDATE) != 0,
                     "%s", def->name);
    }
    cr_expect_eq(json_number_value(dig(update, "topk/maximum")), 1024.0);
    cr_expect_eq(json_number_value(dig(update, "topk/default")), 40.0);
    cr_expect_eq(json_number_value(dig(update, "stems/properties/bass/properties/gain_db/minimum")),
                 -60.0);
    cr_expect_eq(json_array_size(dig(update, "key/enum")), 18);
    cr_expect_eq(
        json_array_size(dig(root, "components/messages/error/payload/properties/code/enum")),
        JAM_N_CODES);
    cr_expect_eq(
        json_array_size(dig(root, "components/messages/stopped/payload/properties/reason/enum")),
        JAM_N_REASONS);
    json_decref(root);
    rf_buf_done(&out);
}

/* Every $ref leads somewhere. */
static void check_refs(const json_t *root, json_t *at)
{
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach(at, key, value)
    {
        if (strcmp(key, "$ref") == 0) {
            cr_expect_not_null(dig(root, json_string_value(value) + 2), "%s",
                               json_string_value(value));
        }
        check_refs(root, value);
    }
    json_array_foreach(at, i, value)
    {
        check_refs(root, value);
    }
}

Test(asyncapi, names_every_message_and_its_references_lead_somewhere)
{
    rf_buf out;
    rf_buf_init(&out, JAM_ASYNCAPI_MAX);
    cr_assert_eq(jam_asyncapi_write(&out, ""), 0);
    json_t *root = json_loadb((const char *)out.data, out.len, 0, NULL);
    cr_assert_not_null(root);
    cr_expect_null(dig(root, "servers"));
    check_refs(root, root);
    for (int i = 0; i < JAM_N_TYPES; i++) {
        cr_expect_not_null(
            json_object_get(dig(root, "components/messages"), jam_type_name((jam_type)i)));
    }
    json_decref(root);
    rf_buf_done(&out);
    rf_buf_init(&out, 100);
    cr_expect_lt(jam_asyncapi_write(&out, ""), 0);
    rf_buf_done(&out);
}

Test(fields, an_engine_lacks_what_it_does_not_list)
{
    engine_fixture f;
    engine_fixture_init(&f);
    jam_field_set all = (jam_field_set)-1;
    cr_expect_eq(jam_fields_unsupported(&f.engine, all), 0);
    f.engine.controls = "styles,temperature";
    cr_expect_eq(jam_fields_unsupported(&f.engine, JAM_FIELD_BIT(JAM_FIELD_STYLES) |
                                                       JAM_FIELD_BIT(JAM_FIELD_STYLE_WEIGHTS) |
                                                       JAM_FIELD_BIT(JAM_FIELD_PACE)),
                 JAM_FIELD_BIT(JAM_FIELD_STYLE_WEIGHTS));
    engine_fixture_done(&f);
}

Test(fields, names_are_found)
{
    jam_field field;
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        cr_expect_eq(jam_field_find(jam_field_get((jam_field)i)->name, &field), 0);
        cr_expect_eq(field, i);
    }
    cr_expect_lt(jam_field_find("swing", &field), 0);
    cr_expect_lt(jam_field_find("", &field), 0);
}
