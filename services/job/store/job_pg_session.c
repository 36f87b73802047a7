#include "job_pg_session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "rf_log.h"
#include "rf_time.h"

/* What is asked of the store is answered within a second, whatever the server does (spec jobs.md
 * 2.2): so an answer that does not come is doubted early, and given up when the server does not
 * live. The next of whoever waited meanwhile then fail at once. */
#define SILENCE_MS 400
#define PULSE_MS 450
#define HANGS_BACKOFF_MS 200
#define ANSWER_MS 6000    /* of a server that lives: above its own timeouts */
#define FIRST_WAIT_MS 400 /* for a connection */
#define NEXT_WAIT_MS 50   /* for one that did not come then, or of a server that hung */
#define BACKOFF_MAX_MS 500

/* Sort and index scans only: plans must not depend on what the statistics said when a table was
 * empty. The timeouts free the locks of a program that hangs. */
static const char session[] =
    "SET client_min_messages=warning; SET statement_timeout=5000; SET lock_timeout=5000;"
    " SET idle_in_transaction_session_timeout=10000; SET jit=off; SET enable_seqscan=off;"
    " SET enable_bitmapscan=off; SET enable_hashjoin=off; SET enable_mergejoin=off;"
    " SET plan_cache_mode=force_generic_plan; SET synchronous_commit=on;"
    " SET default_transaction_isolation='read committed'";

/* ---- errors ---- */

static const struct {
    const char *prefix; /* of the SQLSTATE */
    int err;
    bool again; /* another transaction came first; one that still lasts has been waited for */
} states[] = {
    {"23505", -EEXIST, true},  {"23", -EEXIST, false},    {"40", -EAGAIN, true},
    {"55P03", -EAGAIN, false}, {"57014", -EAGAIN, false}, {"53100", -ENOSPC, false},
    {"53", -EAGAIN, false},    {"54", -E2BIG, false},
};

/* Only writes run again. */
static void fail_state(job_sql *db, const char *state)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(states); i++) {
        if (strncmp(state, states[i].prefix, strlen(states[i].prefix)) == 0) {
            db->again = states[i].again && ((job_pg_session *)db)->role == JOB_SQL_WRITER;
            job_sql_fail(db, states[i].err);
            return;
        }
    }
    job_sql_fail(db, -EIO);
}

/* The primary text names tables and statements, never values. */
static void fail_result(job_pg_session *s, const PGresult *result)
{
    if (s->base.err == 0) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        RF_LOG_WARN("store error", RF_STR("setting", "sql.url"),
                    RF_STR("state", state == NULL ? "" : state),
                    RF_STR("why", text == NULL ? "connection lost" : text));
        fail_state(&s->base, state == NULL ? "08006" : state);
    }
}

/* ---- the connection ---- */

static void forget_answers(job_pg_session *s)
{
    for (size_t i = s->first_answer; i < s->n_answers; i++) {
        if (s->answers[i].prepared != NULL) {
            *s->answers[i].prepared = false;
        } else if (s->answers[i].rows != NULL) {
            s->answers[i].rows->waiting = false;
        }
    }
    s->n_answers = s->first_answer = 0;
}

static void hang_up(job_pg_session *s)
{
    forget_answers(s);
    for (size_t i = 0; i < JOB_PG_STATEMENTS_MAX; i++) {
        s->statements[i].prepared = s->statements[i].bulk_prepared = false;
    }
    PQfinish(s->conn);
    s->conn = NULL;
    s->state = JOB_PG_DOWN;
    s->base.session++;
}

static void lost(job_pg_session *s, const char *why)
{
    RF_LOG_WARN("connection lost", RF_STR("setting", "sql.url"), RF_STR("why", why));
    hang_up(s);
    job_sql_fail(&s->base, -EIO);
}

static void back_off(job_pg_session *s)
{
    s->backoff_ms = RF_MIN(RF_MAX(s->backoff_ms * 2, JOB_PG_BACKOFF_MIN_MS), BACKOFF_MAX_MS);
    s->down_until_ns = rf_time_real_ns() + s->backoff_ms * RF_NS_PER_MS;
}

static bool not_connected(job_pg_session *s, const char *why)
{
    RF_LOG_WARN("cannot connect", RF_STR("setting", "sql.url"), RF_STR("why", why));
    job_pg_attempt_end(&s->attempt);
    back_off(s);
    job_sql_fail(&s->base, -EIO);
    return false;
}

static bool set_up(job_pg_session *s, int timeout_ms)
{
    PGconn *conn = s->attempt.conn;
    const char *role =
        s->role == JOB_SQL_READER ? "SET default_transaction_read_only=on" : "SELECT 1";
    int err = job_pg_script(conn, session, timeout_ms);
    err = err == 0 ? job_pg_script(conn, role, timeout_ms) : err;
    if (err != 0 || PQsetnonblocking(conn, 1) != 0 || PQenterPipelineMode(conn) != 1) {
        RF_CLEANUP(rf_cleanup_free) char *why = job_pg_reason(conn, "no answer in time");
        return not_connected(s, why);
    }
    s->conn = RF_STEAL(s->attempt.conn);
    s->backoff_ms = 0;
    s->hangs = false;
    s->state = JOB_PG_IDLE;
    s->heard_ns = rf_time_real_ns();
    s->health->made_ns = s->heard_ns;
    return true;
}

bool job_pg_session_connect(job_pg_session *s, int timeout_ms)
{
    RF_CLEANUP(rf_cleanup_free) char *why = NULL;
    if (s->attempt.conn == NULL) {
        s->attempt_end_ns = rf_time_real_ns() + JOB_PG_CONNECT_MS * RF_NS_PER_MS;
        if (job_pg_attempt_start(&s->attempt, s->url, NULL, &why) < 0) {
            return not_connected(s, why);
        }
    }
    int made = job_pg_attempt_wait(&s->attempt, timeout_ms, &why);
    if (made > 0) {
        return set_up(s, RF_MAX(timeout_ms, FIRST_WAIT_MS));
    }
    if (made < 0 || job_pg_left_ms(s->attempt_end_ns) == 0) {
        return not_connected(s, made < 0 ? why : "no answer in time");
    }
    job_sql_fail(&s->base, -EIO);
    return false;
}

/* Whether the server was given up, by any connection, and none was made since. */
static bool server_hangs(const job_pg_session *s)
{
    return s->health->hung_ns > s->health->made_ns;
}

bool job_pg_session_need(job_pg_session *s)
{
    if (s->state != JOB_PG_DOWN) {
        return true;
    }
    if (rf_time_real_ns() < s->down_until_ns) {
        job_sql_fail(&s->base, -EIO);
        return false;
    }
    bool first = s->attempt.conn == NULL && !server_hangs(s);
    return job_pg_session_connect(s, first ? FIRST_WAIT_MS : NEXT_WAIT_MS);
}

/* The server may have closed an idle connection. One that another has given up since this one heard
 * of it is not waited for once more. */
void job_pg_session_check(job_pg_session *s)
{
    if (server_hangs(s) && s->health->hung_ns > s->heard_ns) {
        hang_up(s);
        return;
    }
    struct pollfd fd = {.fd = PQsocket(s->conn), .events = POLLIN};
    for (int i = 0; i < 3 && poll(&fd, 1, 0) > 0; i++) { /* a last word, then the end */
        if (PQconsumeInput(s->conn) != 1 || PQstatus(s->conn) != CONNECTION_OK) {
            hang_up(s);
            return;
        }
        PQisBusy(s->conn); /* reads notices */
    }
}

/* ---- answers ---- */

void job_pg_session_expect(job_pg_session *s, job_pg_answer answer)
{
    if (s->first_answer == s->n_answers) {
        s->first_answer = s->n_answers = 0;
    }
    s->answers = rf_make_room(s->answers, s->n_answers + 1, &s->answers_size, sizeof(*s->answers));
    s->answers[s->n_answers++] = answer;
}

static bool answers_are_due(const job_pg_session *s)
{
    return s->first_answer < s->n_answers;
}

static void give_up(job_pg_session *s)
{
    lost(s, "the server does not answer");
    s->hangs = true;
    s->health->hung_ns = rf_time_real_ns();
    s->backoff_ms = HANGS_BACKOFF_MS / 2;
    back_off(s);
}

/* A statement that waits for a lock, or has much to do, is waited for as long as the server lives;
 * it ends such waits itself, so that only one process of it can be what hangs then. */
static bool wait_answer(job_pg_session *s)
{
    int64_t from_ns = rf_time_real_ns();
    int64_t end_ns = from_ns + ANSWER_MS * RF_NS_PER_MS;
    int ready = 0;
    while ((ready = job_pg_wait(s->conn, SILENCE_MS)) == 0) {
        bool given_up = server_hangs(s) && s->health->hung_ns > from_ns;
        if (given_up || !job_pg_pulse(s->url, s->conn, PULSE_MS)) {
            give_up(s);
            return false;
        }
        if (!s->patient && job_pg_left_ms(end_ns) == 0) {
            lost(s, "no answer in time");
            return false;
        }
    }
    if (ready < 0) {
        lost(s, "closed");
    }
    return ready > 0;
}

/* The next result, NULL at the end of a statement's; false when the connection is gone. */
static bool next_result(job_pg_session *s, PGresult **ret)
{
    if (!wait_answer(s)) {
        return false;
    }
    *ret = PQgetResult(s->conn);
    return true;
}

static void take_result(job_pg_session *s, const job_pg_answer *answer, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        s->changed = strtoll(PQcmdTuples(result), NULL, 10);
        if (answer->keep != NULL) {
            *answer->keep = result;
            return;
        }
        break;
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        fail_result(s, result);
        break;
    }
    if (s->base.err != 0 && answer->prepared != NULL) {
        *answer->prepared = false;
    }
    PQclear(result);
}

/* Reads the answer that comes next. */
void job_pg_session_read(job_pg_session *s)
{
    const job_pg_answer answer = s->answers[s->first_answer];
    PGresult *result = NULL;
    if (!next_result(s, &result)) {
        return;
    }
    s->first_answer++;
    if (answer.rows != NULL && answer.prepared == NULL) {
        answer.rows->waiting = false;
    }
    if (result == NULL) {
        return;
    }
    bool fatal = PQresultStatus(result) == PGRES_FATAL_ERROR;
    take_result(s, &answer, result);
    if (fatal && PQstatus(s->conn) != CONNECTION_OK) {
        hang_up(s);
        return;
    }
    if (next_result(s, &result)) { /* the NULL after it */
        PQclear(result);
    }
}

void job_pg_session_read_all(job_pg_session *s)
{
    while (s->state != JOB_PG_DOWN && answers_are_due(s)) {
        job_pg_session_read(s);
    }
}

/* Asks for what was sent to be answered now. */
void job_pg_session_ask(job_pg_session *s)
{
    if (s->state != JOB_PG_DOWN) {
        PQsendFlushRequest(s->conn);
    }
}

/* Ends the pipeline: everything is answered, the server listens again after an error. */
void job_pg_session_sync(job_pg_session *s)
{
    if (s->state == JOB_PG_DOWN) {
        return;
    }
    if (PQpipelineSync(s->conn) != 1) {
        lost(s, "cannot send");
        return;
    }
    job_pg_session_read_all(s);
    PGresult *result = NULL;
    if (s->state != JOB_PG_DOWN && next_result(s, &result)) {
        bool synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (!synced) {
            lost(s, "out of step");
        }
        s->heard_ns = rf_time_real_ns();
    }
}

bool job_pg_session_sent(job_pg_session *s, int ok)
{
    if (ok != 1) {
        lost(s, "cannot send");
    }
    return ok == 1;
}
