/*
 * recorder_batch.h - records that are written and synced together, as the bytes that go to disk,
 * and where in them the audio of each session lies. One thread at a time (the journal's lock).
 */
#ifndef RECORDER_BATCH_H
#define RECORDER_BATCH_H

#include "recorder_logfile.h"
#include "recorder_master.h"

#define RECORDER_NO_PIECE UINT32_MAX

/* The audio of one record. */
typedef struct recorder_piece {
    recorder_master *master;
    size_t at;  /* of the PCM in the batch's bytes */
    size_t len; /* 0: silence */
    int64_t first_frame;
    uint32_t n_frames;
    uint32_t next; /* of the same master */
    bool leads;    /* the first of its master: holds a reference to it */
} recorder_piece;

typedef struct recorder_batch {
    struct recorder_batch *next;
    uint64_t lsn;
    uint8_t *data;
    size_t len;
    size_t cap;
    recorder_piece *pieces;
    uint32_t n_pieces;
    uint32_t cap_pieces;
    recorder_master **ended; /* references from the table */
    size_t n_ended;
    int64_t since_ns;       /* its first record */
    recorder_logfile *file; /* where it was written last, NULL before */
    bool in_masters;
    bool counted_out; /* no longer in the journal's held_bytes */
} recorder_batch;

recorder_batch *recorder_batch_new(void);
recorder_batch *recorder_batch_free(recorder_batch *b);

/* recorder_batch_clear makes it as new, and keeps memory of a usual size. */
void recorder_batch_clear(recorder_batch *b);

/* recorder_batch_add packs r, which has been checked; master is set for AUDIO. */
void recorder_batch_add(recorder_batch *b, const recorder_record *r, recorder_master *master);

/* recorder_batch_end keeps a reference until the batch is done. */
void recorder_batch_end(recorder_batch *b, recorder_master *master);

#endif
