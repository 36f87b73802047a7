#include "processor_run.h"

#include "processor_failure.h"
#include "processor_files.h"
#include "processor_host.h"
#include "processor_metric.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

/* ---- plan ---- */

/* Takes over one durable output of an earlier attempt; what is gone is made again. */
static void reuse(processor_attempt *a, const processor_step_output *done)
{
    int step = processor_workflow_step(a->workflow, done->step);
    const processor_module *m = step < 0 ? NULL : a->workflow->steps[step].module;
    int port = m == NULL ? -ENOENT : processor_port_find(m->out, m->n_out, done->port);
    if (port < 0 || a->values[step][port].type != PROCESSOR_NONE) {
        return;
    }
    if (done->object_key == NULL) {
        a->values[step][port] = processor_value_text(m->out[port].type, done->text);
        return;
    }
    processor_value v = PROCESSOR_VALUE_NONE;
    if (processor_files_open(a, done->object_key, m->out[port].type, &v) == 0) {
        a->values[step][port] = v;
    }
}

static void need(processor_attempt *a, size_t step, size_t port)
{
    const processor_step *s = &a->workflow->steps[step];
    if (a->values[step][port].type != PROCESSOR_NONE || (a->needed >> step & 1) != 0) {
        return;
    }
    a->needed |= 1ull << step;
    for (size_t i = 0; i < s->module->n_in; i++) {
        if (s->in[i].kind == PROCESSOR_FROM_STEP) {
            need(a, s->in[i].from, s->in[i].port);
        }
    }
}

/* A step that runs makes all its outputs anew. */
static void drop_stale(processor_attempt *a)
{
    for (size_t i = 0; i < a->workflow->n_steps; i++) {
        if ((a->needed >> i & 1) != 0) {
            processor_attempt_drop_values(a, i);
        }
    }
}

static void plan(processor_attempt *a)
{
    for (size_t i = 0; i < a->claim->n_done; i++) {
        reuse(a, &a->claim->done[i]);
    }
    for (size_t i = 0; i < a->workflow->n_outputs; i++) {
        need(a, a->workflow->outputs[i].step, a->workflow->outputs[i].port);
    }
    drop_stale(a);
}

/* ---- parameters ---- */

static bool param_is_needed(const processor_attempt *a, size_t param)
{
    for (size_t i = 0; i < a->workflow->n_steps; i++) {
        const processor_step *s = &a->workflow->steps[i];
        for (size_t k = 0; (a->needed >> i & 1) != 0 && k < s->module->n_in; k++) {
            if (s->in[k].kind == PROCESSOR_FROM_PARAM && s->in[k].from == param) {
                return true;
            }
        }
    }
    return false;
}

static int open_params(processor_attempt *a)
{
    for (size_t i = 0; i < a->workflow->n_params; i++) {
        const processor_param *p = &a->workflow->params[i];
        if (!param_is_needed(a, i)) {
            continue;
        }
        if (p->type == PROCESSOR_URL) {
            int err = processor_files_input(a, i);
            if (err < 0) {
                return err;
            }
        } else {
            a->params[i] = processor_value_text(p->type, p->text);
        }
    }
    return 0;
}

/* ---- one step ---- */

typedef struct step_task {
    processor_attempt *attempt;
    size_t step;
    pthread_t thread;
} step_task;

static void on_progress(void *user, double percent)
{
    const step_task *t = user;
    processor_attempt_progress(t->attempt, t->step, percent);
}

/* Borrowed: the values belong to parameters and steps that have ended. */
static void gather(const processor_attempt *a, const processor_step *s, processor_value *in)
{
    for (size_t i = 0; i < s->module->n_in; i++) {
        const processor_link *l = &s->in[i];
        in[i] = l->kind == PROCESSOR_FROM_PARAM  ? a->params[l->from]
                : l->kind == PROCESSOR_FROM_STEP ? a->values[l->from][l->port]
                                                 : PROCESSOR_VALUE_NONE;
    }
}

static processor_failure bad_input(const processor_attempt *a, const processor_step_call *call,
                                   const char *id)
{
    if (call->is_decoder_crash) {
        return processor_failure_decoder_crash(id);
    }
    if (call->is_too_long) {
        return processor_failure_too_long(id, a->env->max_duration_s);
    }
    if (call->is_too_large) {
        return processor_failure_too_large(a->env->max_input_bytes);
    }
    return processor_failure_bad_input(id, call->message[0] != '\0' ? call->message
                                                                    : PROCESSOR_NOT_AUDIO);
}

static void step_failed(processor_attempt *a, const processor_step_call *call, const char *id,
                        int err)
{
    if (rf_time_ns() >= a->deadline_ns) {
        processor_attempt_stop(a, PROCESSOR_STOP_TIMEOUT);
        return;
    }
    processor_failure f = err == -EBADMSG ? bad_input(a, call, id) : processor_failure_step(id);
    processor_attempt_fail(a, &f);
}

/* Whether a retry would save time by what this step made: not when it is the last. */
static bool is_worth_recording(processor_attempt *a, size_t step)
{
    pthread_mutex_lock(&a->lock);
    uint64_t left = a->needed & ~a->ended & ~(1ull << step);
    pthread_mutex_unlock(&a->lock);
    return left != 0 && a->workflow->steps[step].module->isolation != PROCESSOR_INLINE;
}

static void run_step(step_task *t)
{
    processor_attempt *a = t->attempt;
    const processor_step *s = &a->workflow->steps[t->step];
    processor_value in[PROCESSOR_MAX_PORTS];
    gather(a, s, in);
    processor_step_call call = {
        .module = s->module,
        .in = in,
        .out = a->values[t->step],
        .cancel_fd = a->stop_fd,
        .deadline_ns = a->deadline_ns,
        .progress = on_progress,
        .user = t,
    };
    processor_attempt_progress(a, t->step, 0);
    int err = processor_host_run(a->env->host, &call);
    if (err < 0) {
        step_failed(a, &call, s->id, err);
    } else {
        err = processor_files_keep(a, t->step, is_worth_recording(a, t->step));
    }
    pthread_mutex_lock(&a->lock);
    if (err == 0) {
        a->ended |= 1ull << t->step;
    }
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* ---- the graph ---- */

static bool is_ready(const processor_attempt *a, size_t step)
{
    const processor_step *s = &a->workflow->steps[step];
    if (((a->needed & ~a->started) >> step & 1) == 0) {
        return false;
    }
    for (size_t i = 0; i < s->module->n_in; i++) {
        uint64_t from = s->in[i].kind == PROCESSOR_FROM_STEP ? 1ull << s->in[i].from : 0;
        if ((from & a->needed & ~a->ended) != 0) {
            return false;
        }
    }
    return true;
}

static void *step_thread(void *user)
{
    step_task *t = user;
    rf_log_context(t->attempt->claim->request_id);
    run_step(t);
    return NULL;
}

/* Starts what can start. A lone step runs right here. Called and returns with the lock held. */
static void start_ready(processor_attempt *a, step_task *tasks, size_t *n_tasks)
{
    size_t ready[PROCESSOR_MAX_STEPS];
    size_t n = 0;
    size_t n_running = (size_t)__builtin_popcountll(a->started & ~a->ended);
    for (size_t i = 0; i < a->workflow->n_steps && n_running + n < a->env->parallel_steps; i++) {
        if (is_ready(a, i)) {
            ready[n++] = i;
        }
    }
    for (size_t i = 0; i < n; i++) {
        step_task *t = &tasks[(*n_tasks)++];
        *t = (step_task){.attempt = a, .step = ready[i]};
        a->started |= 1ull << ready[i];
        bool is_lone = n == 1 && n_running == 0;
        if (is_lone || pthread_create(&t->thread, NULL, step_thread, t) != 0) {
            (*n_tasks)--;
            step_task own = *t;
            pthread_mutex_unlock(&a->lock);
            run_step(&own);
            pthread_mutex_lock(&a->lock);
        }
    }
}

static void run_graph(processor_attempt *a)
{
    step_task tasks[PROCESSOR_MAX_STEPS];
    size_t n_tasks = 0;
    pthread_mutex_lock(&a->lock);
    while (a->stop == PROCESSOR_GO && (a->needed & ~a->ended) != 0) {
        uint64_t before = a->ended;
        start_ready(a, tasks, &n_tasks);
        if (a->stop == PROCESSOR_GO && a->ended == before) {
            rf_time_wait_until(&a->changed, &a->lock, RF_NEVER_NS);
        }
    }
    pthread_mutex_unlock(&a->lock);
    for (size_t i = 0; i < n_tasks; i++) {
        pthread_join(tasks[i].thread, NULL);
    }
}

/* ---- the end ---- */

static processor_finish *new_finish(const processor_claim *claim, processor_outcome outcome)
{
    processor_finish *f = RF_NEW(processor_finish);
    rf_copy_str(f->job_id, sizeof(f->job_id), claim->job_id);
    f->fence = claim->fence;
    f->outcome = outcome;
    return f;
}

static processor_finish *failed(const processor_attempt *a, const processor_failure *failure)
{
    processor_finish *f = new_finish(a->claim, PROCESSOR_FAILED);
    f->failure = *failure;
    processor_metric_error(processor_code_name(failure->code));
    RF_LOG_INFO("attempt failed", RF_STR("job", f->job_id), RF_INT("fence", f->fence),
                RF_STR("code", processor_code_name(failure->code)), RF_STR("step", failure->step),
                RF_STR("message", failure->message));
    return f;
}

static processor_finish *ended(processor_attempt *a)
{
    const char *step = a->workflow->n_steps == 0 ? "" : a->workflow->steps[a->current].id;
    processor_failure f;
    switch (processor_attempt_stopped(a)) {
    case PROCESSOR_STOP_FAILED:
        return failed(a, &a->failure);
    case PROCESSOR_STOP_TIMEOUT:
        f = processor_failure_timeout(step, a->claim->limit_seconds);
        return failed(a, &f);
    case PROCESSOR_STOP_TAKEN:
        RF_LOG_INFO("result of an equal job taken over", RF_STR("job", a->claim->job_id),
                    RF_INT("fence", a->claim->fence));
        return NULL;
    case PROCESSOR_STOP_RELEASED:
        return new_finish(a->claim, PROCESSOR_RELEASED);
    default:
        RF_LOG_INFO("lease lost", RF_STR("job", a->claim->job_id),
                    RF_INT("fence", a->claim->fence));
        return NULL;
    }
}

processor_finish *processor_run(processor_attempt *a)
{
    if (processor_attempt_stopped(a) == PROCESSOR_GO) {
        plan(a);
        if (open_params(a) == 0 && processor_files_fetched(a) == 0) {
            run_graph(a);
        }
    }
    if (processor_attempt_stopped(a) == PROCESSOR_GO) {
        processor_finish *f = new_finish(a->claim, PROCESSOR_SUCCEEDED);
        if (processor_files_results(a, f) == 0) {
            return f;
        }
        processor_finish_free(f);
    }
    return ended(a);
}

processor_finish *processor_run_broken(const processor_claim *claim)
{
    processor_finish *f = new_finish(claim, PROCESSOR_FAILED);
    f->failure = processor_failure_step("workflow");
    processor_metric_error(processor_code_name(f->failure.code));
    RF_LOG_ERROR("workflow cannot run here", RF_STR("job", claim->job_id));
    return f;
}
