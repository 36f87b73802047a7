/*
 * recorder_code.h - the errors a caller of the recorder can get, and what each face makes of them
 * (section 8, the last table). Pure, any thread.
 */
#ifndef RECORDER_CODE_H
#define RECORDER_CODE_H

#include "rf_status.h"

typedef enum recorder_code {
    RECORDER_OK = 0,
    RECORDER_INVALID_ARGUMENT,
    RECORDER_INVALID_KEY_PART,
    RECORDER_BAD_MESSAGE,
    RECORDER_GAP_TOO_LONG,
    RECORDER_UNSUPPORTED_FORMAT,
    RECORDER_UNAUTHENTICATED,
    RECORDER_FORBIDDEN,
    RECORDER_NOT_FOUND,
    RECORDER_GONE,
    RECORDER_NOT_INITIALISED,
    RECORDER_ALREADY_RECORDING,
    RECORDER_NOT_RECORDING,
    RECORDER_RANGE_OUTSIDE,
    RECORDER_NO_AUDIO,
    RECORDER_TOO_MANY_SESSIONS,
    RECORDER_TOO_MANY_CONSUMERS,
    RECORDER_CONSUMER_TOO_SLOW,
    RECORDER_DEVICE_UNAVAILABLE,
    RECORDER_STORE_FAILED,
    RECORDER_NO_SPACE,
    RECORDER_N_CODES,
} recorder_code;

/* recorder_code_name gives "RANGE_OUTSIDE", "OK" for RECORDER_OK. */
const char *recorder_code_name(recorder_code code);

/* recorder_code_http: the status of the answer; 0 where the stream is aborted instead. */
int recorder_code_http(recorder_code code);

/* recorder_code_retriable: the same call may succeed later, unchanged. */
bool recorder_code_retriable(recorder_code code);

/* recorder_code_canonical: what crosses a process border in an rf_status. */
rf_code recorder_code_canonical(recorder_code code);

#endif
