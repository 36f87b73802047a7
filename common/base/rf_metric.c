#include "rf_metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MAX_BOUNDS 32
#define MAX_COLLECTORS 32

typedef enum kind { COUNTER, SECONDS, GAUGE, HISTOGRAM } kind;

typedef struct family {
    char *name;
    char *help;
    kind kind;
    double bounds[MAX_BOUNDS];
    size_t n_bounds;
    rf_metric *series;
    struct family *next;
} family;

struct rf_metric {
    const family *family;
    char *labels;
    _Atomic(int64_t) count; /* counter, of seconds: ns; number of observations of a histogram */
    _Atomic(double) value;  /* gauge; sum of a histogram */
    _Atomic(int64_t) buckets[MAX_BOUNDS];
    rf_metric *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static family *families; /* guarded by mutex; entries are never removed */
static struct {
    void (*fn)(void *user);
    void *user;
} collectors[MAX_COLLECTORS];
static size_t n_collectors;

const double rf_metric_seconds[RF_METRIC_N_SECONDS] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60};

static family *find_family(const char *name, const char *help, kind k)
{
    family **p = &families;
    for (; *p != NULL; p = &(*p)->next) {
        if (strcmp((*p)->name, name) == 0) {
            return *p;
        }
    }
    family *f = RF_NEW(family);
    f->name = rf_strdup(name);
    f->help = rf_strdup(help);
    f->kind = k;
    *p = f;
    return f;
}

static rf_metric *find_series(family *f, const char *labels)
{
    rf_metric **p = &f->series;
    for (; *p != NULL; p = &(*p)->next) {
        if (strcmp((*p)->labels, labels) == 0) {
            return *p;
        }
    }
    rf_metric *m = RF_NEW(rf_metric);
    m->family = f;
    m->labels = rf_strdup(labels);
    *p = m;
    return m;
}

static rf_metric *find_or_make(const char *name, const char *help, const char *labels, kind k,
                               const double *bounds, size_t n_bounds)
{
    pthread_mutex_lock(&mutex);
    family *f = find_family(name, help, k);
    if (f->n_bounds == 0 && n_bounds > 0) {
        f->n_bounds = RF_MIN(n_bounds, (size_t)MAX_BOUNDS);
        memcpy(f->bounds, bounds, f->n_bounds * sizeof(double));
    }
    rf_metric *m = find_series(f, labels == NULL ? "" : labels);
    pthread_mutex_unlock(&mutex);
    return m;
}

rf_metric *rf_metric_counter(const char *name, const char *help, const char *labels)
{
    return find_or_make(name, help, labels, COUNTER, NULL, 0);
}

rf_metric *rf_metric_seconds_counter(const char *name, const char *help, const char *labels)
{
    return find_or_make(name, help, labels, SECONDS, NULL, 0);
}

rf_metric *rf_metric_gauge(const char *name, const char *help, const char *labels)
{
    return find_or_make(name, help, labels, GAUGE, NULL, 0);
}

rf_metric *rf_metric_histogram(const char *name, const char *help, const char *labels,
                               const double *bounds, size_t n_bounds)
{
    return find_or_make(name, help, labels, HISTOGRAM, bounds, n_bounds);
}

static void add_double(_Atomic(double) *p, double v)
{
    double old = atomic_load_explicit(p, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(p, &old, old + v)) {
    }
}

void rf_metric_add(rf_metric *m, int64_t n)
{
    if (m->family->kind == GAUGE) {
        add_double(&m->value, (double)n);
    } else {
        atomic_fetch_add_explicit(&m->count, n, memory_order_relaxed);
    }
}

void rf_metric_set(rf_metric *m, double value)
{
    atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

void rf_metric_observe(rf_metric *m, double value)
{
    size_t i = 0;
    while (i < m->family->n_bounds && value > m->family->bounds[i]) {
        i++;
    }
    if (i < m->family->n_bounds) {
        atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&m->count, 1, memory_order_relaxed);
    add_double(&m->value, value);
}

double rf_metric_value(const rf_metric *m)
{
    const double count = (double)atomic_load(&m->count);
    return m->family->kind == GAUGE     ? atomic_load(&m->value)
           : m->family->kind == SECONDS ? count / 1e9
                                        : count;
}

void rf_metric_collector(void (*fn)(void *user), void *user)
{
    pthread_mutex_lock(&mutex);
    if (n_collectors < MAX_COLLECTORS) {
        collectors[n_collectors].fn = fn;
        collectors[n_collectors].user = user;
        n_collectors++;
    }
    pthread_mutex_unlock(&mutex);
}

static void write_histogram(rf_buf *out, const family *f, const rf_metric *m)
{
    const char *comma = m->labels[0] != '\0' ? "," : "";
    int64_t total = 0;
    for (size_t i = 0; i < f->n_bounds; i++) {
        total += atomic_load(&m->buckets[i]);
        rf_buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %lld\n", f->name, m->labels, comma,
                      f->bounds[i], (long long)total);
    }
    long long count = (long long)atomic_load(&m->count);
    rf_buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %lld\n", f->name, m->labels, comma, count);
    const char *open = m->labels[0] != '\0' ? "{" : "";
    const char *close = m->labels[0] != '\0' ? "}" : "";
    rf_buf_printf(out, "%s_sum%s%s%s %.9g\n", f->name, open, m->labels, close,
                  atomic_load(&m->value));
    rf_buf_printf(out, "%s_count%s%s%s %lld\n", f->name, open, m->labels, close, count);
}

static void write_series(rf_buf *out, const family *f, const rf_metric *m)
{
    if (f->kind == HISTOGRAM) {
        write_histogram(out, f, m);
        return;
    }
    rf_buf_append_str(out, f->name);
    if (m->labels[0] != '\0') {
        rf_buf_printf(out, "{%s}", m->labels);
    }
    if (f->kind == COUNTER) {
        rf_buf_printf(out, " %lld\n", (long long)atomic_load(&m->count));
    } else {
        rf_buf_printf(out, " %.15g\n", rf_metric_value(m));
    }
}

void rf_metric_write(rf_buf *out)
{
    static const char *const types[] = {"counter", "counter", "gauge", "histogram"};
    pthread_mutex_lock(&mutex);
    size_t n = n_collectors;
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < n; i++) {
        collectors[i].fn(collectors[i].user);
    }
    pthread_mutex_lock(&mutex);
    for (const family *f = families; f != NULL; f = f->next) {
        rf_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
                      types[f->kind]);
        for (const rf_metric *m = f->series; m != NULL; m = m->next) {
            write_series(out, f, m);
        }
    }
    pthread_mutex_unlock(&mutex);
}
