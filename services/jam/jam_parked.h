/*
 * jam_parked.h - a session at rest, as plain data and as bytes: what another process needs to go on
 * where this one ended (jam.md section 9, drain). Scheduled changes and what is left of ramps end
 * with the old process; the composer begins anew, under the same controls.
 *
 * The bytes are one line of JSON, the sound around the border, each chunk of the ring (its
 * chunk_meta as a line, and its file), the samples of the last one and the control log of its
 * recording. Any thread.
 */
#ifndef JAM_PARKED_H
#define JAM_PARKED_H

#include "jam_recording.h"
#include "jam_ring.h"
#include "jam_session.h"
#include "jam_stream.h"
#include "rf_buf.h"

#define JAM_PARKED_MAX                                                                             \
    ((size_t)36 << 20) /* bytes: a ring of the shortest chunks with most overlap */
#define JAM_PARKED_TOKENS 8

typedef struct jam_parked {
    char id[JAM_SESSION_ID_LEN + 1];
    char listen_token[JAM_TOKEN_LEN + 1];
    char tokens[JAM_PARKED_TOKENS][JAM_TOKEN_LEN + 1];
    size_t n_tokens;
    char *tenant;
    char *address;
    uint64_t seed;
    uint64_t encoder_seed;
    int64_t parked_wall_ms;
    int64_t started_wall_ms;
    int64_t left_ms; /* of its longest life */
    int64_t chunks_sent, samples_sent;
    bool paused;
    bool has_finished; /* the last block has not been sent */
    jam_settings settings;
    jam_controls controls;
    jam_change start; /* read: settings and controls as a start */
    jam_border border;
    jam_block *blocks[JAM_RING_CHUNKS + 1]; /* in order of their index; references */
    size_t n_blocks;
    jam_block *finished_pcm;       /* of the last block, for the recording; NULL: none */
    jam_recording_rest *recording; /* NULL: none */
} jam_parked;

jam_parked *jam_parked_free(jam_parked *parked);

/* jam_parked_write appends the bytes: 0, or -ENOSPC, -ENOMEM. */
int jam_parked_write(const jam_parked *parked, rf_buf *out);

/* jam_parked_read: 0, or -EBADMSG. */
int jam_parked_read(const void *data, size_t len, jam_parked **ret);

#endif
