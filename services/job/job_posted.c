#include "job_posted.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "rf_file.h"

#define ERROR_MAX 1024

static const char *const reserved[] = {"music-ai/", "reflection/", "sdk-test"};

static int check_slug(const char *slug, rf_buf *error)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(reserved); i++) {
        size_t len = strlen(reserved[i]);
        bool prefix = reserved[i][len - 1] == '/';
        if (strncmp(slug, reserved[i], len) == 0 && (prefix || slug[len] == '\0')) {
            rf_buf_printf(error, "key 'slug': '%s' is reserved", reserved[i]);
            return -EBADMSG;
        }
    }
    return 0;
}

/* Takes "replace" out of the body. */
static int take_replace(json_t *root, rf_buf *error, bool *ret)
{
    const json_t *replace = json_object_get(root, "replace");
    if (replace != NULL && !json_is_boolean(replace)) {
        rf_buf_append_str(error, "key 'replace' must be true or false");
        return -EBADMSG;
    }
    *ret = json_is_true(replace);
    json_object_del(root, "replace");
    return 0;
}

static int read_document(json_t *root, const job_catalogue *modules, rf_buf *error,
                         job_workflow **ret)
{
    /* Keys in order, so that equal documents are equal text. */
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    job_workflow *w = NULL;
    int err = job_workflow_parse(text, strlen(text), modules, true, error, &w);
    free(text);
    err = err == 0 ? check_slug(job_workflow_slug(w), error) : err;
    if (err < 0) {
        job_workflow_free(w);
        return err;
    }
    *ret = w;
    return 0;
}

int job_posted_read(const char *text, const job_catalogue *modules, rf_buf *error,
                    bool *ret_replace, job_workflow **ret)
{
    json_error_t where;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (root == NULL) {
        rf_buf_printf(error, "line %d: %s", where.line, where.text);
        return -EBADMSG;
    }
    int err = take_replace(root, error, ret_replace);
    err = err == 0 ? read_document(root, modules, error, ret) : err;
    json_decref(root);
    return err;
}

int job_posted_parse(const job_posted *posted, const job_catalogue *modules, job_workflow **ret)
{
    rf_buf error;
    rf_buf_init(&error, ERROR_MAX);
    int err =
        job_workflow_parse(posted->document, strlen(posted->document), modules, true, &error, ret);
    rf_buf_done(&error);
    if (err == 0) {
        job_workflow_row *row = job_workflow_row_of(*ret);
        rf_copy_str(row->id, sizeof(row->id), posted->id);
        row->version = posted->version;
        row->created_ms = posted->created_ms;
        row->updated_ms = posted->updated_ms;
    }
    return err;
}

static int check_text(const char *modules_file, const char *path, const char *text, rf_buf *error)
{
    job_catalogue *modules = NULL;
    job_workflow *w = NULL;
    bool replace;
    int err = job_catalogue_load(modules_file, error, &modules);
    if (err == 0) {
        err = job_posted_read(text, modules, error, &replace, &w);
    }
    if (err == 0) {
        printf("%s: workflow '%s' is valid\n", path, job_workflow_slug(w));
    } else {
        fprintf(stderr, "%s: %s\n", path, rf_buf_str(error));
    }
    job_workflow_free(w);
    job_catalogue_free(modules);
    return err;
}

int job_posted_check(const char *modules_file, const char *path)
{
    rf_buf text;
    rf_buf error;
    rf_buf_init(&text, JOB_DOCUMENT_MAX + 1);
    rf_buf_init(&error, ERROR_MAX);
    int err = rf_file_read(path, &text);
    if (err < 0) {
        fprintf(stderr, "%s: %s\n", path,
                err == -ENOSPC ? "larger than 65536 bytes" : strerror(-err));
    } else {
        err = check_text(modules_file, path, rf_buf_str(&text), &error);
    }
    rf_buf_done(&text);
    rf_buf_done(&error);
    return err == 0 ? 0 : 1;
}
