/*
 * recorder_map.h - the time map of a session (T1-T4): pieces of a straight line between frames and
 * UTC. Between two pieces time may pass without frames (a pause, audio lost unnoticed): such times
 * belong to the first frame of the later piece.
 *
 * All arithmetic is in integers, so that every machine and every recovery gives the same frames.
 * One owner; a conversion is O(log pieces). 24 bytes a piece.
 */
#ifndef RECORDER_MAP_H
#define RECORDER_MAP_H

#include "rf_base.h"

#define RECORDER_PIECES_MAX 32768

typedef struct recorder_piece {
    int64_t first_frame;
    int64_t utc_ns;  /* of the begin of first_frame */
    uint64_t ns_q32; /* ns per frame, times 2^32 */
} recorder_piece;

typedef struct recorder_map {
    recorder_piece *items;
    uint32_t n;
    uint32_t cap;
} recorder_map;

/* recorder_map_nominal: ns per frame of a rate in Hz, times 2^32. */
uint64_t recorder_map_nominal(uint32_t rate_hz);

/* recorder_map_put makes `piece` the last one: of index n a new one, of index n - 1 another form of
 * the last, of a lower index those above it are dropped. A new piece that begins where the last one
 * does takes its place. Returns 0; -EINVAL when it does not lie behind the piece below it in frames
 * and in time, or is no rate; -ENOSPC beyond RECORDER_PIECES_MAX. */
int recorder_map_put(recorder_map *map, uint32_t index, const recorder_piece *piece);

/* recorder_map_piece: of a frame; the first one for frames before it. The map must not be empty. */
const recorder_piece *recorder_map_piece(const recorder_map *map, int64_t frame);

/* recorder_map_utc: when a frame begins, and with _end when the frame before `end_frame` ends: the
 * two differ where a piece begins. The map must not be empty. */
int64_t recorder_map_utc(const recorder_map *map, int64_t frame);
int64_t recorder_map_utc_end(const recorder_map *map, int64_t end_frame);

/* recorder_map_frame: the frame nearest to a time, half up; negative before frame 0. *ret_between
 * is true for a time that lies between two pieces. The map must not be empty. */
int64_t recorder_map_frame(const recorder_map *map, int64_t utc_ns, bool *ret_between);

/* recorder_map_done frees the pieces and leaves an empty map. */
void recorder_map_done(recorder_map *map);

/* recorder_duration_ms: n_frames x 1000 / rate, rounded half up (T1). */
int64_t recorder_duration_ms(int64_t n_frames, uint32_t rate_hz);

/* recorder_clock_step_ms: how far the wall clock has been stepped (T3), from UTC minus monotonic as
 * known and as just read; 0 below 10 ms, which two readings one after the other may differ by. */
int64_t recorder_clock_step_ms(int64_t known_offset_ns, int64_t offset_ns);

#endif
