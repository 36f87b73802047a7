/*
 * processor_jam.h - module "jam": what is asked of the jam service, and the file that its answer
 * becomes. Knows nothing of the way between them. One thread.
 */
#ifndef PROCESSOR_JAM_H
#define PROCESSOR_JAM_H

#include "processor_module.h"

typedef struct processor_jam_request {
    char *json; /* {params, seconds}, as jam.md section 11 has it; owned */
    int64_t n_frames;
} processor_jam_request;

/* processor_jam_request_init reads the in ports of the module. Returns 0; -EBADMSG with a message
 * for the client when a value is no number or out of range. */
int processor_jam_request_init(const processor_value *in, processor_jam_request *ret,
                               char message[PROCESSOR_MESSAGE_MAX]) RF_MUST_USE;
void processor_jam_request_done(processor_jam_request *r);

/* The file: WAV, stereo, 48,000 Hz, 24 bit, as all files of jobs. */
typedef struct processor_jam_file processor_jam_file;

/* processor_jam_file_new makes it without a name in scratch_dir. 0 or negative errno. */
int processor_jam_file_new(const char *scratch_dir, int64_t n_frames,
                           processor_jam_file **ret) RF_MUST_USE;
processor_jam_file *processor_jam_file_free(processor_jam_file *f);

/* processor_jam_file_write takes the next bytes of the answer, a WAV file of float32 of exactly
 * n_frames. 0; -EPROTO when it is another file, or the error of writing. */
int processor_jam_file_write(processor_jam_file *f, const void *data, size_t len) RF_MUST_USE;

/* processor_jam_file_percent says how much has come, 0-100. */
double processor_jam_file_percent(const processor_jam_file *f);

/* processor_jam_file_end gives the file as a value, when all of the answer has come; -EPROTO
 * otherwise. The caller still frees f. */
int processor_jam_file_end(processor_jam_file *f, processor_value *ret) RF_MUST_USE;

#endif
