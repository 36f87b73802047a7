/*
 * gateway_new_job.h - the body of POST /job, checked for form only (spec jobs.md 2.2, Q9, Q10).
 * What depends on the workflow is the job service's to check. Any thread.
 */
#ifndef GATEWAY_NEW_JOB_H
#define GATEWAY_NEW_JOB_H

#include "gateway_error.h"
#include "gateway_rpc.h"

#include <jansson.h>

#define GATEWAY_JOB_NAME_MAX 256           /* characters */
#define GATEWAY_JOB_PARAMS_MAX (64u << 10) /* bytes */
#define GATEWAY_JOB_METADATA_MAX (16u << 10)
#define GATEWAY_JOB_COPIES_MAX 64
#define GATEWAY_JOB_EVENTS_MAX 16 /* named by a webhook */

typedef struct gateway_new_job_form {
    gateway_new_job job; /* points into what follows */
    json_t *root;
    char *outer; /* the object whose fields count, as text; NULL: the body itself */
    char *params;
    char *metadata;
    gateway_copy copies[GATEWAY_JOB_COPIES_MAX];
    const char *events[GATEWAY_JOB_EVENTS_MAX];
    uint8_t sha256[RF_SHA256_LEN];
    char why[256];
} gateway_new_job_form;

/* gateway_new_job_read fills form from text, which must be terminated. Returns 0, or -EINVAL with
 * *ret_error (BAD_REQUEST, PAYLOAD_TOO_LARGE or UNPROCESSABLE) and form->why; gateway_new_job_done
 * in either case.
 */
int gateway_new_job_read(gateway_new_job_form *form, const char *text, size_t len,
                         gateway_error *ret_error);
void gateway_new_job_done(gateway_new_job_form *form);

#endif
