#include "sound_play.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void sound_defaults(jam_controls *ret, const char *style)
{
    *ret = (jam_controls){.temperature = 1.1,
                          .topk = 40,
                          .guidance_weight = 1.1,
                          .key = JAM_KEY_AUTO,
                          .density = -1,
                          .brightness = -1,
                          .glide_samples = 960,
                          .section = JAM_SECTION_VERSE};
    if (style[0] != '\0') {
        (void)rf_copy_str(ret->styles[0].name, sizeof(ret->styles[0].name), style);
        ret->styles[0].weight = 1;
        ret->n_styles = 1;
    }
}

static void keep(void *user, const jam_note *note)
{
    sound_take *take = user;
    take->notes = rf_make_room(take->notes, take->n_notes + 1, &take->room, sizeof(*take->notes));
    take->notes[take->n_notes++] = *note;
}

static double cpu_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "jam-sound: %s\n", what);
    exit(1);
}

static void render(const jam_engine *engine, void *instance, jam_controls *controls,
                   sound_steer *steer, void *user, sound_take *take)
{
    const double begin = cpu_now();
    for (size_t i = 0; i < take->n / JAM_FRAME_SAMPLES; i++) {
        const size_t at = i * JAM_FRAME_SAMPLES;
        if (steer != NULL && steer(user, i, controls)) {
            engine->set_controls(instance, (int64_t)at, controls);
        }
        if (engine->render_frames(instance, 1, take->left + at, take->right + at) != 0) {
            die("rendering failed");
        }
    }
    take->cpu_s = cpu_now() - begin;
}

void sound_play(const jam_engine *engine, uint64_t seed, const jam_controls *controls,
                size_t n_frames, sound_steer *steer, void *user, sound_take *ret)
{
    *ret = (sound_take){.n = n_frames * JAM_FRAME_SAMPLES};
    ret->left = RF_NEW_ARRAY(float, ret->n);
    ret->right = RF_NEW_ARRAY(float, ret->n);
    const jam_engine_host host = {.struct_size = sizeof(host), .user = ret, .note = keep};
    jam_controls now = *controls;
    void *instance = NULL;
    char why[256] = "";
    if (engine->open(engine, seed, controls, &host, &instance, why, sizeof(why)) != 0) {
        die(why);
    }
    jam_place place = {.struct_size = sizeof(place)};
    engine->place(instance, &place);
    ret->bpm = place.bpm;
    render(engine, instance, &now, steer, user, ret);
    engine->place(instance, &place);
    ret->last_bpm = place.bpm;
    ret->key = place.key;
    ret->scale = place.scale;
    engine->close(instance);
}

void sound_take_done(sound_take *take)
{
    free(take->left);
    free(take->right);
    free(take->notes);
    *take = (sound_take){0};
}
