/*
 * gateway_error.h - the errors a client can see: status, code, title, default message (spec jobs.md
 * 2.2). Constant data.
 */
#ifndef GATEWAY_ERROR_H
#define GATEWAY_ERROR_H

#include "rf_base.h"
#include "rf_buf.h"
#include "rf_status.h"

typedef enum gateway_error {
    GATEWAY_BAD_REQUEST,
    GATEWAY_UNAUTHORIZED,
    GATEWAY_FORBIDDEN,
    GATEWAY_NOT_FOUND,
    GATEWAY_METHOD_NOT_ALLOWED,
    GATEWAY_REQUEST_TIMEOUT,
    GATEWAY_UPLOAD_TOO_SLOW,
    GATEWAY_CONFLICT,
    GATEWAY_GONE,
    GATEWAY_PAYLOAD_TOO_LARGE,
    GATEWAY_URI_TOO_LONG,
    GATEWAY_UNSUPPORTED_MEDIA_TYPE,
    GATEWAY_RANGE_NOT_SATISFIABLE,
    GATEWAY_EXPECTATION_FAILED,
    GATEWAY_UNPROCESSABLE,
    GATEWAY_UPGRADE_REQUIRED,
    GATEWAY_TOO_MANY_REQUESTS,
    GATEWAY_HEADERS_TOO_LARGE,
    GATEWAY_INTERNAL,
    GATEWAY_NOT_IMPLEMENTED,
    GATEWAY_UNAVAILABLE,
    GATEWAY_VERSION_NOT_SUPPORTED,
    GATEWAY_INSUFFICIENT_STORAGE,
    GATEWAY_N_ERRORS,
} gateway_error;

typedef struct gateway_error_row {
    int status;
    const char *code;
    const char *title;
    const char *message;
} gateway_error_row;

/* gateway_error_info gives the row of an error. */
const gateway_error_row *gateway_error_info(gateway_error error);

/* gateway_error_body appends {"code","title","message"}; message NULL takes the row's own. */
int gateway_error_body(gateway_error error, const char *message, rf_buf *out);

/* gateway_error_of_http finds the error that answers a status of gateway_http_error_status. */
gateway_error gateway_error_of_http(int status);

/* gateway_error_of_rpc maps the status of a service as job.proto says. */
gateway_error gateway_error_of_rpc(rf_code code);

/* gateway_reason gives the reason phrase of a status. */
const char *gateway_reason(int status);

#endif
