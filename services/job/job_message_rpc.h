/*
 * job_message_rpc.h - messages that more than one adapter file makes. Included by job_*_rpc.c only:
 * it shows generated messages.
 */
#ifndef JOB_MESSAGE_RPC_H
#define JOB_MESSAGE_RPC_H

#include "job_rpc_internal.h"

#include <reflection/job/v1/job.rpc.h>

#define JOB_PAGE_SIZE 100 /* of a list whose request names none */

#define JOB_PAGE_MAX 1000000

/* job_message_page checks page and size of a list; NULL, or what is wrong. */
const char *job_message_page(uint32_t page, uint32_t size);

/* job_message_text gives s as generated messages want it, NULL as "". */
char *job_message_text(const char *s);

/* job_message_json and job_message_time fill m and return it; no time (0) is NULL. */
Rpc__V1__Json *job_message_json(Rpc__V1__Json *m, char *json);
Rpc__V1__Time *job_message_time(Rpc__V1__Time *m, int64_t wall_ms);

/* job_message_job makes the message of a job in the arena; it points into job as well. */
Job__V1__Job *job_message_job(const job_service *s, job_arena *arena, const job_record *job);

/* job_message_workflow likewise; it points into w. */
Job__V1__Workflow *job_message_workflow(job_arena *arena, const job_workflow *w);

#endif
