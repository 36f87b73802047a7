/*
 * recorder_overview.h - a waveform overview of a range of a session as a file (section 7, Peaks),
 * made when it is asked for: at any number of frames per pixel, of a session that still grows too.
 * Any thread; blocks on the disk.
 */
#ifndef RECORDER_OVERVIEW_H
#define RECORDER_OVERVIEW_H

#include "recorder_extract.h"
#include "recorder_take.h"

typedef struct recorder_overview {
    bool json;        /* else .dat */
    uint32_t spp;     /* frames per pixel, 2..65,536 */
    uint32_t bits;    /* 8 or 16 */
    bool per_channel; /* else their mean */
    bool partial;     /* the last pixel may have fewer frames; else it is left out */
} recorder_overview;

/* recorder_overview_write writes the file of frames [first, first + count), all readable. start
 * gives the shape. 0, an error of reading, or what write gave. */
int recorder_overview_write(const recorder_frames *frames, const recorder_start *start,
                            const recorder_overview *overview, int64_t first, int64_t count,
                            recorder_write_fn write, void *user);

const char *recorder_overview_content_type(const recorder_overview *overview);

#endif
