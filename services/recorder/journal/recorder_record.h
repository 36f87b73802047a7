/*
 * recorder_record.h - one record of the journal as bytes; README.md has the layout.
 * Pure functions; any thread.
 */
#ifndef RECORDER_RECORD_H
#define RECORDER_RECORD_H

#include "rf_base.h"

#include <sys/types.h>

#define RECORDER_SESSION_ID 16          /* bytes */
#define RECORDER_RECORD_HEADER 48       /* bytes before the payload */
#define RECORDER_RECORD_MAX (16u << 20) /* bytes of payload: the largest snapshot of a take */
#define RECORDER_PATH_MAX 1023          /* bytes of a master's path */
#define RECORDER_FRAME_MAX (1LL << 50)  /* no frame has a higher number */

/* The numbers are on disk. */
typedef enum recorder_record_kind {
    RECORDER_RECORD_AUDIO = 1,    /* n_frames of PCM; without payload: so much silence */
    RECORDER_RECORD_CHANGE = 2,   /* a fact of a session, opaque here */
    RECORDER_RECORD_SNAPSHOT = 3, /* a session's state: earlier changes are in it */
    RECORDER_RECORD_SESSION = 4,  /* the journal's own: frame size and path of a master */
    RECORDER_RECORD_END = 5,      /* nothing of this session is needed any more */
    RECORDER_RECORD_FLOOR = 6,    /* the journal's own: first_frame is the oldest file needed */
} recorder_record_kind;

typedef struct recorder_record {
    recorder_record_kind kind;
    uint8_t session[RECORDER_SESSION_ID];
    int64_t first_frame; /* 0..RECORDER_FRAME_MAX */
    uint32_t n_frames;
    uint32_t len;     /* bytes of data, <= RECORDER_RECORD_MAX */
    const void *data; /* not owned */
    uint64_t seq;     /* number of the record, from 1, given by the journal */
} recorder_record;

/* recorder_record_size: bytes on disk of a record with len bytes of payload; a multiple of 8. */
size_t recorder_record_size(uint32_t len);

/* recorder_record_check: 0, or -EINVAL, -EMSGSIZE when r cannot be written. */
int recorder_record_check(const recorder_record *r);

/* recorder_record_pack writes recorder_record_size(r->len) bytes; r has been checked. */
void recorder_record_pack(const recorder_record *r, uint8_t *out);

/* recorder_record_need: the bytes that the record behind these RECORDER_RECORD_HEADER bytes has in
 * all, 0 where none can begin with them. */
size_t recorder_record_need(const uint8_t *header);

/* recorder_record_parse reads the record at the front of len bytes; ret->data points into them.
 * Returns its size; 0 at the end of the journal (no bytes, or a header of zeros); -ENODATA when the
 * bytes end within it, -EBADMSG when it is damaged, -EPROTO when it is whole and unknown, of a
 * later version. ret is written on a size only. */
ssize_t recorder_record_parse(const uint8_t *data, size_t len, recorder_record *ret);

/* The payload of a SESSION record. pack returns its length, at most RECORDER_SESSION_MAX; unpack 0
 * or -EBADMSG. path holds RECORDER_PATH_MAX + 1 bytes. */
#define RECORDER_SESSION_MAX (4 + RECORDER_PATH_MAX)
uint32_t recorder_record_pack_session(uint32_t frame_bytes, const char *path, uint8_t *out);
int recorder_record_unpack_session(const recorder_record *r, uint32_t *ret_frame_bytes,
                                   char *path) RF_MUST_USE;

/* Little-endian numbers. */
void recorder_put_le(uint8_t *out, uint64_t value, size_t n_bytes);
uint64_t recorder_get_le(const uint8_t *data, size_t n_bytes);

#endif
