/*
 * recorder_pack.h - converted frames to the bytes of one file or stream: an encoder, or none for
 * PCM. One thread at a time. Bytes go to a sink that is never asked to seek.
 */
#ifndef RECORDER_PACK_H
#define RECORDER_PACK_H

#include "recorder_format.h"
#include "rf_encode.h"

typedef struct recorder_pack recorder_pack;

typedef struct recorder_pack_params {
    recorder_output output;
    rf_pcm pcm;                /* of recorder_output_shape */
    int64_t n_frames;          /* without those of the pre-roll; -1: a live stream */
    uint32_t chunk_frames;     /* the encoder's own blocks are made to fit it; 0: nothing to fit */
    uint32_t n_preroll;        /* Opus: frames that come first and only warm the decoder up */
    bool stored;               /* WAV: place for RF64's sizes, for short files too */
    const rf_encode_cue *cues; /* WAV with n_frames; must live as long as the pack */
    size_t n_cues;
} recorder_pack_params;

/* recorder_pack_check says whether the output is possible: 0, -EINVAL or -ENOTSUP with an error. */
int recorder_pack_check(const recorder_pack_params *params, rf_media_error *error);

/* recorder_pack_open writes the head. Returns 0, as recorder_pack_check, or the sink's error. */
int recorder_pack_open(const recorder_pack_params *params, rf_sink sink, recorder_pack **ret,
                       rf_media_error *error) RF_MUST_USE;

/* recorder_pack_write adds n frames of params->pcm. */
int recorder_pack_write(recorder_pack *pack, const void *data, int64_t n) RF_MUST_USE;

/* recorder_pack_flush sends what is coded and kept back (an Ogg page). */
int recorder_pack_flush(recorder_pack *pack) RF_MUST_USE;

/* recorder_pack_close writes what is left. The pack is gone in every case. */
int recorder_pack_close(recorder_pack *pack) RF_MUST_USE;
recorder_pack *recorder_pack_free(recorder_pack *pack);

/* Frames coded, without those of the pre-roll, and how many are coded together (1: PCM, WAV). */
int64_t recorder_pack_coded(const recorder_pack *pack);
uint32_t recorder_pack_codec_frame(const recorder_pack *pack);

#endif
