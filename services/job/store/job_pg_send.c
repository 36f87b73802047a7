#include "job_pg_session.h"

#include <assert.h>
#include <stdio.h>

#define BULK_MAX_BYTES (4U << 20)

/* ---- statements ---- */

job_pg_rows *job_pg_send_slot(job_pg_session *s, const char *sql)
{
    size_t at = ((uintptr_t)sql * 0x9E3779B97F4A7C15ULL) >> 40;
    for (;;) {
        size_t index = at++ & (JOB_PG_STATEMENTS_MAX - 1);
        job_pg_rows *slot = &s->statements[index];
        if (slot->sql == NULL) {
            slot->base.db = &s->base;
            slot->sql = sql;
            snprintf(slot->name, sizeof(slot->name), "s%zu", index);
        }
        if (slot->sql == sql) {
            return slot;
        }
    }
}

static Oid oid_of(char type)
{
    return type == 'i' ? JOB_PG_OID_INT : type == 'b' ? JOB_PG_OID_BYTES : JOB_PG_OID_TEXT;
}

static void prepare_as(job_pg_session *s, const char *name, const char *text, const char *types,
                       Oid (*oid)(char type), bool *prepared)
{
    Oid oids[JOB_PG_PARAMS_MAX];
    int n = 0;
    for (; types[n] != '\0' && n < JOB_PG_PARAMS_MAX; n++) {
        oids[n] = oid(types[n]);
    }
    if (job_pg_session_sent(s, PQsendPrepare(s->conn, name, text, n, oids))) {
        *prepared = true;
        job_pg_session_expect(s, (job_pg_answer){.prepared = prepared});
    }
}

void job_pg_send_prepare(job_pg_session *s, job_pg_rows *rows, const char *types)
{
    if (!rows->prepared) {
        RF_CLEANUP(rf_cleanup_free) char *text = job_pg_text(rows->sql);
        prepare_as(s, rows->name, text, types, oid_of, &rows->prepared);
    }
}

void job_pg_send_values(job_pg_session *s, const char *name, const job_pg_values *v,
                        job_pg_answer answer)
{
    if (s->base.err == 0 &&
        job_pg_session_sent(s, PQsendQueryPrepared(s->conn, name, v->n, v->values, v->lengths,
                                                   v->formats, JOB_PG_BINARY))) {
        job_pg_session_expect(s, answer);
    }
}

/* Sends a statement of a literal; its rows go to keep. */
void job_pg_send_literal(job_pg_session *s, job_pg_rows *rows, const char *types, va_list args,
                         PGresult **keep)
{
    job_pg_values values;
    job_pg_send_prepare(s, rows, types);
    job_pg_take(&values, types, args);
    rows->waiting = keep != NULL && s->base.err == 0;
    job_pg_send_values(s, rows->name, &values, (job_pg_answer){.rows = rows, .keep = keep});
}

/* ---- rows that wait for each other ---- */

static void send_bulk(job_pg_session *s, job_pg_rows *rows, const char *types,
                      char *(*text_of)(const char *sql, const char *types), job_pg_answer answer)
{
    char name[JOB_PG_NAME_LEN + 1];
    job_pg_values values;
    snprintf(name, sizeof(name), "%sb", rows->name);
    if (!rows->bulk_prepared) {
        RF_CLEANUP(rf_cleanup_free) char *text = text_of(rows->sql, types);
        prepare_as(s, name, text, types, job_pg_bulk_oid, &rows->bulk_prepared);
    }
    job_pg_bulk_rows(rows->bulk, types, &values);
    job_pg_send_values(s, name, &values, answer);
}

static void send_waiting(job_pg_session *s, job_pg_rows *rows)
{
    if (rows->bulk->n > 1) {
        send_bulk(s, rows, rows->types, job_pg_bulk_text, (job_pg_answer){.rows = NULL});
    } else {
        job_pg_values values;
        job_pg_send_prepare(s, rows, rows->types);
        job_pg_bulk_row(rows->bulk, &values);
        job_pg_send_values(s, rows->name, &values, (job_pg_answer){.rows = NULL});
    }
}

/* Before anything that may look at what was written. */
void job_pg_send_rows(job_pg_session *s)
{
    for (size_t i = 0; i < s->n_bulks; i++) {
        if (s->base.err == 0 && s->state != JOB_PG_DOWN) {
            send_waiting(s, s->bulks[i]);
        }
        job_pg_bulk_clear(s->bulks[i]->bulk);
    }
    s->n_bulks = 0;
}

void job_pg_send_forget(job_pg_session *s)
{
    for (size_t i = 0; i < s->n_bulks; i++) {
        job_pg_bulk_clear(s->bulks[i]->bulk);
    }
    s->n_bulks = 0;
}

static bool can_wait(job_pg_rows *rows, const char *types)
{
    if (rows->bulk == NULL && !rows->single) {
        RF_CLEANUP(rf_cleanup_free) char *text = job_pg_bulk_text(rows->sql, types);
        rows->single = text == NULL;
        rows->types = types;
        rows->bulk = text == NULL ? NULL : job_pg_bulk_new(types);
    }
    return !rows->single;
}

static void add_row(job_pg_session *s, job_pg_rows *rows, va_list args)
{
    if (rows->bulk->n == 0) {
        s->bulks[s->n_bulks++] = rows;
    }
    job_pg_bulk_add(rows->bulk, rows->types, args);
    if (rows->bulk->bytes > BULK_MAX_BYTES || s->n_bulks == JOB_PG_BULKS_MAX) {
        job_pg_send_rows(s);
    }
}

bool job_pg_send_later(job_pg_session *s, job_pg_rows *rows, const char *types, va_list args)
{
    if (!can_wait(rows, types)) {
        return false;
    }
    add_row(s, rows, args);
    return true;
}

/* ---- one query many times ---- */

static const char *types_of(const job_sql_many *many)
{
    static const char ints[] = "iiiiiiii";
    static_assert(sizeof(ints) == JOB_SQL_INTS_MAX + 1, "a letter for each");
    return many->texts != NULL ? "t" : &ints[JOB_SQL_INTS_MAX - many->n_ints];
}

static void add_run(job_pg_bulk *b, const job_sql_many *many, size_t i)
{
    if (many->texts != NULL) {
        job_pg_bulk_str(b, 0, many->texts[i]);
    }
    for (size_t k = 0; many->texts == NULL && k < many->n_ints; k++) {
        job_pg_bulk_int(b, (int)k, many->ints[i * many->n_ints + k]);
    }
    job_pg_bulk_end(b);
}

void job_pg_send_each(job_pg_session *s, job_pg_rows *rows, const job_sql_many *many)
{
    const char *types = types_of(many);
    if (rows->bulk == NULL) {
        rows->bulk = job_pg_bulk_new(types);
    }
    for (size_t i = 0; i < many->n; i++) {
        add_run(rows->bulk, many, i);
    }
    rows->waiting = s->base.err == 0;
    send_bulk(s, rows, types, job_pg_bulk_query,
              (job_pg_answer){.rows = rows, .keep = &rows->result});
    job_pg_bulk_clear(rows->bulk);
}

/* Transaction control and other texts without parameters, not waited for. */
void job_pg_send_text(job_pg_session *s, const char *text)
{
    if (job_pg_session_sent(
            s, PQsendQueryParams(s->conn, text, 0, NULL, NULL, NULL, NULL, JOB_PG_BINARY))) {
        job_pg_session_expect(s, (job_pg_answer){.rows = NULL});
    }
}
