#include "gateway_job_extensions.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define PRIORITY_MAX 9
#define BATCH_SIZE_MAX 1000000
#define RETENTION_MIN_S 3600
#define RETENTION_MAX_S 2592000

/* An integer of a range, when the key is there; the tree holds numbers as reals. */
static int read_integer(json_t *object, const char *key, double min, double max, bool *ret_given,
                        uint32_t *ret, char why[256])
{
    const json_t *value = json_object_get(object, key);
    *ret_given = value != NULL && !json_is_null(value);
    if (!*ret_given) {
        return 0;
    }
    double number = json_number_value(value);
    if (!json_is_number(value) || number < min || number > max || number != floor(number)) {
        snprintf(why, 256, "%s must be an integer from %.0f to %.0f.", key, min, max);
        return -EINVAL;
    }
    *ret = (uint32_t)number;
    return 0;
}

/* How many characters it has is for the job service to say. */
static int read_batch_name(json_t *object, gateway_job_extensions *ret, char why[256])
{
    const json_t *name = json_object_get(object, "batchName");
    if (name == NULL || json_is_null(name)) {
        return 0;
    }
    if (!json_is_string(name) || json_string_length(name) == 0) {
        snprintf(why, 256, "batchName must be a string of 1 to 128 characters.");
        return -EINVAL;
    }
    ret->batch_name = json_string_value(name);
    return 0;
}

int gateway_job_extensions_read(json_t *object, gateway_job_extensions *ret, char why[256])
{
    *ret = (gateway_job_extensions){.batch_name = ""};
    bool given;
    const json_t *reuse = json_object_get(object, "reuse");
    if (reuse != NULL && !json_is_boolean(reuse)) {
        snprintf(why, 256, "reuse must be true or false.");
        return -EINVAL;
    }
    ret->no_reuse = json_is_false(reuse);
    int err = read_batch_name(object, ret, why);
    err = err == 0
              ? read_integer(object, "batchSize", 1, BATCH_SIZE_MAX, &given, &ret->batch_size, why)
              : err;
    err = err == 0 ? read_integer(object, "retentionSeconds", RETENTION_MIN_S, RETENTION_MAX_S,
                                  &given, &ret->retention_s, why)
                   : err;
    return err == 0 ? read_integer(object, "priority", 0, PRIORITY_MAX, &ret->has_priority,
                                   &ret->priority, why)
                    : err;
}
