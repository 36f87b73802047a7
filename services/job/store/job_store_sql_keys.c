/*
 * Applications and their API keys: one that works, or two while a key is rotated.
 */
#include "job_store_sql.h"

#include "job_migrations.h"

#include <errno.h>

#define KEY_COLUMNS                                                                                \
    " k.id, a.id, a.name, k.prefix, k.created_ms, k.revoked_ms, k.rate, k.burst, k.scopes"         \
    " FROM keys k JOIN applications a ON a.seq=k.app "

static void read_key(job_rows *rows, job_arena *arena, job_key *key)
{
    key->id = job_sql_str(rows, 0, arena);
    key->app = job_sql_str(rows, 1, arena);
    key->app_name = job_sql_str(rows, 2, arena);
    key->prefix = job_sql_str(rows, 3, arena);
    key->created_ms = job_sql_int(rows, 4);
    key->revoked_ms = job_sql_int(rows, 5);
    key->rate = (uint32_t)job_sql_int(rows, 6);
    key->burst = (uint32_t)job_sql_int(rows, 7);
    key->scopes = job_sql_str(rows, 8, arena);
}

static int load_key(job_tx *tx, job_arena *arena, const char *id, job_key *key)
{
    job_rows *rows = job_sql_query(tx->db, "SELECT" KEY_COLUMNS "WHERE k.id=?", "t", id);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    read_key(rows, arena, key);
    job_sql_end(rows);
    return 0;
}

static bool key_works(const job_tx *tx, const job_key *key)
{
    return key->revoked_ms == 0 || key->revoked_ms > tx->now_ms;
}

int job_store_sql_application_get(job_tx *tx, job_op *op)
{
    job_op_application_get *in = (job_op_application_get *)op;
    job_rows *rows =
        job_sql_query(tx->db, "SELECT name FROM applications WHERE id=?", "t", in->app);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    in->name = job_sql_str(rows, 0, &op->arena);
    job_sql_end(rows);
    return 0;
}

/* The application of a name, made when there is none. */
static int64_t need_application(job_tx *tx, const char *name)
{
    char id[RF_UUID_LEN];
    job_sql_run(tx->db,
                "INSERT INTO applications(id, name, created_ms) VALUES(?,?,?)"
                " ON CONFLICT(name) DO NOTHING",
                "tti", rf_uuid4(id), name, tx->now_ms);
    return job_sql_one(tx->db, 0, "SELECT seq FROM applications WHERE name=?", "t", name);
}

/* Whether the application has its one active key. One that was rotated out and works on for a while
 * does not count, so two work at the same time at most. */
static bool has_active_key(job_tx *tx, const char *app_name)
{
    return job_sql_one(tx->db, 0,
                       "SELECT count(*) FROM keys k JOIN applications a ON a.seq=k.app"
                       " WHERE a.name=? AND k.revoked_ms IS NULL",
                       "t", app_name) > 0;
}

static bool has_ending_key(job_tx *tx, const char *app_name)
{
    return job_sql_one(tx->db, 0,
                       "SELECT count(*) FROM keys k JOIN applications a ON a.seq=k.app"
                       " WHERE a.name=? AND k.revoked_ms>?",
                       "ti", app_name, tx->now_ms) > 0;
}

typedef struct new_key {
    int64_t app;
    const uint8_t *hash;
    const char *prefix;
    uint32_t rate;
    uint32_t burst;
    const char *scopes;
} new_key;

static int insert_key(job_tx *tx, job_arena *arena, const new_key *k, job_key *ret)
{
    char *id = job_arena_alloc(arena, RF_UUID_LEN);
    job_sql_run(tx->db,
                "INSERT INTO keys(id, app, hash, prefix, rate, burst, scopes, created_ms)"
                " VALUES(?,?,?,?,?,?,?,?)",
                "tibtiiti", rf_uuid4(id), k->app, k->hash, (size_t)RF_SHA256_LEN, k->prefix,
                (int64_t)k->rate, (int64_t)k->burst, k->scopes, tx->now_ms);
    return load_key(tx, arena, id, ret);
}

int job_store_sql_key_create(job_tx *tx, job_op *op)
{
    job_op_key_create *in = (job_op_key_create *)op;
    job_sql_lock(tx->db, JOB_LOCK_KEYS);
    if (has_active_key(tx, in->app_name)) {
        return -EEXIST;
    }
    const new_key key = {.app = need_application(tx, in->app_name),
                         .hash = in->hash,
                         .prefix = in->prefix,
                         .rate = in->rate,
                         .burst = in->burst,
                         .scopes = in->scopes};
    return insert_key(tx, &op->arena, &key, &in->key);
}

int job_store_sql_key_revoke(job_tx *tx, job_op *op)
{
    job_op_key_revoke *in = (job_op_key_revoke *)op;
    job_sql_run(tx->db,
                "UPDATE keys SET revoked_ms=?1 WHERE id=?2"
                " AND (revoked_ms IS NULL OR revoked_ms>?1)",
                "it", tx->now_ms, in->id);
    return load_key(tx, &op->arena, in->id, &in->key);
}

int job_store_sql_key_rotate(job_tx *tx, job_op *op)
{
    job_op_key_rotate *in = (job_op_key_rotate *)op;
    job_key old;
    job_sql_lock(tx->db, JOB_LOCK_KEYS);
    if (load_key(tx, &tx->arena, in->id, &old) < 0 || !key_works(tx, &old)) {
        return -ENOENT;
    }
    if (old.revoked_ms != 0 || has_ending_key(tx, old.app_name)) {
        return -EEXIST;
    }
    job_sql_run(tx->db, "UPDATE keys SET revoked_ms=? WHERE id=?", "it",
                tx->now_ms + in->overlap_ms, in->id);
    const new_key key = {.app = job_tx_application(tx, old.app),
                         .hash = in->hash,
                         .prefix = in->prefix,
                         .rate = old.rate,
                         .burst = old.burst,
                         .scopes = old.scopes};
    return insert_key(tx, &op->arena, &key, &in->key);
}

int job_store_sql_key_list(job_tx *tx, job_op *op)
{
    job_op_key_list *in = (job_op_key_list *)op;
    int64_t n = job_sql_one(tx->db, 0, "SELECT count(*) FROM keys", "");
    in->keys = job_arena_array(&op->arena, (size_t)n, sizeof(job_key));
    job_rows *rows =
        job_sql_query(tx->db, "SELECT" KEY_COLUMNS "ORDER BY a.name, k.created_ms, k.id", "");
    while (job_sql_next(tx->db, rows)) {
        read_key(rows, &op->arena, &in->keys[in->n_keys++]);
    }
    return 0;
}

int job_store_sql_key_find(job_tx *tx, job_op *op)
{
    job_op_key_find *in = (job_op_key_find *)op;
    job_rows *rows = job_sql_query(tx->db, "SELECT" KEY_COLUMNS "WHERE k.hash=?", "b", in->hash,
                                   (size_t)RF_SHA256_LEN);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    read_key(rows, &op->arena, &in->key);
    job_sql_end(rows);
    return key_works(tx, &in->key) ? 0 : -ENOENT;
}

/* ---- limits of an application ---- */

static void set_limits(job_tx *tx, const job_op_app_limit *in)
{
    if (in->set_concurrency) {
        job_sql_run(tx->db, "UPDATE applications SET concurrency=nullif(?,0) WHERE name=?", "it",
                    (int64_t)in->concurrency, in->name);
    }
    if (in->set_weight) {
        job_sql_run(tx->db, "UPDATE applications SET weight=? WHERE name=?", "it",
                    (int64_t)in->weight, in->name);
    }
    if (in->set_per_day) {
        job_sql_run(tx->db, "UPDATE applications SET per_day=? WHERE name=?", "it",
                    (int64_t)in->per_day, in->name);
        job_tx_forget_rooms(tx);
    }
}

int job_store_sql_app_limit(job_tx *tx, job_op *op)
{
    job_op_app_limit *in = (job_op_app_limit *)op;
    set_limits(tx, in);
    job_rows *rows =
        job_sql_query(tx->db,
                      "SELECT coalesce(a.concurrency, ?), a.weight, " JOB_QUEUED_OF_A ","
                      " (SELECT count(*) FROM leases l WHERE l.app=a.seq), a.per_day,"
                      " " JOB_MADE_OF_A " FROM applications a WHERE a.name=?",
                      "iit", tx->options->concurrency, tx->now_ms / JOB_DAY_MS, in->name);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    in->concurrency = (uint32_t)job_sql_int(rows, 0);
    in->weight = (uint32_t)job_sql_int(rows, 1);
    in->queued = job_sql_int(rows, 2);
    in->running = job_sql_int(rows, 3);
    in->per_day = (uint32_t)job_sql_int(rows, 4);
    in->today = job_sql_int(rows, 5);
    job_sql_end(rows);
    return 0;
}
