/*
 * recorder_format.h - the formats that audio leaves in, and what becomes of a session's shape in
 * each. Pure functions, any thread.
 */
#ifndef RECORDER_FORMAT_H
#define RECORDER_FORMAT_H

#include "rf_convert.h"
#include "rf_media.h"

typedef enum recorder_format {
    RECORDER_PCM, /* no header: interleaved, little endian, the session's sample format */
    RECORDER_WAV,
    RECORDER_FLAC,
    RECORDER_MP3,
    RECORDER_OPUS, /* in Ogg */
} recorder_format;

#define RECORDER_N_FORMATS 5
#define RECORDER_PREROLL_MS 80 /* Opus is coded from so far ahead, where audio exists */

/* What a consumer, an extract or a segment asks for. Zero gives the default of everything but
 * flac_level. */
typedef struct recorder_output {
    recorder_format format;
    uint32_t rate_hz;     /* 8,000..192,000; 0: the session's. One that the codec lacks becomes the
                             next higher one it has, else its highest */
    uint32_t n_channels;  /* 1..8, MP3 1..2; 0: the session's, for MP3 at most 2 */
    const float *matrix;  /* n_channels rows of gains (-4..4) for the session's channels, or NULL:
                             means and copies (rf_mix.h). Copied by whoever takes it */
    bool dither;          /* triangular, where bits are lost */
    int flac_level;       /* 0..8; -1: 5 */
    uint32_t bitrate_bps; /* MP3 8,000..320,000 (0: 128,000), cut to what the rate allows;
                             Opus 6,000..510,000 (0: 64,000) */
    uint32_t opus_complexity; /* 1..10; 0: 10 */
    bool opus_fastest;        /* complexity 0 */
} recorder_output;

/* "pcm", "wav", "flac", "mp3", "opus"; also the file extension. Parsing gives -EINVAL for others.
 */
const char *recorder_format_name(recorder_format format);
int recorder_format_parse(const char *name, recorder_format *ret) RF_MUST_USE;
const char *recorder_format_content_type(recorder_format format);

/* recorder_output_shape: the shape that a session's audio is converted to for this output; its
 * sample format is the one that the encoder takes. Returns 0, -EINVAL or -ENOTSUP with an error
 * that names the field and its limit. */
int recorder_output_shape(const recorder_output *output, const rf_pcm *session, rf_pcm *ret,
                          rf_media_error *error) RF_MUST_USE;

#endif
