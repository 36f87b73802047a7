#include "job_pg_bulk.h"

#include <endian.h>
#include <string.h>

#define ARRAY_MAX (1U << 29)
#define TEXT_MAX (1U << 16)

/* Before the elements: dimensions, whether there are NULLs, type, length, lower bound. */
typedef struct array_head {
    uint32_t n_dimensions;
    uint32_t has_nulls;
    uint32_t type;
    uint32_t n;
    uint32_t from;
} array_head;

Oid job_pg_bulk_oid(char type)
{
    return type == 'i' ? 1016 : type == 'b' ? 1001 : 1009;
}

static Oid element_oid(char type)
{
    return type == 'i' ? JOB_PG_OID_INT : type == 'b' ? JOB_PG_OID_BYTES : JOB_PG_OID_TEXT;
}

static const char *type_name(char type)
{
    return type == 'i' ? "bigint" : type == 'b' ? "bytea" : "text";
}

/* ---- the statement ---- */

/* The first place of a word outside of brackets and quotes, NULL when there is none. */
static const char *find_word(const char *sql, const char *word)
{
    int depth = 0;
    bool quoted = false;
    for (const char *at = sql; *at != '\0'; at++) {
        quoted ^= *at == '\'';
        depth += quoted ? 0 : (*at == '(') - (*at == ')');
        if (!quoted && depth == 0 && strncmp(at, word, strlen(word)) == 0) {
            return at;
        }
    }
    return NULL;
}

static void append_arrays(rf_buf *out, const char *types)
{
    rf_buf_append_str(out, "unnest(");
    for (int i = 0; types[i] != '\0'; i++) {
        rf_buf_printf(out, "%s$%d::%s[]", i == 0 ? "" : ",", i + 1, type_name(types[i]));
    }
    rf_buf_append_str(out, ")");
}

static void append_names(rf_buf *out, const char *types)
{
    rf_buf_append_str(out, " AS v(");
    for (int i = 0; types[i] != '\0'; i++) {
        rf_buf_printf(out, "%sp%d", i == 0 ? "" : ",", i + 1);
    }
}

static void append_source(rf_buf *out, const char *types)
{
    append_arrays(out, types);
    append_names(out, types);
    rf_buf_append_str(out, ")");
}

/* Text with $N put as v.pN. */
static void append_text(rf_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '$') {
            rf_buf_append_str(out, "v.p");
        } else {
            rf_buf_append_char(out, text[i]);
        }
    }
}

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* The statement with the rows added at a place: before is put in front of them, after behind. */
static char *splice(const char *sql, const char *types, const char *at, const char *before,
                    const char *after)
{
    rf_buf out;
    rf_buf_init(&out, TEXT_MAX);
    append_text(&out, sql, (size_t)(at - sql));
    rf_buf_append_str(&out, before);
    append_source(&out, types);
    rf_buf_append_str(&out, after);
    append_text(&out, at, strlen(at));
    return rf_buf_steal(&out);
}

/* VALUES(list) becomes SELECT list FROM the rows. */
static char *splice_values(const char *sql, const char *types, const char *values)
{
    const char *list = values + strlen(" VALUES(");
    const char *end = list;
    for (int depth = 1; depth > 0; end++) {
        depth += (*end == '(') - (*end == ')');
    }
    rf_buf out;
    rf_buf_init(&out, TEXT_MAX);
    append_text(&out, sql, (size_t)(values - sql));
    rf_buf_append_str(&out, " SELECT ");
    append_text(&out, list, (size_t)(end - 1 - list));
    rf_buf_append_str(&out, " FROM ");
    append_source(&out, types);
    append_text(&out, end, strlen(end));
    return rf_buf_steal(&out);
}

static char *insert_form(const char *sql, const char *types)
{
    const char *values = find_word(sql, " VALUES(");
    const char *from = find_word(sql, " FROM ");
    const char *where = find_word(sql, " WHERE ");
    if (values != NULL) {
        return splice_values(sql, types, values);
    }
    if (find_word(sql, " UNION ") != NULL || where == NULL) {
        return NULL;
    }
    return from == NULL ? splice(sql, types, where, " FROM ", "")
                        : splice(sql, types, from + strlen(" FROM "), "", ", ");
}

static char *update_form(const char *sql, const char *types, const char *where)
{
    const char *from = find_word(sql, " FROM ");
    return from == NULL ? splice(sql, types, where, " FROM ", "")
                        : splice(sql, types, from + strlen(" FROM "), "", ", ");
}

char *job_pg_bulk_text(const char *sql, const char *types)
{
    if (types[0] == '\0' || strlen(types) > JOB_PG_BULK_PARAMS_MAX) {
        return NULL;
    }
    RF_CLEANUP(rf_cleanup_free) char *text = job_pg_text(sql);
    const char *where = find_word(text, " WHERE ");
    if (begins(text, "INSERT ")) {
        return insert_form(text, types);
    }
    if (begins(text, "UPDATE ") && where != NULL) {
        return update_form(text, types, where);
    }
    return begins(text, "DELETE ") && where != NULL ? splice(text, types, where, " USING ", "")
                                                    : NULL;
}

static void append_numbered(rf_buf *out, const char *types)
{
    append_arrays(out, types);
    rf_buf_append_str(out, " WITH ORDINALITY");
    append_names(out, types);
    rf_buf_append_str(out, ",number)");
}

/* An UPDATE or DELETE that returns rows. */
static char *change_query(const char *text, const char *types, const char *source)
{
    const char *where = find_word(text, " WHERE ");
    rf_buf out;
    rf_buf_init(&out, TEXT_MAX);
    append_text(&out, text, (size_t)(where - text));
    rf_buf_append_str(&out, source);
    append_numbered(&out, types);
    append_text(&out, where, strlen(where));
    rf_buf_append_str(&out, ", v.number");
    return rf_buf_steal(&out);
}

char *job_pg_bulk_query(const char *sql, const char *types)
{
    RF_CLEANUP(rf_cleanup_free) char *text = job_pg_text(sql);
    if (begins(text, "UPDATE ")) {
        return change_query(text, types, " FROM ");
    }
    if (begins(text, "DELETE ")) {
        return change_query(text, types, " USING ");
    }
    rf_buf out;
    rf_buf_init(&out, TEXT_MAX);
    rf_buf_append_str(&out, "SELECT s.*, v.number FROM ");
    append_numbered(&out, types);
    rf_buf_append_str(&out, ", LATERAL (");
    append_text(&out, text, strlen(text));
    rf_buf_append_str(&out, ") AS s ORDER BY v.number");
    return rf_buf_steal(&out);
}

/* ---- the rows ---- */

job_pg_bulk *job_pg_bulk_new(const char *types)
{
    job_pg_bulk *b = RF_NEW(job_pg_bulk);
    b->n_params = (int)strlen(types);
    for (int i = 0; i < b->n_params; i++) {
        rf_buf_init(&b->arrays[i], ARRAY_MAX);
    }
    job_pg_bulk_clear(b);
    return b;
}

job_pg_bulk *job_pg_bulk_free(job_pg_bulk *b)
{
    if (b != NULL) {
        for (int i = 0; i < b->n_params; i++) {
            rf_buf_done(&b->arrays[i]);
        }
        free(b);
    }
    return NULL;
}

void job_pg_bulk_clear(job_pg_bulk *b)
{
    static const array_head empty;
    b->n = b->bytes = 0;
    for (int i = 0; i < b->n_params; i++) {
        rf_buf_clear(&b->arrays[i]);
        rf_buf_append(&b->arrays[i], &empty, sizeof(empty));
        b->nulls[i] = false;
    }
}

static void add(job_pg_bulk *b, int at, const void *data, size_t len)
{
    uint32_t size = htobe32(data == NULL ? UINT32_MAX : (uint32_t)len);
    rf_buf_append(&b->arrays[at], &size, sizeof(size));
    if (data == NULL) {
        b->nulls[at] = true;
    } else {
        rf_buf_append(&b->arrays[at], data, len);
        b->bytes += len;
    }
}

void job_pg_bulk_int(job_pg_bulk *b, int at, int64_t value)
{
    uint64_t bytes = htobe64((uint64_t)value);
    add(b, at, &bytes, sizeof(bytes));
}

void job_pg_bulk_str(job_pg_bulk *b, int at, const char *value)
{
    add(b, at, value, value == NULL ? 0 : strlen(value));
}

void job_pg_bulk_end(job_pg_bulk *b)
{
    b->n++;
}

void job_pg_bulk_add(job_pg_bulk *b, const char *types, va_list args)
{
    for (int i = 0; i < b->n_params; i++) {
        if (types[i] == 'i') {
            job_pg_bulk_int(b, i, va_arg(args, int64_t));
        } else if (types[i] == 't') {
            job_pg_bulk_str(b, i, va_arg(args, const char *));
        } else if (types[i] == 'b') {
            const void *bytes = va_arg(args, const void *);
            add(b, i, bytes, va_arg(args, size_t));
        } else {
            add(b, i, NULL, 0);
        }
    }
    job_pg_bulk_end(b);
}

void job_pg_bulk_row(const job_pg_bulk *b, job_pg_values *v)
{
    v->n = b->n_params;
    for (int i = 0; i < b->n_params; i++) {
        const uint8_t *at = b->arrays[i].data + sizeof(array_head);
        uint32_t size;
        memcpy(&size, at, sizeof(size));
        v->values[i] = be32toh(size) == UINT32_MAX ? NULL : (const char *)at + sizeof(size);
        v->lengths[i] = (int)be32toh(size);
        v->formats[i] = JOB_PG_BINARY;
    }
}

void job_pg_bulk_rows(job_pg_bulk *b, const char *types, job_pg_values *v)
{
    v->n = b->n_params;
    for (int i = 0; i < b->n_params; i++) {
        const array_head head = {.n_dimensions = htobe32(1),
                                 .has_nulls = htobe32(b->nulls[i]),
                                 .type = htobe32(element_oid(types[i])),
                                 .n = htobe32((uint32_t)b->n),
                                 .from = htobe32(1)};
        memcpy(b->arrays[i].data, &head, sizeof(head));
        v->values[i] = (const char *)b->arrays[i].data;
        v->lengths[i] = (int)b->arrays[i].len;
        v->formats[i] = JOB_PG_BINARY;
    }
}
