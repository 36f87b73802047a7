/*
 * recorder_meta.h - a stored segment's metadata (D13), and sessions as JSON documents. Pure.
 */
#ifndef RECORDER_META_H
#define RECORDER_META_H

#include "recorder_take.h"
#include "rf_loudness.h"

#include <jansson.h>

/* recorder_meta_segment appends the metadata of a published segment (by index) as JSON. 0 or the
 * error of out. */
int recorder_meta_segment(const recorder_take *take, uint32_t index, rf_buf *out);

/* The same as a document: what stop gives. */
json_t *recorder_meta_segment_json(const recorder_take *take, uint32_t index);

json_t *recorder_meta_gaps(const recorder_gap *gaps, uint32_t n);
json_t *recorder_meta_map(const recorder_map *map);
json_t *recorder_meta_markers(const recorder_marker *markers, uint32_t n);
json_t *recorder_meta_time(int64_t utc_ns);
/* recorder_meta_loudness: of a segment; _live_loudness: of a session that goes on. null stands for
 * -infinity. */
json_t *recorder_meta_loudness(const recorder_loudness *loudness);
json_t *recorder_meta_live_loudness(const rf_loudness *levels);

/* recorder_meta_dump appends a document and drops it. */
int recorder_meta_dump(json_t *json, rf_buf *out);

#endif
