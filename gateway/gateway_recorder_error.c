#include "gateway_recorder_error.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define BUSY_RETRY_S 1
#define STORE_RETRY_S 5

static const struct {
    const char *code;
    gateway_error error;
} rows[] = {
    {"INVALID_ARGUMENT", GATEWAY_BAD_REQUEST},
    {"INVALID_KEY_PART", GATEWAY_BAD_REQUEST},
    {"BAD_MESSAGE", GATEWAY_BAD_REQUEST},
    {"GAP_TOO_LONG", GATEWAY_BAD_REQUEST},
    {"UNSUPPORTED_FORMAT", GATEWAY_UNSUPPORTED_MEDIA_TYPE},
    {"UNAUTHENTICATED", GATEWAY_UNAUTHORIZED},
    {"FORBIDDEN", GATEWAY_FORBIDDEN},
    {"NOT_FOUND", GATEWAY_NOT_FOUND},
    {"GONE", GATEWAY_GONE},
    {"NOT_INITIALISED", GATEWAY_UNAVAILABLE},
    {"ALREADY_RECORDING", GATEWAY_CONFLICT},
    {"NOT_RECORDING", GATEWAY_CONFLICT},
    {"RANGE_OUTSIDE", GATEWAY_RANGE_NOT_SATISFIABLE},
    {"NO_AUDIO", GATEWAY_RANGE_NOT_SATISFIABLE},
    {"TOO_MANY_SESSIONS", GATEWAY_TOO_MANY_REQUESTS},
    {"TOO_MANY_CONSUMERS", GATEWAY_TOO_MANY_REQUESTS},
    {"CONSUMER_TOO_SLOW", GATEWAY_UNAVAILABLE},
    {"DEVICE_UNAVAILABLE", GATEWAY_UNAVAILABLE},
    {"STORE_FAILED", GATEWAY_UNAVAILABLE},
    {"NO_SPACE", GATEWAY_INSUFFICIENT_STORAGE},
};

int gateway_recorder_error_of(const char *code)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].code, code) == 0) {
            return (int)rows[i].error;
        }
    }
    return -1;
}

static unsigned retry_of(int status)
{
    return status == 429 || status == 503   ? BUSY_RETRY_S
           : status == 202 || status == 507 ? STORE_RETRY_S
                                            : 0;
}

/* Gives the document up. */
static void answer(gateway_exchange *ex, int status, const char *title, json_t *document)
{
    char headers[96] = "Cache-Control: no-store\r\n";
    unsigned retry_s = retry_of(status);
    json_object_set_new(document, "title", json_string(title));
    if (retry_s > 0) {
        (void)snprintf(headers, sizeof(headers), "Cache-Control: no-store\r\nRetry-After: %u\r\n",
                       retry_s);
    }
    RF_CLEANUP(rf_cleanup_free) char *text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    const gateway_answer a = {.status = status,
                              .type = "application/json",
                              .headers = headers,
                              .length = text != NULL ? strlen(text) : 0};
    gateway_answer_bytes(ex, &a, text);
}

/* A failure of the way to the service, not of the recorder. */
static void fail_otherwise(gateway_exchange *ex, const rf_status *status)
{
    gateway_error error = gateway_error_of_rpc(status->code);
    bool pass = error != GATEWAY_INTERNAL && error != GATEWAY_UNAVAILABLE;
    gateway_answer_error(ex, error, pass ? status->message : NULL,
                         retry_of(gateway_error_info(error)->status));
}

static void fail(gateway_exchange *ex, const rf_status *status, bool stops)
{
    json_t *document = json_loads(status->message, JSON_REJECT_DUPLICATES, NULL);
    const char *code = json_string_value(json_object_get(document, "code"));
    int error = code != NULL ? gateway_recorder_error_of(code) : -1;
    if (error < 0) {
        json_decref(document);
        fail_otherwise(ex, status);
        return;
    }
    const gateway_error_row *row = gateway_error_info((gateway_error)error);
    if (stops && strcmp(code, "STORE_FAILED") == 0) {
        answer(ex, 202, gateway_reason(202), document);
    } else {
        answer(ex, row->status, row->title, document);
    }
}

void gateway_recorder_failure(gateway_exchange *ex, const rf_status *status)
{
    fail(ex, status, false);
}

void gateway_recorder_stop_failure(gateway_exchange *ex, const rf_status *status)
{
    fail(ex, status, true);
}

void gateway_recorder_refuse(gateway_exchange *ex, const gateway_recorder_fault *fault)
{
    const gateway_error_row *row = gateway_error_info(GATEWAY_BAD_REQUEST);
    answer(ex, row->status, row->title,
           json_pack("{s:s,s:s,s:b,s:s}", "code", "INVALID_ARGUMENT", "message", fault->message,
                     "retryable", 0, "field", fault->field));
}
