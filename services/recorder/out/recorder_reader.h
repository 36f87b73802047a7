/*
 * recorder_reader.h - frames of a master, or of what stands for one, read into one small buffer.
 *
 * A master is a file of raw PCM: frame i begins at byte i * frame_bytes, gaps are holes. Frames
 * that are readable never change, so what the buffer holds stays right. The file may end before the
 * frames that are said to be readable: the rest is a gap that was not written, and is silence.
 * One thread at a time; the descriptor is the caller's and must outlive the reader.
 */
#ifndef RECORDER_READER_H
#define RECORDER_READER_H

#include "rf_base.h"

#define RECORDER_READER_BYTES 32768

typedef struct recorder_reader recorder_reader;

/* Frames that lie elsewhere than in a master: read puts exactly n of them, from `first` on, to out
 * in the session's shape. 0 or a negative errno. The thread of the reader. */
typedef struct recorder_frames {
    int (*read)(void *user, int64_t first, int64_t n, void *out);
    void *user;
} recorder_frames;

/* What has been read from the file so far. */
typedef struct recorder_reader_work {
    int64_t n_bytes;
    int64_t n_reads;
} recorder_reader_work;

/* recorder_reader_new reads the master behind fd; frames that are not NULL are read instead, and
 * must outlive the reader too. */
recorder_reader *recorder_reader_new(int fd, const recorder_frames *frames, size_t frame_bytes);
recorder_reader *recorder_reader_free(recorder_reader *reader);

/* recorder_reader_frames gives frames from `first` on, before `readable`: a pointer that is good
 * until the next call, and how many are there (at least 1 unless first >= readable, at most what
 * the buffer holds and max). Returns the count or a negative errno of pread. */
int64_t recorder_reader_frames(recorder_reader *reader, int64_t first, int64_t readable,
                               int64_t max, const void **ret_data) RF_MUST_USE;

/* recorder_reader_pread reads len bytes of a master at an offset, zeros behind its end, and counts
 * in work. 0 or a negative errno. */
int recorder_reader_pread(int fd, int64_t offset, void *out, size_t len,
                          recorder_reader_work *work) RF_MUST_USE;

const recorder_reader_work *recorder_reader_work_done(const recorder_reader *reader);

#endif
