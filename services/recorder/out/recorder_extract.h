/*
 * recorder_extract.h - a range of a master as one file in any format, rate and channels: what
 * segment() gives, and what is stored when a session ends.
 *
 * The file begins with the asked frame and has round(count * rate out / rate in) frames, exactly:
 * for MP3 after the trimming that its length tag asks for, for Opus by pre-skip and end position.
 * Its head is right from the first byte, so that it can be streamed, hashed and stored without
 * going back. Memory is at most 2 MiB for any length. Threads: any; the calls share nothing.
 */
#ifndef RECORDER_EXTRACT_H
#define RECORDER_EXTRACT_H

#include "recorder_format.h"
#include "recorder_reader.h"
#include "rf_encode.h"

/* Gets the bytes in order, 64 KiB or so at a time; anything but 0 ends the extract with it. */
typedef int (*recorder_write_fn)(void *user, const void *data, size_t len);

typedef struct recorder_extract_params {
    int fd;                        /* of the master; the caller's */
    const recorder_frames *frames; /* instead of it; NULL: none */
    rf_pcm session;                /* the shape of either */
    recorder_output output;
    int64_t first;  /* frame of the session, 0.. */
    int64_t count;  /* frames of the session, 0..; all of them readable */
    int64_t lowest; /* frames before it are not looked at, not even to warm Opus up: the lower
                       bound that clear_frames() sets */
    bool stored;    /* a segment: WAV keeps place in front for the sizes of RF64 */
    const rf_encode_cue *cues; /* WAV: markers, counted in frames of the session from `first` */
    size_t n_cues;             /* 0..10,000; those of other formats are left out */
    /* Gets the session's frames of the range as they are read, in its shape; NULL: nobody. */
    void (*hear)(void *user, const void *data, int64_t n);
    void *hear_user;
} recorder_extract_params;

typedef struct recorder_extract_result {
    rf_pcm pcm;       /* the shape of the file; lossy formats: what was coded */
    int64_t n_frames; /* at its rate */
    int64_t n_bytes;
    int64_t n_clipped, n_nonfinite; /* samples */
    recorder_reader_work reads;
} recorder_extract_result;

/* recorder_extract writes the file. Returns 0; -EINVAL or -ENOTSUP with an error that names field
 * and limit, before anything was written; the writer's error; or one of disk or codec. ret and
 * error may be NULL. */
int recorder_extract(const recorder_extract_params *params, recorder_write_fn write, void *user,
                     recorder_extract_result *ret, rf_media_error *error) RF_MUST_USE;

#endif
