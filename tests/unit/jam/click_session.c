#include "click_session.h"

#include "band_click.h"
#include "band_limiter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN (BAND_CLICK_NEAR + BAND_CLICK_FAR + 2)
#define SILENCE 11520     /* samples of a pause */
#define STRETCH_SLACK 960 /* so far may stretched music lie from where it is said to */
#define JUMP_FADE 1920    /* samples, of a skip and of a reset */
#define OVERLAP_DEFAULT 1920
#define TEXT_SIZE 4096
#define LATE (BAND_BLOCK + BAND_LIMITER_DELAY)

typedef struct event {
    click_kind kind;
    bool placed;    /* `at` is known */
    size_t at;      /* in what is heard */
    int64_t stream; /* position in the stream */
    int64_t old;    /* the same of the sound that fades out there */
    int64_t slack;
} event;

/* Whose notes they are. */
typedef struct voice {
    click_session *session;
    int64_t origin; /* of the instance's sample 0 */
} voice;

struct click_session {
    const jam_engine *engine;
    jam_stream *stream;
    voice voices[2]; /* the old and the new one, in turn */
    size_t n_resets;
    jam_settings settings;

    float *left, *right; /* as heard */
    size_t n, room;
    float tail[JAM_OVERLAP_MAX * JAM_CHANNELS]; /* of the last chunk, while it fades out alone */

    int64_t *notes; /* where they start in the stream */
    size_t n_notes, notes_room;
    event *events;
    size_t n_events, events_room;

    bool is_stretched;  /* the chunk that is being made */
    size_t rise;        /* likewise: it fades in over so many samples */
    bool pause;         /* behind it */
    uint32_t skip;      /* likewise */
    double stretch;     /* likewise */
    uint32_t n_stretch; /* chunks of it that are left */
};

const char *click_kind_name(click_kind kind)
{
    static const char *const names[] = {"join", "update", "pause", "resume", "reset", "skip"};
    return names[kind];
}

static void expect(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "click_session: %s\n", what);
        abort();
    }
}

static void add_event(click_session *s, const event *e)
{
    s->events = rf_make_room(s->events, s->n_events + 1, &s->events_room, sizeof(*s->events));
    s->events[s->n_events] = *e;
    s->events[s->n_events++].slack = s->is_stretched ? STRETCH_SLACK : 0;
}

static void add_event_at(click_session *s, click_kind kind, int64_t stream)
{
    const event e = {.kind = kind, .stream = stream, .old = stream};
    add_event(s, &e);
}

static void on_note(void *user, const jam_note *note)
{
    const voice *v = user;
    click_session *s = v->session;
    s->notes = rf_make_room(s->notes, s->n_notes + 1, &s->notes_room, sizeof(*s->notes));
    s->notes[s->n_notes++] = v->origin + note->sample + jam_stream_shift(s->stream);
}

static void on_applied(void *user, const jam_applied *applied)
{
    click_session *s = user;
    jam_settings_apply(&s->settings, applied->change);
    add_event_at(s, CLICK_UPDATE, applied->applied_at_sample + jam_stream_shift(s->stream));
}

/* ---- messages ---- */

static void parse(click_session *s, const char *text, size_t n_styles, jam_message *ret)
{
    jam_error errors[JAM_ERRORS_MAX];
    size_t n_errors = 0;
    const jam_message_context context = {.n_styles = n_styles,
                                         .overlap = s->settings.overlap,
                                         .chunk_frames = s->settings.chunk_frames,
                                         .crossfade_default = -1};
    if (jam_message_parse(text, strlen(text), &context, ret, errors, &n_errors) != 0) {
        (void)fprintf(stderr, "%s\n", text);
        expect(false, errors[0].text);
    }
}

static void *open_instance(click_session *s, uint64_t seed, const jam_controls *controls,
                           int64_t origin)
{
    voice *v = &s->voices[s->n_resets % 2];
    char why[128] = "";
    void *instance = NULL;
    *v = (voice){.session = s, .origin = origin};
    const jam_engine_host host = {.struct_size = sizeof(host), .user = v, .note = on_note};
    expect(s->engine->open(s->engine, seed, controls, &host, &instance, why, sizeof(why)) == 0,
           why);
    return instance;
}

click_session *click_session_open(const jam_engine *engine, uint64_t seed, const char *params)
{
    click_session *s = RF_NEW(click_session);
    jam_message start;
    jam_controls controls;
    char text[TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "{\"type\":\"start\",\"params\":{%s}}", params);
    s->engine = engine;
    jam_settings_default(&s->settings);
    parse(s, text, 0, &start);
    jam_settings_apply(&s->settings, &start.change);
    jam_controls_of_start(&start.change, &controls);
    void *instance = open_instance(s, seed, &controls, 0);
    s->stream = jam_stream_new(engine, instance, &start.change, s->settings.overlap, on_applied, s);
    jam_stream_start_chunk(s->stream, s->settings.chunk_frames);
    return s;
}

click_session *click_session_free(click_session *session)
{
    if (session != NULL) {
        session->stream = jam_stream_free(session->stream);
        free(session->left);
        free(session->right);
        free(session->notes);
        free(session->events);
        free(session);
    }
    return NULL;
}

void click_session_update(click_session *session, const char *members)
{
    jam_message m;
    jam_when when;
    jam_error error = {0};
    char text[TEXT_SIZE];
    jam_timeline *timeline = jam_stream_timeline(session->stream);
    (void)snprintf(text, sizeof(text), "{\"type\":\"update\",%s}", members);
    parse(session, text, jam_timeline_n_styles(timeline), &m);
    expect(jam_timeline_add(timeline, &m.change, "", 0, &when, &error) == 0, error.text);
}

void click_session_reset(click_session *session, uint64_t seed)
{
    click_session *s = session;
    jam_controls controls;
    int64_t sample = click_session_next(s);
    jam_timeline_controls(jam_stream_timeline(s->stream), &controls);
    s->n_resets++;
    void *instance = open_instance(s, seed, &controls, sample);
    expect(jam_stream_reset(s->stream, instance, &sample) == 0, "a reset is under way");
    sample += jam_stream_shift(s->stream);
    add_event_at(s, CLICK_RESET, sample);
    add_event_at(s, CLICK_RESET, sample + JUMP_FADE);
}

void click_session_pause(click_session *session)
{
    session->pause = true;
}

void click_session_skip(click_session *session, uint32_t n_frames)
{
    session->skip = n_frames;
}

void click_session_stretch(click_session *session, double factor, uint32_t n_chunks)
{
    session->stretch = factor;
    session->n_stretch = n_chunks;
}

int64_t click_session_next(const click_session *session)
{
    return jam_timeline_next(jam_stream_timeline(session->stream));
}

uint32_t click_session_bar(const click_session *session)
{
    jam_place place;
    jam_stream_place(session->stream, &place);
    return place.bar;
}

size_t click_session_n_styles(const click_session *session)
{
    return jam_timeline_n_styles(jam_stream_timeline(session->stream));
}

/* ---- the listener ---- */

static void reserve(click_session *s, size_t n)
{
    if (s->n + n > s->room) {
        s->room = 2 * (s->n + n);
        s->left = rf_grow(s->left, s->room, sizeof(float));
        s->right = rf_grow(s->right, s->room, sizeof(float));
    }
}

/* Adds n pairs, the first `rise` of them fading in. */
static void hear(click_session *s, const float *pcm, size_t n, size_t rise)
{
    reserve(s, n);
    for (size_t i = 0; i < n; i++) {
        float g = i < rise ? (float)i / (float)rise : 1.0F;
        s->left[s->n + i] = pcm[2 * i] * g;
        s->right[s->n + i] = pcm[2 * i + 1] * g;
    }
    s->n += n;
}

static void hear_tail(click_session *s)
{
    size_t n = s->settings.overlap;
    for (size_t i = 0; i < n; i++) {
        float g = 1.0F - (float)i / (float)n;
        s->tail[2 * i] *= g;
        s->tail[2 * i + 1] *= g;
    }
    hear(s, s->tail, n, 0);
}

static void hear_nothing(click_session *s, size_t n)
{
    reserve(s, n);
    memset(s->left + s->n, 0, n * sizeof(float));
    memset(s->right + s->n, 0, n * sizeof(float));
    s->n += n;
}

/* Events of the chunk that begins at s->n; those before it were jumped over. */
static void place_events(click_session *s, const jam_cut *cut)
{
    int64_t end = cut->start_sample + (int64_t)cut->n_frames * JAM_FRAME_SAMPLES;
    size_t kept = 0;
    for (size_t i = 0; i < s->n_events; i++) {
        event *e = &s->events[i];
        if (!e->placed && e->stream >= cut->start_sample && e->stream < end) {
            e->at = s->n + (size_t)(e->stream - cut->start_sample);
            e->placed = true;
        }
        if (e->placed || e->stream >= end) {
            s->events[kept++] = *e;
        }
    }
    s->n_events = kept;
}

static void add_placed(click_session *s, click_kind kind, int64_t stream)
{
    const event e = {.kind = kind, .placed = true, .at = s->n, .stream = stream, .old = stream};
    add_event(s, &e);
}

/* The player of the published page: each chunk fades out over its last V samples, the next one in.
 */
static void take_pause(click_session *s)
{
    int64_t border = jam_stream_next_start(s->stream);
    add_placed(s, CLICK_PAUSE, border);
    hear_tail(s);
    hear_nothing(s, SILENCE);
    add_placed(s, CLICK_RESUME, border);
    s->rise = s->settings.overlap;
    s->pause = false;
}

static void take_skip(click_session *s)
{
    int64_t from = jam_stream_next_start(s->stream);
    jam_stream_skip(s->stream, s->skip);
    int64_t to = jam_stream_next_start(s->stream);
    const int64_t places[] = {0, s->settings.overlap, (int64_t)s->settings.overlap + JUMP_FADE};
    for (size_t i = 0; i < RF_ARRAY_LEN(places); i++) {
        const event e = {.kind = CLICK_SKIP, .stream = to + places[i], .old = from + places[i]};
        add_event(s, &e);
    }
    s->skip = 0;
}

static void take_stretch(click_session *s)
{
    s->is_stretched = s->n_stretch > 0;
    s->n_stretch -= s->is_stretched ? 1 : 0;
    jam_stream_stretch(s->stream, s->is_stretched ? s->stretch : 1.0);
}

static void begin_chunk(click_session *s)
{
    if (s->pause) {
        take_pause(s);
    } else if (s->skip > 0) {
        take_skip(s);
    } else {
        add_event_at(s, CLICK_JOIN, jam_stream_next_start(s->stream));
    }
    take_stretch(s);
    jam_stream_start_chunk(s->stream, s->settings.chunk_frames);
}

/* Copies in the overlap are equal to the bit: what a player makes of both is the newer one. */
static bool end_chunk(click_session *s)
{
    jam_cut cut;
    jam_stream_cut(s->stream, &cut);
    size_t n = (size_t)cut.n_frames * JAM_FRAME_SAMPLES;
    size_t copied = (size_t)s->settings.overlap * JAM_CHANNELS * sizeof(float);
    expect(cut.index == 0 || s->rise > 0 || memcmp(s->tail, cut.pcm, copied) == 0,
           "copies are not equal");
    place_events(s, &cut);
    hear(s, cut.pcm, n, s->rise);
    s->rise = 0;
    memcpy(s->tail, cut.pcm + n * JAM_CHANNELS, copied);
    return !cut.last;
}

static void render(click_session *s)
{
    jam_stream_plan(s->stream);
    expect(jam_stream_render(s->stream) == 0, "the engine failed");
}

static bool is_jumping(const click_session *s)
{
    int64_t at = click_session_next(s) + jam_stream_shift(s->stream);
    return at < jam_stream_next_start(s->stream) && jam_stream_frames_left(s->stream) > 0;
}

bool click_session_play(click_session *session)
{
    click_session *s = session;
    while (jam_stream_frames_left(s->stream) == 0) {
        if (!end_chunk(s)) {
            return false;
        }
        begin_chunk(s);
    }
    do {
        render(s);
    } while (is_jumping(s));
    return true;
}

/* ---- the judge ---- */

size_t click_session_heard(const click_session *session)
{
    return session->n;
}

void click_session_step(click_session *session, size_t at, float height)
{
    click_session *s = session;
    for (size_t i = at; i < s->n; i++) {
        s->left[i] += height;
    }
    const event e = {
        .kind = CLICK_UPDATE, .placed = true, .at = at, .stream = (int64_t)at, .old = (int64_t)at};
    add_event(s, &e);
}

/* A note's start as logged may lie up to LATE samples before it is heard. */
static bool is_near(int64_t note, int64_t at, int64_t slack)
{
    int64_t near = BAND_CLICK_NOTE_FREE + slack;
    return note >= at - near - LATE && note <= at + near;
}

static bool is_free(const click_session *s, const event *e)
{
    for (size_t i = 0; i < s->n_notes; i++) {
        if (is_near(s->notes[i], e->stream, e->slack) || is_near(s->notes[i], e->old, e->slack)) {
            return false;
        }
    }
    return true;
}

static void judge(const click_session *s, const event *e, click_tally *tally)
{
    double ratio = band_click_ratio(s->left, s->right, e->at);
    tally->n_judged[e->kind]++;
    tally->n_clicks[e->kind] += ratio > 2 ? 1 : 0;
    if (ratio > 2 && ratio > tally->worst) {
        (void)snprintf(tally->example, sizeof(tally->example), "%s at %zu, sample %lld: %.2f",
                       click_kind_name(e->kind), e->at, (long long)e->stream, ratio);
    }
    tally->worst = RF_MAX(tally->worst, ratio);
}

void click_session_judge(const click_session *session, click_tally *tally)
{
    const click_session *s = session;
    for (size_t i = 0; i < s->n_events; i++) {
        const event *e = &s->events[i];
        tally->n_events[e->kind]++;
        if (e->placed && e->at >= MARGIN && e->at + MARGIN < s->n && is_free(s, e)) {
            judge(s, e, tally);
        }
    }
}
