/*
 * recorder_edge.h - the lower edge of a cloud of points (frames, lateness in ns), kept in at most
 * 128 blocks of equal length, of each its lowest point; the blocks grow with the cloud. Used by
 * recorder_fit alone.
 */
#ifndef RECORDER_EDGE_H
#define RECORDER_EDGE_H

#include "rf_base.h"

#define RECORDER_EDGE_BLOCKS 128

typedef struct recorder_point {
    double x; /* frames */
    double y; /* ns */
} recorder_point;

typedef struct recorder_edge {
    double block_frames;
    double block_end; /* of the block that is filled now */
    bool open;        /* points[n] is that block's */
    uint32_t n;       /* blocks that are closed */
    recorder_point points[RECORDER_EDGE_BLOCKS + 1];
} recorder_edge;

/* recorder_edge_init: empty, blocks of one second. */
void recorder_edge_init(recorder_edge *edge, uint32_t rate_hz);

/* recorder_edge_add takes a point whose x does not lie before the last one. slope: of the line
 * along which points of a block are compared. Returns true when that has closed a block. */
bool recorder_edge_add(recorder_edge *edge, recorder_point p, double slope);

/* recorder_edge_span: from the first point to the last. */
double recorder_edge_span(const recorder_edge *edge);

/* recorder_edge_lowest: the highest offset of a line of this slope that no point lies below;
 * lowest_from: of the points from x on. INFINITY without points. */
double recorder_edge_lowest(const recorder_edge *edge, double slope);
double recorder_edge_lowest_from(const recorder_edge *edge, double slope, double x);

/* recorder_edge_slope: of the line below all points that is nearest to them, and its standard
 * error. False with fewer than 3 points. */
bool recorder_edge_slope(const recorder_edge *edge, double *ret_slope, double *ret_error);

/* recorder_edge_recent: where the last points begin that are at least n blocks and `frames` long;
 * 0 when that is all. */
double recorder_edge_recent(const recorder_edge *edge, uint32_t n, double frames);

/* recorder_edge_tail makes *ret of the points from x on, counted from there. */
void recorder_edge_tail(const recorder_edge *edge, double x, recorder_edge *ret);

#endif
