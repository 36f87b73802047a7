/*
 * recorder_frame.h - the header of a binary message of /ws/recorder (section 8): 16 bytes, little
 * endian, then the payload. Pure, any thread.
 */
#ifndef RECORDER_FRAME_H
#define RECORDER_FRAME_H

#include "rf_base.h"

#define RECORDER_FRAME_HEAD 16
#define RECORDER_FRAME_MAX_BYTES 65536 /* of the whole message */

#define RECORDER_FRAME_PUBLISH 1
#define RECORDER_FRAME_SUBSCRIBE 2

#define RECORDER_FRAME_GAP_BEFORE 1u
#define RECORDER_FRAME_LAST 2u
#define RECORDER_FRAME_HAS_FILL 4u

typedef struct recorder_frame {
    uint8_t type;
    uint8_t flags;
    uint16_t stream_id;
    uint32_t n_frames;
    uint64_t first_frame;
    const uint8_t *payload; /* into what was parsed */
    size_t len;
} recorder_frame;

void recorder_frame_pack(const recorder_frame *frame, uint8_t ret[RECORDER_FRAME_HEAD]);

/* recorder_frame_parse: -EMSGSIZE above the limit; -EBADMSG when it is too short, of another type
 * than PUBLISH, or has flags that are none. Whether the payload fits is the session's to say. */
int recorder_frame_parse(const void *data, size_t len, recorder_frame *ret) RF_MUST_USE;

#endif
