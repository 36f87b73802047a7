#include "rf_metric.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static void expect_text(const char *wanted)
{
    rf_buf out;
    rf_buf_init(&out, 1 << 20);
    rf_metric_write(&out);
    cr_expect_not_null(strstr(rf_buf_str(&out), wanted), "no \"%s\" in\n%s", wanted,
                       rf_buf_str(&out));
    rf_buf_done(&out);
}

Test(metric, counters_and_gauges)
{
    rf_metric *ok = rf_metric_counter("jobs_total", "Jobs.", "status=\"ok\"");
    rf_metric *bad = rf_metric_counter("jobs_total", "Jobs.", "status=\"bad\"");
    rf_metric *depth = rf_metric_gauge("depth", "Depth.", NULL);
    cr_assert_eq(ok, rf_metric_counter("jobs_total", "Jobs.", "status=\"ok\""));
    rf_metric_add(ok, 3);
    rf_metric_add(bad, 1);
    rf_metric_set(depth, 2.5);
    rf_metric_add(depth, -1);
    expect_text("# HELP jobs_total Jobs.\n# TYPE jobs_total counter\n"
                "jobs_total{status=\"ok\"} 3\njobs_total{status=\"bad\"} 1\n");
    expect_text("# TYPE depth gauge\ndepth 1.5\n");
}

Test(metric, seconds_are_counted_in_ns)
{
    rf_metric *spent = rf_metric_seconds_counter("spent_seconds_total", "Spent.", "on=\"x\"");
    rf_metric_add(spent, 1500000000);
    rf_metric_add(spent, 1000);
    cr_expect_float_eq(rf_metric_value(spent), 1.500001, 1e-12);
    expect_text("# TYPE spent_seconds_total counter\nspent_seconds_total{on=\"x\"} 1.500001\n");
}

Test(metric, histogram_buckets_are_cumulative)
{
    static const double bounds[] = {0.1, 1, 10};
    rf_metric *h = rf_metric_histogram("wait_seconds", "Wait.", "pool=\"cpu\"", bounds, 3);
    static const double values[] = {0.05, 0.1, 0.5, 5, 50};
    for (size_t i = 0; i < RF_ARRAY_LEN(values); i++) {
        rf_metric_observe(h, values[i]);
    }
    expect_text("wait_seconds_bucket{pool=\"cpu\",le=\"0.1\"} 2\n"
                "wait_seconds_bucket{pool=\"cpu\",le=\"1\"} 3\n"
                "wait_seconds_bucket{pool=\"cpu\",le=\"10\"} 4\n"
                "wait_seconds_bucket{pool=\"cpu\",le=\"+Inf\"} 5\n"
                "wait_seconds_sum{pool=\"cpu\"} 55.65\n"
                "wait_seconds_count{pool=\"cpu\"} 5\n");
}

static void *add_many(void *user)
{
    for (int i = 0; i < 50000; i++) {
        rf_metric_add(user, 1);
    }
    return NULL;
}

Test(metric, threads_lose_nothing)
{
    rf_metric *c = rf_metric_counter("c_total", "C.", NULL);
    rf_metric *g = rf_metric_gauge("g", "G.", NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, add_many, i % 2 ? c : g), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(rf_metric_value(c), 100000);
    cr_assert_eq(rf_metric_value(g), 100000);
}

static void refresh(void *user)
{
    rf_metric_set(user, 42);
}

Test(metric, collectors_refresh_before_a_write)
{
    rf_metric_collector(refresh, rf_metric_gauge("fresh", "F.", NULL));
    expect_text("fresh 42\n");
}
