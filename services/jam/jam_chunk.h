/*
 * jam_chunk.h - the numbers of a chunk and the text around its audio (jam.md sections 4 and 5).
 * Pure functions; no heap. Any thread.
 */
#ifndef JAM_CHUNK_H
#define JAM_CHUNK_H

#include "jam_format.h"
#include "jam_message.h"
#include "jam_stream.h"
#include "jam_text.h"

#define JAM_SERVER_TEXT_MAX 1048576
#define JAM_ENVELOPE_MAX 3500 /* before and after of a text chunk together, and a chunk_meta */

/* jam_chunk_min_frames: the smallest H / 1920 for an overlap. */
uint32_t jam_chunk_min_frames(uint32_t overlap);

/* jam_chunk_fits: whether a chunk of that shape is within the size rule as text. */
bool jam_chunk_fits(jam_format format, uint32_t bitrate_kbps, uint32_t n_frames, uint32_t overlap);

/* jam_chunk_check: V <= H (OUT_OF_RANGE) and, with text, the size rule (CHUNK_TOO_LARGE); both on
 * max_decode_frames. Returns 0 or -EINVAL. */
int jam_chunk_check(jam_format format, uint32_t bitrate_kbps, uint32_t n_frames, uint32_t overlap,
                    bool text, jam_error *error);

/* What stands in the metadata of a chunk: all but lead_ms is kept with it. */
typedef struct jam_chunk {
    int64_t index;
    int64_t start_sample;
    uint32_t n_frames;
    uint32_t n_samples;
    uint32_t overlap;
    jam_format format;
    uint64_t seed;
    double generation_ms;
    jam_mark mark;
} jam_chunk;

/* jam_chunk_describe fills it from a cut. */
void jam_chunk_describe(const jam_cut *cut, jam_format format, uint64_t seed, double generation_ms,
                        jam_chunk *ret);

/* The text of a chunk message around its base64, and the chunk_meta message. Each writes at most
 * JAM_ENVELOPE_MAX bytes and returns their number. */
size_t jam_chunk_before(char *ret, size_t cap);
size_t jam_chunk_after(const jam_chunk *chunk, double lead_ms, char *ret, size_t cap);
size_t jam_chunk_meta(const jam_chunk *chunk, double lead_ms, char *ret, size_t cap);

#endif
