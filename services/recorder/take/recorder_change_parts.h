/*
 * recorder_change_parts.h - the bytes of the parts that changes and snapshots share. Used by
 * recorder_change and recorder_take alone. A get marks the reader bad for values out of range.
 */
#ifndef RECORDER_CHANGE_PARTS_H
#define RECORDER_CHANGE_PARTS_H

#include "recorder_change.h"
#include "recorder_wire.h"

void recorder_put_start(rf_buf *out, const recorder_start *start);
void recorder_get_start(recorder_reader *r, recorder_start *ret);

void recorder_put_gap(rf_buf *out, const recorder_gap *gap);
void recorder_get_gap(recorder_reader *r, recorder_gap *ret);

void recorder_put_piece(rf_buf *out, const recorder_piece *piece);
void recorder_get_piece(recorder_reader *r, recorder_piece *ret);

void recorder_put_segment(rf_buf *out, const recorder_segment *segment);
void recorder_get_segment(recorder_reader *r, recorder_segment *ret);

/* A frame, 0..RECORDER_FRAMES_MAX. */
int64_t recorder_get_frame(recorder_reader *r);

/* A label of 1..256 bytes of UTF-8. */
void recorder_get_label(recorder_reader *r, char ret[RECORDER_LABEL_MAX + 1]);

/* Bytes that each of them takes at least, for recorder_get_count. */
#define RECORDER_GAP_BYTES 27
#define RECORDER_PIECE_BYTES 24
#define RECORDER_SEGMENT_BYTES 73

#endif
