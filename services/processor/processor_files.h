/*
 * processor_files.h - bytes of an attempt: inputs opened or fetched, outputs put into the object
 * store, results named. Every function blocks on disk or network and may be called by any thread of
 * the attempt; a failure stops the attempt with the failure that its client reads.
 */
#ifndef PROCESSOR_FILES_H
#define PROCESSOR_FILES_H

#include "processor_attempt.h"

/* processor_files_open opens an object for reading into *ret of a file type or PROCESSOR_URL.
 * Returns 0 or negative errno; the attempt is not stopped by it. */
int processor_files_open(processor_attempt *a, const char *key, processor_type type,
                         processor_value *ret);

/* processor_files_input brings parameter i: own files are opened, outside URLs fetched to scratch.
 * Returns 0, or -ECANCELED with the attempt stopped. */
int processor_files_input(processor_attempt *a, size_t i);

/* processor_files_fetched tells the job side the bytes of what was fetched, where an equal job may
 * have the result already. Returns 0, or -ECANCELED with the attempt stopped. */
int processor_files_fetched(processor_attempt *a);

/* processor_files_keep puts the used outputs of a step into the store, durable on return, and tells
 * the job side when record is set. Returns 0, or -ECANCELED with the attempt stopped. */
int processor_files_keep(processor_attempt *a, size_t step, bool record);

/* processor_files_results sends outputs to custom storage, after asking whether the lease still
 * holds (E4), and lists the results. Returns 0, or -ECANCELED with the attempt stopped. */
int processor_files_results(processor_attempt *a, processor_finish *finish);

#endif
