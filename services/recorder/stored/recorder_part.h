/*
 * recorder_part.h - one stored segment opened for reading by frames: what the readers of single
 * formats share. Private to this folder. One thread at a time.
 */
#ifndef RECORDER_PART_H
#define RECORDER_PART_H

#include "rf_convert.h"
#include "rf_decode.h"
#include "rf_store.h"

typedef struct recorder_part {
    rf_store_object *object;
    int64_t size;     /* bytes */
    int64_t n_frames; /* of the segment */
    rf_pcm pcm;       /* of the session: what read gives */
    size_t frame_bytes;
    rf_decoder *decoder; /* NULL: none is there */
    void *state;         /* the format's */
} recorder_part;

/* open: 0, -EBADMSG for an object that is not what was stored, or an error of the store; close is
 * called in every case. read gives frames [first, first + n) of the segment, all within it. */
typedef struct recorder_part_ops {
    int (*open)(recorder_part *part);
    int (*read)(recorder_part *part, int64_t first, int64_t n, void *out);
    void (*close)(recorder_part *part);
} recorder_part_ops;

extern const recorder_part_ops recorder_part_pcm;
extern const recorder_part_ops recorder_part_wav;
extern const recorder_part_ops recorder_part_flac;
extern const recorder_part_ops recorder_part_mp3;
extern const recorder_part_ops recorder_part_opus;

/* recorder_part_bytes reads exactly len bytes of the object; -EBADMSG behind its end. */
int recorder_part_bytes(const recorder_part *part, int64_t offset, void *out, size_t len);

#endif
