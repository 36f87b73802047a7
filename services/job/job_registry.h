/*
 * job_registry.h - the workflows that jobs may name: documents of a directory, stored with their
 * versions. Read-only after loading: any thread may read.
 */
#ifndef JOB_REGISTRY_H
#define JOB_REGISTRY_H

#include "job_store.h"
#include "job_workflow.h"

typedef struct job_registry job_registry;

/* job_registry_load reads modules_file and every *.json of dir (shipped: each needs a file output)
 * and of extra_dir (the operator's; NULL or "" for none), and stores new versions. A bad document
 * ends it; error then names file and key. Returns 0, -EBADMSG, -EEXIST for a slug used twice, the
 * errno of a file, or the store's error. */
int job_registry_load(const char *modules_file, const char *dir, const char *extra_dir,
                      job_store *store, rf_buf *error, job_registry **ret) RF_MUST_USE;
job_registry *job_registry_free(job_registry *r);

/* NULL when there is none. */
const job_workflow *job_registry_find(const job_registry *r, const char *slug);
const job_workflow *job_registry_find_id(const job_registry *r, const char *id);

/* The modules that documents may name. */
const job_catalogue *job_registry_modules(const job_registry *r);

/* Sorted by slug, shipped ones first: those below job_registry_shipped. */
size_t job_registry_count(const job_registry *r);
size_t job_registry_shipped(const job_registry *r);
const job_workflow *job_registry_at(const job_registry *r, size_t index);
const job_workflow_row *job_registry_row(const job_workflow *w);

#endif
