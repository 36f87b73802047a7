#include "band_engine.h"

#include "band_font.h"
#include "band_player.h"
#include "band_styles.h"
#include "rf_base.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS_A_CORE 50
/* Render time over audio time at p99 that the specification grants; measured, it is less. */
#define REALTIME_RATIO 0.012

/* Debian's, the best first: fluid-soundfont-gm, whatever stands for General MIDI there, timgm6mb.
 */
static const char *const usual_fonts[] = {
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
    "/usr/share/sounds/sf3/default-GM.sf3",
    "/usr/share/sounds/sf2/TimGM6mb.sf2",
};

typedef struct band_engine {
    jam_engine base;
    band_bank *bank; /* NULL: none was found */
    char why[512];
} band_engine;

static int engine_open(const jam_engine *engine, uint64_t seed, const jam_controls *controls,
                       const jam_engine_host *host, void **ret, char *why, size_t why_size)
{
    const band_engine *band = engine->engine_data;
    if (band->bank == NULL) {
        (void)rf_copy_str(why, why_size, band->why);
        return -ENOENT;
    }
    band_player *player = band_player_new(band->bank, seed, controls, host);
    if (player == NULL) {
        (void)rf_copy_str(why, why_size, "out of memory");
        return -ENOMEM;
    }
    *ret = player;
    return 0;
}

static void engine_set_controls(void *instance, int64_t sample, const jam_controls *controls)
{
    band_player_control(instance, sample, controls);
}

static int engine_render_frames(void *instance, uint32_t n, float *left, float *right)
{
    return band_player_render(instance, (size_t)n * JAM_FRAME_SAMPLES / BAND_BLOCK, left, right,
                              NULL);
}

static void engine_place(const void *instance, jam_place *ret)
{
    band_player_place(instance, ret);
}

static void engine_close(void *instance)
{
    (void)band_player_free(instance);
}

static size_t engine_n_styles(const jam_engine *engine)
{
    (void)engine;
    return band_styles_count();
}

static const char *engine_style_name(const jam_engine *engine, size_t i)
{
    (void)engine;
    return i < band_styles_count() ? band_styles_name(i) : NULL;
}

static const char *engine_style_match(const jam_engine *engine, const char *text, double *ret_score)
{
    (void)engine;
    const int i = band_styles_match(text, ret_score);
    return i >= 0 ? band_styles_name((size_t)i) : NULL;
}

static const char *find_font(const char *soundfont)
{
    if (soundfont[0] != '\0') {
        return soundfont;
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(usual_fonts); i++) {
        if (access(usual_fonts[i], R_OK) == 0) {
            return usual_fonts[i];
        }
    }
    return NULL;
}

static void load_font(band_engine *band, const char *soundfont, const char *cache_dir)
{
    const char *path = find_font(soundfont);
    band_font *font = NULL;
    const int r = path != NULL ? band_font_load(path, cache_dir, &font) : -ENOENT;
    if (r == 0) {
        band->bank = band_bank_new(font);
        return;
    }
    (void)snprintf(band->why, sizeof(band->why), "no soundfont: %s: %s",
                   path != NULL ? path : "none of Debian's General MIDI soundfonts",
                   r == -EINVAL ? "not a sound SF2 or SF3 file" : strerror(-r));
}

static uint32_t count_places(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return (uint32_t)(SESSIONS_A_CORE * RF_MAX(cores, 1L));
}

int band_engine_new(const char *soundfont, const char *cache_dir, jam_engine **ret)
{
    band_engine *band = RF_NEW(band_engine);
    load_font(band, soundfont, cache_dir);
    band->base = (jam_engine){
        .struct_size = sizeof(jam_engine),
        .abi_version = JAM_ENGINE_ABI,
        .name = "band",
        .version = "1.0",
        .kind = "rules+samples",
        .deterministic = true,
        .control_grain_samples = BAND_BLOCK,
        .controls = JAM_ENGINE_ALL_CONTROLS,
        .stems = "drums,bass,chords,lead",
        .max_sessions = count_places(),
        .realtime_ratio = REALTIME_RATIO,
        .soundfont_sha256 = band->bank != NULL ? band_bank_font(band->bank)->sha256 : NULL,
        .engine_data = band,
        .open = engine_open,
        .set_controls = engine_set_controls,
        .render_frames = engine_render_frames,
        .place = engine_place,
        .close = engine_close,
        .n_styles = engine_n_styles,
        .style_name = engine_style_name,
        .style_match = engine_style_match,
    };
    *ret = &band->base;
    return 0;
}

jam_engine *band_engine_free(jam_engine *engine)
{
    if (engine != NULL) {
        band_engine *band = engine->engine_data;
        (void)band_bank_free(band->bank);
        free(band);
    }
    return NULL;
}
