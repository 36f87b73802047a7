/*
 * rf_cut.h - a range of an MP3 or Opus file as a small file of its own, found without reading the
 * rest: rf_decode makes the same frames of it as of the whole. For files as rf_encode writes them:
 * MP3 of constant bit rate without reservoir, with its tag in front (rf_mp3_tag.h); Ogg Opus of one
 * stream from position 0 on. Pure but for the reads; any thread.
 */
#ifndef RF_CUT_H
#define RF_CUT_H

#include "rf_buf.h"
#include "rf_media.h"

/* The whole file: read gives exactly len bytes at offset, or a negative errno. */
typedef struct rf_cut_file {
    int64_t size;
    int (*read)(void *user, int64_t offset, void *data, size_t len);
    void *user;
} rf_cut_file;

#define RF_CUT_OPUS_HZ 48000 /* of the frames of Opus, whatever the encoder's rate was */

/* rf_cut appends the file of frames [first, first + n), n above 0, of an RF_FORMAT_MP3 or
 * RF_FORMAT_OPUS file to out, counted from the first that the whole file decodes to. It decodes to
 * *ret_lead frames more in front, and may to some more behind. Returns 0; -EBADMSG for a file of
 * another make, damaged or too short; -EINVAL for another format; what read or rf_buf_append gave.
 */
int rf_cut(rf_media_format format, const rf_cut_file *file, int64_t first, int64_t n, rf_buf *out,
           int64_t *ret_lead) RF_MUST_USE;

#endif
