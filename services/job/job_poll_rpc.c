/*
 * job.v1.JobService/GetJobStatus: at once, or as a long poll (spec jobs.md section 5): a call that
 * waits is a watcher, not a thread nor a query. Everything but the handler runs on the watch's
 * loop. A client that has gone is not waited for less: its call ends with the time it asked for.
 */
#include "job_rpc_internal.h"

#include "rf_time.h"

#include <errno.h>
#include <string.h>

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#define WAIT_MAX_MS 60000

typedef struct poll {
    job_watcher watcher;
    job_service *service;
    rf_rpc_call *call;
    char app[RF_UUID_LEN];
    int64_t until_ns;
    rf_timer *timer;
    job_state known; /* JOB_NONE: not read yet */
    job_state seen;  /* noticed while it was read */
    bool deleted;    /* likewise */
    bool reading;
    bool over; /* answered */
} poll;

static void reply_status(rf_rpc_call *call, const char *id, job_state state)
{
    Job__V1__GetJobStatusResponse reply = JOB__V1__GET_JOB_STATUS_RESPONSE__INIT;
    reply.id = (char *)(uintptr_t)id;
    reply.status = (Job__V1__JobStatus)state;
    rf_rpc_reply(call, &reply.base, NULL);
}

/* The state without asking the store; JOB_NONE when others may have changed it. */
static job_state surely(const job_service *s, const char *app, const char *id)
{
    return job_store_shared(s->store) ? JOB_NONE : job_cache_get(s->cache, app, id);
}

/* While the store is down, what was heard last is better than no answer (spec jobs.md Q5). */
static job_state in_outage(const job_service *s, const job_op_get *get)
{
    return job_op_is_outage(get->op.err) ? job_cache_get(s->cache, get->app, get->id) : JOB_NONE;
}

/* ---- the loop ---- */

/* It waits no more, before the answer says so. */
static void leave(poll *p)
{
    p->over = true;
    job_watch_remove(p->service->watch, &p->watcher);
    p->timer = rf_timer_free(p->timer);
}

static void release(poll *p)
{
    if (!p->reading) {
        free(p);
    }
}

static void answer(poll *p, job_state state)
{
    leave(p);
    reply_status(p->call, p->watcher.id, state);
    release(p);
}

static void refuse(poll *p, int err)
{
    leave(p);
    job_call_fail_err(p->call, err, "job");
    release(p);
}

static void moved(job_watcher *watcher, job_state state)
{
    poll *p = (poll *)watcher;
    if (p->known == JOB_NONE) {
        p->seen = RF_MAX(p->seen, state);
        p->deleted = p->deleted || state == JOB_NONE;
    } else if (state == JOB_NONE) {
        refuse(p, -ENOENT);
    } else if (state > p->known) {
        answer(p, state);
    }
}

static void stop(job_watcher *watcher)
{
    poll *p = (poll *)watcher;
    if (p->known == JOB_NONE) {
        refuse(p, -EAGAIN);
    } else {
        answer(p, p->known);
    }
}

static const job_watcher_ops poll_ops = {.moved = moved, .stop = stop};

static void on_time(void *user)
{
    poll *p = user;
    answer(p, p->known);
}

/* The state is known: answers at once, or waits. */
static void wait_on(poll *p, job_state state)
{
    p->known = state;
    if (job_state_final(state) || p->seen > state) {
        answer(p, RF_MAX(state, p->seen));
        return;
    }
    p->timer = rf_timer_new(job_watch_loop(p->service->watch), on_time, p);
    rf_timer_set(p->timer, p->until_ns);
}

static void take_read(void *user)
{
    job_op_get *op = user;
    poll *p = op->op.user;
    p->reading = false;
    if (p->over) {
        free(p);
    } else if (in_outage(p->service, op) != JOB_NONE) {
        wait_on(p, in_outage(p->service, op));
    } else if (op->op.err != 0 || p->deleted) {
        refuse(p, p->deleted ? -ENOENT : op->op.err);
    } else {
        wait_on(p, op->job.state);
    }
    job_op_free(&op->op);
}

static void on_read(job_op *op)
{
    const poll *p = op->user;
    rf_loop_post(job_watch_loop(p->service->watch), take_read, op);
}

static void begin(void *user)
{
    poll *p = user;
    p->reading = true; /* adding may end it */
    job_watch_add(p->service->watch, &p->watcher);
    p->reading = false;
    if (p->over) {
        free(p);
        return;
    }
    job_state known = surely(p->service, p->app, p->watcher.id);
    if (known != JOB_NONE) {
        wait_on(p, known);
        return;
    }
    job_op_get *op = JOB_OP_NEW(JOB_OP_GET, job_op_get, on_read, p);
    op->app = job_arena_str(&op->op.arena, p->app);
    op->id = job_arena_str(&op->op.arena, p->watcher.id);
    p->reading = true;
    job_store_submit(p->service->store, &op->op);
}

static void begin_wait(job_service *s, rf_rpc_call *call, const char *app,
                       const Job__V1__GetJobStatusRequest *m)
{
    poll *p = RF_NEW(poll);
    p->watcher.ops = &poll_ops;
    p->service = s;
    p->call = call;
    p->until_ns = rf_time_ns() + (int64_t)m->wait_ms * RF_NS_PER_MS;
    if (rf_copy_str(p->watcher.id, sizeof(p->watcher.id), m->id) < 0 ||
        rf_copy_str(p->app, sizeof(p->app), app) < 0) { /* no id is that long */
        free(p);
        job_call_fail_err(call, -ENOENT, "job");
        return;
    }
    rf_loop_post(job_watch_loop(s->watch), begin, p);
}

/* ---- at once ---- */

static void status_done(job_op *op)
{
    const job_op_get *get = (const job_op_get *)op;
    job_state known = in_outage(job_call_of(op)->service, get);
    if (known != JOB_NONE) {
        reply_status(job_call_of(op)->call, get->id, known);
        job_op_free(op);
    } else if (!job_call_refuse(op)) {
        reply_status(job_call_of(op)->call, get->id, get->job.state);
        job_op_free(op);
    }
}

static void read_now(job_service *s, rf_rpc_call *call, const char *app, const char *id)
{
    job_state known = surely(s, app, id);
    if (known != JOB_NONE) {
        reply_status(call, id, known);
        return;
    }
    job_op_get *op = JOB_CALL_OP(s, call, JOB_OP_GET, job_op_get, "job", status_done);
    op->app = job_arena_str(&op->op.arena, app);
    op->id = job_arena_str(&op->op.arena, id);
    job_store_submit(s->store, &op->op);
}

static void get_status(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__GetJobStatusRequest *m = (const Job__V1__GetJobStatusRequest *)request;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    if (m->wait_ms > WAIT_MAX_MS) {
        job_call_fail(call, RF_INVALID_ARGUMENT, "wait_ms must be at most 60000.");
    } else if (m->wait_ms > 0) {
        begin_wait(s, call, app, m);
    } else {
        read_now(s, call, app, m->id);
    }
}

void job_poll_rpc_register(job_service *s, rf_rpc_server *server)
{
    rf_rpc_server_handle_unary(server, &job_v1_job_service, JOB_V1_JOB_SERVICE_GET_JOB_STATUS,
                               get_status, s);
}
