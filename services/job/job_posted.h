/*
 * job_posted.h - workflow documents as applications post them: what they may hold beyond the rules
 * of job_workflow.h. Any thread.
 */
#ifndef JOB_POSTED_H
#define JOB_POSTED_H

#include "job_op.h"
#include "job_workflow.h"

/* job_posted_read checks the body of POST /workflow: a document, beside whose keys "replace" may
 * stand. The slug must not be one of ours ("music-ai/", "reflection/", "sdk-test"), and one output
 * must be a file. On failure error names the key and the rule. Returns 0 or -EBADMSG. */
int job_posted_read(const char *text, const job_catalogue *modules, rf_buf *error,
                    bool *ret_replace, job_workflow **ret) RF_MUST_USE;

/* job_posted_parse reads what the store holds: a document that was good when it was posted, with
 * its row. Returns 0, or -EBADMSG when a module that it names is gone. */
int job_posted_parse(const job_posted *posted, const job_catalogue *modules,
                     job_workflow **ret) RF_MUST_USE;

/* job_posted_check is `reflection-job --check-workflow FILE`: reads the file and says on standard
 * output or error what it is. modules_file as of the setting modules.file. Returns an exit code. */
int job_posted_check(const char *modules_file, const char *path);

#endif
