/*
 * processor_metric.h - what modules count (spec processor.md section 10). Labels are names of the
 * project's own tables, never user text. Any thread.
 */
#ifndef PROCESSOR_METRIC_H
#define PROCESSOR_METRIC_H

#include "rf_sandbox.h"

/* reflection_processor_module_seconds{module,method} */
void processor_metric_module(const char *module, double seconds);

/* reflection_processor_decode_total{format,code} */
void processor_metric_decode(const char *format, const char *code);

/* reflection_processor_encode_total{format} */
void processor_metric_encode(const char *format);

/* reflection_processor_sandbox_kills_total{reason}, for every end but a normal one */
void processor_metric_child(const rf_sandbox_end *end);

/* reflection_processor_errors_total{code}: jobs that failed here */
void processor_metric_error(const char *code);

/* reflection_kafka_rebalances_total{pool}: the partitions of the pool's topic were shared out anew;
 * n may be 0, so that the series is there. */
void processor_metric_rebalance(const char *pool, int64_t n);

#endif
