/*
 * rf_av_source.h - the bytes that libav sees: a short rewritten header, then a part of the file.
 * Private to common/media.
 */
#ifndef RF_AV_SOURCE_H
#define RF_AV_SOURCE_H

#include "rf_av.h"

#include <libavformat/avformat.h>

#define RF_AV_PREFIX_MAX 256
#define RF_AV_HIDDEN_MAX 16

typedef struct rf_av_source {
    int fd;
    int64_t file_size;
    rf_media_format format;

    /* What libav reads: prefix, then len bytes of the file from base on, without the gap. */
    uint8_t prefix[RF_AV_PREFIX_MAX];
    size_t n_prefix;
    int64_t base;
    int64_t len;
    int64_t pos;
    int64_t gap_at; /* offset in the file */
    int64_t gap_len;

    /* What the file's own header says, where our parser reads it; 0 and -1 when it does not. */
    uint32_t n_channels;
    uint32_t rate_hz;
    int64_t n_frames;
    uint32_t bits_per_sample;

    /* Of MP3: frames to drop at the start, and what is left then. */
    int64_t n_skip;
    int64_t n_lossy; /* 0: not known */

    /* Of MP4: what the edit list shows of the audio track, in units of its timescale. */
    int64_t timescale; /* 0: not known */
    int64_t media_start;
    int64_t media_len; /* 0: not known */

    /* Offsets of four bytes that libav sees as "free": boxes that it is to skip. */
    int64_t hidden[RF_AV_HIDDEN_MAX];
    size_t n_hidden;

    AVIOContext *io;
} rf_av_source;

/* rf_av_source_open finds out what the file is and where its audio lies. Returns 0, or fills reply.
 * rf_av_source_close is needed after a success only. */
int rf_av_source_open(rf_av_source *s, int fd, rf_decode_reply *reply);
void rf_av_source_close(rf_av_source *s);

/* rf_av_source_read reads exactly len bytes of the file at offset; -ENODATA beyond its end. */
int rf_av_source_read(const rf_av_source *s, int64_t offset, void *data, size_t len);

/* Parsers of single formats: find the audio behind s->base and set what is declared. */
int rf_av_find_wav(rf_av_source *s, rf_decode_reply *reply);
int rf_av_find_aiff(rf_av_source *s, rf_decode_reply *reply);
int rf_av_find_flac(rf_av_source *s, rf_decode_reply *reply);
int rf_av_find_mp3(rf_av_source *s, rf_decode_reply *reply);
int rf_av_find_mp4(rf_av_source *s, rf_decode_reply *reply);

/* rf_av_find_ogg leaves out tags above 1 MiB. */
void rf_av_find_ogg(rf_av_source *s);

#endif
