/*
 * processor_value.h - what travels between the steps of a workflow.
 * Text stays in memory; samples and files stand behind a descriptor (memfd or object), so that a
 * value can be handed to a child process without a copy. A value owns its text and descriptor.
 * Once a step has ended its values are only read: any thread of the job may then use them.
 */
#ifndef PROCESSOR_VALUE_H
#define PROCESSOR_VALUE_H

#include "rf_base.h"

typedef enum processor_type {
    PROCESSOR_NONE,     /* not fed */
    PROCESSOR_URL,      /* bytes that a URL parameter names: fd, size */
    PROCESSOR_STRING,   /* text */
    PROCESSOR_INTEGER,  /* text, a whole number in decimal */
    PROCESSOR_NUMBER,   /* text */
    PROCESSOR_AUDIO,    /* fd, size, audio: interleaved float32 in native order */
    PROCESSOR_FEATURES, /* fd, size: what the features module wrote; between steps only */
    PROCESSOR_JSON,     /* fd, size */
    PROCESSOR_WAV,      /* fd, size */
    PROCESSOR_FILE,     /* fd, size */
} processor_type;

#define PROCESSOR_KEY_MAX 201 /* the longest key of a job's files and the terminator */

/* Limits of spec jobs.md section 7. */
#define PROCESSOR_RATE_MIN_HZ 8000
#define PROCESSOR_RATE_MAX_HZ 192000
#define PROCESSOR_CHANNELS_MAX 8

typedef struct processor_audio {
    uint32_t rate_hz;
    uint32_t channels;
    uint64_t n_frames;
    uint32_t source_bits; /* of the decoded file's samples; 0 for lossy formats */
} processor_audio;

typedef struct processor_value {
    processor_type type;
    char *text;    /* owned */
    int fd;        /* owned; -1 when there is none */
    uint64_t size; /* bytes behind fd */
    processor_audio audio;
    char object_key[PROCESSOR_KEY_MAX]; /* where the bytes lie in the object store; "" if nowhere */
} processor_value;

#define PROCESSOR_VALUE_NONE ((processor_value){.type = PROCESSOR_NONE, .fd = -1})

/* processor_value_done frees text and descriptor and leaves PROCESSOR_VALUE_NONE. */
void processor_value_done(processor_value *v);

/* processor_value_text makes a text value of a type; text is copied. */
processor_value processor_value_text(processor_type type, const char *text);

/* processor_value_memfd makes a memfd of the bytes. Returns 0 or negative errno. */
int processor_value_memfd(processor_type type, const void *data, size_t len, processor_value *ret);

/* processor_value_measure completes a value whose descriptor was written: type, and size of the
 * file. Returns 0 or negative errno. */
int processor_value_measure(processor_type type, processor_value *v);

/* processor_type_name and _parse: "url", "string", ... as in modules.json. parse gives -EINVAL. */
const char *processor_type_name(processor_type type);
int processor_type_parse(const char *name, processor_type *ret);

/* processor_type_feeds says whether an output or input of type from may feed a port of type to. */
bool processor_type_feeds(processor_type from, processor_type to);

/* processor_type_is_file: types that carry bytes which can become a file of the job. */
bool processor_type_is_file(processor_type type);

/* Bytes of a value mapped for reading. */
typedef struct processor_map {
    const void *data;
    size_t len;
} processor_map;

/* processor_map_open maps v->size bytes of v->fd (an empty value maps to len 0); -EINVAL when the
 * descriptor is shorter than the value says, else the errno of mmap. */
int processor_map_open(const processor_value *v, processor_map *ret);
void processor_map_close(processor_map *m);

/* processor_audio_valid: rate, channels and frames within the limits of spec jobs.md section 7, and
 * size equal to channels * n_frames float32. */
bool processor_audio_valid(const processor_value *v);

#endif
