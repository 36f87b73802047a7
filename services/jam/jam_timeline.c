#include "jam_timeline.h"

#include "jam_state.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define GRAIN_MIN 64
#define SAMPLES_A_MINUTE (60.0 * JAM_RATE_HZ)
#define BPM_GUESS 120.0 /* before an engine has told its own */
#define BAR_SLACK 0.01  /* samples: what rounding may make of an exact bar line */

typedef struct pending {
    bool by_bar;
    int64_t sample; /* unless by_bar; already on the grain */
    uint64_t origin;
    char id[JAM_ID_SIZE];
    jam_change change;
} pending;

/* Where the music stands at a sample, under one tempo. */
typedef struct spot {
    int64_t sample;
    double bpm;
    uint32_t bar;
    double beat;
} spot;

struct jam_timeline {
    uint32_t grain;
    jam_applied_fn applied;
    void *user;
    int64_t next;
    spot ahead; /* at `next`, by the tempo known now */
    jam_state state;
    bool dirty; /* the record of `next` has to be given */
    uint32_t rev;
    size_t n_styles; /* of the newest accepted change */
    size_t n_pending;
    pending pending[JAM_PENDING_MAX]; /* in order of arrival */
};

jam_timeline *jam_timeline_new(const jam_change *start, uint32_t grain_samples,
                               jam_applied_fn applied, void *user)
{
    jam_timeline *t = RF_NEW(jam_timeline);
    t->grain = RF_MAX(grain_samples, (uint32_t)GRAIN_MIN);
    t->applied = applied;
    t->user = user;
    jam_state_init(&t->state, start);
    t->n_styles = t->state.list.n;
    double bpm = t->state.now.bpm;
    t->ahead = (spot){.bpm = bpm > 0.0 ? bpm : BPM_GUESS, .bar = 1, .beat = 1.0};
    return t;
}

void jam_timeline_begin_at(jam_timeline *timeline, int64_t sample, uint32_t rev)
{
    timeline->next = sample;
    timeline->ahead.sample = sample;
    timeline->rev = rev;
}

jam_timeline *jam_timeline_free(jam_timeline *timeline)
{
    free(timeline);
    return NULL;
}

/* The first place at or after `sample` where the engine can be steered. */
static int64_t on_grain(const jam_timeline *t, int64_t sample)
{
    if (t->grain > JAM_FRAME_SAMPLES) {
        return (sample + t->grain - 1) / t->grain * t->grain;
    }
    int64_t frame = sample / JAM_FRAME_SAMPLES * JAM_FRAME_SAMPLES;
    int64_t offset = (sample - frame + t->grain - 1) / t->grain * t->grain;
    return frame + RF_MIN(offset, (int64_t)JAM_FRAME_SAMPLES);
}

static void pass(spot *s, int64_t sample)
{
    s->beat += (double)(sample - s->sample) * s->bpm / SAMPLES_A_MINUTE;
    s->sample = sample;
    while (s->beat >= 1.0 + JAM_BEATS_A_BAR) {
        s->beat -= JAM_BEATS_A_BAR;
        s->bar++;
    }
}

/* The sample at which a bar begins, under one tempo; the spot's own when it has begun. */
static int64_t bar_line(const spot *s, uint32_t bar)
{
    if (bar <= s->bar) {
        return s->sample;
    }
    double beats = (double)(bar - s->bar) * JAM_BEATS_A_BAR - (s->beat - 1.0);
    return s->sample + (int64_t)ceil(beats * SAMPLES_A_MINUTE / s->bpm - BAR_SLACK);
}

static void apply(jam_timeline *t, const jam_change *change, const char *id, uint64_t origin,
                  int64_t sample, bool scheduled)
{
    jam_state_apply(&t->state, change, sample);
    t->rev++;
    const jam_applied applied = {.rev = t->rev,
                                 .applied_at_sample = sample,
                                 .id = id,
                                 .origin = origin,
                                 .was_scheduled = scheduled,
                                 .change = change};
    if (t->applied != NULL) {
        t->applied(t->user, &applied);
    }
}

static void apply_pending(jam_timeline *t, size_t i, int64_t sample)
{
    const pending *p = &t->pending[i];
    apply(t, &p->change, p->id, p->origin, sample, true);
    t->n_pending--;
    memmove(&t->pending[i], &t->pending[i + 1], (t->n_pending - i) * sizeof(t->pending[0]));
}

/* The pending change that is due first before `end`, the older one of equals; n_pending for none.
 * *ret is its sample. */
static size_t first_due(const jam_timeline *t, const spot *at, int64_t end, int64_t *ret)
{
    size_t first = t->n_pending;
    int64_t soonest = end;
    for (size_t i = 0; i < t->n_pending; i++) {
        const pending *p = &t->pending[i];
        int64_t sample = p->by_bar ? bar_line(at, p->change.at_bar) : p->sample;
        sample = on_grain(t, RF_MAX(sample, at->sample));
        if (sample < soonest) {
            soonest = sample;
            first = i;
        }
    }
    *ret = soonest;
    return first;
}

static int late(jam_error *error, const char *field, int64_t earliest, const char *what)
{
    jam_error_set(error, JAM_TOO_LATE, field, "%s: %s is over; the earliest sample is %lld", field,
                  what, (long long)earliest);
    jam_error_limit(error, (double)earliest, (double)(earliest + JAM_AT_SAMPLE_AHEAD));
    return -EINVAL;
}

static int check_sample(const jam_timeline *t, int64_t sample, jam_error *error)
{
    int64_t earliest = on_grain(t, t->next);
    int64_t latest = t->next + JAM_AT_SAMPLE_AHEAD;
    if (sample < t->next) {
        return late(error, "at_sample", earliest, "that sample");
    }
    if (sample > latest) {
        jam_error_set(error, JAM_OUT_OF_RANGE, "at_sample",
                      "at_sample: must be at most %d samples ahead", JAM_AT_SAMPLE_AHEAD);
        jam_error_limit(error, (double)earliest, (double)latest);
        return -EINVAL;
    }
    return 0;
}

static int check_bar(const jam_timeline *t, uint32_t bar, jam_error *error)
{
    const spot *at = &t->ahead;
    uint32_t earliest = at->beat > 1.0 + 1e-6 ? at->bar + 1 : at->bar;
    if (bar < earliest) {
        return late(error, "at_bar", on_grain(t, t->next), "that bar line");
    }
    if (bar > at->bar + JAM_AT_BAR_AHEAD) {
        jam_error_set(error, JAM_OUT_OF_RANGE, "at_bar", "at_bar: must be at most %d bars ahead",
                      JAM_AT_BAR_AHEAD);
        jam_error_limit(error, earliest, at->bar + JAM_AT_BAR_AHEAD);
        return -EINVAL;
    }
    return 0;
}

static bool has(const jam_change *change, jam_field field)
{
    return (change->set & JAM_FIELD_BIT(field)) != 0;
}

static int check_when(const jam_timeline *t, const jam_change *change, bool waits, jam_error *error)
{
    int err = has(change, JAM_FIELD_AT_SAMPLE) ? check_sample(t, change->at_sample, error)
              : has(change, JAM_FIELD_AT_BAR)  ? check_bar(t, change->at_bar, error)
                                               : 0;
    if (err == 0 && waits && t->n_pending >= JAM_PENDING_MAX) {
        jam_error_set(error, JAM_TOO_MANY_PENDING, NULL, "at most %d scheduled updates may wait",
                      JAM_PENDING_MAX);
        jam_error_limit(error, 0, JAM_PENDING_MAX);
        err = -EINVAL;
    }
    return err;
}

static void schedule(jam_timeline *t, const jam_change *change, const char *id, uint64_t origin,
                     jam_when *when)
{
    pending *p = &t->pending[t->n_pending++];
    p->by_bar = has(change, JAM_FIELD_AT_BAR);
    p->origin = origin;
    (void)rf_copy_str(p->id, sizeof(p->id), id);
    p->change = *change;
    spot at = t->ahead;
    int64_t sample =
        p->by_bar ? bar_line(&at, change->at_bar)
                  : RF_MAX(has(change, JAM_FIELD_AT_SAMPLE) ? change->at_sample : 0, t->next);
    p->sample = on_grain(t, sample);
    pass(&at, p->sample);
    *when = (jam_when){
        .scheduled = true, .at_sample = p->sample, .at_bar = p->by_bar ? change->at_bar : at.bar};
}

/* What is due at `next` itself comes before a change that arrives now. */
static void apply_due_now(jam_timeline *t)
{
    for (size_t i = 0; i < t->n_pending;) {
        if (!t->pending[i].by_bar && t->pending[i].sample <= t->next) {
            apply_pending(t, i, t->next);
        } else {
            i++;
        }
    }
}

int jam_timeline_add(jam_timeline *timeline, const jam_change *change, const char *id,
                     uint64_t origin, jam_when *ret_when, jam_error *error)
{
    jam_timeline *t = timeline;
    bool waits = has(change, JAM_FIELD_AT_SAMPLE) || has(change, JAM_FIELD_AT_BAR) ||
                 on_grain(t, t->next) > t->next;
    int err = check_when(t, change, waits, error);
    if (err != 0) {
        return err;
    }
    if (has(change, JAM_FIELD_STYLES)) {
        t->n_styles = change->n_styles;
    }
    if (waits) {
        schedule(t, change, id, origin, ret_when);
        return 0;
    }
    apply_due_now(t);
    *ret_when = (jam_when){.at_sample = t->next, .at_bar = t->ahead.bar};
    apply(t, change, id, origin, t->next, false);
    t->dirty = true;
    return 0;
}

static void give(jam_timeline *t, jam_plan *plan, int64_t sample)
{
    uint32_t offset = (uint32_t)(sample - plan->sample);
    if (plan->n == 0 || plan->points[plan->n - 1].offset != offset) {
        plan->points[plan->n++].offset = offset;
    }
    jam_state_record(&t->state, sample, &plan->points[plan->n - 1].controls);
}

/* Ramps move at the begin of a frame, where the engine can be steered there. */
static void begin_frame(jam_timeline *t, jam_plan *plan)
{
    bool steerable = on_grain(t, plan->sample) == plan->sample;
    if (steerable && (t->dirty || jam_state_moving(&t->state))) {
        give(t, plan, plan->sample);
        jam_state_settle(&t->state, plan->sample);
        t->dirty = false;
    }
}

static void take_tempo(spot *at, const jam_timeline *t)
{
    double bpm = jam_state_bpm(&t->state, at->sample);
    at->bpm = bpm > 0.0 ? bpm : at->bpm;
}

static void note_start(const jam_timeline *t, jam_plan *plan)
{
    plan->rev = t->rev;
    jam_state_record(&t->state, plan->sample, &plan->at_start);
}

/* Applies what is due in the frame, in order of time. */
static void apply_due(jam_timeline *t, const jam_place *place, jam_plan *plan, spot *at)
{
    int64_t end = plan->sample + JAM_FRAME_SAMPLES;
    int64_t sample;
    for (size_t i = first_due(t, at, end, &sample); i < t->n_pending;
         i = first_due(t, at, end, &sample)) {
        pass(at, sample);
        apply_pending(t, i, sample);
        jam_state_place(&t->state, place);
        give(t, plan, sample);
        take_tempo(at, t);
        if (sample == plan->sample) {
            note_start(t, plan);
        }
    }
}

void jam_timeline_plan(jam_timeline *timeline, const jam_place *place, jam_plan *ret)
{
    jam_timeline *t = timeline;
    ret->sample = t->next;
    ret->n = 0;
    spot at = {.sample = t->next, .bar = place->bar, .beat = place->beat};
    at.bpm = place->bpm > 0.0 ? place->bpm : t->ahead.bpm;
    jam_state_place(&t->state, place);
    take_tempo(&at, t);
    note_start(t, ret);
    begin_frame(t, ret);
    apply_due(t, place, ret, &at);
    t->next += JAM_FRAME_SAMPLES;
    pass(&at, t->next);
    t->ahead = at;
}

int64_t jam_timeline_next(const jam_timeline *timeline)
{
    return timeline->next;
}

void jam_timeline_controls(const jam_timeline *timeline, jam_controls *ret)
{
    jam_state_record(&timeline->state, timeline->next, ret);
}

size_t jam_timeline_n_styles(const jam_timeline *timeline)
{
    return timeline->n_styles;
}

uint32_t jam_timeline_rev(const jam_timeline *timeline)
{
    return timeline->rev;
}

size_t jam_timeline_n_pending(const jam_timeline *timeline)
{
    return timeline->n_pending;
}

void jam_timeline_restart(jam_timeline *timeline)
{
    timeline->dirty = true;
    timeline->ahead.bar = 1;
    timeline->ahead.beat = 1.0;
}
