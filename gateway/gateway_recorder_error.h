/*
 * gateway_recorder_error.h - the recorder's errors as HTTP has them (the code table of spec
 * recorder.md section 8). A status of the service carries {code, message, retryable, field,
 * available} as JSON; the answer is that with a title. Loop thread.
 */
#ifndef GATEWAY_RECORDER_ERROR_H
#define GATEWAY_RECORDER_ERROR_H

#include "gateway_answer.h"
#include "gateway_recorder_ask.h"

/* gateway_recorder_error_of finds what a code of the recorder is here; -1 for none of its. */
int gateway_recorder_error_of(const char *code);

/* gateway_recorder_failure answers what the service refused. */
void gateway_recorder_failure(gateway_exchange *ex, const rf_status *status);

/* gateway_recorder_stop_failure does so for a stop: a segment that is not stored yet is 202, to be
 * asked for again. */
void gateway_recorder_stop_failure(gateway_exchange *ex, const rf_status *status);

/* gateway_recorder_refuse answers 400 for a field of the request. */
void gateway_recorder_refuse(gateway_exchange *ex, const gateway_recorder_fault *fault);

#endif
