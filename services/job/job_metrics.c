#include "job_metrics.h"

#include <stdio.h>
#include <string.h>

#include "rf_metric.h"

static const char *const outcomes[] = {"done", "bad_input", "internal_error", "timeout",
                                       "lost", "released",  "cancelled"};
#define N_OUTCOMES RF_ARRAY_LEN(outcomes)

struct job_metrics {
    rf_metric *queued[JOB_N_POOLS];
    rf_metric *running[JOB_N_POOLS];
    rf_metric *oldest[JOB_N_POOLS];
    rf_metric *finished[JOB_N_STATES];
    rf_metric *attempts[N_OUTCOMES];
    rf_metric *lost;
    rf_metric *fenced;
    rf_metric *dead;
    rf_metric *outbox_unsent;
    rf_metric *outbox_oldest;
};

static void make_pool(job_metrics *m, job_pool pool)
{
    char labels[32];
    snprintf(labels, sizeof(labels), "pool=\"%s\"", job_pool_name(pool));
    m->queued[pool] =
        rf_metric_gauge("reflection_jobs_queued", "Jobs that wait for an attempt.", labels);
    m->running[pool] = rf_metric_gauge("reflection_jobs_running", "Attempts under way.", labels);
    m->oldest[pool] = rf_metric_gauge("reflection_job_oldest_queued_age_seconds",
                                      "How long the first job of the queue has waited.", labels);
}

static void make_counters(job_metrics *m)
{
    char labels[48];
    for (int state = JOB_SUCCEEDED; state <= JOB_FAILED; state++) {
        snprintf(labels, sizeof(labels), "status=\"%s\"", job_state_name((job_state)state));
        m->finished[state] =
            rf_metric_counter("reflection_jobs_finished_total", "Jobs that became final.", labels);
    }
    for (size_t i = 0; i < N_OUTCOMES; i++) {
        snprintf(labels, sizeof(labels), "outcome=\"%s\"", outcomes[i]);
        m->attempts[i] =
            rf_metric_counter("reflection_job_attempts_total", "Attempts that ended.", labels);
    }
}

job_metrics *job_metrics_new(void)
{
    job_metrics *m = RF_NEW(job_metrics);
    for (int pool = 0; pool < JOB_N_POOLS; pool++) {
        make_pool(m, (job_pool)pool);
    }
    make_counters(m);
    m->lost = rf_metric_counter("reflection_job_leases_lost_total",
                                "Attempts whose worker was not heard of in time.", NULL);
    m->fenced =
        rf_metric_counter("reflection_job_fenced_writes_total",
                          "Writes refused because their attempt is not the current one.", NULL);
    m->dead = rf_metric_gauge("reflection_jobs_dead_letter", "Jobs out of retries.", NULL);
    m->outbox_unsent = rf_metric_gauge("reflection_outbox_unsent", "Rows not yet published.", NULL);
    m->outbox_oldest = rf_metric_gauge("reflection_outbox_oldest_age_seconds",
                                       "Age of the oldest row not yet published.", NULL);
    return m;
}

job_metrics *job_metrics_free(job_metrics *m)
{
    free(m);
    return NULL;
}

static double age_s(int64_t since_ms, int64_t now_ms)
{
    return since_ms == 0 || since_ms > now_ms ? 0.0 : (double)(now_ms - since_ms) / 1000.0;
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
    rf_metric_set(m->dead, (double)stats->dead_letters);
}

void job_metrics_finished(job_metrics *m, job_state state)
{
    if (job_state_final(state)) {
        rf_metric_add(m->finished[state], 1);
    }
}

void job_metrics_attempt(job_metrics *m, const char *outcome)
{
    for (size_t i = 0; i < N_OUTCOMES; i++) {
        if (strcmp(outcome, outcomes[i]) == 0) {
            rf_metric_add(m->attempts[i], 1);
        }
    }
}

void job_metrics_lost(job_metrics *m, size_t n)
{
    rf_metric_add(m->lost, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        job_metrics_attempt(m, "lost");
    }
}

void job_metrics_fenced(job_metrics *m, size_t n)
{
    rf_metric_add(m->fenced, (int64_t)n);
}
