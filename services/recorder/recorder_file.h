/*
 * recorder_file.h - the file source (S5), for tests: WAV, FLAC and raw PCM (any other extension, in
 * the session's own format) below one directory. Links out of it are refused.
 *
 * source_name is the path, and after a last '@' the pace: "tone.wav@2" is twice real time, "@0" as
 * fast as the disk takes it, none is real time. Channels and rate must be the session's. The owner
 * loop reads the file, a few milliseconds of it at a time.
 */
#ifndef RECORDER_FILE_H
#define RECORDER_FILE_H

#include "recorder_source.h"

/* factory: the directory, a string that outlives the sources. */
extern const recorder_source_ops recorder_file_source;

#endif
