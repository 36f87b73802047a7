#include "processor_failure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static processor_failure RF_PRINTF(3, 4)
    make(processor_code code, const char *step, const char *fmt, ...)
{
    processor_failure f = {.code = code};
    va_list args;
    va_start(args, fmt);
    vsnprintf(f.message, sizeof(f.message), fmt, args);
    va_end(args);
    rf_copy_str(f.step, sizeof(f.step), step);
    return f;
}

processor_failure processor_failure_bad_input(const char *step, const char *message)
{
    return make(PROCESSOR_BAD_INPUT, step, "%s", message);
}

processor_failure processor_failure_fetch(const rf_fetch_result *result, uint64_t max_bytes)
{
    switch (result->outcome) {
    case RF_FETCH_REFUSED:
    case RF_FETCH_FAILED:
        return make(PROCESSOR_BAD_INPUT, "", "The input URL answered HTTP %d.",
                    result->http_status);
    case RF_FETCH_TOO_LARGE:
        return processor_failure_too_large(max_bytes);
    case RF_FETCH_LOCAL:
        return processor_failure_storage("", result->err);
    default:
        return make(PROCESSOR_BAD_INPUT, "", "The input could not be downloaded.");
    }
}

processor_failure processor_failure_too_long(const char *step, int64_t limit_s)
{
    return make(PROCESSOR_BAD_INPUT, step, "The input is longer than %" PRId64 " seconds.",
                limit_s);
}

processor_failure processor_failure_too_large(uint64_t limit_bytes)
{
    return make(PROCESSOR_BAD_INPUT, "", "The input is larger than %" PRIu64 " bytes.",
                limit_bytes);
}

processor_failure processor_failure_decoder_crash(const char *step)
{
    processor_failure f = make(PROCESSOR_INTERNAL_ERROR, step, "%s", PROCESSOR_NOT_DECODED);
    f.decoder_crash = true;
    return f;
}

processor_failure processor_failure_step(const char *step)
{
    return make(PROCESSOR_INTERNAL_ERROR, step, "Step '%s' failed.", step);
}

processor_failure processor_failure_timeout(const char *step, uint32_t limit_s)
{
    return make(PROCESSOR_TIMEOUT, step, "The job ran longer than %" PRIu32 " seconds.", limit_s);
}

/* A refusal is the client's fault; silence and server errors may pass. A blocked address never
 * will. */
processor_failure processor_failure_copy(const char *output, const rf_fetch_result *result)
{
    bool is_final = result->outcome == RF_FETCH_REFUSED || result->blocked;
    return make(is_final ? PROCESSOR_BAD_INPUT : PROCESSOR_INTERNAL_ERROR, "",
                "Output '%s' could not be stored.", output);
}

processor_failure processor_failure_storage(const char *step, int err)
{
    return make(PROCESSOR_INTERNAL_ERROR, step,
                err == -ENOSPC || err == -EDQUOT ? "Storage is full." : "Storage failed.");
}
