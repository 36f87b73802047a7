#include "recorder_edge.h"

#include <math.h>

#define OUTLIER 5.0      /* times the middle residual: a late burst, no noise */
#define NOISE_MIN_NS 1e3 /* clocks are read no better */

void recorder_edge_init(recorder_edge *edge, uint32_t rate_hz)
{
    edge->block_frames = rate_hz;
    edge->block_end = 0.0;
    edge->open = false;
    edge->n = 0;
}

static uint32_t n_points(const recorder_edge *edge)
{
    return edge->n + (edge->open ? 1 : 0);
}

static bool lower(recorder_point a, recorder_point b, double slope)
{
    return a.y - slope * a.x < b.y - slope * b.x;
}

/* Two blocks become one. */
static void merge(recorder_edge *edge, double slope)
{
    for (uint32_t i = 0; i < RECORDER_EDGE_BLOCKS / 2; i++) {
        recorder_point a = edge->points[2 * i];
        recorder_point b = edge->points[2 * i + 1];
        edge->points[i] = lower(b, a, slope) ? b : a;
    }
    edge->n = RECORDER_EDGE_BLOCKS / 2;
    edge->block_frames *= 2.0;
}

bool recorder_edge_add(recorder_edge *edge, recorder_point p, double slope)
{
    bool closed = edge->open && p.x >= edge->block_end;
    if (closed) {
        edge->open = false;
        edge->n++;
        if (edge->n == RECORDER_EDGE_BLOCKS) {
            merge(edge, slope);
        }
    }
    recorder_point *now = &edge->points[edge->n];
    if (!edge->open) {
        edge->open = true;
        edge->block_end = (floor(p.x / edge->block_frames) + 1.0) * edge->block_frames;
        *now = p;
    } else if (lower(p, *now, slope)) {
        *now = p;
    }
    return closed;
}

double recorder_edge_span(const recorder_edge *edge)
{
    uint32_t n = n_points(edge);
    return n == 0 ? 0.0 : edge->points[n - 1].x - edge->points[0].x;
}

double recorder_edge_lowest_from(const recorder_edge *edge, double slope, double x)
{
    double lowest = INFINITY;
    for (uint32_t i = 0; i < n_points(edge); i++) {
        recorder_point p = edge->points[i];
        lowest = p.x >= x ? fmin(lowest, p.y - slope * p.x) : lowest;
    }
    return lowest;
}

double recorder_edge_lowest(const recorder_edge *edge, double slope)
{
    return recorder_edge_lowest_from(edge, slope, -INFINITY);
}

/* Does b lie on or above the line from a to c? */
static bool is_above(recorder_point a, recorder_point b, recorder_point c)
{
    return (b.y - a.y) * (c.x - a.x) >= (c.y - a.y) * (b.x - a.x);
}

/* The lower convex hull, from left to right. */
static uint32_t hull_of(const recorder_edge *edge, recorder_point *hull)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_points(edge); i++) {
        while (n >= 2 && is_above(hull[n - 2], hull[n - 1], edge->points[i])) {
            n--;
        }
        hull[n++] = edge->points[i];
    }
    return n;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Standard error of the slope of a straight line through the points, without late bursts. */
static double error_of(const recorder_edge *edge, double slope, double mean_x)
{
    double above[RECORDER_EDGE_BLOCKS + 1];
    double sorted[RECORDER_EDGE_BLOCKS + 1];
    uint32_t n = n_points(edge);
    double lowest = recorder_edge_lowest(edge, slope);
    for (uint32_t i = 0; i < n; i++) {
        above[i] = edge->points[i].y - slope * edge->points[i].x - lowest;
        sorted[i] = above[i];
    }
    qsort(sorted, n, sizeof(double), by_size);
    double limit = OUTLIER * RF_MAX(sorted[n / 2], NOISE_MIN_NS);
    double squares = NOISE_MIN_NS * NOISE_MIN_NS;
    double spread = 0.0;
    double count = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        bool is_noise = above[i] <= limit;
        double x = edge->points[i].x - mean_x;
        squares += is_noise ? above[i] * above[i] : 0.0;
        spread += is_noise ? x * x : 0.0;
        count += is_noise ? 1.0 : 0.0;
    }
    return sqrt(squares / fmax(count - 2.0, 1.0) / fmax(spread, 1.0));
}

bool recorder_edge_slope(const recorder_edge *edge, double *ret_slope, double *ret_error)
{
    recorder_point hull[RECORDER_EDGE_BLOCKS + 1];
    uint32_t n = n_points(edge);
    double mean_x = 0.0;
    if (n < 3) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        mean_x += edge->points[i].x / n;
    }
    uint32_t n_hull = hull_of(edge, hull);
    uint32_t right = 1;
    while (right + 1 < n_hull && hull[right].x < mean_x) {
        right++;
    }
    recorder_point a = hull[right - 1];
    recorder_point b = hull[right];
    *ret_slope = (b.y - a.y) / (b.x - a.x);
    *ret_error = error_of(edge, *ret_slope, mean_x);
    return true;
}

double recorder_edge_recent(const recorder_edge *edge, uint32_t n, double frames)
{
    uint32_t total = n_points(edge);
    double end = total == 0 ? 0.0 : edge->points[total - 1].x;
    for (uint32_t i = total; i > 0; i--) {
        double x = edge->points[i - 1].x;
        if (total - i + 1 >= n && end - x >= frames && i > 1) {
            return x;
        }
    }
    return 0.0;
}

void recorder_edge_tail(const recorder_edge *edge, double x, recorder_edge *ret)
{
    ret->block_frames = edge->block_frames;
    ret->block_end = edge->block_end - x;
    ret->open = edge->open;
    ret->n = 0;
    uint32_t total = 0;
    for (uint32_t i = 0; i < n_points(edge); i++) {
        recorder_point p = edge->points[i];
        if (p.x >= x) {
            ret->points[total++] = (recorder_point){p.x - x, p.y};
        }
    }
    ret->n = total - (ret->open && total > 0 ? 1 : 0);
    ret->open = ret->open && total > 0;
}
