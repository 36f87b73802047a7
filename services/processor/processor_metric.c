#include "processor_metric.h"

#include "rf_metric.h"

void processor_metric_module(const char *module, double seconds)
{
    RF_CLEANUP(rf_cleanup_free)
    char *labels = rf_asprintf("module=\"%s\",method=\"dsp\"", module);
    rf_metric_observe(rf_metric_histogram("reflection_processor_module_seconds",
                                          "Time of one module run.", labels, rf_metric_seconds,
                                          RF_METRIC_N_SECONDS),
                      seconds);
}

void processor_metric_decode(const char *format, const char *code)
{
    RF_CLEANUP(rf_cleanup_free)
    char *labels = rf_asprintf("format=\"%s\",code=\"%s\"", format, code);
    rf_metric_add(rf_metric_counter("reflection_processor_decode_total",
                                    "Decoded inputs by outcome.", labels),
                  1);
}

void processor_metric_encode(const char *format)
{
    RF_CLEANUP(rf_cleanup_free) char *labels = rf_asprintf("format=\"%s\"", format);
    rf_metric_add(rf_metric_counter("reflection_processor_encode_total", "Encoded files.", labels),
                  1);
}

void processor_metric_child(const rf_sandbox_end *end)
{
    if (end->kind == RF_SANDBOX_EXITED) {
        return;
    }
    RF_CLEANUP(rf_cleanup_free)
    char *labels = rf_asprintf("reason=\"%s\"", rf_sandbox_end_name(end->kind));
    rf_metric_add(rf_metric_counter("reflection_processor_sandbox_kills_total",
                                    "Children that did not end by themselves.", labels),
                  1);
}

void processor_metric_error(const char *code)
{
    RF_CLEANUP(rf_cleanup_free) char *labels = rf_asprintf("code=\"%s\"", code);
    rf_metric_add(
        rf_metric_counter("reflection_processor_errors_total", "Attempts that failed.", labels), 1);
}

void processor_metric_rebalance(const char *pool, int64_t n)
{
    RF_CLEANUP(rf_cleanup_free) char *labels = rf_asprintf("pool=\"%s\"", pool);
    rf_metric_add(rf_metric_counter("reflection_kafka_rebalances_total",
                                    "Changes of the partitions that this worker reads.", labels),
                  n);
}
