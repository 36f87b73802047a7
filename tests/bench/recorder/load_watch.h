/*
 * load_watch.h - what a load run measures: percentiles, and what another process spends.
 */
#ifndef LOAD_WATCH_H
#define LOAD_WATCH_H

#include "rf_base.h"

#include <stdatomic.h>
#include <stdio.h>

#define LOAD_BINS 2000000
#define LOAD_BIN_US 5 /* the last bin holds all that is longer */

/* A histogram of times; any thread adds. All zero is empty. */
typedef struct load_times {
    _Atomic(uint32_t) bins[LOAD_BINS];
} load_times;

void load_times_add(load_times *t, int64_t ns);

/* load_times_ms gives the time that the share (0..1) of all times does not exceed, rounded up to a
 * bin; 0 for none. */
double load_times_ms(const load_times *t, double share);

/* load_times_count is how many there are. */
uint64_t load_times_count(const load_times *t);

/* load_cpu_ns is the processor time that the living threads of a process have had; -1: it is gone.
 */
int64_t load_cpu_ns(long pid);

/* load_rss_kib reads a value of /proc/PID/status ("VmRSS", "VmHWM"); 0: it is gone. load_rss_reset
 * makes the peak (VmHWM) the present value; false: it may not. */
long load_rss_kib(long pid, const char *name);
bool load_rss_reset(long pid);

/* load_die ends the program with a line on standard error. */
void load_die(const char *fmt, ...) RF_PRINTF(1, 2) __attribute__((noreturn));

#endif
