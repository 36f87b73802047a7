/*
 * bench_jam_sound list                          the styles, a line each
 * bench_jam_sound levels SECONDS SEED STYLE...  figures of the sound alone, for calibrating
 * bench_jam_sound case SECONDS SEED STYLE...    all figures of a style at a seed
 * bench_jam_sound sweep SECONDS STYLE...        density and brightness in five steps, clicks
 *
 * One JSON object a line. Cases are played in a key of their own, which goes up with the seed.
 */
#include "band_click.h"
#include "band_engine.h"
#include "sound_agree.h"
#include "sound_measure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FRAMES_A_SECOND 25
#define KEY_STEP 5 /* semitones from seed to seed and style to style: comes round all twelve */
#define STEPS 5

static void print_figures(const sound_take *take)
{
    sound_figures f;
    sound_measure(take, &f);
    printf(", \"lufs\": %.3f, \"dbtp\": %.3f, \"dc\": %.7f, \"correlation\": %.4f, \"low\": %.4f, "
           "\"silences\": %zu, \"centroid\": %.1f, \"hash\": \"%016" PRIx64 "\", \"cpu\": %.5f",
           f.lufs, f.peak_dbtp, f.dc, f.correlation, f.low_share, f.silences, f.centroid_hz, f.hash,
           take->cpu_s * JAM_RATE_HZ / (double)take->n);
}

static void print_notes(const sound_take *take)
{
    sound_notes n;
    sound_notes_check(take, &n);
    printf(", \"bpm\": %.6f, \"last_bpm\": %.6f, \"key\": %d, \"scale\": %d, \"minor\": %s, "
           "\"notes\": %zu, \"per_bar\": %.3f, \"in_key\": %.6f, \"on_grid\": %.4f, \"late\": %.4f",
           take->bpm, take->last_bpm, take->key, (int)take->scale,
           sound_is_minor(take->scale) ? "true" : "false", n.n, n.per_bar, n.in_key, n.on_grid,
           n.late_samples);
}

static void print_heard(const sound_take *take)
{
    sound_heard h;
    sound_hear(take, &h);
    printf(", \"heard_key\": %d, \"heard_minor\": %s, \"heard_bpm\": %.3f, \"downbeat_f\": %.4f, "
           "\"form_bars\": %zu",
           h.tonic, h.minor ? "true" : "false", h.bpm, h.downbeat_f, h.form_bars);
}

static void begin_line(const char *style, uint64_t seed)
{
    printf("{\"style\": \"%s\", \"seed\": %" PRIu64, style, seed);
}

static void end_line(void)
{
    printf("}\n");
    (void)fflush(stdout);
}

static void levels(const jam_engine *engine, const char *style, uint64_t seed, size_t seconds)
{
    jam_controls controls;
    sound_take take;
    sound_defaults(&controls, style);
    sound_play(engine, seed, &controls, seconds * FRAMES_A_SECOND, NULL, NULL, &take);
    begin_line(style, seed);
    print_figures(&take);
    end_line();
    sound_take_done(&take);
}

static size_t index_of(const jam_engine *engine, const char *style)
{
    size_t i = 0;
    while (i < engine->n_styles(engine) && strcmp(engine->style_name(engine, i), style) != 0) {
        i++;
    }
    return i;
}

/* Major or minor as the style would be by itself, but named: so every pitched note has to lie in
 * it, and the analysis, which knows no other modes, can tell. */
static void ask_for_key(const jam_engine *engine, const char *style, uint64_t seed,
                        jam_controls *ret)
{
    sound_take take;
    sound_play(engine, seed, ret, 1, NULL, NULL, &take);
    ret->scale = sound_is_minor(take.scale) ? JAM_SCALE_MINOR : JAM_SCALE_MAJOR;
    ret->key = (int)((index_of(engine, style) + seed) * KEY_STEP % 12);
    sound_take_done(&take);
}

static void full_case(const jam_engine *engine, const char *style, uint64_t seed, size_t seconds)
{
    jam_controls controls;
    sound_take take, again;
    sound_defaults(&controls, style);
    ask_for_key(engine, style, seed, &controls);
    sound_play(engine, seed, &controls, seconds * FRAMES_A_SECOND, NULL, NULL, &take);
    begin_line(style, seed);
    print_figures(&take);
    print_notes(&take);
    print_heard(&take);
    sound_play(engine, seed, &controls, seconds * FRAMES_A_SECOND, NULL, NULL, &again);
    printf(", \"repeats\": %s", memcmp(take.left, again.left, take.n * sizeof(float)) == 0 &&
                                        memcmp(take.right, again.right, take.n * sizeof(float)) == 0
                                    ? "true"
                                    : "false");
    end_line();
    sound_take_done(&take);
    sound_take_done(&again);
}

static void sweep_step(const jam_engine *engine, const jam_controls *base, size_t seconds, size_t i,
                       double *ret_per_bar, double *ret_centroid)
{
    jam_controls controls = *base;
    sound_take take;
    sound_notes notes;
    controls.density = (double)i / (STEPS - 1);
    sound_play(engine, 1, &controls, seconds * FRAMES_A_SECOND, NULL, NULL, &take);
    sound_notes_check(&take, &notes);
    *ret_per_bar = notes.per_bar;
    sound_take_done(&take);
    controls.density = base->density;
    controls.brightness = (double)i / (STEPS - 1);
    sound_play(engine, 1, &controls, seconds * FRAMES_A_SECOND, NULL, NULL, &take);
    *ret_centroid = sound_centroid(&take);
    sound_take_done(&take);
}

static void print_row(const char *name, const double row[STEPS])
{
    printf(", \"%s\": [", name);
    for (size_t i = 0; i < STEPS; i++) {
        printf("%s%.3f", i > 0 ? ", " : "", row[i]);
    }
    printf("]");
}

/* Updates of one field each, seven frames apart, all through the take. */
typedef struct updater {
    uint32_t luck;
} updater;

#define UPDATE_EVERY 7
#define FIRST_UPDATE 25

static double draw(updater *u)
{
    u->luck = u->luck * 1664525U + 1013904223U;
    return (double)(u->luck >> 8) / (1 << 24);
}

static void update_stem(updater *u, jam_controls *c)
{
    jam_stem_control *stem = &c->stems[1 + (size_t)(3 * draw(u))];
    if (draw(u) < 0.5) {
        stem->gain_db = -30 * draw(u) + 6;
    } else {
        stem->mute = !stem->mute && draw(u) < 0.5;
    }
}

static bool update(void *user, size_t frame, jam_controls *c)
{
    updater *u = user;
    if (frame < FIRST_UPDATE || frame % UPDATE_EVERY != 0) {
        return false;
    }
    switch ((int)(8 * draw(u))) {
    case 0:
        c->temperature = 3 * draw(u);
        break;
    case 1:
        c->guidance_weight = 8 * draw(u);
        break;
    case 2:
        c->topk = 1 + (uint32_t)(64 * draw(u));
        break;
    case 3:
        c->bpm = 60 + 140 * draw(u);
        break;
    case 4:
        c->key = (int)(12 * draw(u));
        break;
    case 5:
        c->density = draw(u);
        break;
    case 6:
        c->brightness = draw(u);
        break;
    default:
        update_stem(u, c);
    }
    return true;
}

static bool is_free(const sound_take *take, int64_t event)
{
    for (size_t i = 0; i < take->n_notes; i++) {
        if (llabs(take->notes[i].sample - event) <= BAND_CLICK_NOTE_FREE) {
            return false;
        }
    }
    return true;
}

/* Counts updates with no note near, and those of them that click. */
static void clicks(const jam_engine *engine, const jam_controls *base, size_t seconds, bool drums,
                   size_t *ret_n, size_t *ret_bad, double *ret_worst)
{
    updater u = {.luck = 7};
    jam_controls controls = *base;
    sound_take take;
    controls.stems[JAM_STEM_DRUMS].mute = !drums;
    sound_play(engine, 1, &controls, seconds * FRAMES_A_SECOND, update, &u, &take);
    for (size_t frame = FIRST_UPDATE; frame + 3 < seconds * FRAMES_A_SECOND; frame++) {
        const size_t event = frame * JAM_FRAME_SAMPLES;
        if (frame % UPDATE_EVERY == 0 && is_free(&take, (int64_t)event)) {
            const double ratio = band_click_ratio(take.left, take.right, event);
            *ret_worst = fmax(*ret_worst, ratio);
            *ret_bad += ratio > 2;
            (*ret_n)++;
        }
    }
    sound_take_done(&take);
}

static void sweep(const jam_engine *engine, const char *style, size_t seconds)
{
    jam_controls controls;
    double per_bar[STEPS], centroid[STEPS], worst = 0;
    size_t n = 0, bad = 0;
    sound_defaults(&controls, style);
    for (size_t i = 0; i < STEPS; i++) {
        sweep_step(engine, &controls, seconds, i, &per_bar[i], &centroid[i]);
    }
    clicks(engine, &controls, seconds, true, &n, &bad, &worst);
    clicks(engine, &controls, seconds, false, &n, &bad, &worst);
    begin_line(style, 1);
    print_row("density", per_bar);
    print_row("brightness", centroid);
    printf(", \"updates\": %zu, \"clicks\": %zu, \"worst_click\": %.3f", n, bad, worst);
    end_line();
}

static int run(const jam_engine *engine, int argc, char **argv)
{
    const bool is_sweep = strcmp(argv[1], "sweep") == 0;
    const int first = is_sweep ? 3 : 4;
    if (argc <= first) {
        return 2;
    }
    const size_t seconds = strtoul(argv[2], NULL, 10);
    const uint64_t seed = is_sweep ? 1 : strtoul(argv[3], NULL, 10);
    for (int i = first; i < argc; i++) {
        if (is_sweep) {
            sweep(engine, argv[i], seconds);
        } else if (strcmp(argv[1], "case") == 0) {
            full_case(engine, argv[i], seed, seconds);
        } else {
            levels(engine, argv[i], seed, seconds);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    jam_engine *engine = NULL;
    if (argc < 2 || band_engine_new("", NULL, &engine) != 0) {
        return 2;
    }
    int r = 0;
    if (strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < engine->n_styles(engine); i++) {
            puts(engine->style_name(engine, i));
        }
    } else {
        r = run(engine, argc, argv);
    }
    (void)band_engine_free(engine);
    return r;
}
