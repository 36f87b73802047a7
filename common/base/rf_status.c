#include "rf_status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int err;
} codes[RF_N_CODES] = {
    [RF_OK] = {"OK", 0},
    [RF_CANCELLED] = {"CANCELLED", ECANCELED},
    [RF_UNKNOWN] = {"UNKNOWN", EPROTO},
    [RF_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", EINVAL},
    [RF_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", ETIMEDOUT},
    [RF_NOT_FOUND] = {"NOT_FOUND", ENOENT},
    [RF_ALREADY_EXISTS] = {"ALREADY_EXISTS", EEXIST},
    [RF_PERMISSION_DENIED] = {"PERMISSION_DENIED", EACCES},
    [RF_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", ENOSPC},
    [RF_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", EBUSY},
    [RF_ABORTED] = {"ABORTED", ECONNABORTED},
    [RF_OUT_OF_RANGE] = {"OUT_OF_RANGE", ERANGE},
    [RF_UNIMPLEMENTED] = {"UNIMPLEMENTED", ENOSYS},
    [RF_INTERNAL] = {"INTERNAL", EIO},
    [RF_UNAVAILABLE] = {"UNAVAILABLE", EAGAIN},
    [RF_DATA_LOSS] = {"DATA_LOSS", EBADMSG},
    [RF_UNAUTHENTICATED] = {"UNAUTHENTICATED", EPERM},
};

/* Cuts an over-long message before a half character, so that it stays valid UTF-8. */
static void cut_at_character(char *s)
{
    size_t len = strlen(s);
    while (len > 0 && !rf_utf8_valid(s, len)) {
        s[--len] = '\0';
    }
}

int rf_status_set(rf_status *st, rf_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(st->message, sizeof(st->message), fmt, args);
    va_end(args);
    if (n >= (int)sizeof(st->message)) {
        cut_at_character(st->message);
    }
    st->code = code;
    st->retriable = code == RF_UNAVAILABLE;
    return rf_code_errno(code);
}

static rf_code code_from_errno(int err)
{
    switch (err) {
    case ENOMEM:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case EFBIG:
        return RF_RESOURCE_EXHAUSTED;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return RF_UNAVAILABLE;
    case EILSEQ:
        return RF_INVALID_ARGUMENT;
    default:
        break;
    }
    for (int c = 1; c < RF_N_CODES; c++) {
        if (codes[c].err == err) {
            return (rf_code)c;
        }
    }
    return RF_INTERNAL;
}

int rf_status_from_errno(rf_status *st, int err, const char *what)
{
    if (err >= 0) {
        *st = RF_STATUS_OK;
        return 0;
    }
    rf_status_set(st, code_from_errno(-err), "%s: %s", what, strerror(-err));
    return err;
}

const char *rf_code_name(rf_code code)
{
    return (unsigned)code < RF_N_CODES ? codes[code].name : codes[RF_UNKNOWN].name;
}

int rf_code_parse(const char *name, rf_code *ret)
{
    for (int c = 0; c < RF_N_CODES; c++) {
        if (strcmp(codes[c].name, name) == 0) {
            *ret = (rf_code)c;
            return 0;
        }
    }
    return -EINVAL;
}

int rf_code_errno(rf_code code)
{
    return (unsigned)code < RF_N_CODES ? -codes[code].err : -EPROTO;
}
