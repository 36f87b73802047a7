#include "processor_attempt.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static bool fetches(const processor_claim *c)
{
    for (size_t i = 0; i < c->n_inputs; i++) {
        if (c->inputs[i].source == PROCESSOR_INPUT_URL) {
            return true;
        }
    }
    return c->n_targets > 0;
}

int processor_attempt_new(const processor_env *env, processor_claim *claim, processor_attempt **ret)
{
    processor_workflow *workflow = NULL;
    int err = processor_workflow_new(claim->workflow_json, claim->params_json, &workflow);
    bool waits = err == 0 && (fetches(claim) || !processor_workflow_is_inline(workflow));
    int stop_fd = waits ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (waits && stop_fd < 0) {
        err = -errno;
    }
    if (err < 0) {
        processor_workflow_free(workflow);
        return err;
    }
    processor_attempt *a = RF_NEW(processor_attempt);
    a->env = env;
    a->claim = claim;
    a->workflow = workflow;
    a->stop_fd = stop_fd;
    a->renewed_ns = claim->claimed_ns;
    a->deadline_ns = claim->claimed_ns + claim->limit_seconds * RF_NS_PER_S;
    pthread_mutex_init(&a->lock, NULL);
    rf_cond_init(&a->changed);
    a->params = RF_NEW_ARRAY(processor_value, workflow->n_params);
    for (size_t i = 0; i < workflow->n_params; i++) {
        a->params[i] = PROCESSOR_VALUE_NONE;
    }
    a->values = rf_alloc_array(workflow->n_steps, sizeof(*a->values));
    for (size_t i = 0; i < workflow->n_steps; i++) {
        for (size_t k = 0; k < workflow->steps[i].module->n_out; k++) {
            a->values[i][k] = PROCESSOR_VALUE_NONE;
        }
    }
    *ret = a;
    return 0;
}

bool processor_attempt_is_inline(const processor_attempt *a)
{
    return a->stop_fd < 0;
}

processor_attempt *processor_attempt_free(processor_attempt *a)
{
    if (a == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < a->workflow->n_params; i++) {
        processor_value_done(&a->params[i]);
    }
    free(a->params);
    for (size_t i = 0; i < a->workflow->n_steps; i++) {
        processor_attempt_drop_values(a, i);
    }
    free(a->values);
    free(a->written);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    rf_close(&a->stop_fd);
    processor_workflow_free(a->workflow);
    processor_claim_free(a->claim);
    free(a);
    return NULL;
}

void processor_attempt_drop_values(processor_attempt *a, size_t step)
{
    for (size_t k = 0; k < a->workflow->steps[step].module->n_out; k++) {
        processor_value_done(&a->values[step][k]);
    }
}

/* ---- stopping ---- */

static void stop_locked(processor_attempt *a, processor_stop reason,
                        const processor_failure *failure)
{
    if (a->stop != PROCESSOR_GO) {
        return;
    }
    a->stop = reason;
    if (failure != NULL) {
        a->failure = *failure;
    }
    if (a->stop_fd >= 0) {
        eventfd_write(a->stop_fd, 1);
    }
    pthread_cond_broadcast(&a->changed);
}

void processor_attempt_stop(processor_attempt *a, processor_stop reason)
{
    pthread_mutex_lock(&a->lock);
    stop_locked(a, reason, NULL);
    pthread_mutex_unlock(&a->lock);
}

void processor_attempt_fail(processor_attempt *a, const processor_failure *failure)
{
    pthread_mutex_lock(&a->lock);
    stop_locked(a, PROCESSOR_STOP_FAILED, failure);
    pthread_mutex_unlock(&a->lock);
}

processor_stop processor_attempt_stopped(processor_attempt *a)
{
    pthread_mutex_lock(&a->lock);
    processor_stop reason = a->stop;
    pthread_mutex_unlock(&a->lock);
    return reason;
}

/* ---- lease ---- */

void processor_attempt_renewed(processor_attempt *a, int64_t at_ns)
{
    pthread_mutex_lock(&a->lock);
    a->renewed_ns = RF_MAX(a->renewed_ns, at_ns);
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

int processor_attempt_may_write(processor_attempt *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->stop == PROCESSOR_GO && rf_time_ns() - a->renewed_ns > a->env->silent_ns) {
        rf_time_wait_until(&a->changed, &a->lock, RF_NEVER_NS);
    }
    int err = a->stop == PROCESSOR_GO ? 0 : -ECANCELED;
    pthread_mutex_unlock(&a->lock);
    return err;
}

/* ---- progress ---- */

void processor_attempt_progress(processor_attempt *a, size_t step, double percent)
{
    uint8_t whole = percent >= 100.0 ? 100 : percent > 0.0 ? (uint8_t)percent : 0;
    pthread_mutex_lock(&a->lock);
    if (whole > a->percent[step]) {
        a->percent[step] = whole;
    }
    a->current = step;
    pthread_mutex_unlock(&a->lock);
}

void processor_attempt_state(processor_attempt *a, processor_lease_state *ret)
{
    uint32_t sum = 0;
    uint32_t n = 0;
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < a->workflow->n_steps; i++) {
        if (a->needed >> i & 1) {
            sum += a->ended >> i & 1 ? 100 : a->percent[i];
            n++;
        }
    }
    *ret = (processor_lease_state){.fence = a->claim->fence, .percent = n == 0 ? 0 : sum / n};
    rf_copy_str(ret->job_id, sizeof(ret->job_id), a->claim->job_id);
    if (a->workflow->n_steps > 0) {
        rf_copy_str(ret->step, sizeof(ret->step), a->workflow->steps[a->current].id);
    }
    pthread_mutex_unlock(&a->lock);
}

/* ---- files ---- */

int processor_attempt_wrote(processor_attempt *a, const char *key, uint64_t size)
{
    int err = 0;
    pthread_mutex_lock(&a->lock);
    if (a->n_written == PROCESSOR_MAX_WRITTEN ||
        size > a->env->max_files_bytes - a->written_bytes) {
        err = -ENOSPC;
    } else {
        a->written = rf_grow(a->written, a->n_written + 1, sizeof(*a->written));
        processor_written *w = &a->written[a->n_written++];
        w->is_recorded = false;
        rf_copy_str(w->key, sizeof(w->key), key);
        w->size = size;
        a->written_bytes += size;
    }
    pthread_mutex_unlock(&a->lock);
    return err;
}

static bool is_result(const processor_finish *f, const char *key)
{
    for (size_t i = 0; i < f->n_results; i++) {
        if (f->results[i].object_key != NULL && strcmp(f->results[i].object_key, key) == 0) {
            return true;
        }
    }
    return false;
}

void processor_attempt_clean(processor_attempt *a, const processor_finish *finish)
{
    bool is_final = finish->outcome == PROCESSOR_SUCCEEDED && finish->is_accepted;
    for (size_t i = 0; i < a->n_written; i++) {
        const processor_written *w = &a->written[i];
        bool is_wanted = is_final ? is_result(finish, w->key) : w->is_recorded;
        if (is_wanted) {
            continue;
        }
        int err = rf_store_delete(a->env->store, w->key);
        if (err < 0 && err != -ENOENT) {
            RF_LOG_WARN("file left behind", RF_STR("job", a->claim->job_id),
                        RF_STR("error", strerror(-err)));
        }
    }
}
