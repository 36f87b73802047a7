#include "job_metrics.h"

#include <stdio.h>
#include <string.h>

#include "job_retry.h"
#include "rf_metric.h"

#define LABELS_MAX 192
#define USER "user"
#define DELETED "deleted" /* the pool of a job that is no more */

typedef enum outcome {
    DONE,
    BAD_INPUT,
    INTERNAL_ERROR,
    TIMEOUT,
    LOST,
    RELEASED,
    CANCELLED,
    N_OUTCOMES,
} outcome;

static const char *const outcome_names[N_OUTCOMES] = {
    "done", "bad_input", "internal_error", "timeout", "lost", "released", "cancelled"};

/* How a job ended: the status, and the code of a failure. */
static const struct {
    job_state state;
    const char *code;
} ends[] = {
    {JOB_SUCCEEDED, ""},
    {JOB_FAILED, JOB_CODE_BAD_INPUT},
    {JOB_FAILED, JOB_CODE_INTERNAL},
    {JOB_FAILED, JOB_CODE_TIMEOUT},
    {JOB_FAILED, JOB_CODE_CANCELLED},
};
#define N_ENDS RF_ARRAY_LEN(ends)

/* The series of one workflow. */
typedef struct series {
    char *slug;
    rf_metric *wait[JOB_N_POOLS]; /* NULL: no job of it ran in that pool */
    rf_metric *run[JOB_N_POOLS];
    rf_metric *attempts[N_OUTCOMES];
    rf_metric *finished[N_ENDS];
    rf_metric *dead;
} series;

struct job_metrics {
    rf_metric *queued[JOB_N_POOLS];
    rf_metric *running[JOB_N_POOLS];
    rf_metric *oldest[JOB_N_POOLS];
    rf_metric *lost[JOB_N_POOLS];
    rf_metric *fenced[JOB_N_POOLS + 1];
    rf_metric *outbox_unsent;
    rf_metric *outbox_oldest;
    rf_metric *hooks_waiting;
    rf_metric *hooks_oldest;
    series *workflows; /* the first is USER */
    size_t n_workflows;
};

static void make_pool(job_metrics *m, job_pool pool)
{
    char labels[LABELS_MAX];
    snprintf(labels, sizeof(labels), "pool=\"%s\"", job_pool_name(pool));
    m->queued[pool] =
        rf_metric_gauge("reflection_jobs_queued", "Jobs that wait for an attempt.", labels);
    m->running[pool] = rf_metric_gauge("reflection_jobs_running", "Attempts under way.", labels);
    m->oldest[pool] = rf_metric_gauge("reflection_job_oldest_queued_age_seconds",
                                      "How long the first job of the queue has waited.", labels);
    m->lost[pool] = rf_metric_counter("reflection_job_leases_lost_total",
                                      "Attempts whose worker was not heard of in time.", labels);
}

static void make_fenced(job_metrics *m, size_t pool)
{
    char labels[LABELS_MAX];
    const char *name = pool < JOB_N_POOLS ? job_pool_name((job_pool)pool) : DELETED;
    snprintf(labels, sizeof(labels), "pool=\"%s\"", name);
    m->fenced[pool] =
        rf_metric_counter("reflection_job_fenced_writes_total",
                          "Writes refused because their attempt is not the current one.", labels);
}

/* ---- one workflow ---- */

static void make_durations(series *w, job_pool pool)
{
    char labels[LABELS_MAX];
    snprintf(labels, sizeof(labels), "pool=\"%s\",workflow=\"%s\"", job_pool_name(pool), w->slug);
    w->wait[pool] =
        rf_metric_histogram("reflection_job_wait_seconds", "From the request to the first attempt.",
                            labels, rf_metric_seconds, RF_METRIC_N_SECONDS);
    w->run[pool] = rf_metric_histogram("reflection_job_run_seconds",
                                       "From the first attempt to the end of the job.", labels,
                                       rf_metric_seconds, RF_METRIC_N_SECONDS);
}

static void make_counters(series *w)
{
    char labels[LABELS_MAX];
    for (size_t i = 0; i < N_OUTCOMES; i++) {
        snprintf(labels, sizeof(labels), "workflow=\"%s\",outcome=\"%s\"", w->slug,
                 outcome_names[i]);
        w->attempts[i] =
            rf_metric_counter("reflection_job_attempts_total", "Attempts that ended.", labels);
    }
    for (size_t i = 0; i < N_ENDS; i++) {
        snprintf(labels, sizeof(labels), "workflow=\"%s\",status=\"%s\",code=\"%s\"", w->slug,
                 job_state_name(ends[i].state), ends[i].code);
        w->finished[i] =
            rf_metric_counter("reflection_jobs_finished_total", "Jobs that became final.", labels);
    }
    snprintf(labels, sizeof(labels), "workflow=\"%s\"", w->slug);
    w->dead = rf_metric_gauge("reflection_jobs_dead_letter", "Jobs out of retries.", labels);
}

static series *add_series(job_metrics *m, const char *slug)
{
    m->workflows = rf_grow(m->workflows, m->n_workflows + 1, sizeof(series));
    series *w = &m->workflows[m->n_workflows++];
    *w = (series){.slug = rf_strdup(slug)};
    make_counters(w);
    return w;
}

static series *series_of(const job_metrics *m, const char *slug)
{
    for (size_t i = 1; i < m->n_workflows; i++) {
        if (strcmp(m->workflows[i].slug, slug) == 0) {
            return &m->workflows[i];
        }
    }
    return &m->workflows[0];
}

void job_metrics_workflow(job_metrics *m, const char *slug, job_pool pool)
{
    make_durations(add_series(m, slug), pool);
}

/* ---- all of them ---- */

job_metrics *job_metrics_new(void)
{
    job_metrics *m = RF_NEW(job_metrics);
    for (int pool = 0; pool < JOB_N_POOLS; pool++) {
        make_pool(m, (job_pool)pool);
    }
    for (size_t pool = 0; pool <= JOB_N_POOLS; pool++) {
        make_fenced(m, pool);
    }
    m->outbox_unsent = rf_metric_gauge("reflection_outbox_unsent", "Rows not yet published.", NULL);
    m->outbox_oldest = rf_metric_gauge("reflection_outbox_oldest_age_seconds",
                                       "Age of the oldest row not yet published.", NULL);
    m->hooks_waiting =
        rf_metric_gauge("reflection_webhook_backlog", "Messages not yet delivered.", NULL);
    m->hooks_oldest = rf_metric_gauge("reflection_webhook_oldest_age_seconds",
                                      "Age of the oldest message not yet delivered.", NULL);
    add_series(m, USER);
    return m;
}

job_metrics *job_metrics_free(job_metrics *m)
{
    if (m != NULL) {
        for (size_t i = 0; i < m->n_workflows; i++) {
            free(m->workflows[i].slug);
        }
        free(m->workflows);
        free(m);
    }
    return NULL;
}

/* ---- facts ---- */

static outcome outcome_of(const job_fact *fact)
{
    const char *code = fact->code == NULL ? "" : fact->code;
    if (strcmp(code, JOB_CODE_TIMEOUT) == 0) {
        return TIMEOUT;
    }
    switch (fact->attempt) {
    case JOB_ATTEMPT_DONE:
        return DONE;
    case JOB_ATTEMPT_LOST:
        return LOST;
    case JOB_ATTEMPT_RELEASED:
        return strcmp(code, JOB_CODE_CANCELLED) == 0 ? CANCELLED : RELEASED;
    default:
        return strcmp(code, JOB_CODE_BAD_INPUT) == 0   ? BAD_INPUT
               : strcmp(code, JOB_CODE_CANCELLED) == 0 ? CANCELLED
                                                       : INTERNAL_ERROR;
    }
}

static void count_attempt(job_metrics *m, const series *w, const job_fact *fact)
{
    outcome result = outcome_of(fact);
    rf_metric_add(w->attempts[result], 1);
    if (result == LOST) {
        rf_metric_add(m->lost[fact->pool], 1);
    }
}

static void count_final(const series *w, const job_fact *fact)
{
    for (size_t i = 0; i < N_ENDS; i++) {
        if (fact->state == ends[i].state &&
            (fact->code == NULL || strcmp(fact->code, ends[i].code) == 0)) {
            rf_metric_add(w->finished[i], 1);
        }
    }
}

/* The wall clock may step back. */
static void observe(rf_metric *histogram, int64_t ms)
{
    rf_metric_observe(histogram, ms < 0 ? 0.0 : (double)ms / 1000.0);
}

void job_metrics_fact(job_metrics *m, const job_fact *fact)
{
    if (fact->kind == JOB_FACT_FENCED) {
        rf_metric_add(m->fenced[fact->pool], 1);
        return;
    }
    series *w = series_of(m, fact->workflow);
    if (w->wait[fact->pool] == NULL) {
        make_durations(w, fact->pool);
    }
    if (fact->kind == JOB_FACT_STARTED) {
        observe(w->wait[fact->pool], fact->ms);
    } else if (fact->kind == JOB_FACT_ENDED) {
        count_attempt(m, w, fact);
    } else {
        count_final(w, fact);
        if (fact->ms >= 0) {
            observe(w->run[fact->pool], fact->ms);
        }
    }
}

/* ---- gauges ---- */

static double age_s(int64_t since_ms, int64_t now_ms)
{
    return since_ms == 0 || since_ms > now_ms ? 0.0 : (double)(now_ms - since_ms) / 1000.0;
}

static void set_dead(job_metrics *m, const job_op_stats *stats)
{
    for (size_t i = 0; i < m->n_workflows; i++) {
        const series *w = &m->workflows[i];
        int64_t n = 0;
        for (size_t k = 0; k < stats->n_dead; k++) {
            n += series_of(m, stats->dead[k].workflow) == w ? stats->dead[k].n : 0;
        }
        rf_metric_set(w->dead, (double)n);
    }
}

void job_metrics_stats(job_metrics *m, const job_op_stats *stats, int64_t now_ms)
{
    for (int pool = 0; pool < JOB_N_POOLS; pool++) {
        rf_metric_set(m->queued[pool], (double)stats->queued[pool]);
        rf_metric_set(m->running[pool], (double)stats->running[pool]);
        rf_metric_set(m->oldest[pool], age_s(stats->oldest_queued_ms[pool], now_ms));
    }
    rf_metric_set(m->outbox_unsent, (double)stats->outbox_unsent);
    rf_metric_set(m->outbox_oldest, age_s(stats->outbox_oldest_ms, now_ms));
    rf_metric_set(m->hooks_waiting, (double)stats->hooks_waiting);
    rf_metric_set(m->hooks_oldest, age_s(stats->hooks_oldest_ms, now_ms));
    set_dead(m, stats);
}
