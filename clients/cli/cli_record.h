/*
 * cli_record.h - `reflection record`: what its arguments become, and how its parts say what failed.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli.h"
#include "cli_pcm.h"
#include "reflection_recorder.h"

#define CLI_RECORD_PREFIXES_MAX 16

typedef enum cli_record_from {
    CLI_RECORD_STDIN,
    CLI_RECORD_FILE,
    CLI_RECORD_DEVICE,
} cli_record_from;

typedef struct cli_record_options {
    cli_record_from from;
    const char *source;  /* the file, or the device: NULL for the default one */
    cli_pcm_shape shape; /* of raw PCM, and of a device */
    const char *prefixes[CLI_RECORD_PREFIXES_MAX];
    size_t n_prefixes;
    reflection_recorder_format store_format;
    const char *settings; /* JSON, NULL for none */
    double seconds;       /* 0: to the end of the source */
    const char *out;      /* a file for a copy of the recording, NULL for none */
    bool as_json;
} cli_record_options;

/* cli_record_run records and tells what was stored. Returns an exit code. */
int cli_record_run(const cli_server *server, const cli_record_options *options);

/* cli_record_fail tells of a fault, with what there is where a range lay outside. Returns the exit
 * code for it. */
int cli_record_fail(const reflection_recorder_fault *fault);

/* cli_record_save writes the whole of the last session to path, atomically. Returns an exit code.
 */
int cli_record_save(reflection_recorder *recorder, reflection_recorder_format format,
                    const char *path);

#endif
