/*
 * gateway_job.h - handlers of the job calls (spec jobs.md 2.2): request to RPC, reply to JSON.
 */
#ifndef GATEWAY_JOB_H
#define GATEWAY_JOB_H

#include "gateway_rpc.h"

void gateway_job_create(gateway_exchange *ex);
void gateway_job_get(gateway_exchange *ex);
void gateway_job_status(gateway_exchange *ex);
void gateway_job_list(gateway_exchange *ex);
void gateway_job_delete(gateway_exchange *ex);
void gateway_job_cancel(gateway_exchange *ex);
void gateway_job_batch(gateway_exchange *ex);
void gateway_job_redrive(gateway_exchange *ex);
void gateway_job_upload(gateway_exchange *ex);
void gateway_job_workflows(gateway_exchange *ex);
void gateway_job_application(gateway_exchange *ex);
void gateway_job_webhook_secret(gateway_exchange *ex);

/* gateway_job_failed answers what the job service refused about a job of the path. */
void gateway_job_failed(gateway_exchange *ex, const rf_status *status);

/* For the handlers of other calls on jobs: gateway_job_on_reply passes the answer or the error on;
 * every id that is not the caller's gets the same 404 (spec jobs.md G4). gateway_job_id_valid
 * answers 404 and returns false when the path's id has not the form of one. */
void gateway_job_on_reply(gateway_exchange *ex, gateway_reply *reply);
bool gateway_job_id_valid(gateway_exchange *ex);

#endif
