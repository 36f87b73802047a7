#include "recorder_fit.h"

#include "recorder_edge.h"

#include <math.h>

#define MS 1e6
#define SECOND_NS 1000000000LL
#define STEP_NS (30 * 1000000LL)
#define STEP_WINDOW_NS (2 * SECOND_NS)
#define STEP_EVEN 4       /* both halves of a lasting step agree to a 4th of it */
#define RATE_AFTER_S 10.0 /* the rate of a piece counts from then on */
#define RATE_OWN_S 180.0  /* and beats what was known before from then on */
#define WANDER_NS (1.0 * MS)
#define WANDER_S 60.0
#define WANDER_BLOCKS 8
#define PIECE_S 3600.0
#define TELL_NS (0.1 * MS)
#define TELL_EVERY_NS (SECOND_NS / 10)
#define DEVIATION_MAX 0.02 /* of the nominal rate */

/* Lateness that may turn out to last. */
typedef struct lateness {
    bool on;
    int64_t since_frame; /* the first frame that came late */
    int64_t since_ns;
    double first_min;     /* of the first half of the window */
    double last_min;      /* of the second half */
    recorder_point point; /* the least late, relative to the piece */
} lateness;

struct recorder_fit {
    recorder_fit_config config;
    double nominal_ns; /* per frame */
    int64_t first;     /* frame of the piece, and its line's origin */
    int64_t origin_ns; /* monotonic, of the line's origin: the first arrival, put back to `first` */
    bool has_origin;
    double offset_ns; /* the line: lateness against the origin is offset + deviation * frames */
    double deviation; /* ns per frame above the nominal */
    bool has_prior;
    double prior; /* deviation known before this piece */
    recorder_edge edge;
    lateness late;
    int64_t last_frame;
    int64_t earliest_ns; /* UTC that the piece may begin at: time does not go back */
    bool told;
    int64_t told_ns; /* monotonic */
    double told_offset;
    double told_deviation;
    double weight_sum; /* of pieces that have ended: 1 / error^2, and drift times that */
    double weighted_drift;
};

recorder_fit *recorder_fit_new(const recorder_fit_config *config, int64_t first)
{
    recorder_fit *fit = RF_NEW(recorder_fit);
    fit->config = *config;
    fit->config.step_ns = config->step_ns == 0 ? STEP_NS : config->step_ns;
    fit->config.step_window_ns =
        config->step_window_ns == 0 ? STEP_WINDOW_NS : config->step_window_ns;
    fit->nominal_ns = 1e9 / config->rate_hz;
    fit->earliest_ns = INT64_MIN;
    fit->first = first;
    fit->last_frame = first;
    recorder_edge_init(&fit->edge, config->rate_hz);
    return fit;
}

recorder_fit *recorder_fit_free(recorder_fit *fit)
{
    free(fit);
    return NULL;
}

void recorder_fit_prior(recorder_fit *fit, uint64_t ns_q32)
{
    fit->has_prior = true;
    fit->prior = (double)ns_q32 / 4294967296.0 - fit->nominal_ns;
    fit->deviation = fit->prior;
}

static double age_s(const recorder_fit *fit)
{
    return recorder_edge_span(&fit->edge) / fit->config.rate_hz;
}

/* Drift of the newest piece; false while that is young. */
static bool piece_drift(const recorder_fit *fit, double *ret_ppm, double *ret_error)
{
    double slope;
    double error;
    if (age_s(fit) < RATE_AFTER_S || !recorder_edge_slope(&fit->edge, &slope, &error)) {
        return false;
    }
    /* A rate that is higher makes a frame shorter. */
    *ret_ppm = (fit->nominal_ns / (fit->nominal_ns + slope) - 1.0) * 1e6;
    *ret_error = error / fit->nominal_ns * 1e6;
    return true;
}

/* What the piece has shown of the rate goes into the sums and is known to the next one. */
static void end_piece(recorder_fit *fit)
{
    double ppm;
    double error;
    if (piece_drift(fit, &ppm, &error)) {
        double weight = 1.0 / (error * error);
        fit->weight_sum += weight;
        fit->weighted_drift += weight * ppm;
        fit->has_prior = true;
        fit->prior = fit->deviation;
    }
}

bool recorder_fit_drift(const recorder_fit *fit, double *ret_ppm, double *ret_error_ppm)
{
    double ppm = 0.0;
    double error = 1.0;
    double weight = piece_drift(fit, &ppm, &error) ? 1.0 / (error * error) : 0.0;
    double sum = fit->weight_sum + weight;
    if (sum <= 0.0) {
        return false;
    }
    *ret_ppm = (fit->weighted_drift + weight * ppm) / sum;
    *ret_error_ppm = sqrt(1.0 / sum);
    return true;
}

/* UTC of a frame on the line of the newest piece. */
static int64_t utc_of(const recorder_fit *fit, int64_t frame)
{
    double ns = fit->offset_ns + (double)(frame - fit->first) * (fit->nominal_ns + fit->deviation);
    return fit->origin_ns + fit->config.utc_offset_ns + (int64_t)llrint(ns);
}

static void start_piece(recorder_fit *fit, int64_t first)
{
    end_piece(fit);
    if (fit->told) {
        fit->earliest_ns = RF_MAX(utc_of(fit, first), fit->earliest_ns);
    }
    fit->first = first;
    fit->has_origin = false;
    fit->offset_ns = 0.0;
    fit->deviation = fit->has_prior ? fit->prior : 0.0;
    fit->told = false;
    fit->late.on = false;
    recorder_edge_init(&fit->edge, fit->config.rate_hz);
}

void recorder_fit_begin(recorder_fit *fit, int64_t first, int64_t utc_offset_ns)
{
    start_piece(fit, first);
    fit->last_frame = first;
    fit->config.utc_offset_ns = utc_offset_ns;
}

/* Where an arrival lies against the origin: frames, and ns later than the nominal rate. */
static recorder_point point_of(const recorder_fit *fit, int64_t end_frame, int64_t mono_ns)
{
    double frames = (double)(end_frame - fit->first);
    return (recorder_point){frames, (double)(mono_ns - fit->origin_ns) - frames * fit->nominal_ns};
}

static double above_line(const recorder_fit *fit, recorder_point p)
{
    return p.y - fit->offset_ns - fit->deviation * p.x;
}

/* The rate that holds: of the piece, of those before it while it is young, else the nominal. */
static double best_deviation(const recorder_fit *fit)
{
    double slope;
    double error;
    double age = age_s(fit);
    bool is_own = age >= (fit->has_prior ? RATE_OWN_S : RATE_AFTER_S) &&
                  recorder_edge_slope(&fit->edge, &slope, &error);
    double limit = DEVIATION_MAX * fit->nominal_ns;
    if (!is_own) {
        return fit->has_prior ? fit->prior : 0.0;
    }
    return fmin(fmax(slope, -limit), limit);
}

/* The line anew from the lower edge. */
static void refit(recorder_fit *fit)
{
    fit->deviation = best_deviation(fit);
    fit->offset_ns = recorder_edge_lowest(&fit->edge, fit->deviation);
}

/* The points from `x` on become those of a new piece that begins at x. */
static void split_at(recorder_fit *fit, double x)
{
    recorder_edge edge = fit->edge;
    int64_t first = fit->first + (int64_t)x;
    int64_t origin = fit->origin_ns + (int64_t)llrint(x * fit->nominal_ns);
    start_piece(fit, first);
    fit->origin_ns = origin;
    fit->has_origin = true;
    recorder_edge_tail(&edge, (double)(int64_t)x, &fit->edge);
    refit(fit);
}

/* Clocks wander: a new piece where the line has left the arrivals, or after an hour. */
static bool wander(recorder_fit *fit)
{
    double from = recorder_edge_recent(&fit->edge, WANDER_BLOCKS, WANDER_S * fit->config.rate_hz);
    bool is_long = age_s(fit) >= 2.0 * WANDER_S && from > 0.0;
    if (!is_long || (age_s(fit) < PIECE_S &&
                     recorder_edge_lowest_from(&fit->edge, fit->deviation, from) - fit->offset_ns <
                         WANDER_NS)) {
        return false;
    }
    split_at(fit, from);
    return true;
}

/* A step that has lasted: the line goes on higher from the first late frame. */
static void step_up(recorder_fit *fit, recorder_fit_news *ret)
{
    lateness late = fit->late;
    double step = fmin(late.first_min, late.last_min);
    double x = (double)(late.since_frame - fit->first);
    double offset = fit->offset_ns + fit->deviation * x;
    int64_t lost_at = fit->origin_ns + (int64_t)llrint(offset + x * fit->nominal_ns);
    start_piece(fit, late.since_frame);
    fit->has_origin = true;
    fit->origin_ns = lost_at + (int64_t)llrint(step);
    recorder_edge_add(&fit->edge, (recorder_point){late.point.x - x, 0.0}, fit->deviation);
    ret->lost = true;
    ret->gap = (recorder_gap){.start_frame = late.since_frame,
                              .length_frames = (int64_t)llrint(step / fit->nominal_ns),
                              .utc_ns = lost_at + fit->config.utc_offset_ns,
                              .cause = RECORDER_GAP_UNKNOWN};
}

static void be_late(recorder_fit *fit, int64_t mono_ns, double above, recorder_point p)
{
    lateness *late = &fit->late;
    if (!late->on) {
        *late = (lateness){.on = true,
                           .since_frame = fit->last_frame,
                           .since_ns = mono_ns,
                           .first_min = above,
                           .last_min = INFINITY,
                           .point = p};
        return;
    }
    bool is_first_half = mono_ns - late->since_ns < fit->config.step_window_ns / 2;
    double *half = is_first_half ? &late->first_min : &late->last_min;
    if (above < fmin(late->first_min, late->last_min)) {
        late->point = p;
    }
    *half = fmin(*half, above);
}

/* Lateness lasts when arrivals and audio have both gone on for the window, neither half catching
 * up. True: the step has been made. */
static bool watch(recorder_fit *fit, int64_t end_frame, int64_t mono_ns, recorder_point p,
                  recorder_fit_news *ret)
{
    double above = above_line(fit, p);
    lateness *late = &fit->late;
    if (above <= (double)fit->config.step_ns) {
        late->on = false;
        return false;
    }
    be_late(fit, mono_ns, above, p);
    double heard_ns = (double)(end_frame - late->since_frame) * fit->nominal_ns;
    if (mono_ns - late->since_ns < fit->config.step_window_ns ||
        heard_ns < (double)fit->config.step_window_ns * 0.9) {
        return false;
    }
    if (fabs(late->first_min - late->last_min) > (double)fit->config.step_ns / STEP_EVEN) {
        late->on = false;
        be_late(fit, mono_ns, above, p);
        return false;
    }
    step_up(fit, ret);
    return true;
}

/* Has the line moved, at its begin or at its end, since it was told? */
static bool has_moved(const recorder_fit *fit)
{
    double x = (double)(fit->last_frame - fit->first);
    double by_offset = fit->offset_ns - fit->told_offset;
    double by_end = by_offset + (fit->deviation - fit->told_deviation) * x;
    return fabs(by_offset) >= TELL_NS || fabs(by_end) >= TELL_NS;
}

static void tell(recorder_fit *fit, int64_t mono_ns, recorder_fit_news *ret)
{
    ret->is_new = !fit->told;
    ret->moved = ret->is_new || (has_moved(fit) && mono_ns - fit->told_ns >= TELL_EVERY_NS);
    ret->piece = (recorder_piece){
        .first_frame = fit->first,
        .utc_ns = RF_MAX(utc_of(fit, fit->first), fit->earliest_ns),
        .ns_q32 = (uint64_t)llrint((fit->nominal_ns + fit->deviation) * 4294967296.0),
    };
    if (ret->moved) {
        fit->told = true;
        fit->told_ns = mono_ns;
        fit->told_offset = fit->offset_ns;
        fit->told_deviation = fit->deviation;
    }
}

void recorder_fit_flush(recorder_fit *fit, recorder_fit_news *ret)
{
    *ret = (recorder_fit_news){0};
    if (fit->has_origin && (!fit->told || has_moved(fit))) {
        tell(fit, INT64_MAX, ret);
    }
}

static void first_arrival(recorder_fit *fit, int64_t end_frame, int64_t mono_ns)
{
    double frames = (double)(end_frame - fit->first);
    double ns = frames * (fit->nominal_ns + fit->deviation);
    fit->origin_ns = mono_ns - (int64_t)llrint(ns);
    fit->has_origin = true;
}

void recorder_fit_add(recorder_fit *fit, int64_t end_frame, int64_t mono_ns, recorder_fit_news *ret)
{
    *ret = (recorder_fit_news){0};
    if (end_frame <= fit->last_frame) {
        return;
    }
    if (!fit->has_origin) {
        first_arrival(fit, end_frame, mono_ns);
    }
    recorder_point p = point_of(fit, end_frame, mono_ns);
    if (!watch(fit, end_frame, mono_ns, p, ret)) {
        bool closed = recorder_edge_add(&fit->edge, p, fit->deviation);
        fit->offset_ns += fmin(above_line(fit, p), 0.0);
        if (closed) {
            refit(fit);
            (void)wander(fit);
        }
    }
    fit->last_frame = end_frame;
    tell(fit, mono_ns, ret);
}
