/* What comes out of a session of the world: files of ranges, waveforms, live streams. */
#ifndef RECORDER_WORLD_OUT_H
#define RECORDER_WORLD_OUT_H

#include "recorder_slice.h"
#include "recorder_world.h"

typedef struct world_bytes {
    uint8_t *data;
    size_t len;
    int64_t first;
    int64_t count;
    bool exact;
    recorder_error error;
} world_bytes;

/* world_slice asks for a range and waits; world_segment for frames [first, first + n) in a format,
 * n 0: all; world_peaks for the default waveform. */
void world_slice(recorder_world *w, recorder_session *s, const recorder_slice_ask *ask,
                 world_bytes *ret);
void world_segment(recorder_world *w, recorder_session *s, int64_t first, int64_t n,
                   recorder_format format, world_bytes *ret);
void world_peaks(recorder_world *w, recorder_session *s, world_bytes *ret);

/* world_stream takes a whole stream of PCM from frame `first` of a session that has ended. */
void world_stream(recorder_world *w, recorder_session *s, int64_t first, world_bytes *ret);

void world_bytes_done(world_bytes *b);

/* world_equal: the same bytes. */
bool world_equal(const world_bytes *a, const world_bytes *b);

#endif
