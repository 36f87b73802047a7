/* jam.md section 5, A4: chunks placed at their start and faded over their overlap are the engine's
 * one-shot render of the same log, bit for bit. */
#include "engine_fixture.h"
#include "figures.h"
#include "jam_render.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define N_CHUNKS (10000U / FIGURES_EVERY(10))
#define N_UPDATES (1000U / FIGURES_EVERY(10))
#define LOG_MAX 1200

typedef struct run {
    engine_fixture f;
    jam_stream *stream;
    uint64_t random;
    uint32_t overlap;
    size_t n_log;
    jam_log_entry log[LOG_MAX];
} run;

static void logged(void *user, const jam_applied *applied)
{
    run *r = user;
    cr_assert_lt(r->n_log, LOG_MAX);
    r->log[r->n_log++] =
        (jam_log_entry){.sample = applied->applied_at_sample, .change = *applied->change};
}

static uint32_t draw(run *r, uint32_t n)
{
    r->random = r->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(r->random >> 33) % n;
}

static double draw_real(run *r, double min, double max)
{
    return min + (max - min) * (double)draw(r, 10001) / 10000.0;
}

static void set(jam_change *c, jam_field field)
{
    c->set |= JAM_FIELD_BIT(field);
}

static void draw_styles(run *r, jam_change *c)
{
    static const char *const names[] = {"jazz", "techno", "warmup", "unheard of", "hiphop"};
    set(c, JAM_FIELD_STYLES);
    c->n_styles = draw(r, 4);
    for (size_t i = 0; i < c->n_styles; i++) {
        (void)rf_copy_str(c->styles[i], JAM_STYLE_NAME_SIZE, names[draw(r, 5)]);
    }
    set(c, JAM_FIELD_STYLE_RAMP_SECONDS);
    c->style_ramp_seconds = draw(r, 2) == 0 ? 0.0 : draw_real(r, 0.0, 1.0);
}

static void draw_stem(run *r, jam_change *c)
{
    jam_stem_change *stem = &c->stems[draw(r, JAM_N_STEMS)];
    set(c, JAM_FIELD_STEMS);
    stem->set = 1 + draw(r, 7);
    stem->to = (jam_stem_control){
        .gain_db = draw_real(r, -60.0, 12.0), .mute = draw(r, 2) == 0, .solo = draw(r, 4) == 0};
}

static void draw_value(run *r, jam_change *c)
{
    switch (draw(r, 8)) {
    case 0:
        draw_styles(r, c);
        break;
    case 1:
        draw_stem(r, c);
        break;
    case 2:
        set(c, JAM_FIELD_BPM);
        c->bpm = draw(r, 4) == 0 ? 0.0 : draw_real(r, 60.0, 200.0);
        break;
    case 3:
        set(c, JAM_FIELD_DENSITY);
        c->density = draw(r, 4) == 0 ? -1.0 : draw_real(r, 0.0, 1.0);
        break;
    case 4:
        set(c, JAM_FIELD_TEMPERATURE);
        c->temperature = draw_real(r, 0.0, 3.0);
        break;
    case 5:
        set(c, JAM_FIELD_KEY);
        c->key = (int)draw(r, 12);
        break;
    case 6:
        set(c, JAM_FIELD_SECTION);
        c->section = (jam_section)draw(r, JAM_SECTION_ENDING);
        break;
    default:
        set(c, JAM_FIELD_STYLE_WEIGHTS);
        c->n_style_weights = 1;
        c->style_weights[0] = draw_real(r, 0.0, 100.0);
        break;
    }
}

/* When it holds: at once, at a sample or at a bar; its ramp. */
static void draw_when(run *r, jam_change *c)
{
    jam_place place;
    uint32_t ramp_ms = draw(r, 2) == 0 ? 0 : draw(r, 700);
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        c->ramp_ms[i] = jam_field_get((jam_field)i)->ramps ? ramp_ms : 0;
    }
    uint32_t how = draw(r, 4);
    if (how == 0) {
        set(c, JAM_FIELD_AT_SAMPLE);
        c->at_sample = jam_timeline_next(jam_stream_timeline(r->stream)) + draw(r, 20000);
    } else if (how == 1) {
        jam_stream_place(r->stream, &place);
        set(c, JAM_FIELD_AT_BAR);
        c->at_bar = place.bar + 1 + draw(r, 2);
    }
}

static void update(run *r)
{
    jam_change c;
    jam_when when;
    jam_error error;
    memset(&c, 0, sizeof(c));
    do {
        draw_value(r, &c);
    } while (draw(r, 2) == 0);
    draw_when(r, &c);
    (void)jam_timeline_add(jam_stream_timeline(r->stream), &c, "", 0, &when, &error);
}

static void reset(run *r)
{
    void *instance;
    jam_log_entry *e = &r->log[r->n_log];
    char why[64];
    e->reset = true;
    e->seed = draw(r, 1000);
    jam_timeline_controls(jam_stream_timeline(r->stream), &e->controls);
    cr_assert_eq(r->f.engine.open(&r->f.engine, e->seed, &e->controls, NULL, &instance, why, 64),
                 0);
    if (jam_stream_reset(r->stream, instance, &e->sample) == 0) {
        r->n_log++;
    } else {
        r->f.engine.close(instance);
    }
}

/* The stream that a player makes of the chunks, with what it has from the last one. */
typedef struct player {
    float tail[JAM_OVERLAP_MAX * JAM_CHANNELS];
    int64_t at;
    uint64_t digest;
    size_t n_wrong; /* samples whose copies differ, or that a player of the other formula moves */
} player;

static uint64_t digest(uint64_t d, const float *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &pcm[i], sizeof(bits));
        d = (d ^ bits) * 0x100000001b3ULL;
        d ^= d >> 29;
    }
    return d;
}

static void hear(player *p, const jam_cut *cut, uint32_t overlap)
{
    static float out[(JAM_CHUNK_FRAMES_MAX * JAM_FRAME_SAMPLES + JAM_OVERLAP_MAX) * JAM_CHANNELS];
    size_t n_new = (size_t)cut->n_frames * JAM_FRAME_SAMPLES * JAM_CHANNELS;
    size_t n_old = (size_t)overlap * JAM_CHANNELS;
    cr_assert_eq(cut->start_sample, p->at);
    memcpy(out, cut->pcm, n_new * sizeof(float));
    for (size_t i = 0; i < n_old && cut->index > 0; i++) {
        float g = (float)(i / JAM_CHANNELS) / (float)overlap;
        float a = p->tail[i];
        float b = cut->pcm[i];
        out[i] = a + g * (b - a);
        p->n_wrong += memcmp(&a, &b, sizeof(a)) != 0 ? 1 : 0;
        p->n_wrong += fabsf(a * (1.0F - g) + b * g - out[i]) > 1e-6F ? 1 : 0;
    }
    p->digest = digest(p->digest, out, n_new);
    memcpy(p->tail, cut->pcm + n_new, n_old * sizeof(float));
    p->at += cut->n_frames * JAM_FRAME_SAMPLES;
}

static uint64_t one_shot(const run *r, const jam_change *start, int64_t n_samples)
{
    const jam_render_def def = {.engine = &r->f.engine,
                                .seed = 42,
                                .start = start,
                                .log = r->log,
                                .n_log = r->n_log,
                                .n_samples = n_samples};
    jam_render *render;
    char why[64];
    const float *pcm;
    uint64_t d = 0;
    int64_t total = 0;
    cr_assert_eq(jam_render_open(&def, &render, why, sizeof(why)), 0);
    for (int n = jam_render_next(render, &pcm); n > 0; n = jam_render_next(render, &pcm)) {
        d = digest(d, pcm, (size_t)n * JAM_CHANNELS);
        total += n;
    }
    jam_render_free(render);
    cr_assert_eq(total, n_samples);
    return d;
}

static void make_chunk(run *r, player *p, uint32_t i)
{
    jam_cut cut;
    uint32_t min = RF_MAX((r->overlap + JAM_FRAME_SAMPLES - 1) / JAM_FRAME_SAMPLES, 1U);
    uint32_t frames = draw(r, 200) == 0 ? 50 : min + draw(r, 3);
    jam_stream_start_chunk(r->stream, frames);
    while (jam_stream_frames_left(r->stream) > 0) {
        jam_stream_plan(r->stream);
        cr_assert_eq(jam_stream_render(r->stream), 0);
        if (draw(r, N_CHUNKS / N_UPDATES) == 0 && r->n_log < N_UPDATES) {
            update(r);
        }
        if (draw(r, 5000) == 0) {
            reset(r);
        }
    }
    jam_stream_cut(r->stream, &cut);
    cr_assert_eq(cut.index, i);
    hear(p, &cut, r->overlap);
}

static void check(uint32_t overlap)
{
    static run r;
    static player p;
    static const jam_change start;
    void *instance;
    char why[64];
    jam_controls controls;
    memset(&r, 0, sizeof(r));
    memset(&p, 0, sizeof(p));
    r.overlap = overlap;
    r.random = overlap + 1;
    engine_fixture_init(&r.f);
    jam_controls_of_start(&start, &controls);
    cr_assert_eq(r.f.engine.open(&r.f.engine, 42, &controls, NULL, &instance, why, 64), 0);
    r.stream = jam_stream_new(&r.f.engine, instance, &start, overlap, logged, &r);
    for (uint32_t i = 0; i < N_CHUNKS; i++) {
        make_chunk(&r, &p, i);
    }
    jam_stream_free(r.stream);
    cr_expect_geq(r.n_log, N_UPDATES, "%zu", r.n_log);
    cr_expect_eq(p.n_wrong, 0, "%zu samples", p.n_wrong);
    cr_expect_eq(p.digest, one_shot(&r, &start, p.at));
    cr_expect_eq(r.f.n_open, 0);
    engine_fixture_done(&r.f);
}

Test(continuity, no_overlap)
{
    check(0);
}

Test(continuity, overlap_of_1200_samples)
{
    check(1200);
}

Test(continuity, overlap_of_1920_samples)
{
    check(1920);
}

Test(continuity, overlap_of_4800_samples)
{
    check(4800);
}
