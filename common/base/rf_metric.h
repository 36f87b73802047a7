/*
 * rf_metric.h - counters, gauges and histograms of the process, written as Prometheus text.
 * Metrics are made once and live as long as the process; any thread may change them, without locks.
 * Labels never hold user text (spec jobs.md section 8).
 *
 *     static rf_metric *done;
 *     done = rf_metric_counter("reflection_jobs_finished_total", "Jobs that became final.",
 *                              "status=\"SUCCEEDED\"");
 *     rf_metric_add(done, 1);
 */
#ifndef RF_METRIC_H
#define RF_METRIC_H

#include "rf_base.h"
#include "rf_buf.h"

typedef struct rf_metric rf_metric;

/* rf_metric_counter, _seconds, _gauge and _histogram find or make the series name{labels}; labels
 * is the text between the braces or NULL. bounds are rising upper limits, n_bounds in 1..32; the
 * first maker of a family decides them. The result is never NULL. */
rf_metric *rf_metric_counter(const char *name, const char *help, const char *labels);
rf_metric *rf_metric_seconds_counter(const char *name, const char *help, const char *labels);
rf_metric *rf_metric_gauge(const char *name, const char *help, const char *labels);
rf_metric *rf_metric_histogram(const char *name, const char *help, const char *labels,
                               const double *bounds, size_t n_bounds);

void rf_metric_add(rf_metric *m, int64_t n);    /* counter: n >= 0, of seconds: ns; gauge: any */
void rf_metric_set(rf_metric *m, double value); /* gauge */
void rf_metric_observe(rf_metric *m, double value); /* histogram */
double rf_metric_value(const rf_metric *m);         /* counter and gauge value (seconds where they
                                                       are counted), histogram count */

/* rf_metric_collector registers fn, called before each write to refresh gauges. */
void rf_metric_collector(void (*fn)(void *user), void *user);

/* rf_metric_write appends all metrics in text format 0.0.4. */
void rf_metric_write(rf_buf *out);

/* Bounds in seconds for request and task durations. */
extern const double rf_metric_seconds[];
#define RF_METRIC_N_SECONDS 14

#endif
