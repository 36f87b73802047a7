/*
 * rf_status.h - the error that crosses a process border: canonical code, message, retriable.
 * Plain data; copied by value. Inside a process functions return negative errno; an edge maps it
 * once with rf_status_from_errno.
 */
#ifndef RF_STATUS_H
#define RF_STATUS_H

#include "rf_base.h"

/* The canonical codes of gRPC, same numbers (grpc.io, "Status codes and their use"). */
typedef enum rf_code {
    RF_OK = 0,
    RF_CANCELLED = 1,
    RF_UNKNOWN = 2,
    RF_INVALID_ARGUMENT = 3,
    RF_DEADLINE_EXCEEDED = 4,
    RF_NOT_FOUND = 5,
    RF_ALREADY_EXISTS = 6,
    RF_PERMISSION_DENIED = 7,
    RF_RESOURCE_EXHAUSTED = 8,
    RF_FAILED_PRECONDITION = 9,
    RF_ABORTED = 10,
    RF_OUT_OF_RANGE = 11,
    RF_UNIMPLEMENTED = 12,
    RF_INTERNAL = 13,
    RF_UNAVAILABLE = 14,
    RF_DATA_LOSS = 15,
    RF_UNAUTHENTICATED = 16,
} rf_code;

#define RF_N_CODES 17
#define RF_STATUS_MESSAGE_MAX                                                                      \
    512 /* bytes with the terminator; longer text is cut at a character                            \
         */

typedef struct rf_status {
    rf_code code;
    bool retriable;
    char message[RF_STATUS_MESSAGE_MAX];
} rf_status;

#define RF_STATUS_OK ((rf_status){.code = RF_OK})

/* rf_status_set fills st; retriable is true for UNAVAILABLE only. Returns -errno matching the code.
 */
int rf_status_set(rf_status *st, rf_code code, const char *fmt, ...) RF_PRINTF(3, 4);

/* rf_status_from_errno fills st from a negative errno and says what was being done. Returns err. */
int rf_status_from_errno(rf_status *st, int err, const char *what);

/* rf_code_name gives "NOT_FOUND"; unknown numbers give "UNKNOWN". rf_code_parse reads it back. */
const char *rf_code_name(rf_code code);
int rf_code_parse(const char *name, rf_code *ret);

/* rf_code_errno gives the negative errno of a code (0 for RF_OK). */
int rf_code_errno(rf_code code);

#endif
