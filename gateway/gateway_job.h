/*
 * gateway_job.h - handlers of the job calls (spec jobs.md 2.2): request to RPC, reply to JSON.
 */
#ifndef GATEWAY_JOB_H
#define GATEWAY_JOB_H

#include "gateway_exchange.h"

void gateway_job_create(gateway_exchange *ex);
void gateway_job_get(gateway_exchange *ex);
void gateway_job_status(gateway_exchange *ex);
void gateway_job_list(gateway_exchange *ex);
void gateway_job_delete(gateway_exchange *ex);
void gateway_job_cancel(gateway_exchange *ex);
void gateway_job_upload(gateway_exchange *ex);
void gateway_job_workflows(gateway_exchange *ex);
void gateway_job_application(gateway_exchange *ex);

#endif
