/*
 * Who else uses a rate limit: what each gateway has let in and been asked for lately, so that all
 * of them together keep to it (gateway_share.h).
 */
#include "job_store_sql.h"

#define FORGET_MS 60000

static void write_use(job_tx *tx, const char *gateway, const job_limit_use *use)
{
    job_sql_run(tx->db,
                "INSERT INTO limit_use(name, gateway, offered, admitted, at_ms) VALUES(?,?,?,?,?)"
                " ON CONFLICT(name, gateway) DO UPDATE SET offered=excluded.offered,"
                " admitted=excluded.admitted, at_ms=excluded.at_ms",
                "ttiii", use->name, gateway, use->offered, use->admitted, tx->now_ms);
}

static void read_others(job_tx *tx, const char *gateway, job_limit_use *use)
{
    job_rows *rows = job_sql_query(
        tx->db,
        "SELECT CAST(coalesce(sum(offered),0) AS BIGINT), CAST(coalesce(sum(admitted),0) AS BIGINT)"
        " FROM limit_use WHERE name=? AND gateway<>? AND at_ms>?",
        "tti", use->name, gateway, tx->now_ms - JOB_LIMIT_FRESH_MS);
    if (job_sql_next(tx->db, rows)) {
        use->others_offered = job_sql_int(rows, 0);
        use->others_admitted = job_sql_int(rows, 1);
        job_sql_end(rows);
    }
}

int job_store_sql_limits(job_tx *tx, job_op *op)
{
    job_op_limits *in = (job_op_limits *)op;
    job_sql_run(tx->db, "DELETE FROM limit_use WHERE at_ms<=?", "i", tx->now_ms - FORGET_MS);
    for (size_t i = 0; i < in->n_uses; i++) {
        write_use(tx, in->gateway, &in->uses[i]);
        read_others(tx, in->gateway, &in->uses[i]);
    }
    return 0;
}
