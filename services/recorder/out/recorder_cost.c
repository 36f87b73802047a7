#include "recorder_cost.h"

#include "rf_metric.h"
#include "rf_time.h"

#include <pthread.h>
#include <stdio.h>

static rf_metric *encode[RECORDER_N_FORMATS];
static rf_metric *resample;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void)
{
    char label[64];
    for (int i = 0; i < RECORDER_N_FORMATS; i++) {
        (void)snprintf(label, sizeof(label), "format=\"%s\"",
                       recorder_format_name((recorder_format)i));
        encode[i] = rf_metric_seconds_counter("reflection_recorder_encode_seconds_total",
                                              "Spent on coding.", label);
    }
    resample = rf_metric_seconds_counter("reflection_recorder_resample_seconds_total",
                                         "Spent on changing rates.", NULL);
}

void recorder_cost_init(void)
{
    pthread_once(&once, make);
}

void recorder_cost_encode(recorder_format format, int64_t from_ns)
{
    recorder_cost_init();
    rf_metric_add(encode[format], rf_time_ns() - from_ns);
}

void recorder_cost_resample(int64_t from_ns)
{
    recorder_cost_init();
    rf_metric_add(resample, rf_time_ns() - from_ns);
}
