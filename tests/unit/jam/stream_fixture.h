/*
 * stream_fixture.h - a stream of the test engine, for tests of chunks.
 */
#ifndef STREAM_FIXTURE_H
#define STREAM_FIXTURE_H

#include "engine_fixture.h"
#include "jam_stream.h"

/* stream_of opens an instance with seed and start (NULL: defaults) and a stream over it. */
jam_stream *stream_of(engine_fixture *f, uint64_t seed, const jam_change *start, uint32_t overlap);

/* stream_chunk renders and cuts one chunk; returns the first error of a render, 0 for none. */
int stream_chunk(jam_stream *stream, uint32_t n_frames, jam_cut *ret);

/* stream_open_instance opens another instance with what holds now. */
void *stream_open_instance(engine_fixture *f, jam_stream *stream, uint64_t seed);

/* stream_update adds a change that holds at once. */
void stream_update(jam_stream *stream, const jam_change *change);

/* stream_reference renders n pairs of an instance as it comes, with the controls of a start. */
float *stream_reference(engine_fixture *f, uint64_t seed, const jam_change *start, int64_t n);

#endif
