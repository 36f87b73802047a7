/*
 * load_figures.h - what a load run measures, kept whole so that percentiles are exact. One thread.
 */
#ifndef LOAD_FIGURES_H
#define LOAD_FIGURES_H

#include "rf_base.h"

typedef struct load_figures {
    double *values;
    size_t n;
    size_t cap;
} load_figures;

void load_figures_add(load_figures *f, double value);
void load_figures_done(load_figures *f);

/* load_figures_print writes "name":{"n":..,"p50":..,"p99":..,"p999":..,"max":..} and sorts the
 * values; percentiles of nothing are null. */
void load_figures_print(load_figures *f, const char *name);

#endif
