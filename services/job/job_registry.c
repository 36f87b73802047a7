#include "job_registry.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "rf_file.h"

#define WORKFLOWS_MAX 1000

struct job_registry {
    job_catalogue *catalogue;
    job_workflow **workflows;
    size_t n;
    size_t n_shipped;
};

job_registry *job_registry_free(job_registry *r)
{
    if (r != NULL) {
        for (size_t i = 0; i < r->n; i++) {
            job_workflow_free(r->workflows[i]);
        }
        free(r->workflows);
        job_catalogue_free(r->catalogue);
        free(r);
    }
    return NULL;
}

const job_workflow *job_registry_find(const job_registry *r, const char *slug)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(job_workflow_slug(r->workflows[i]), slug) == 0) {
            return r->workflows[i];
        }
    }
    return NULL;
}

const job_workflow *job_registry_find_id(const job_registry *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(job_registry_row(r->workflows[i])->id, id) == 0) {
            return r->workflows[i];
        }
    }
    return NULL;
}

const job_catalogue *job_registry_modules(const job_registry *r)
{
    return r->catalogue;
}

size_t job_registry_count(const job_registry *r)
{
    return r->n;
}

size_t job_registry_shipped(const job_registry *r)
{
    return r->n_shipped;
}

const job_workflow *job_registry_at(const job_registry *r, size_t index)
{
    return r->workflows[index];
}

const job_workflow_row *job_registry_row(const job_workflow *w)
{
    return job_workflow_row_of((job_workflow *)w);
}

static int parse_file(job_registry *r, const char *path, bool need_file, rf_buf *error,
                      job_workflow **ret)
{
    rf_buf text;
    rf_buf_init(&text, JOB_DOCUMENT_MAX + 1);
    rf_buf_printf(error, "%s: ", path);
    int err = rf_file_read(path, &text);
    if (err == -ENOSPC) {
        rf_buf_append_str(error, "larger than 65536 bytes");
    } else if (err < 0) {
        rf_buf_append_str(error, strerror(-err));
    } else {
        err = job_workflow_parse(rf_buf_str(&text), text.len, r->catalogue, need_file, error, ret);
    }
    rf_buf_done(&text);
    if (err == 0) {
        rf_buf_clear(error);
    }
    return err;
}

/* Gives the workflow its id and version in the store. */
static int store_workflow(job_store *store, job_workflow *w)
{
    job_op_workflow_put *op = JOB_OP_NEW(JOB_OP_WORKFLOW_PUT, job_op_workflow_put, NULL, NULL);
    op->slug = job_workflow_slug(w);
    op->document = job_workflow_document(w);
    int err = job_store_run(store, &op->op);
    job_workflow_row *row = job_workflow_row_of(w);
    memcpy(row->id, op->id, sizeof(row->id));
    row->version = op->version;
    row->created_ms = op->created_ms;
    row->updated_ms = op->updated_ms;
    job_op_free(&op->op);
    return err;
}

static int add_file(job_registry *r, const char *path, bool need_file, job_store *store,
                    rf_buf *error)
{
    job_workflow *w = NULL;
    int err = parse_file(r, path, need_file, error, &w);
    if (err < 0) {
        return err;
    }
    if (job_registry_find(r, job_workflow_slug(w)) != NULL || r->n == WORKFLOWS_MAX) {
        rf_buf_printf(error, "%s: key 'slug': '%s' is used already", path, job_workflow_slug(w));
        job_workflow_free(w);
        return -EEXIST;
    }
    r->workflows = rf_grow(r->workflows, r->n + 1, sizeof(job_workflow *));
    r->workflows[r->n++] = w;
    err = store_workflow(store, w);
    if (err < 0) {
        rf_buf_printf(error, "%s: cannot be stored: %s", path, strerror(-err));
    }
    return err;
}

static int is_document(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static int by_slug(const void *a, const void *b)
{
    return strcmp(job_workflow_slug(*(job_workflow *const *)a),
                  job_workflow_slug(*(job_workflow *const *)b));
}

static int add_directory(job_registry *r, const char *dir, bool need_file, job_store *store,
                         rf_buf *error)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, is_document, alphasort);
    if (n < 0) {
        rf_buf_printf(error, "%s: %s", dir, strerror(errno));
        return -errno;
    }
    size_t first = r->n;
    int err = 0;
    for (int i = 0; i < n; i++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, entries[i]->d_name);
        err = err == 0 ? add_file(r, path, need_file, store, error) : err;
        free(entries[i]);
    }
    free(entries);
    if (r->n > first) {
        qsort(r->workflows + first, r->n - first, sizeof(job_workflow *), by_slug);
    }
    return err;
}

int job_registry_load(const char *modules_file, const char *dir, const char *extra_dir,
                      job_store *store, rf_buf *error, job_registry **ret)
{
    job_registry *r = RF_NEW(job_registry);
    int err = job_catalogue_load(modules_file, error, &r->catalogue);
    err = err == 0 ? add_directory(r, dir, true, store, error) : err;
    r->n_shipped = r->n;
    if (err == 0 && extra_dir != NULL && extra_dir[0] != '\0') {
        err = add_directory(r, extra_dir, false, store, error);
    }
    if (err < 0) {
        job_registry_free(r);
        return err;
    }
    *ret = r;
    return 0;
}
