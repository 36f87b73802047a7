/*
 * reflection_kept.h - the frames of a publisher that are not durable yet (S7), as the messages in
 * which they are sent, so that sending again is sending the same. Plain data, one thread at a time.
 */
#ifndef REFLECTION_KEPT_H
#define REFLECTION_KEPT_H

#include "reflection_fault.h"

#define REFLECTION_FRAME_HEAD 16
#define REFLECTION_FRAME_MAX 65536 /* bytes of a binary message */

/* Audio, or a gap. */
typedef struct reflection_block {
    struct reflection_block *next;
    int64_t first_frame;
    int64_t n_frames;
    size_t len;     /* 0: a gap */
    uint8_t data[]; /* the message; its stream id is filled in when it is sent */
} reflection_block;

typedef struct reflection_kept {
    reflection_block *first;
    reflection_block *last;
    reflection_block *unsent; /* the first that was not sent over this connection */
    int64_t n_frames;         /* of audio */
} reflection_kept;

/* reflection_kept_audio adds a message of n_frames of frame_bytes each, at most
 * reflection_kept_most(frame_bytes); reflection_kept_gap a gap. 0 or -ENOMEM. */
REFLECTION_LOCAL int64_t reflection_kept_most(size_t frame_bytes);
REFLECTION_LOCAL int reflection_kept_audio(reflection_kept *k, int64_t first_frame, const void *pcm,
                                           int64_t n_frames, size_t frame_bytes);
REFLECTION_LOCAL int reflection_kept_gap(reflection_kept *k, int64_t first_frame, int64_t n_frames);

/* reflection_kept_drop gives up what was sent and lies before frame `durable` as a whole. */
REFLECTION_LOCAL void reflection_kept_drop(reflection_kept *k, int64_t durable);

/* reflection_kept_rewind: on a new connection, all that is not durable is to be sent again. */
REFLECTION_LOCAL void reflection_kept_rewind(reflection_kept *k, int64_t durable);

/* reflection_kept_done gives all of it up. */
REFLECTION_LOCAL void reflection_kept_done(reflection_kept *k);

/* The header of a binary message (spec section 8): 16 bytes, little endian. */
typedef struct reflection_frame {
    uint8_t type; /* 1 publish, 2 subscribe */
    uint8_t flags;
    uint16_t stream_id;
    uint32_t n_frames;
    uint64_t first_frame;
} reflection_frame;

#define REFLECTION_FRAME_PUBLISH 1
#define REFLECTION_FRAME_SUBSCRIBE 2
#define REFLECTION_FRAME_LAST 2u

REFLECTION_LOCAL void reflection_frame_pack(const reflection_frame *frame,
                                            uint8_t ret[REFLECTION_FRAME_HEAD]);
REFLECTION_LOCAL void reflection_frame_unpack(const uint8_t data[REFLECTION_FRAME_HEAD],
                                              reflection_frame *ret);

#endif
