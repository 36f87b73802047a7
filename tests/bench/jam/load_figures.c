#include "load_figures.h"

#include <stdio.h>
#include <stdlib.h>

void load_figures_add(load_figures *f, double value)
{
    f->values = rf_make_room(f->values, f->n + 1, &f->cap, sizeof(*f->values));
    f->values[f->n++] = value;
}

void load_figures_done(load_figures *f)
{
    free(f->values);
    *f = (load_figures){0};
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The least value that is not below a share of them all. */
static double at_share(const load_figures *f, double share)
{
    size_t i = (size_t)(share * (double)f->n);
    return f->values[i < f->n ? i : f->n - 1];
}

void load_figures_print(load_figures *f, const char *name)
{
    if (f->n == 0) {
        printf("\"%s\":{\"n\":0,\"p50\":null,\"p99\":null,\"p999\":null,\"max\":null}", name);
        return;
    }
    qsort(f->values, f->n, sizeof(*f->values), ascending);
    printf("\"%s\":{\"n\":%zu,\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f}", name, f->n,
           at_share(f, 0.5), at_share(f, 0.99), at_share(f, 0.999), f->values[f->n - 1]);
}
