#include "gateway_error.h"

#include <stdio.h>
#include <string.h>

static const gateway_error_row rows[GATEWAY_N_ERRORS] = {
    [GATEWAY_BAD_REQUEST] = {400, "BAD_REQUEST", "Bad request", "The request is malformed."},
    [GATEWAY_UNAUTHORIZED] = {401, "UNAUTHORIZED", "Unauthorized",
                              "The API key is missing or not valid."},
    [GATEWAY_FORBIDDEN] = {403, "FORBIDDEN", "Forbidden",
                           "The signature of the URL is wrong, or it has expired."},
    [GATEWAY_NOT_FOUND] = {404, "NOT_FOUND", "Not found", "Not found."},
    [GATEWAY_METHOD_NOT_ALLOWED] = {405, "METHOD_NOT_ALLOWED", "Method not allowed",
                                    "This path does not answer that method."},
    [GATEWAY_REQUEST_TIMEOUT] = {408, "REQUEST_TIMEOUT", "Request timeout",
                                 "The request did not arrive in time."},
    [GATEWAY_UPLOAD_TOO_SLOW] = {408, "UPLOAD_TOO_SLOW", "Upload too slow",
                                 "The body arrived too slowly."},
    [GATEWAY_CONFLICT] = {409, "CONFLICT", "Conflict", "The request conflicts with another one."},
    [GATEWAY_GONE] = {410, "GONE", "Gone", "It has been deleted."},
    [GATEWAY_PAYLOAD_TOO_LARGE] = {413, "PAYLOAD_TOO_LARGE", "Payload too large",
                                   "The body is too large."},
    [GATEWAY_URI_TOO_LONG] = {414, "URI_TOO_LONG", "URI too long",
                              "The request target is longer than 8192 bytes."},
    [GATEWAY_UNSUPPORTED_MEDIA_TYPE] = {415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type",
                                        "The Content-Type must be application/json."},
    [GATEWAY_RANGE_NOT_SATISFIABLE] = {416, "RANGE_NOT_SATISFIABLE", "Range not satisfiable",
                                       "The range lies outside the file."},
    [GATEWAY_EXPECTATION_FAILED] = {417, "EXPECTATION_FAILED", "Expectation failed",
                                    "The only expectation that can be met is 100-continue."},
    [GATEWAY_UNPROCESSABLE] = {422, "UNPROCESSABLE", "Unprocessable",
                               "The request cannot be carried out as given."},
    [GATEWAY_UPGRADE_REQUIRED] = {426, "UPGRADE_REQUIRED", "Upgrade required",
                                  "This path is a WebSocket of version 13 (RFC 6455)."},
    [GATEWAY_TOO_MANY_REQUESTS] = {429, "TOO_MANY_REQUESTS", "Too many requests",
                                   "Too many requests; try again later."},
    [GATEWAY_HEADERS_TOO_LARGE] = {431, "HEADERS_TOO_LARGE", "Headers too large",
                                   "The headers are larger than 16384 bytes or more than 100."},
    [GATEWAY_INTERNAL] = {500, "INTERNAL", "Internal error", "The request failed."},
    [GATEWAY_NOT_IMPLEMENTED] = {501, "NOT_IMPLEMENTED", "Not implemented",
                                 "The only transfer coding served is chunked."},
    [GATEWAY_UNAVAILABLE] = {503, "UNAVAILABLE", "Unavailable", "The service is not available."},
    [GATEWAY_VERSION_NOT_SUPPORTED] = {505, "VERSION_NOT_SUPPORTED", "Version not supported",
                                       "The HTTP versions served are 1.1 and 1.0."},
    [GATEWAY_INSUFFICIENT_STORAGE] = {507, "INSUFFICIENT_STORAGE", "Insufficient storage",
                                      "Storage is full."},
};

const gateway_error_row *gateway_error_info(gateway_error error)
{
    return &rows[error];
}

static void append_escaped(rf_buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            rf_buf_append_char(out, '\\');
            rf_buf_append_char(out, *p);
        } else if ((unsigned char)*p < 0x20) {
            rf_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*p);
        } else {
            rf_buf_append_char(out, *p);
        }
    }
}

int gateway_error_body(gateway_error error, const char *message, rf_buf *out)
{
    const gateway_error_row *row = &rows[error];
    rf_buf_printf(out, "{\"code\":\"%s\",\"title\":\"%s\",\"message\":\"", row->code, row->title);
    append_escaped(out, message != NULL && message[0] != '\0' ? message : row->message);
    rf_buf_append_str(out, "\"}");
    return rf_buf_error(out);
}

gateway_error gateway_error_of_http(int status)
{
    switch (status) {
    case 414:
        return GATEWAY_URI_TOO_LONG;
    case 417:
        return GATEWAY_EXPECTATION_FAILED;
    case 431:
        return GATEWAY_HEADERS_TOO_LARGE;
    case 501:
        return GATEWAY_NOT_IMPLEMENTED;
    case 505:
        return GATEWAY_VERSION_NOT_SUPPORTED;
    default:
        return GATEWAY_BAD_REQUEST;
    }
}

gateway_error gateway_error_of_rpc(rf_code code)
{
    switch (code) {
    case RF_INVALID_ARGUMENT:
    case RF_OUT_OF_RANGE:
        return GATEWAY_BAD_REQUEST;
    case RF_FAILED_PRECONDITION:
        return GATEWAY_UNPROCESSABLE;
    case RF_NOT_FOUND:
        return GATEWAY_NOT_FOUND;
    case RF_ALREADY_EXISTS:
    case RF_ABORTED:
        return GATEWAY_CONFLICT;
    case RF_RESOURCE_EXHAUSTED:
        return GATEWAY_TOO_MANY_REQUESTS;
    case RF_UNAUTHENTICATED:
        return GATEWAY_UNAUTHORIZED;
    case RF_PERMISSION_DENIED:
        return GATEWAY_FORBIDDEN;
    case RF_UNAVAILABLE:
    case RF_DEADLINE_EXCEEDED:
    case RF_CANCELLED:
        return GATEWAY_UNAVAILABLE;
    default:
        return GATEWAY_INTERNAL;
    }
}

const char *gateway_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].text;
        }
    }
    return "Unknown";
}
