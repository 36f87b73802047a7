#include "analysis_track.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define SPREAD 1.2         /* longest interval against the centre, and centre against shortest */
#define CHANGE_COST 160.0f /* for a change of interval, times its relative size */
#define CHANGE_MAX 0.10    /* largest relative change at one beat */
#define JITTER_COST 0.6f   /* for a beat one frame early or late while the interval stays */
#define START_COST 0.0f

enum { START = 255, N_INTERVALS_MAX = 250 };

/* How a beat was reached: index of the interval at the beat before (START: there was none), and by
 * how many frames it is off that interval. */
typedef struct link {
    uint8_t interval;
    int8_t jitter;
} link;

/* The best way to go on from a beat with another interval. */
typedef struct change {
    float score;
    uint8_t interval; /* before the change */
} change;

typedef struct tracker {
    const float *strength;
    int n;   /* frames */
    int low; /* shortest interval, frames */
    int n_intervals;
    int n_ring;      /* frames of changes kept: longest interval + 2 */
    float *endings;  /* [n_ring][n_intervals] scores of beats at the last frames */
    change *changes; /* [n_ring][n_intervals] */
    link *links;     /* [n][n_intervals] */
} tracker;

static void tracker_done(tracker *t)
{
    free(t->endings);
    free(t->changes);
    free(t->links);
}

static int tracker_init(tracker *t, const analysis_pulse *pulse, double period_s)
{
    double period = period_s * pulse->rate_hz;
    int high = (int)ceil(period * SPREAD);
    t->strength = pulse->strength;
    t->n = (int)pulse->n;
    t->low = RF_MAX(3, (int)floor(period / SPREAD));
    t->n_intervals = RF_MIN(high - t->low + 1, (int)N_INTERVALS_MAX);
    t->n_ring = t->low + t->n_intervals + 1;
    size_t n_kept = (size_t)t->n_ring * (size_t)t->n_intervals;
    t->endings = calloc(n_kept, sizeof(*t->endings));
    t->changes = calloc(n_kept, sizeof(*t->changes));
    t->links = calloc((size_t)t->n * (size_t)t->n_intervals + 1, sizeof(*t->links));
    return t->endings == NULL || t->changes == NULL || t->links == NULL ? -ENOMEM : 0;
}

static size_t kept_at(const tracker *t, int frame)
{
    return (size_t)(frame % t->n_ring) * (size_t)t->n_intervals;
}

/* For every interval to come, the best interval to come from. */
static void find_changes(tracker *t, int frame)
{
    const float *scores = t->endings + kept_at(t, frame);
    change *changes = t->changes + kept_at(t, frame);
    for (int j = 0; j < t->n_intervals; j++) {
        int reach = RF_MAX(1, (int)(CHANGE_MAX * (t->low + j)));
        float cost = CHANGE_COST / (float)(t->low + j);
        changes[j] = (change){scores[j], (uint8_t)j};
        for (int i = RF_MAX(0, j - reach); i <= RF_MIN(t->n_intervals - 1, j + reach); i++) {
            float score = scores[i] - cost * (float)abs(i - j);
            if (score > changes[j].score) {
                changes[j] = (change){score, (uint8_t)i};
            }
        }
    }
}

/* Best way to a beat at `frame` whose last interval has index j. */
static void step(tracker *t, int frame, int j)
{
    float best = START_COST;
    link best_link = {START, 0};
    for (int jitter = -1; jitter <= 1; jitter++) {
        int before = frame - t->low - j - jitter;
        if (before < 0) {
            continue;
        }
        const change *from = &t->changes[kept_at(t, before) + (size_t)j];
        float score = from->score - JITTER_COST * (float)abs(jitter);
        if (score > best) {
            best = score;
            best_link = (link){from->interval, (int8_t)jitter};
        }
    }
    t->endings[kept_at(t, frame) + (size_t)j] = best + t->strength[frame];
    t->links[(size_t)frame * (size_t)t->n_intervals + (size_t)j] = best_link;
}

/* The best last beat within the longest interval before the end. */
static float best_end(const tracker *t, int *ret_frame, int *ret_j)
{
    float best = -1.0f;
    *ret_frame = -1;
    *ret_j = 0;
    for (int frame = RF_MAX(0, t->n - t->n_ring); frame < t->n; frame++) {
        for (int j = 0; j < t->n_intervals; j++) {
            float score = t->endings[kept_at(t, frame) + (size_t)j];
            if (score > best) {
                best = score;
                *ret_frame = frame;
                *ret_j = j;
            }
        }
    }
    return best;
}

/* Places a beat between frames by a parabola through the strength around it. */
static double refine(const tracker *t, int frame)
{
    if (frame < 1 || frame + 1 >= t->n) {
        return frame;
    }
    double a = (double)t->strength[frame - 1];
    double b = (double)t->strength[frame];
    double c = (double)t->strength[frame + 1];
    double bend = a - 2.0 * b + c;
    return bend < -1e-6 ? frame + RF_MAX(-0.5, RF_MIN(0.5, 0.5 * (a - c) / bend)) : frame;
}

static int trace(const tracker *t, int frame, int j, double rate_hz, analysis_track *ret)
{
    size_t max = (size_t)(t->n / (t->low - 1)) + 2;
    ret->times_s = calloc(max, sizeof(double));
    if (ret->times_s == NULL) {
        return -ENOMEM;
    }
    size_t n = 0;
    while (frame >= 0 && n < max) {
        ret->times_s[n++] = refine(t, frame) / rate_hz;
        link from = t->links[(size_t)frame * (size_t)t->n_intervals + (size_t)j];
        frame = from.interval == START ? -1 : frame - (t->low + j) - from.jitter;
        j = from.interval;
    }
    for (size_t i = 0; i < n / 2; i++) {
        double swap = ret->times_s[i];
        ret->times_s[i] = ret->times_s[n - 1 - i];
        ret->times_s[n - 1 - i] = swap;
    }
    ret->n = n;
    return 0;
}

static int run(tracker *t, const analysis_control *control)
{
    for (int frame = 0; frame < t->n; frame++) {
        if (frame % 4096 == 0 && analysis_cancelled(control)) {
            return -ECANCELED;
        }
        for (int j = 0; j < t->n_intervals; j++) {
            step(t, frame, j);
        }
        find_changes(t, frame);
    }
    return 0;
}

int analysis_track_find(const analysis_pulse *pulse, double period_s,
                        const analysis_control *control, analysis_track *ret)
{
    tracker t = {0};
    analysis_track track = {0};
    int frame = -1;
    int j = 0;
    int err = tracker_init(&t, pulse, period_s);
    if (err == 0) {
        err = run(&t, control);
    }
    if (err == 0) {
        float score = best_end(&t, &frame, &j);
        err = trace(&t, frame, j, pulse->rate_hz, &track);
        track.score = track.n > 0 ? (double)score / (double)track.n : 0.0;
    }
    tracker_done(&t);
    if (err == 0) {
        *ret = track;
    }
    return err;
}

void analysis_track_done(analysis_track *track)
{
    free(track->times_s);
    *track = (analysis_track){0};
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double analysis_track_period_s(const analysis_track *track)
{
    if (track->n < 2) {
        return 0.0;
    }
    size_t n = track->n - 1;
    double *intervals = RF_NEW_ARRAY(double, n);
    for (size_t i = 0; i < n; i++) {
        intervals[i] = track->times_s[i + 1] - track->times_s[i];
    }
    qsort(intervals, n, sizeof(double), compare_doubles);
    double median = intervals[n / 2];
    free(intervals);
    return median;
}
