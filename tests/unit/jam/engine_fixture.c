#include "engine_fixture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CALLS_MAX 4096
#define QUEUE_MAX 64

/* What one thread at a time does to an instance: ThreadSanitizer sees those who hand it on, and
 * need not see every sample. */
#define ALONE __attribute__((no_sanitize("thread")))

typedef struct instance {
    engine_fixture *f;
    uint64_t seed;
    int64_t at;
    jam_controls now;
    uint64_t digest; /* of what is heard of `now` */
    double amp[JAM_N_STEMS], target[JAM_N_STEMS], step[JAM_N_STEMS];
    uint32_t phase[JAM_N_STEMS], advance[JAM_N_STEMS];
    double beats;  /* since sample 0 */
    double ending; /* bar line at which it begins, in beats; negative: none */
    bool ended;
    size_t n_queue;
    fixture_call queue[QUEUE_MAX];
    size_t n_calls;
    fixture_call calls[CALLS_MAX];
} instance;

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ULL;
    return x ^ (x >> 29);
}

static uint64_t digest_bytes(uint64_t digest, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        digest = (digest ^ bytes[i]) * 0x100000001b3ULL;
    }
    return digest;
}

static uint64_t digest_double(uint64_t digest, double value)
{
    return digest_bytes(digest, &value, sizeof(value));
}

static uint64_t digest_heard(const jam_controls *c)
{
    uint64_t d = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < c->n_styles; i++) {
        d = digest_bytes(d, c->styles[i].name, strlen(c->styles[i].name));
        d = digest_double(d, c->styles[i].weight);
    }
    const double numbers[] = {c->temperature, c->topk,    c->guidance_weight, c->bpm,
                              c->key,         c->density, c->brightness,      (double)c->scale};
    d = digest_bytes(d, numbers, sizeof(numbers));
    return digest_double(d, c->section_count * 8.0 + (double)c->section);
}

static uint64_t digest_all(const jam_controls *c)
{
    uint64_t d = digest_heard(c);
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        d = digest_double(d, c->stems[i].gain_db);
        d = digest_double(d, c->stems[i].mute * 2.0 + c->stems[i].solo);
    }
    return digest_double(d, c->glide_samples);
}

static double bpm_of(const jam_controls *c)
{
    return c->bpm > 0.0 ? c->bpm : 90.0 + (double)(strlen(c->styles[0].name) * c->n_styles);
}

static double gain_of(const jam_controls *c, size_t stem)
{
    bool any_solo = false;
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        any_solo = any_solo || c->stems[i].solo;
    }
    bool silent = c->stems[stem].mute || (any_solo && !c->stems[stem].solo);
    return silent ? 0.0 : 0.05 * pow(10.0, c->stems[stem].gain_db / 20.0);
}

static void take(instance *in, const jam_controls *c, bool glide)
{
    if (c->section_count != in->now.section_count) {
        in->ending = c->section == JAM_SECTION_ENDING ? ceil(in->beats / 4.0) * 4.0 : -1.0;
    }
    in->now = *c;
    in->digest = digest_heard(c);
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        in->target[i] = gain_of(c, i);
        in->step[i] = (in->target[i] - in->amp[i]) / c->glide_samples;
        in->amp[i] = glide ? in->amp[i] : in->target[i];
    }
}

static int open_instance(const jam_engine *engine, uint64_t seed, const jam_controls *controls,
                         const jam_engine_host *host, void **ret, char *why, size_t why_size)
{
    (void)host;
    engine_fixture *f = engine->engine_data;
    if (f->fail_open) {
        (void)snprintf(why, why_size, "the fixture was told to fail");
        return -ENOENT;
    }
    instance *in = RF_NEW(instance);
    in->f = f;
    in->seed = seed;
    in->ending = -1.0;
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        in->advance[i] = (uint32_t)((110.0 * (double)(i + 1) + (double)(seed % 97)) * 89478.485);
    }
    take(in, controls, false);
    f->n_open++;
    f->n_opened++;
    *ret = in;
    return 0;
}

static void set_controls(void *self, int64_t sample, const jam_controls *controls)
{
    instance *in = self;
    const fixture_call call = {sample, digest_all(controls), *controls};
    in->calls[in->n_calls++ % CALLS_MAX] = call;
    if (in->n_queue == QUEUE_MAX || sample < in->at) {
        abort(); /* the host broke the contract */
    }
    if (sample == in->at) {
        take(in, controls, true);
    } else {
        in->queue[in->n_queue++] = call;
    }
}

ALONE static float noise(const instance *in, unsigned channel)
{
    uint64_t x = mix((uint64_t)in->at * 2 + channel + (in->seed << 40)) ^ mix(in->digest);
    return (float)((double)(mix(x) >> 40) * 0x1p-24 - 0.5) * 0.02F;
}

ALONE static void play(instance *in, float *left, float *right)
{
    double sum = 0.0;
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        bool there = fabs(in->target[i] - in->amp[i]) <= fabs(in->step[i]);
        in->amp[i] = there ? in->target[i] : in->amp[i] + in->step[i];
        in->phase[i] += in->advance[i];
        double t = (double)in->phase[i] * 0x1p-31 - 1.0;
        sum += in->amp[i] * (4.0 * t * (1.0 - fabs(t)));
    }
    if (in->ended) {
        sum = 0.0;
    }
    *left = (float)sum + (in->ended ? 0.0F : noise(in, 0));
    *right = (float)(0.7 * sum) + (in->ended ? 0.0F : noise(in, 1));
}

static void take_queued(instance *in)
{
    while (in->n_queue > 0 && in->queue[0].sample <= in->at) {
        take(in, &in->queue[0].controls, true);
        in->n_queue--;
        memmove(&in->queue[0], &in->queue[1], in->n_queue * sizeof(in->queue[0]));
    }
}

static int misbehave(const instance *in)
{
    const engine_fixture *f = in->f;
    if (in->at >= f->fail_at) {
        return -EIO;
    }
    if (in->at + JAM_FRAME_SAMPLES > f->hang_at) {
        uint64_t n;
        return read(f->hang_fd, &n, sizeof(n)) > 0 ? 0 : -EIO;
    }
    if (f->slow_us > 0) {
        const struct timespec t = {.tv_sec = f->slow_us / 1000000,
                                   .tv_nsec = (long)(f->slow_us % 1000000) * 1000};
        nanosleep(&t, NULL);
    }
    return 0;
}

ALONE static int render_frames(void *self, uint32_t n, float *left, float *right)
{
    instance *in = self;
    int err = misbehave(in);
    if (err < 0) {
        return err;
    }
    for (uint32_t i = 0; i < n * JAM_FRAME_SAMPLES; i++, in->at++) {
        take_queued(in);
        play(in, &left[i], &right[i]);
        if (in->at == in->f->nan_at) {
            right[i] = NAN;
        }
        in->beats += bpm_of(&in->now) / (60.0 * JAM_RATE_HZ);
        double over = in->ending + 4.0 * in->f->ending_bars;
        in->ended = in->ended || (in->ending >= 0.0 && in->beats >= over);
    }
    return 0;
}

static void place(const void *self, jam_place *ret)
{
    const instance *in = self;
    double bar = floor(in->beats / 4.0 + 1e-9);
    ret->bpm = bpm_of(&in->now);
    ret->bar = (uint32_t)bar + 1;
    ret->beat = fmax(in->beats - bar * 4.0, 0.0) + 1.0;
    ret->section = in->now.section;
    ret->ended = in->ended;
    ret->key = in->now.key == JAM_KEY_AUTO ? 9 : in->now.key;
    ret->scale = in->now.scale == JAM_SCALE_AUTO ? JAM_SCALE_MINOR : in->now.scale;
    ret->density = in->now.density < 0.0 ? 0.5 : in->now.density;
    ret->brightness = in->now.brightness < 0.0 ? 0.5 : in->now.brightness;
}

static void close_instance(void *self)
{
    instance *in = self;
    in->f->n_open--;
    free(in);
}

static const char *const style_names[] = {"warmup", "jazz", "techno"};

static size_t n_styles(const jam_engine *engine)
{
    (void)engine;
    return RF_ARRAY_LEN(style_names);
}

static const char *style_name(const jam_engine *engine, size_t i)
{
    (void)engine;
    return style_names[i];
}

static const char *style_match(const jam_engine *engine, const char *text, double *ret_score)
{
    for (size_t i = 0; i < n_styles(engine); i++) {
        if (strstr(text, style_names[i]) != NULL) {
            *ret_score = strcmp(text, style_names[i]) == 0 ? 1.0 : 0.5;
            return style_names[i];
        }
    }
    *ret_score = 0.0;
    return NULL;
}

void engine_fixture_init(engine_fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->engine = (jam_engine){.struct_size = sizeof(f->engine),
                             .abi_version = JAM_ENGINE_ABI,
                             .name = "fixture",
                             .version = "1",
                             .kind = "test",
                             .deterministic = true,
                             .control_grain_samples = 64,
                             .controls = JAM_ENGINE_ALL_CONTROLS,
                             .stems = "drums,bass,chords,lead",
                             .max_sessions = 100,
                             .realtime_ratio = 0.001,
                             .engine_data = f,
                             .open = open_instance,
                             .set_controls = set_controls,
                             .render_frames = render_frames,
                             .place = place,
                             .close = close_instance,
                             .n_styles = n_styles,
                             .style_name = style_name,
                             .style_match = style_match};
    f->nan_at = FIXTURE_NEVER;
    f->fail_at = FIXTURE_NEVER;
    f->hang_at = FIXTURE_NEVER;
    f->ending_bars = 2;
    f->hang_fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
}

void engine_fixture_done(engine_fixture *f)
{
    rf_close(&f->hang_fd);
}

void engine_fixture_release(engine_fixture *f)
{
    uint64_t n = 1000000;
    if (write(f->hang_fd, &n, sizeof(n)) < 0) {
        abort();
    }
}

size_t engine_fixture_calls(const void *self, const fixture_call **ret)
{
    const instance *in = self;
    *ret = in->calls;
    return RF_MIN(in->n_calls, (size_t)CALLS_MAX);
}
