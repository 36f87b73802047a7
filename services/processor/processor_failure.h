/*
 * processor_failure.h - every way in which a job fails at the worker, and the words that its client
 * reads (spec jobs.md section 7). Numbers in messages are the limit in force. No message quotes
 * fetched bytes, addresses or signed URLs.
 */
#ifndef PROCESSOR_FAILURE_H
#define PROCESSOR_FAILURE_H

#include "processor_board.h"
#include "rf_fetch.h"

#define PROCESSOR_NOT_AUDIO "The input is not a supported audio file."
#define PROCESSOR_NOT_DECODED "The input could not be decoded."

/* Each returns the failure of its row. step is the id of the step that it belongs to, or "". */
processor_failure processor_failure_bad_input(const char *step, const char *message);
processor_failure processor_failure_fetch(const rf_fetch_result *result, uint64_t max_bytes);
processor_failure processor_failure_too_long(const char *step, int64_t limit_s);
processor_failure processor_failure_too_large(uint64_t limit_bytes);
processor_failure processor_failure_decoder_crash(const char *step);
processor_failure processor_failure_step(const char *step);
processor_failure processor_failure_timeout(const char *step, uint32_t limit_s);
processor_failure processor_failure_copy(const char *output, const rf_fetch_result *result);

/* processor_failure_storage: -ENOSPC is "Storage is full.", all else "Storage failed.". */
processor_failure processor_failure_storage(const char *step, int err);

#endif
