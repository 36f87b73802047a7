/*
 * Workflows that applications post. Every query holds the application (spec jobs.md S7); a job
 * keeps the version it was accepted with, so documents stay.
 */
#include "job_store_sql.h"

#include "job_migrations.h"

#include <errno.h>
#include <string.h>

#define POSTED_COLUMNS                                                                             \
    " w.slug, v.document, w.id, w.version, w.created_ms, w.updated_ms FROM posted w"               \
    " JOIN workflow_versions v ON v.version=w.version "

static void read_posted(job_rows *rows, job_arena *arena, job_posted *p)
{
    p->slug = job_sql_str(rows, 0, arena);
    p->document = job_sql_str(rows, 1, arena);
    p->id = job_sql_str(rows, 2, arena);
    p->version = job_sql_int(rows, 3);
    p->created_ms = job_sql_int(rows, 4);
    p->updated_ms = job_sql_int(rows, 5);
}

static bool load(job_tx *tx, job_arena *arena, int64_t app, const char *name, job_posted *p)
{
    job_rows *rows = job_sql_query(
        tx->db, "SELECT" POSTED_COLUMNS "WHERE w.app=? AND (w.slug=? OR w.id=?) LIMIT 1", "itt",
        app, name, name);
    if (!job_sql_next(tx->db, rows)) {
        return false;
    }
    read_posted(rows, arena, p);
    job_sql_end(rows);
    return true;
}

static void insert_version(job_tx *tx, const job_op_posted_put *in, job_posted *p)
{
    p->version = job_sql_one(tx->db, 0,
                             "INSERT INTO workflow_versions(slug, document, created_ms)"
                             " VALUES(?,?,?) RETURNING version",
                             "tti", in->slug, in->document, tx->now_ms);
    p->updated_ms = tx->now_ms;
    p->document = in->document;
}

static int insert_posted(job_tx *tx, int64_t app, job_op_posted_put *in)
{
    job_posted *p = &in->posted;
    if (job_sql_one(tx->db, 0, "SELECT count(*) FROM posted WHERE app=?", "i", app) >=
        JOB_POSTED_MAX) {
        return -EDQUOT;
    }
    insert_version(tx, in, p);
    p->slug = in->slug;
    p->created_ms = tx->now_ms;
    p->id = rf_uuid4(job_arena_alloc(&in->op.arena, RF_UUID_LEN));
    job_sql_exec(tx->db,
                 "INSERT INTO posted(app, slug, id, version, created_ms, updated_ms)"
                 " VALUES(?,?,?,?,?,?)",
                 "ittiii", app, p->slug, p->id, p->version, p->created_ms, p->updated_ms);
    return 0;
}

int job_store_sql_posted_put(job_tx *tx, job_op *op)
{
    job_op_posted_put *in = (job_op_posted_put *)op;
    int64_t app = job_tx_application(tx, in->app);
    if (app == 0) {
        return -ENOENT;
    }
    job_sql_lock(tx->db, JOB_LOCK_WORKFLOWS);
    if (!load(tx, &op->arena, app, in->slug, &in->posted)) {
        return insert_posted(tx, app, in);
    }
    if (strcmp(in->posted.document, in->document) == 0) {
        return 0;
    }
    if (!in->replace) {
        return -EEXIST;
    }
    insert_version(tx, in, &in->posted);
    job_sql_exec(tx->db, "UPDATE posted SET version=?, updated_ms=? WHERE app=? AND slug=?", "iiit",
                 in->posted.version, tx->now_ms, app, in->slug);
    return 0;
}

int job_store_sql_posted_delete(job_tx *tx, job_op *op)
{
    const job_op_posted_delete *in = (const job_op_posted_delete *)op;
    return job_sql_exec(tx->db, "DELETE FROM posted WHERE app=? AND id=?", "it",
                        job_tx_application(tx, in->app), in->id) > 0
               ? 0
               : -ENOENT;
}

int job_store_sql_posted_find(job_tx *tx, job_op *op)
{
    job_op_posted_find *in = (job_op_posted_find *)op;
    int64_t app = job_tx_application(tx, in->app);
    return load(tx, &op->arena, app, in->name, &in->posted) ? 0 : -ENOENT;
}

int job_store_sql_posted_list(job_tx *tx, job_op *op)
{
    job_op_posted_list *in = (job_op_posted_list *)op;
    in->list = job_arena_array(&op->arena, in->limit, sizeof(job_posted));
    job_rows *rows = job_sql_query(
        tx->db, "SELECT" POSTED_COLUMNS "WHERE w.app=? ORDER BY w.slug LIMIT ? OFFSET ?", "iii",
        job_tx_application(tx, in->app), (int64_t)in->limit, (int64_t)in->offset);
    while (job_sql_next(tx->db, rows)) {
        read_posted(rows, &op->arena, &in->list[in->n_list++]);
    }
    return 0;
}
