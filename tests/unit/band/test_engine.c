/* The engine as its host sees it. */
#include "band_engine.h"
#include "band_script.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static jam_controls controls;

static void prepare(void)
{
    band_script_clear();
    band_script_groove(16);
    jam_controls_default(&controls);
}

TestSuite(engine, .init = prepare);

Test(engine, capability_record_says_what_it_is)
{
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new("/usr/share/sounds/sf2/TimGM6mb.sf2", NULL, &engine), 0);
    cr_expect_eq(engine->struct_size, sizeof(jam_engine));
    cr_expect_eq(engine->abi_version, JAM_ENGINE_ABI);
    cr_expect_str_eq(engine->name, "band");
    cr_expect_str_eq(engine->kind, "rules+samples");
    cr_expect_str_eq(engine->controls, JAM_ENGINE_ALL_CONTROLS);
    cr_expect_str_eq(engine->stems, "drums,bass,chords,lead");
    cr_expect_eq(engine->control_grain_samples, 64);
    cr_expect_not(engine->gpu);
    cr_expect(engine->deterministic);
    cr_expect_null(engine->model, "it is no model and does not say so");
    cr_expect_leq(engine->realtime_ratio, 0.012);
    cr_expect_geq(engine->max_sessions, 50);
    cr_assert_not_null(engine->soundfont_sha256);
    cr_expect_str_eq(engine->soundfont_sha256,
                     "c5378b62028c920cb11e4803327983fee2f2cdff5dc89c708e39da417e51c854");
    (void)band_engine_free(engine);
}

Test(engine, plays_frames_and_tells_its_place)
{
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new("/usr/share/sounds/sf2/TimGM6mb.sf2", NULL, &engine), 0);
    void *instance = NULL;
    char why[128] = "";
    cr_assert_eq(engine->open(engine, 7, &controls, NULL, &instance, why, sizeof(why)), 0);
    static float left[50 * JAM_FRAME_SAMPLES], right[50 * JAM_FRAME_SAMPLES];
    cr_assert_eq(engine->render_frames(instance, 50, left, right), 0);
    cr_expect_gt(band_rms_db(left, right, 0, RF_ARRAY_LEN(left)), -50);
    controls.bpm = 60;
    engine->set_controls(instance, 50 * JAM_FRAME_SAMPLES, &controls);
    jam_place place;
    engine->place(instance, &place);
    cr_expect_eq(place.bar, 2);
    cr_expect_float_eq(place.beat, 1, 1e-6);
    cr_expect_float_eq(place.bpm, 60, 1e-9);
    cr_expect_eq(place.section, JAM_SECTION_VERSE);
    engine->close(instance);
    (void)band_engine_free(engine);
}

static void expect_enoent(const char *font, const char *words)
{
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new(font, NULL, &engine), 0);
    cr_expect_null(engine->soundfont_sha256);
    void *instance = NULL;
    char why[256] = "";
    cr_expect_eq(engine->open(engine, 1, &controls, NULL, &instance, why, sizeof(why)), -ENOENT);
    cr_expect_null(instance);
    cr_expect_not_null(strstr(why, words), "\"%s\" in \"%s\"", words, why);
    (void)band_engine_free(engine);
}

Test(engine, open_says_that_the_soundfont_is_missing)
{
    expect_enoent("/nowhere/font.sf2", "/nowhere/font.sf2");
    expect_enoent("/nowhere/font.sf2", "No such file");
}

Test(engine, open_says_that_the_soundfont_is_none)
{
    expect_enoent("/proc/self/exe", "not a sound SF2 or SF3 file");
}

Test(engine, finds_debians_soundfont_by_itself)
{
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new("", NULL, &engine), 0);
    cr_expect_not_null(engine->soundfont_sha256);
    (void)band_engine_free(engine);
}

Test(engine, styles_are_those_of_the_composer)
{
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new("/nowhere/font.sf2", NULL, &engine), 0);
    cr_expect_eq(engine->n_styles(engine), 2);
    cr_expect_str_eq(engine->style_name(engine, 1), "loud");
    cr_expect_null(engine->style_name(engine, 2));
    double score = 0;
    cr_expect_str_eq(engine->style_match(engine, "plain", &score), "plain");
    cr_expect_float_eq(score, 1, 1e-9);
    cr_expect_null(engine->style_match(engine, "zither", &score));
    cr_expect_float_eq(score, 0, 1e-9);
    (void)band_engine_free(engine);
}

Test(engine, instances_do_not_hear_each_other)
{
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new("/usr/share/sounds/sf2/TimGM6mb.sf2", NULL, &engine), 0);
    static float alone[2][10 * JAM_FRAME_SAMPLES], beside[2][10 * JAM_FRAME_SAMPLES];
    static float other[2][10 * JAM_FRAME_SAMPLES];
    void *a = NULL, *b = NULL;
    char why[128];
    cr_assert_eq(engine->open(engine, 1, &controls, NULL, &a, why, sizeof(why)), 0);
    cr_assert_eq(engine->render_frames(a, 10, alone[0], alone[1]), 0);
    engine->close(a);
    cr_assert_eq(engine->open(engine, 1, &controls, NULL, &a, why, sizeof(why)), 0);
    controls.bpm = 190;
    cr_assert_eq(engine->open(engine, 1, &controls, NULL, &b, why, sizeof(why)), 0);
    for (size_t i = 0; i < 10; i++) {
        const size_t at = i * JAM_FRAME_SAMPLES;
        cr_assert_eq(engine->render_frames(a, 1, beside[0] + at, beside[1] + at), 0);
        cr_assert_eq(engine->render_frames(b, 1, other[0] + at, other[1] + at), 0);
    }
    cr_expect_eq(memcmp(alone, beside, sizeof(alone)), 0);
    cr_expect_neq(memcmp(alone, other, sizeof(alone)), 0);
    engine->close(a);
    engine->close(b);
    (void)band_engine_free(engine);
}
