/*
 * recorder_error.h - why a call failed, for its caller: one of the codes of section 8, a text that
 * names field and limit, and what there is where a range was outside. Plain data.
 */
#ifndef RECORDER_ERROR_H
#define RECORDER_ERROR_H

#include "recorder_range.h"

typedef struct recorder_error {
    recorder_code code;
    char message[200];
    bool has_available;
    recorder_available available;
} recorder_error;

/* recorder_fail fills error (which may be NULL) and returns code. */
recorder_code recorder_fail(recorder_error *error, recorder_code code, const char *fmt, ...)
    RF_PRINTF(3, 4);

/* recorder_fail_state: the error of a call that the session's state does not allow. */
recorder_code recorder_fail_state(recorder_error *error, recorder_code code);

/* recorder_fail_range: RANGE_OUTSIDE, NO_AUDIO or INVALID_ARGUMENT of a range. */
recorder_code recorder_fail_range(recorder_error *error, const recorder_range *range);

/* recorder_error_json writes {code, message, retryable, field, available}, at most
 * RF_STATUS_MESSAGE_MAX bytes, for which a message may be cut. field is what stands before the
 * colon of a message about bad input. recorder_error_status puts that into what crosses the process
 * border. */
void recorder_error_json(const recorder_error *error, char *out, size_t out_size);
void recorder_error_status(const recorder_error *error, rf_status *ret);

#endif
