#include "job_pg.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "rf_time.h"

#define TEXT_MAX (1U << 20)

/* ---- parameters and columns ---- */

static void set(job_pg_values *v, int at, Oid type, const void *value, int len)
{
    v->types[at] = type;
    v->values[at] = value;
    v->lengths[at] = len;
    v->formats[at] = type == JOB_PG_OID_TEXT ? JOB_PG_TEXT : JOB_PG_BINARY;
}

static void set_int(job_pg_values *v, int at, int64_t value)
{
    v->ints[at] = (int64_t)htobe64((uint64_t)value);
    set(v, at, JOB_PG_OID_INT, &v->ints[at], sizeof(v->ints[at]));
}

void job_pg_take(job_pg_values *v, const char *types, va_list args)
{
    const void *bytes;
    for (v->n = 0; types[v->n] != '\0'; v->n++) {
        switch (types[v->n]) {
        case 'i':
            set_int(v, v->n, va_arg(args, int64_t));
            break;
        case 't':
            set(v, v->n, JOB_PG_OID_TEXT, va_arg(args, const char *), 0);
            break;
        case 'b':
            bytes = va_arg(args, const void *);
            set(v, v->n, JOB_PG_OID_BYTES, bytes, (int)va_arg(args, size_t));
            break;
        default:
            set(v, v->n, JOB_PG_OID_TEXT, NULL, 0);
            break;
        }
    }
}

static bool has_room(job_pg_values *v, int at)
{
    if (at > JOB_PG_PARAMS_MAX) {
        return false;
    }
    v->n = RF_MAX(v->n, at);
    return true;
}

bool job_pg_set_int(job_pg_values *v, int at, int64_t value)
{
    if (has_room(v, at)) {
        set_int(v, at - 1, value);
        return true;
    }
    return false;
}

bool job_pg_set_text(job_pg_values *v, int at, const char *value)
{
    if (has_room(v, at)) {
        set(v, at - 1, JOB_PG_OID_TEXT, value, 0);
        return true;
    }
    return false;
}

int64_t job_pg_int(const PGresult *result, int row, int column)
{
    uint64_t value = 0;
    int len = PQgetlength(result, row, column);
    const uint8_t *bytes = (const uint8_t *)PQgetvalue(result, row, column);
    for (int i = 0; i < len && i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    int unused = 64 - 8 * len; /* the sign of a narrower one */
    return len == 0 ? 0 : len >= 8 ? (int64_t)value : (int64_t)(value << unused) >> unused;
}

/* ---- the connection ---- */

int job_pg_left_ms(int64_t end_ns)
{
    int64_t left_ms = (end_ns - rf_time_real_ns() + RF_NS_PER_MS - 1) / RF_NS_PER_MS;
    return (int)RF_MIN(RF_MAX(left_ms, (int64_t)0), (int64_t)INT_MAX);
}

/* Whether there was an event in time. */
static bool wait_for(int fd, short events, int64_t end_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n = poll(&p, 1, job_pg_left_ms(end_ns));
    return n > 0 || (n < 0 && errno == EINTR && job_pg_left_ms(end_ns) > 0);
}

int job_pg_wait(PGconn *conn, int timeout_ms)
{
    int64_t end_ns = rf_time_real_ns() + timeout_ms * RF_NS_PER_MS;
    for (;;) {
        int unsent = PQflush(conn);
        if (unsent < 0) {
            return -EIO;
        }
        if (PQisBusy(conn) == 0) {
            return 1;
        }
        short events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0));
        if (!wait_for(PQsocket(conn), events, end_ns)) {
            return 0;
        }
        if (PQconsumeInput(conn) != 1) {
            return -EIO;
        }
    }
}

static void ignore_notice(void *user, const char *message)
{
    (void)user;
    (void)message;
}

char *job_pg_reason(const PGconn *conn, const char *fallback)
{
    const char *message = conn == NULL ? "" : PQerrorMessage(conn);
    char *why = rf_strdup(message[0] != '\0' ? message : fallback);
    size_t len = strlen(why);
    for (size_t i = 0; i < len; i++) {
        why[i] = why[i] == '\n' || why[i] == '\t' ? ' ' : why[i];
    }
    while (len > 0 && why[len - 1] == ' ') {
        why[--len] = '\0';
    }
    return why;
}

/* libpq quotes a URL that it cannot read, with the password in it: it never gets to see one. */
static bool is_url(const char *url)
{
    char *error = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &error);
    PQfreemem(error);
    PQconninfoFree(options);
    return options != NULL;
}

/* like (may be NULL): the one server, of those that url may name, to go to. */
static PGconn *start(const char *url, PGconn *like)
{
    const char *host = like == NULL ? NULL : PQhost(like);
    const char *address = like == NULL ? NULL : PQhostaddr(like);
    const char *port = like == NULL ? NULL : PQport(like);
    const char *attributes = like == NULL ? NULL : "any";
    const char *keys[] = {"dbname",
                          "fallback_application_name",
                          "client_encoding",
                          "tcp_user_timeout",
                          "host",
                          "hostaddr",
                          "port",
                          "target_session_attrs",
                          NULL};
    const char *values[] = {url,  "reflection-job", "UTF8", "6000", host, address,
                            port, attributes,       NULL};
    return PQconnectStartParams(keys, values, 1);
}

int job_pg_attempt_start(job_pg_attempt *a, const char *url, PGconn *like, char **ret_why)
{
    *a = (job_pg_attempt){.next = PGRES_POLLING_WRITING};
    if (!is_url(url)) {
        *ret_why = rf_strdup("not a PostgreSQL URL");
        return -EINVAL;
    }
    a->conn = start(url, like);
    if (a->conn == NULL || PQstatus(a->conn) == CONNECTION_BAD) {
        *ret_why = job_pg_reason(a->conn, "no memory");
        job_pg_attempt_end(a);
        return -EIO;
    }
    return 0;
}

void job_pg_attempt_end(job_pg_attempt *a)
{
    PQfinish(a->conn);
    a->conn = NULL;
}

short job_pg_attempt_events(const job_pg_attempt *a)
{
    return a->next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
}

static bool is_heard(ConnStatusType status)
{
    return status != CONNECTION_BAD && status != CONNECTION_NEEDED &&
           status != CONNECTION_STARTED && status != CONNECTION_MADE;
}

int job_pg_attempt_step(job_pg_attempt *a)
{
    a->was_heard = is_heard(PQstatus(a->conn));
    a->next = PQconnectPoll(a->conn);
    return a->next == PGRES_POLLING_OK ? 1 : a->next == PGRES_POLLING_FAILED ? -EIO : 0;
}

int job_pg_attempt_wait(job_pg_attempt *a, int timeout_ms, char **ret_why)
{
    int64_t end_ns = rf_time_real_ns() + timeout_ms * RF_NS_PER_MS;
    int res = 0;
    while (res == 0 && wait_for(PQsocket(a->conn), job_pg_attempt_events(a), end_ns)) {
        res = job_pg_attempt_step(a);
    }
    if (res < 0) {
        *ret_why = job_pg_reason(a->conn, "no connection");
        job_pg_attempt_end(a);
    } else if (res > 0) {
        PQsetNoticeProcessor(a->conn, ignore_notice, NULL);
    }
    return res;
}

PGconn *job_pg_connect(const char *url, int timeout_ms, char **ret_why)
{
    job_pg_attempt a;
    if (job_pg_attempt_start(&a, url, NULL, ret_why) < 0) {
        return NULL;
    }
    if (job_pg_attempt_wait(&a, timeout_ms, ret_why) == 0) {
        *ret_why = rf_strdup("no answer in time");
        job_pg_attempt_end(&a);
    }
    return a.conn;
}

/* ---- questions of a connection that is not in pipeline mode ---- */

/* The last result of what was sent; NULL when the connection is gone or the time is over. */
static PGresult *last_result(PGconn *conn, int sent, int timeout_ms)
{
    int64_t end_ns = rf_time_real_ns() + timeout_ms * RF_NS_PER_MS;
    PGresult *last = NULL;
    while (sent == 1 && job_pg_wait(conn, job_pg_left_ms(end_ns)) > 0) {
        PGresult *next = PQgetResult(conn);
        if (next == NULL) {
            return last;
        }
        PQclear(last);
        last = next;
    }
    PQclear(last);
    return NULL;
}

int job_pg_script(PGconn *conn, const char *text, int timeout_ms)
{
    PGresult *result = last_result(conn, PQsendQuery(conn, text), timeout_ms);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : -EIO;
}

int64_t job_pg_commits(PGconn *conn, const char *id, int timeout_ms)
{
    const char *values[] = {id};
    int sent = PQsendQueryParams(conn,
                                 "INSERT INTO commits(id, n, at_ms) VALUES($1, 0, 0)"
                                 " ON CONFLICT(id) DO UPDATE SET n=commits.n RETURNING n",
                                 1, NULL, values, NULL, NULL, JOB_PG_BINARY);
    PGresult *result = last_result(conn, sent, timeout_ms);
    int64_t n = PQntuples(result) == 1 ? job_pg_int(result, 0, 0) : -1;
    PQclear(result);
    return n;
}

/* ---- the dialect ---- */

/* Appends a run of text in quotes, if one begins here, and returns what follows. */
static const char *copy_quoted(const char *at, rf_buf *out)
{
    if (*at == '\'') {
        do {
            rf_buf_append_char(out, *at++);
        } while (*at != '\0' && *at != '\'');
    }
    return at;
}

char *job_pg_text(const char *sql)
{
    rf_buf out;
    rf_buf_init(&out, TEXT_MAX);
    long last = 0;
    for (const char *at = sql; *at != '\0';) {
        at = copy_quoted(at, &out);
        if (*at != '?') {
            rf_buf_append_char(&out, *at++);
            continue;
        }
        char *end = NULL;
        long number = isdigit((unsigned char)at[1]) ? strtol(at + 1, &end, 10) : last + 1;
        last = RF_MAX(last, number);
        rf_buf_printf(&out, "$%ld", number);
        at = end != NULL ? end : at + 1;
    }
    return rf_buf_steal(&out);
}

/* The longest words first. */
static const struct {
    const char *from;
    const char *to;
} words[] = {
    {"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"INTEGER PRIMARY KEY", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"INTEGER", "BIGINT"},
    {"BLOB", "BYTEA"},
    {" WITHOUT ROWID", ""},
};

static size_t translate_word(const char *at, rf_buf *out)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i].from);
        if (strncmp(at, words[i].from, len) == 0) {
            rf_buf_append_str(out, words[i].to);
            return len;
        }
    }
    rf_buf_append_char(out, *at);
    return 1;
}

char *job_pg_schema(const char *sql)
{
    rf_buf out;
    rf_buf_init(&out, TEXT_MAX);
    for (const char *at = sql; *at != '\0';) {
        at = copy_quoted(at, &out);
        at += translate_word(at, &out);
    }
    return rf_buf_steal(&out);
}

bool job_pg_statement(const char **text, rf_buf *one)
{
    const char *at = *text;
    rf_buf_clear(one);
    while (*at != '\0' && *at != ';') {
        at = copy_quoted(at, one);
        rf_buf_append_char(one, *at++);
    }
    *text = *at == ';' ? at + 1 : at;
    return rf_buf_str(one)[strspn(rf_buf_str(one), " \n")] != '\0';
}
