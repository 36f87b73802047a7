/*
 * recorder_stored.h - the frames of a finished session read from its stored segments: what stands
 * for the master once that is gone (spec section 7, Retention). Any range of a segment is reached
 * without reading what lies before it; memory is below 2 MiB for any length.
 *
 * WAV, PCM and FLAC are read as they lie; MP3 and Opus are decoded in pieces by sandboxed children.
 * Blocks on the store. One thread at a time.
 */
#ifndef RECORDER_STORED_H
#define RECORDER_STORED_H

#include "recorder_shelf.h"
#include "rf_decode.h"

typedef struct recorder_stored recorder_stored;

/* recorder_stored_open holds the shelf; store and decoder (NULL: no MP3, no Opus) are lent. Nothing
 * is read before the first frames. */
recorder_stored *recorder_stored_open(recorder_shelf *shelf, rf_store *store, rf_decoder *decoder);
recorder_stored *recorder_stored_close(recorder_stored *stored);

/* recorder_stored_read puts frames [first, first + n) of the session to out, in its shape; silence
 * where no segment has them. Returns 0, -EBADMSG when an object is not what was stored, -ENOSYS
 * without a decoder, or an error of the store. */
int recorder_stored_read(recorder_stored *stored, int64_t first, int64_t n, void *out) RF_MUST_USE;

#endif
