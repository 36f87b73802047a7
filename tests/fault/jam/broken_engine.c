/*
 * broken_engine.c - an engine that plays two steady tones and then fails: plug-ins "broken-nan",
 * "broken-hang" and "broken-error" of the fault tests, by BROKEN_NAN, BROKEN_HANG or BROKEN_ERROR.
 */
#include "jam_engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define GOOD_FRAMES 75 /* 3 s */
#define HANG_S 6       /* beyond the 2 s that a render may take */

#if defined(BROKEN_NAN)
#define NAME "broken-nan"
#elif defined(BROKEN_HANG)
#define NAME "broken-hang"
#else
#define NAME "broken-error"
#endif

typedef struct broken {
    int64_t frames;
} broken;

static int open_broken(const jam_engine *engine, uint64_t seed, const jam_controls *controls,
                       const jam_engine_host *host, void **ret, char *why, size_t why_size)
{
    (void)engine, (void)seed, (void)controls, (void)host, (void)why, (void)why_size;
    *ret = calloc(1, sizeof(broken));
    return *ret == NULL ? -ENOMEM : 0;
}

static void set_controls(void *instance, int64_t sample, const jam_controls *controls)
{
    (void)instance, (void)sample, (void)controls;
}

static void tones(int64_t sample, size_t n, float *left, float *right)
{
    for (size_t i = 0; i < n; i++) {
        double seconds = (double)(sample + (int64_t)i) / JAM_RATE_HZ;
        left[i] = (float)(0.1 * sin(2 * M_PI * 220 * seconds));
        right[i] = (float)(0.1 * sin(2 * M_PI * 330 * seconds));
    }
}

/* The fault itself, once its time has come. */
static int fail(float *left)
{
#if defined(BROKEN_NAN)
    left[7] = NAN;
    return 0;
#elif defined(BROKEN_HANG)
    const struct timespec hang = {.tv_sec = HANG_S};
    (void)left;
    nanosleep(&hang, NULL);
    return 0;
#else
    (void)left;
    return -EIO;
#endif
}

static int render_frames(void *instance, uint32_t n, float *left, float *right)
{
    broken *b = instance;
    tones(b->frames * JAM_FRAME_SAMPLES, (size_t)n * JAM_FRAME_SAMPLES, left, right);
    b->frames += n;
    return b->frames > GOOD_FRAMES ? fail(left) : 0;
}

static void place(const void *instance, jam_place *ret)
{
    const broken *b = instance;
    double beats = (double)b->frames * JAM_FRAME_SAMPLES / JAM_RATE_HZ * 2; /* 120 a minute */
    ret->bpm = 120;
    ret->bar = 1 + (uint32_t)(beats / JAM_BEATS_A_BAR);
    ret->beat = 1 + fmod(beats, JAM_BEATS_A_BAR);
    ret->section = JAM_SECTION_VERSE;
    ret->ended = false;
    ret->key = 0;
    ret->scale = JAM_SCALE_MAJOR;
}

static void close_broken(void *instance)
{
    free(instance);
}

static size_t n_styles(const jam_engine *engine)
{
    (void)engine;
    return 1;
}

static const char *style_name(const jam_engine *engine, size_t i)
{
    (void)engine, (void)i;
    return "tones";
}

static const char *style_match(const jam_engine *engine, const char *text, double *ret_score)
{
    (void)engine, (void)text;
    *ret_score = 0;
    return NULL;
}

const jam_engine *jam_engine_plugin(void);

const jam_engine *jam_engine_plugin(void)
{
    static const jam_engine engine = {.struct_size = sizeof(engine),
                                      .abi_version = JAM_ENGINE_ABI,
                                      .name = NAME,
                                      .version = "1",
                                      .kind = "test",
                                      .deterministic = true,
                                      .control_grain_samples = JAM_FRAME_SAMPLES,
                                      .controls = "",
                                      .stems = "",
                                      .max_sessions = 8,
                                      .realtime_ratio = 0.001,
                                      .open = open_broken,
                                      .set_controls = set_controls,
                                      .render_frames = render_frames,
                                      .place = place,
                                      .close = close_broken,
                                      .n_styles = n_styles,
                                      .style_name = style_name,
                                      .style_match = style_match};
    return &engine;
}
