#include "load_watch.h"

#include "rf_time.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_BIN (LOAD_BIN_US * INT64_C(1000))

void load_times_add(load_times *t, int64_t ns)
{
    const int64_t bin = RF_MIN(RF_MAX(ns, INT64_C(0)) / NS_PER_BIN, (int64_t)LOAD_BINS - 1);
    atomic_fetch_add_explicit(&t->bins[bin], 1, memory_order_relaxed);
}

uint64_t load_times_count(const load_times *t)
{
    uint64_t n = 0;
    for (size_t i = 0; i < LOAD_BINS; i++) {
        n += t->bins[i];
    }
    return n;
}

double load_times_ms(const load_times *t, double share)
{
    const double wanted = share * (double)load_times_count(t);
    double n = 0;
    for (size_t i = 0; i < LOAD_BINS && wanted > 0; i++) {
        n += t->bins[i];
        if (n >= wanted) {
            return (double)(i + 1) * LOAD_BIN_US / 1000;
        }
    }
    return 0;
}

static int64_t thread_ns(const char *folder, const char *thread)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s/schedstat", folder, thread);
    FILE *file = fopen(path, "re");
    long long ns = 0;
    if (file == NULL) {
        return 0; /* it ended meanwhile */
    }
    const bool read = fscanf(file, "%lld", &ns) == 1; // NOLINT(cert-err34-c)
    (void)fclose(file);
    return read ? ns : 0;
}

int64_t load_cpu_ns(long pid)
{
    RF_CLEANUP(rf_cleanup_free) char *folder = rf_asprintf("/proc/%ld/task", pid);
    DIR *dir = opendir(folder);
    int64_t sum = 0;
    if (dir == NULL) {
        return -1;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        sum += e->d_name[0] != '.' ? thread_ns(folder, e->d_name) : 0;
    }
    closedir(dir);
    return sum;
}

long load_rss_kib(long pid, const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/proc/%ld/status", pid);
    FILE *file = fopen(path, "re");
    char line[256];
    long kib = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            kib = strtol(line + strlen(name) + 1, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kib;
}

bool load_rss_reset(long pid)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/proc/%ld/clear_refs", pid);
    FILE *file = fopen(path, "we");
    return file != NULL && fputs("5", file) >= 0 && fclose(file) == 0;
}

void load_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fputs("bench_recorder_load: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1);
}
