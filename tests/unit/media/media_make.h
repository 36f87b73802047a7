/* Audio and files made for the media tests: signals by formula, files by our own encoders and, for
 * formats that the project does not write, by libav's. Failures end the test. */
#ifndef MEDIA_MAKE_H
#define MEDIA_MAKE_H

#include "rf_decode.h"
#include "rf_encode.h"

/* media_noise: every channel its own tone (media_tone_hz) and seeded noise, amplitude below 0.6. */
rf_frames *media_noise(uint32_t n_channels, uint32_t rate_hz, int64_t n_frames);
double media_tone_hz(uint32_t channel);

/* media_round rounds every sample to `bits`, so that a lossless format of that depth is exact. */
void media_round(rf_frames *frames, unsigned bits);

/* Files as memfds that the caller closes. */
int media_file(const void *data, size_t len);
int media_encoded(const rf_encode_params *params, const rf_frames *frames,
                  rf_encode_stats *ret_stats);

/* media_muxed writes frames by libav: container and codec by libav's names, or codec "he-aac" for
 * 22.05 kHz; options NULL or "key=value:key=value" for the muxer. */
int media_muxed(const char *container, const char *codec, const char *options,
                const rf_frames *frames);

/* media_muxed_tagged is the same with a comment of tag_len bytes among the tags of the stream. */
int media_muxed_tagged(const char *container, const char *codec, const char *options,
                       size_t tag_len, const rf_frames *frames);

/* media_copy_prefix is a file of the first len bytes of fd. */
int media_prefix(int fd, int64_t len);
int64_t media_size(int fd);

/* media_decoder is one decoder for the whole test program. */
rf_decoder *media_decoder(void);
rf_decode_options media_options(void);

/* media_decode decodes or fails the test. */
rf_frames *media_decode(int fd, rf_decode_info *ret_info);

/* media_decode_fails expects an error and returns it. */
rf_media_error media_decode_fails(int fd, const rf_decode_options *options);

/* media_level is the amplitude of a frequency in a channel (Goertzel). */
double media_level(const rf_frames *frames, uint32_t channel, double hz);

#endif
