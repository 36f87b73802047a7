/*
 * gateway_job_extensions.h - the optional keys of POST /job beyond the SDKs' (spec jobs.md section
 * 5). Any thread.
 */
#ifndef GATEWAY_JOB_EXTENSIONS_H
#define GATEWAY_JOB_EXTENSIONS_H

#include "gateway_rpc.h"

#include <jansson.h>

/* gateway_job_extensions_read takes them from the job's object, which keeps the strings. Returns 0,
 * or -EINVAL with what is out of range in why (256 bytes). */
int gateway_job_extensions_read(json_t *object, gateway_job_extensions *ret, char why[256]);

#endif
