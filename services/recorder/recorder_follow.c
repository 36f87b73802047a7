#include "recorder_follow.h"

#include "recorder_kill.h"
#include "recorder_loud.h"
#include "recorder_meta.h"
#include "recorder_notice.h"
#include "recorder_publish.h"
#include "recorder_reader.h"
#include "recorder_session_internal.h"
#include "rf_log.h"

#include <errno.h>
#include <string.h>

#define TURN_S 60         /* heard at once, then others have their turn */
#define SILENCE_HEARD_S 4 /* more changes no window of the meter */
#define SILENCE_FRAMES 256
#define HELD_MAX 1024 /* cuts that wait to be stored, then it waits too */

struct recorder_follow {
    recorder_task task; /* first */
    recorder_session *session;
    recorder_split *split; /* NULL: not cut, or no more */
    recorder_loud *loud;   /* NULL: not measured */
    int64_t cursor;        /* heard before it */
    int64_t end;           /* of what is being heard */
    bool running;
    bool ending;        /* no more comes */
    bool finish;        /* this turn is the last */
    rf_loudness levels; /* as just measured */
    bool has_told;
    rf_loudness told; /* the loop's */
    struct {
        recorder_span *items; /* silence in [cursor, end): gaps, pauses */
        size_t n;
        size_t cap;
    } silences;
    struct {
        recorder_cut *items; /* found in this turn */
        size_t n;
        size_t cap;
    } cuts;
    int err;
};

/* ---- the pool's thread ---- */

static void on_cut(void *user, const recorder_cut *cut)
{
    recorder_follow *f = user;
    f->cuts.items =
        rf_make_room(f->cuts.items, f->cuts.n + 1, &f->cuts.cap, sizeof(f->cuts.items[0]));
    f->cuts.items[f->cuts.n++] = *cut;
}

static void hear_silence(recorder_follow *f, int64_t n)
{
    static const uint8_t zeros[SILENCE_FRAMES * RECORDER_CHANNELS_MAX * sizeof(float)];
    if (f->split != NULL) {
        recorder_split_silence(f->split, n);
    }
    n = RF_MIN(n, (int64_t)SILENCE_HEARD_S * f->session->tap->pcm.rate_hz);
    for (; f->loud != NULL && n > 0; n -= SILENCE_FRAMES) {
        recorder_loud_add(f->loud, zeros, RF_MIN(n, (int64_t)SILENCE_FRAMES));
    }
}

static int hear_audio(recorder_follow *f, recorder_reader *reader, int64_t first, int64_t end)
{
    const void *data;
    while (first < end) {
        int64_t n = recorder_reader_frames(reader, first, end, end - first, &data);
        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        if (f->split != NULL) {
            recorder_split_add(f->split, data, (size_t)n);
        }
        if (f->loud != NULL) {
            recorder_loud_add(f->loud, data, n);
        }
        first += n;
    }
    return 0;
}

static int hear(recorder_follow *f, recorder_reader *reader)
{
    int64_t at = f->cursor;
    int err = 0;
    for (size_t i = 0; err == 0 && i < f->silences.n; i++) {
        const recorder_span *s = &f->silences.items[i];
        err = hear_audio(f, reader, at, s->first_frame);
        hear_silence(f, s->n_frames);
        at = s->first_frame + s->n_frames;
    }
    return err == 0 ? hear_audio(f, reader, at, f->end) : err;
}

static void run(recorder_task *task)
{
    recorder_follow *f = (recorder_follow *)task;
    RF_CLEANUP(rf_cleanup_close) int fd = recorder_tap_open(f->session->tap);
    recorder_reader *reader = recorder_reader_new(fd, NULL, f->session->frame_bytes);
    f->err = hear(f, reader); /* silence alone needs no master */
    recorder_reader_free(reader);
    if (f->err == 0 && f->finish && f->split != NULL) {
        recorder_split_finish(f->split);
    }
    if (f->loud != NULL && f->end > f->cursor) {
        recorder_loud_read(f->loud, &f->levels);
    }
}

/* ---- the loop: what is silence ---- */

static void add_silence(recorder_follow *f, int64_t first, int64_t end)
{
    first = RF_MAX(first, f->cursor);
    end = RF_MIN(end, f->end);
    if (first >= end) {
        return;
    }
    f->silences.items = rf_make_room(f->silences.items, f->silences.n + 1, &f->silences.cap,
                                     sizeof(f->silences.items[0]));
    f->silences.items[f->silences.n++] = (recorder_span){first, end - first};
}

static int earlier_first(const void *a, const void *b)
{
    const recorder_span *x = a;
    const recorder_span *y = b;
    return (x->first_frame > y->first_frame) - (x->first_frame < y->first_frame);
}

/* Gaps and pauses do not overlap. */
static void find_silences(recorder_follow *f)
{
    const recorder_take *take = f->session->take;
    f->silences.n = 0;
    for (uint32_t i = recorder_gaps_find(&take->gaps, f->cursor); i < take->gaps.n; i++) {
        const recorder_gap *gap = &take->gaps.items[i];
        if (gap->start_frame >= f->end) {
            break;
        }
        if (gap->filled) {
            add_silence(f, gap->start_frame, gap->start_frame + gap->length_frames);
        }
    }
    for (uint32_t i = take->pauses.n; i > 0 && take->pauses.items[i - 1].end_frame > f->cursor;
         i--) {
        add_silence(f, take->pauses.items[i - 1].frame, take->pauses.items[i - 1].end_frame);
    }
    if (f->silences.n > 1) {
        qsort(f->silences.items, f->silences.n, sizeof(f->silences.items[0]), earlier_first);
    }
}

/* ---- the loop: what was found ---- */

static void cuts_durable(void *user, int64_t end)
{
    recorder_session *s = user;
    recorder_kill_point("cut");
    s->cuts_durable = RF_MAX(s->cuts_durable, end);
    recorder_publish_more(s);
}

static void release(void *user)
{
    recorder_session_unref(user);
}

/* False: there is no room for more, the rest of the session is one segment. */
static bool put_cut(recorder_session *s, const recorder_cut *cut)
{
    static const recorder_mark_fns fns = {NULL, cuts_durable, release};
    recorder_change change = {.kind =
                                  cut->is_segment ? RECORDER_CHANGE_CUT : RECORDER_CHANGE_SILENCE};
    change.span.first_frame = cut->first_frame;
    change.span.n_frames = cut->n_frames;
    if (cut->n_frames == 0) {
        return true; /* an empty session: the end makes its segment */
    }
    const recorder_mark mark = {&fns, s, cut->first_frame + cut->n_frames};
    recorder_session_ref(s);
    int err = recorder_session_change(s, &change, &mark);
    if (err < 0) {
        recorder_session_unref(s);
        RF_LOG_WARN("a session is cut no more", RF_STR("why", strerror(-err)));
    }
    return err == 0;
}

static void put_cuts(recorder_follow *f)
{
    bool more = f->err == 0;
    for (size_t i = 0; more && i < f->cuts.n; i++) {
        more = put_cut(f->session, &f->cuts.items[i]);
    }
    f->cuts.n = 0;
    if (!more) {
        f->split = recorder_split_free(f->split);
    }
}

static void tell_loudness(recorder_session *s, const recorder_follow *f)
{
    json_t *event = recorder_notice_new(s, "loudness");
    json_object_set_new(event, "frame", json_integer((json_int_t)f->cursor));
    json_object_set_new(event, "loudness", recorder_meta_live_loudness(&f->told));
    recorder_notice_tell(s, event);
}

static void go_on(recorder_session *s);

static void done(recorder_task *task)
{
    recorder_follow *f = (recorder_follow *)task;
    recorder_session *s = f->session;
    bool heard = f->end > f->cursor;
    f->running = false;
    if (f->err < 0) {
        RF_LOG_ERROR("a session is not heard", RF_STR("why", strerror(-f->err)));
    }
    f->cursor = f->end;
    put_cuts(f);
    if (f->loud != NULL && f->err == 0 && heard) {
        f->told = f->levels;
        f->has_told = true;
        tell_loudness(s, f);
    }
    if (f->finish) {
        s->follow = recorder_follow_free(f);
        recorder_publish_more(s);
    } else if (!s->removed) {
        go_on(s);
    }
    recorder_session_unref(s);
}

/* ---- turns ---- */

/* Whole seconds while more may come. */
static int64_t turn_end(const recorder_follow *f)
{
    const recorder_session *s = f->session;
    int64_t rate = s->tap->pcm.rate_hz;
    int64_t n = RF_MIN(s->readable - f->cursor, TURN_S * rate);
    return f->cursor + (f->ending ? n : n / rate * rate);
}

static void go_on(recorder_session *s)
{
    recorder_follow *f = s->follow;
    int64_t end = turn_end(f);
    bool waits = f->split != NULL && s->take->cuts.n >= HELD_MAX;
    if (f->running || waits || s->service->follows == NULL || (end == f->cursor && !f->ending)) {
        return; /* closing: the next start goes on */
    }
    f->end = end;
    f->finish = f->ending && end == s->readable;
    find_silences(f);
    f->running = true;
    recorder_session_ref(s);
    recorder_pool_put(s->service->follows, &f->task);
}

recorder_follow *recorder_follow_begin(recorder_session *s)
{
    const recorder_start *start = &s->take->start;
    const recorder_options *o = &start->options;
    bool cuts = o->split != RECORDER_SPLIT_NONE;
    bool live = o->loudness == RECORDER_LOUDNESS_LIVE && recorder_session_captures(s);
    if (!cuts && !live) {
        return NULL;
    }
    const recorder_split_config config = {.mode = (recorder_split_mode)o->split,
                                          .sample_format = start->sample_format,
                                          .channels = start->channels,
                                          .rate_hz = start->rate_hz,
                                          .silence_ms = o->split_silence_ms,
                                          .pad_before_ms = o->split_pad_before_ms,
                                          .pad_after_ms = o->split_pad_after_ms,
                                          .max_s = o->split_max_s};
    recorder_follow *f = RF_NEW(recorder_follow);
    f->task = (recorder_task){.run = run, .done = done};
    f->session = s;
    f->cursor = cuts ? s->take->cut_end : s->take->frames;
    bool has_segment = s->take->segments.n + s->take->cuts.n > 0;
    f->split = cuts ? recorder_split_new(&config, f->cursor, has_segment, on_cut, f) : NULL;
    f->loud = live ? recorder_loud_new(&s->tap->pcm) : NULL;
    return f;
}

recorder_follow *recorder_follow_free(recorder_follow *f)
{
    if (f != NULL) {
        recorder_split_free(f->split);
        recorder_loud_free(f->loud);
        free(f->silences.items);
        free(f->cuts.items);
        free(f);
    }
    return NULL;
}

void recorder_follow_frames(recorder_session *s)
{
    if (s->follow != NULL) {
        go_on(s);
    }
}

void recorder_follow_end(recorder_session *s)
{
    s->follow->ending = true;
    go_on(s);
}

bool recorder_follow_is_over(const recorder_session *s)
{
    return s->follow == NULL;
}

bool recorder_follow_levels(const recorder_session *s, rf_loudness *ret)
{
    bool known = s->follow != NULL && s->follow->has_told;
    if (known) {
        *ret = s->follow->told;
    }
    return known;
}
