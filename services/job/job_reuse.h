/*
 * job_reuse.h - what the result of a job depends on, beside the bytes of its inputs (spec jobs.md
 * section 5, "Result reuse"). Any thread.
 */
#ifndef JOB_REUSE_H
#define JOB_REUSE_H

#include "job_arena.h"
#include "job_workflow.h"

/* job_reuse_seed is the workflow with its version and modules, and the parameters that name no
 * bytes, as text; NULL when equal inputs need not give an equal result. params is the JSON text of
 * an object that fits the workflow. */
char *job_reuse_seed(job_arena *arena, const job_workflow *w, const char *params) RF_MUST_USE;

#endif
