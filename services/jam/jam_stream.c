#include "jam_stream.h"

#include "jam_stretch.h"
#include "jam_window.h"

#include <errno.h>
#include <string.h>

#define CHUNK_MAX (JAM_CHUNK_FRAMES_MAX * JAM_FRAME_SAMPLES + JAM_OVERLAP_MAX)
#define WINDOW_PAIRS (JAM_HISTORY_SAMPLES + CHUNK_MAX + JAM_FRAME_SAMPLES + JAM_STRETCH_OUT_MAX)
#define FADE_OUT 480 /* 10 ms, of an engine that has failed */
#define N_MARKS 16
#define SAMPLES_A_MINUTE (60.0 * JAM_RATE_HZ)

typedef struct placed_mark {
    int64_t position; /* in the window */
    jam_mark mark;
} placed_mark;

/* An instance and the position that its sample 0 has in the timeline. */
typedef struct player {
    void *instance; /* NULL: none */
    int64_t origin;
} player;

/* A jump: until it is done, the window runs on from `from`, and what was there is kept. */
typedef struct jump {
    bool on;
    bool saved; /* `old` is complete */
    int64_t from, to;
} jump;

struct jam_stream {
    const jam_engine *engine;
    player now;
    player old;     /* fades out in the planned frame */
    void *incoming; /* takes over at the next plan */
    jam_timeline *timeline;
    jam_place place; /* at the next sample to be rendered */
    jam_plan plan;

    jam_window window;
    jam_stretch *stretch;
    int64_t shift; /* of positions in the window against the timeline */
    uint32_t overlap;
    int64_t index;
    int64_t start;              /* of the chunk being made, or of the next one */
    uint32_t n_frames;          /* of the chunk being made */
    placed_mark mark;           /* of the chunk being made */
    placed_mark marks[N_MARKS]; /* of the newest frames */
    size_t n_marks;
    bool cut;
    bool ended;
    bool failed;

    jump jump;
    float *saved; /* JAM_BORDER_PAIRS_MAX from jump.from - JAM_HISTORY_SAMPLES on */
    float last[JAM_CHANNELS];
    float left[JAM_FRAME_SAMPLES], right[JAM_FRAME_SAMPLES];
    float frame[JAM_FRAME_SAMPLES * JAM_CHANNELS];
    float other[JAM_FRAME_SAMPLES * JAM_CHANNELS];
};

jam_stream *jam_stream_new(const jam_engine *engine, void *instance, const jam_change *start,
                           uint32_t overlap, jam_applied_fn applied, void *user)
{
    jam_stream *s = RF_NEW(jam_stream);
    s->engine = engine;
    s->now.instance = instance;
    s->timeline = jam_timeline_new(start, engine->control_grain_samples, applied, user);
    s->overlap = overlap;
    s->stretch = jam_stretch_new();
    s->saved = RF_NEW_ARRAY(float, (size_t)JAM_BORDER_PAIRS_MAX *JAM_CHANNELS);
    s->cut = true;
    s->index = -1;
    jam_window_init(&s->window, WINDOW_PAIRS, JAM_HISTORY_SAMPLES);
    memset(s->window.data, 0, JAM_HISTORY_SAMPLES * JAM_CHANNELS * sizeof(float));
    return s;
}

static void close_player(jam_stream *s, player *p)
{
    if (p->instance != NULL) {
        s->engine->close(p->instance);
        p->instance = NULL;
    }
}

jam_stream *jam_stream_free(jam_stream *stream)
{
    jam_stream *s = stream;
    if (s == NULL) {
        return NULL;
    }
    player incoming = {.instance = s->incoming};
    close_player(s, &s->now);
    close_player(s, &s->old);
    close_player(s, &incoming);
    s->timeline = jam_timeline_free(s->timeline);
    s->stretch = jam_stretch_free(s->stretch);
    jam_window_done(&s->window);
    free(s->saved);
    free(s);
    return NULL;
}

jam_timeline *jam_stream_timeline(jam_stream *stream)
{
    return stream->timeline;
}

/* The chunk begins at or after a mark: the newest such mark is its own. */
static void consider_mark(jam_stream *s, const placed_mark *mark)
{
    if (mark->position <= s->start && mark->position >= s->mark.position) {
        s->mark = *mark;
    }
}

void jam_stream_start_chunk(jam_stream *stream, uint32_t n_frames)
{
    jam_stream *s = stream;
    s->index++;
    s->n_frames = n_frames;
    s->cut = false;
    s->mark.position = INT64_MIN;
    for (size_t i = 0; i < RF_MIN(s->n_marks, (size_t)N_MARKS); i++) {
        consider_mark(s, &s->marks[i]);
    }
    if (!s->jump.on) {
        jam_window_keep(&s->window, s->start - JAM_HISTORY_SAMPLES);
    }
}

static int64_t chunk_end(const jam_stream *s)
{
    return s->start + (int64_t)s->n_frames * JAM_FRAME_SAMPLES + s->overlap;
}

uint32_t jam_stream_frames_left(const jam_stream *stream)
{
    const jam_stream *s = stream;
    int64_t missing = s->cut || s->failed ? 0 : chunk_end(s) - s->window.end;
    return missing <= 0 ? 0 : (uint32_t)((missing + JAM_FRAME_SAMPLES - 1) / JAM_FRAME_SAMPLES);
}

static void ask_place(jam_stream *s)
{
    s->place = (jam_place){.struct_size = sizeof(s->place),
                           .bar = 1,
                           .beat = 1.0,
                           .density = -1.0,
                           .brightness = -1.0};
    s->engine->place(s->now.instance, &s->place);
}

void jam_stream_plan(jam_stream *stream)
{
    jam_stream *s = stream;
    if (s->incoming != NULL && s->old.instance == NULL) {
        s->old = s->now;
        s->now =
            (player){.instance = RF_STEAL(s->incoming), .origin = jam_timeline_next(s->timeline)};
        jam_timeline_restart(s->timeline);
    }
    ask_place(s);
    s->shift = s->window.end + jam_stretch_held(s->stretch) - jam_timeline_next(s->timeline);
    jam_timeline_plan(s->timeline, &s->place, &s->plan);
}

static bool is_finite(const float *samples, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof(bits));
        bits &= 0x7fffffffU;
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7f800000U;
}

/* -0 becomes 0: of two equal samples a and b, a + g (b - a) then is a to the bit, as section 5 has
 * it. */
static void interleave(const jam_stream *s, float *out)
{
    for (size_t i = 0; i < JAM_FRAME_SAMPLES; i++) {
        out[2 * i] = s->left[i] + 0.0F;
        out[2 * i + 1] = s->right[i] + 0.0F;
    }
}

/* One frame of an instance into out; 0 when it is sound. */
static int pull(jam_stream *s, void *instance, float *out)
{
    int err = s->engine->render_frames(instance, 1, s->left, s->right);
    interleave(s, out);
    if (err >= 0 && !is_finite(out, JAM_FRAME_SAMPLES * JAM_CHANNELS)) {
        err = -EBADMSG;
    }
    return RF_MIN(err, 0);
}

/* What holds at the frame that is about to be rendered, for chunks that begin with it. */
static void take_mark(jam_stream *s)
{
    ask_place(s);
    placed_mark *m = &s->marks[s->n_marks++ % N_MARKS];
    m->position = s->window.end + jam_stretch_held(s->stretch);
    m->mark.bpm = s->place.bpm;
    m->mark.bar = s->place.bar;
    m->mark.beat = s->place.beat;
    m->mark.rev = s->plan.rev;
    m->mark.n_styles = s->plan.at_start.n_styles;
    memcpy(m->mark.styles, s->plan.at_start.styles, sizeof(m->mark.styles));
    consider_mark(s, m);
}

static void control(jam_stream *s)
{
    bool marked = false;
    for (size_t i = 0; i < s->plan.n; i++) {
        const jam_point *p = &s->plan.points[i];
        if (p->offset > 0 && !marked) {
            take_mark(s);
            marked = true;
        }
        int64_t sample = s->plan.sample - s->now.origin + p->offset;
        s->engine->set_controls(s->now.instance, sample, &p->controls);
    }
    if (!marked) {
        take_mark(s);
    }
}

/* The old instance fades into the new one over the frame, and is closed. */
static void fade_in(jam_stream *s)
{
    if (s->old.instance == NULL) {
        return;
    }
    if (pull(s, s->old.instance, s->other) == 0) {
        jam_fade(s->other, s->frame, JAM_FRAME_SAMPLES, s->frame);
    }
    close_player(s, &s->old);
}

/* Once the sound before a jump is there, it is put aside; once the sound after it is there, both
 * are joined: copies of the old, then a frame of fading. */
static void save_old(jam_stream *s)
{
    int64_t begin = s->jump.from - JAM_HISTORY_SAMPLES;
    int64_t end = s->jump.from + s->overlap + JAM_FRAME_SAMPLES;
    if (s->jump.saved || s->window.end < end) {
        return;
    }
    memcpy(s->saved, jam_window_at(&s->window, begin),
           (size_t)(end - begin) * JAM_CHANNELS * sizeof(float));
    s->jump.saved = true;
}

static void join_jump(jam_stream *s)
{
    if (!s->jump.saved || s->window.end < chunk_end(s)) {
        return;
    }
    size_t kept = (size_t)(JAM_HISTORY_SAMPLES + s->overlap) * JAM_CHANNELS;
    memcpy(jam_window_at(&s->window, s->jump.to - JAM_HISTORY_SAMPLES), s->saved,
           kept * sizeof(float));
    float *after = jam_window_at(&s->window, s->jump.to + s->overlap);
    jam_fade(s->saved + kept, after, JAM_FRAME_SAMPLES, after);
    s->jump.on = false;
}

static void make_room(jam_stream *s)
{
    if (s->jump.on && s->jump.saved) {
        int64_t last = s->window.end - JAM_HISTORY_SAMPLES;
        jam_window_keep(&s->window, RF_MIN(s->jump.to - JAM_HISTORY_SAMPLES, last));
    }
}

static void add(jam_stream *s, const float *pairs, uint32_t n)
{
    memcpy(jam_window_add(&s->window, n), pairs, (size_t)n * JAM_CHANNELS * sizeof(float));
}

static void follow_jump(jam_stream *s)
{
    if (s->jump.on) {
        save_old(s);
        join_jump(s);
    }
}

/* A sound frame goes into the window, through the stretch. */
static void deliver(jam_stream *s)
{
    memcpy(s->last, s->frame + (JAM_FRAME_SAMPLES - 1) * JAM_CHANNELS, sizeof(s->last));
    make_room(s);
    jam_stretch_push(s->stretch, s->frame);
    float *to = jam_window_at(&s->window, s->window.end);
    s->window.end += jam_stretch_pull(s->stretch, to);
    follow_jump(s);
}

/* How many pairs of the frame come before the first that is no number. */
static uint32_t sound_pairs(const jam_stream *s)
{
    uint32_t n = 0;
    while (n < JAM_FRAME_SAMPLES && is_finite(s->frame + (size_t)n * JAM_CHANNELS, JAM_CHANNELS)) {
        n++;
    }
    return n;
}

/* Sinks from the last good value to silence, over at most 480 pairs from the first bad one. */
static void fade_out(jam_stream *s, uint32_t good)
{
    if (good > 0) {
        memcpy(s->last, s->frame + (size_t)(good - 1) * JAM_CHANNELS, sizeof(s->last));
        add(s, s->frame, good);
    }
    float *out = jam_window_add(&s->window, FADE_OUT);
    for (uint32_t i = 0; i < FADE_OUT; i++) {
        float g = 1.0F - (float)(i + 1) / FADE_OUT;
        for (uint32_t c = 0; c < JAM_CHANNELS; c++) {
            out[i * JAM_CHANNELS + c] = s->last[c] * g;
        }
    }
}

/* The chunk is filled up with silence, a jump included. */
static void fail(jam_stream *s, uint32_t good)
{
    make_room(s);
    jam_stretch_factor(s->stretch, 1.0);
    s->window.end += jam_stretch_pull(s->stretch, jam_window_at(&s->window, s->window.end));
    fade_out(s, good);
    follow_jump(s);
    memset(s->other, 0, sizeof(s->other));
    while (s->window.end < chunk_end(s)) {
        make_room(s);
        add(s, s->other, JAM_FRAME_SAMPLES);
        follow_jump(s);
    }
    s->failed = true;
}

int jam_stream_render(jam_stream *stream)
{
    jam_stream *s = stream;
    control(s);
    int err = pull(s, s->now.instance, s->frame);
    if (err < 0) {
        fail(s, err == -EBADMSG ? sound_pairs(s) : 0);
        return err;
    }
    fade_in(s);
    deliver(s);
    ask_place(s);
    s->ended = s->place.ended;
    return 0;
}

void jam_stream_cut(jam_stream *stream, jam_cut *ret)
{
    jam_stream *s = stream;
    jam_mark *mark = &s->mark.mark;
    if (s->mark.position < s->start && s->mark.position > INT64_MIN) { /* stretched */
        mark->beat += (double)(s->start - s->mark.position) * mark->bpm / SAMPLES_A_MINUTE;
        s->mark.position = s->start;
    }
    while (mark->beat >= 1.0 + JAM_BEATS_A_BAR) {
        mark->beat -= JAM_BEATS_A_BAR;
        mark->bar++;
    }
    *ret = (jam_cut){.index = s->index,
                     .start_sample = s->start,
                     .n_frames = s->n_frames,
                     .n_samples = s->n_frames * JAM_FRAME_SAMPLES + s->overlap,
                     .pcm = jam_window_at(&s->window, s->start),
                     .mark = mark,
                     .last = s->ended || s->failed};
    s->start += (int64_t)s->n_frames * JAM_FRAME_SAMPLES;
    s->cut = true;
}

int jam_stream_reset(jam_stream *stream, void *instance, int64_t *ret_sample)
{
    jam_stream *s = stream;
    if (s->incoming != NULL) {
        return -EBUSY;
    }
    s->incoming = instance;
    *ret_sample = jam_timeline_next(s->timeline);
    return 0;
}

void jam_stream_skip(jam_stream *stream, uint32_t n_frames)
{
    jam_stream *s = stream;
    if (n_frames == 0) {
        return;
    }
    jam_window_keep(&s->window, s->start - JAM_HISTORY_SAMPLES);
    s->jump = (jump){.on = true, .from = s->start};
    s->start += (int64_t)n_frames * JAM_FRAME_SAMPLES;
    s->jump.to = s->start;
    save_old(s);
}

int jam_stream_end(jam_stream *stream)
{
    jam_stream *s = stream;
    if (s->failed || s->ended || s->jump.on) {
        return -EPIPE;
    }
    jam_window_keep(&s->window, s->start - JAM_HISTORY_SAMPLES);
    return 0;
}

uint32_t jam_stream_border_left(const jam_stream *stream)
{
    const jam_stream *s = stream;
    int64_t missing = s->start + s->overlap + JAM_FRAME_SAMPLES - s->window.end;
    return missing <= 0 || s->failed
               ? 0
               : (uint32_t)((missing + JAM_FRAME_SAMPLES - 1) / JAM_FRAME_SAMPLES);
}

void jam_stream_border(const jam_stream *stream, jam_border *ret)
{
    const jam_stream *s = stream;
    ret->index = s->index + 1;
    ret->start = s->start;
    ret->rev = jam_timeline_rev(s->timeline);
    ret->overlap = s->overlap;
    memcpy(ret->pcm, jam_window_at(&s->window, s->start - JAM_HISTORY_SAMPLES),
           JAM_BORDER_PAIRS((size_t)s->overlap) * JAM_CHANNELS * sizeof(float));
}

/* As after a jump: what was put aside is the old sound. */
void jam_stream_begin_at(jam_stream *stream, const jam_border *border)
{
    jam_stream *s = stream;
    s->index = border->index - 1;
    s->start = border->start;
    s->now.origin = border->start;
    s->window.first += border->start;
    s->window.end += border->start;
    s->jump = (jump){.on = true, .saved = true, .from = border->start, .to = border->start};
    memcpy(s->saved, border->pcm,
           JAM_BORDER_PAIRS((size_t)s->overlap) * JAM_CHANNELS * sizeof(float));
    jam_timeline_begin_at(s->timeline, border->start, border->rev);
}

void jam_stream_stretch(jam_stream *stream, double factor)
{
    jam_stretch_factor(stream->stretch, factor);
}

int64_t jam_stream_shift(const jam_stream *stream)
{
    return stream->shift;
}

void jam_stream_place(const jam_stream *stream, jam_place *ret)
{
    *ret = stream->place;
}

int64_t jam_stream_next_start(const jam_stream *stream)
{
    return stream->start;
}
