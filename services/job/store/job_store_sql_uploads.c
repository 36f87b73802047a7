/*
 * Uploads, files behind signed URLs, and the documents of workflows.
 */
#include "job_store_sql.h"

#include "job_migrations.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int job_store_sql_upload_create(job_tx *tx, job_op *op)
{
    job_op_upload_create *in = (job_op_upload_create *)op;
    int64_t app = job_tx_application(tx, in->app);
    if (app == 0) {
        return -ENOENT;
    }
    rf_uuid4(in->id);
    in->put_until_ms = tx->now_ms + in->put_ms;
    in->keep_until_ms = tx->now_ms + in->keep_ms;
    job_sql_run(tx->db,
                "INSERT INTO uploads(id, app, created_ms, put_until_ms, keep_until_ms)"
                " VALUES(?,?,?,?,?)",
                "tiiii", in->id, app, tx->now_ms, in->put_until_ms, in->keep_until_ms);
    return 0;
}

static bool is_key_of(const char *upload, const char *key)
{
    char prefix[RF_UUID_LEN + 16];
    int n = snprintf(prefix, sizeof(prefix), "uploads/%s", upload);
    return n > 0 && (size_t)n < sizeof(prefix) && strncmp(key, prefix, (size_t)n) == 0 &&
           (key[n] == '/' || key[n] == '\0');
}

/* 0 when the upload waits for its PUT, also when the same PUT is reported again. */
static int may_complete(job_tx *tx, const job_op_upload_complete *in)
{
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT object_key, job FROM uploads WHERE id=?"
                                   " AND keep_until_ms>? FOR UPDATE",
                                   "ti", in->id, tx->now_ms);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    char *key = job_sql_str(rows, 0, &tx->arena);
    bool reserved = job_sql_int(rows, 1) != 0;
    job_sql_end(rows);
    if (reserved || (key != NULL && strcmp(key, in->object_key) != 0)) {
        return -EEXIST;
    }
    return 0;
}

int job_store_sql_upload_complete(job_tx *tx, job_op *op)
{
    job_op_upload_complete *in = (job_op_upload_complete *)op;
    int err = may_complete(tx, in);
    if (err != -ENOENT && !is_key_of(in->id, in->object_key)) {
        return -EPERM;
    }
    if (err < 0) {
        return err;
    }
    char digest[2 * RF_SHA256_LEN + 1];
    rf_hex(in->sha256, RF_SHA256_LEN, digest);
    job_sql_run(tx->db, "UPDATE uploads SET object_key=?, size=?, sha256=?, digest=? WHERE id=?",
                "tibtt", in->object_key, in->size, in->sha256, (size_t)RF_SHA256_LEN, digest,
                in->id);
    return 0;
}

int job_store_sql_upload_get(job_tx *tx, job_op *op)
{
    job_op_upload_get *in = (job_op_upload_get *)op;
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT object_key, size, job FROM uploads WHERE id=?"
                                   " AND keep_until_ms>?",
                                   "ti", in->id, tx->now_ms);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    in->object_key = job_sql_str(rows, 0, &op->arena);
    in->size = job_sql_int(rows, 1);
    in->used = in->object_key != NULL || job_sql_int(rows, 2) != 0;
    job_sql_end(rows);
    return 0;
}

int job_store_sql_file_get(job_tx *tx, job_op *op)
{
    job_op_file_get *in = (job_op_file_get *)op;
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT r.object_key, r.content_type, r.size FROM results r"
                                   " WHERE r.job=(SELECT seq FROM jobs WHERE id=?) AND r.kind=?"
                                   " AND r.output||'.'||r.extension=?",
                                   "tit", in->job_id, (int64_t)JOB_RESULT_FILE, in->file_name);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    in->object_key = job_sql_str(rows, 0, &op->arena);
    in->content_type = job_sql_str(rows, 1, &op->arena);
    in->size = job_sql_int(rows, 2);
    job_sql_end(rows);
    return 0;
}

/* ---- workflow documents ---- */

typedef struct job_documents {
    int64_t version;
    char *text;
    struct job_documents *next;
} job_documents;

const char *job_tx_document(job_tx *tx, int64_t version)
{
    for (job_documents *d = tx->documents; d != NULL; d = d->next) {
        if (d->version == version) {
            return d->text;
        }
    }
    job_rows *rows = job_sql_query(tx->db, "SELECT document FROM workflow_versions WHERE version=?",
                                   "i", version);
    if (!job_sql_next(tx->db, rows)) {
        return NULL;
    }
    job_documents *d = RF_NEW(job_documents);
    d->version = version;
    d->text = rf_strdup(job_sql_str(rows, 0, &tx->arena));
    job_sql_end(rows);
    d->next = tx->documents;
    tx->documents = d;
    return d->text;
}

void job_tx_documents_free(job_tx *tx)
{
    while (tx->documents != NULL) {
        job_documents *next = tx->documents->next;
        free(tx->documents->text);
        free(tx->documents);
        tx->documents = next;
    }
}

/* Reads what is stored under the slug; version 0 when nothing is. */
static bool stored_equal(job_tx *tx, job_op_workflow_put *in)
{
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT w.id, w.version, w.created_ms, w.updated_ms,"
                                   " v.document=? FROM workflows w JOIN workflow_versions v"
                                   " ON v.version=w.version WHERE w.slug=?",
                                   "tt", in->document, in->slug);
    if (!job_sql_next(tx->db, rows)) {
        in->version = 0;
        return false;
    }
    rf_copy_str(in->id, sizeof(in->id), job_sql_str(rows, 0, &tx->arena));
    in->version = job_sql_int(rows, 1);
    in->created_ms = job_sql_int(rows, 2);
    in->updated_ms = job_sql_int(rows, 3);
    bool equal = job_sql_int(rows, 4) != 0;
    job_sql_end(rows);
    return equal;
}

int job_store_sql_workflow_put(job_tx *tx, job_op *op)
{
    job_op_workflow_put *in = (job_op_workflow_put *)op;
    job_sql_lock(tx->db, JOB_LOCK_WORKFLOWS);
    if (stored_equal(tx, in)) {
        return 0;
    }
    if (in->version == 0) {
        rf_uuid4(in->id);
        in->created_ms = tx->now_ms;
    }
    in->updated_ms = tx->now_ms;
    in->version = job_sql_one(tx->db, 0,
                              "INSERT INTO workflow_versions(slug, document, created_ms)"
                              " VALUES(?,?,?) RETURNING version",
                              "tti", in->slug, in->document, tx->now_ms);
    job_sql_run(tx->db,
                "INSERT INTO workflows(slug, id, version, created_ms, updated_ms)"
                " VALUES(?,?,?,?,?) ON CONFLICT(slug) DO UPDATE SET version=excluded.version,"
                " updated_ms=excluded.updated_ms",
                "ttiii", in->slug, in->id, in->version, in->created_ms, in->updated_ms);
    return 0;
}
