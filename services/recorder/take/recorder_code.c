#include "recorder_code.h"

static const struct {
    const char *name;
    int http;
    bool retriable;
    rf_code canonical;
} codes[RECORDER_N_CODES] = {
    [RECORDER_OK] = {"OK", 200, false, RF_OK},
    [RECORDER_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", 400, false, RF_INVALID_ARGUMENT},
    [RECORDER_INVALID_KEY_PART] = {"INVALID_KEY_PART", 400, false, RF_INVALID_ARGUMENT},
    [RECORDER_BAD_MESSAGE] = {"BAD_MESSAGE", 400, false, RF_INVALID_ARGUMENT},
    [RECORDER_GAP_TOO_LONG] = {"GAP_TOO_LONG", 400, false, RF_INVALID_ARGUMENT},
    [RECORDER_UNSUPPORTED_FORMAT] = {"UNSUPPORTED_FORMAT", 415, false, RF_INVALID_ARGUMENT},
    [RECORDER_UNAUTHENTICATED] = {"UNAUTHENTICATED", 401, false, RF_UNAUTHENTICATED},
    [RECORDER_FORBIDDEN] = {"FORBIDDEN", 403, false, RF_PERMISSION_DENIED},
    [RECORDER_NOT_FOUND] = {"NOT_FOUND", 404, false, RF_NOT_FOUND},
    [RECORDER_GONE] = {"GONE", 410, false, RF_NOT_FOUND},
    [RECORDER_NOT_INITIALISED] = {"NOT_INITIALISED", 503, true, RF_UNAVAILABLE},
    [RECORDER_ALREADY_RECORDING] = {"ALREADY_RECORDING", 409, false, RF_FAILED_PRECONDITION},
    [RECORDER_NOT_RECORDING] = {"NOT_RECORDING", 409, false, RF_FAILED_PRECONDITION},
    [RECORDER_RANGE_OUTSIDE] = {"RANGE_OUTSIDE", 416, false, RF_OUT_OF_RANGE},
    [RECORDER_NO_AUDIO] = {"NO_AUDIO", 416, false, RF_OUT_OF_RANGE},
    [RECORDER_TOO_MANY_SESSIONS] = {"TOO_MANY_SESSIONS", 429, true, RF_RESOURCE_EXHAUSTED},
    [RECORDER_TOO_MANY_CONSUMERS] = {"TOO_MANY_CONSUMERS", 429, true, RF_RESOURCE_EXHAUSTED},
    [RECORDER_CONSUMER_TOO_SLOW] = {"CONSUMER_TOO_SLOW", 0, true, RF_ABORTED},
    [RECORDER_DEVICE_UNAVAILABLE] = {"DEVICE_UNAVAILABLE", 503, true, RF_UNAVAILABLE},
    [RECORDER_STORE_FAILED] = {"STORE_FAILED", 503, true, RF_UNAVAILABLE},
    [RECORDER_NO_SPACE] = {"NO_SPACE", 507, true, RF_RESOURCE_EXHAUSTED},
};

const char *recorder_code_name(recorder_code code)
{
    return codes[code].name;
}

int recorder_code_http(recorder_code code)
{
    return codes[code].http;
}

bool recorder_code_retriable(recorder_code code)
{
    return codes[code].retriable;
}

rf_code recorder_code_canonical(recorder_code code)
{
    return codes[code].canonical;
}
