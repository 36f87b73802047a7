#include "rf_store_s3.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *code;
    int err;
} codes[] = {
    {"ExpiredToken", -EACCES},        {"InvalidToken", -EACCES},
    {"NoSuchBucket", -ENODEV},        {"NoSuchKey", -ENOENT},
    {"NoSuchUpload", -ENOENT},        {"RequestTimeTooSkewed", -ETIME},
    {"QuotaExceeded", -ENOSPC},       {"StorageFull", -ENOSPC},
    {"XMinioStorageFull", -ENOSPC},   {"EntityTooLarge", -EFBIG},
    {"PreconditionFailed", -EEXIST},  {"ExistingObjectIsDirectory", -ENOTDIR},
    {"ObjectParentIsFile", -ENOTDIR}, {"SlowDown", -EAGAIN},
    {"RequestTimeout", -EAGAIN},      {"InternalError", -EAGAIN},
    {"OperationAborted", -EAGAIN},    {"ConditionalRequestConflict", -EAGAIN},
    {"BadDigest", -EAGAIN},           {"KeyTooLongError", -ENAMETOOLONG},
    {"InvalidRange", -ERANGE},        {"XAmzContentSHA256Mismatch", -EAGAIN},
};

static int error_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return -EACCES;
    case 404:
        return -ENOENT;
    case 412:
        return -EEXIST;
    case 416:
        return -ERANGE;
    case 507:
        return -ENOSPC;
    default:
        return status == 429 || status / 100 == 5 ? -EAGAIN : -EIO;
    }
}

int rf_s3_error_of(const rf_s3_answer *a)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(codes); i++) {
        if (strcmp(a->code, codes[i].code) == 0) {
            return codes[i].err;
        }
    }
    if (a->code[0] == '\0' && a->status / 100 == 2) {
        return 0;
    }
    return error_of_status(a->status / 100 == 2 ? 500 : a->status); /* an error said late */
}

static bool lies_elsewhere(const rf_s3_answer *a)
{
    return a->status / 100 == 3 || strcmp(a->code, "PermanentRedirect") == 0 ||
           strcmp(a->code, "AuthorizationHeaderMalformed") == 0;
}

static const char *explain(const rf_s3_answer *a, int err)
{
    switch (err) {
    case -EACCES:
        return a->status == 0 ? a->message : "the credentials are refused, or may not do this";
    case -ENODEV:
        return "there is no such bucket";
    case -ETIME:
        return "the clock of this machine differs from the server's";
    case -ETIMEDOUT:
        return "the server is too slow, or silent";
    case -EHOSTUNREACH:
        return "the server cannot be reached";
    case -EKEYREJECTED:
        return "the server's certificate is not trusted";
    case -ENOSPC:
        return "the server has no room left";
    default:
        return lies_elsewhere(a) ? "the bucket lies elsewhere: see region and endpoint"
                                 : "the server failed";
    }
}

bool rf_s3_error_is_ordinary(int err)
{
    return err == 0 || err == -ENOENT || err == -EEXIST || err == -ENOTDIR || err == -ERANGE;
}

void rf_s3_error_log(const rf_s3_config *c, const rf_s3_request *r, const rf_s3_answer *a, int err,
                     int n_tries)
{
    const char *why = explain(a, err);
    bool has_detail = a->message[0] != '\0' && why != a->message;
    RF_LOG_ERROR("object store", RF_STR("setting", "store.url"), RF_STR("why", why),
                 RF_STR("what", r->what), RF_STR("host", c->host), RF_STR("bucket", c->bucket),
                 RF_INT("status", a->status), RF_STR("code", a->code[0] == '\0' ? NULL : a->code),
                 RF_STR("detail", has_detail ? a->message : NULL), RF_INT("tries", n_tries));
}
