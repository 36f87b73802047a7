/*
 * processor_audio.h - samples of an audio value, read piece by piece so that long audio does not
 * have to fit into memory twice. Used inside modules; a value may be read by several threads.
 */
#ifndef PROCESSOR_AUDIO_H
#define PROCESSOR_AUDIO_H

#include "processor_value.h"

#define PROCESSOR_CHUNK_FRAMES 65536 /* what modules read at a time */

/* processor_audio_read copies n interleaved frames from frame first to dst; both lie within the
 * audio. Returns 0 or negative errno. */
int processor_audio_read(const processor_value *audio, uint64_t first, size_t n, float *dst);

/* Planar copy of a whole audio. */
typedef struct processor_planar {
    float *channels[PROCESSOR_CHANNELS_MAX];
    uint32_t n_channels;
    uint64_t n_frames;
    uint32_t rate_hz;
} processor_planar;

/* processor_planar_open copies; *ret is emptied by processor_planar_done, on failure too. Returns
 * 0, -ENOMEM, or negative errno. */
int processor_planar_open(const processor_value *audio, processor_planar *ret);
void processor_planar_done(processor_planar *p);

/* processor_mix converts n interleaved frames from one channel count to another by the up- and
 * down-mix table of processor.md 2.3; pairs that are not in it keep channels by index. */
void processor_mix(const float *in, uint32_t n_in, float *out, uint32_t n_out, size_t n);

#endif
