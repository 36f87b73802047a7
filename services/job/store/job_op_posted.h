/*
 * job_op_posted.h - operations on the workflows that applications post (spec jobs.md section 6).
 * Each is seen by its owner alone. Part of job_op.h, which includes it.
 */
#ifndef JOB_OP_POSTED_H
#define JOB_OP_POSTED_H

#include "job_op.h"

#define JOB_POSTED_MAX 1000 /* workflows of one application */

typedef struct job_posted {
    const char *slug;
    const char *document;
    const char *id;
    int64_t version;
    int64_t created_ms;
    int64_t updated_ms;
} job_posted;

/* Stores a document; an equal one changes nothing, a different one makes a new version. */
typedef struct job_op_posted_put {
    job_op op;
    const char *app;
    const char *slug;
    const char *document; /* canonical: equal documents are equal text */
    bool replace;
    /* out; err: -ENOENT no such application, -EEXIST another document has the slug and replace is
     * false, -EDQUOT the application has JOB_POSTED_MAX of them */
    job_posted posted;
} job_op_posted_put;

/* Removes it; the document stays for the jobs that were accepted with it. */
typedef struct job_op_posted_delete {
    job_op op;
    const char *app;
    const char *id;
    /* err: -ENOENT */
} job_op_posted_delete;

typedef struct job_op_posted_find {
    job_op op;
    const char *app;
    const char *name; /* slug or id */
    /* out; err: -ENOENT */
    job_posted posted;
} job_op_posted_find;

/* In order of the slug. */
typedef struct job_op_posted_list {
    job_op op;
    const char *app;
    size_t offset;
    size_t limit; /* at most JOB_LIST_MAX */
    /* out */
    job_posted *list;
    size_t n_list;
} job_op_posted_list;

#endif
