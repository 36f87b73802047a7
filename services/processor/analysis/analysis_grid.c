#include "analysis_grid.h"

#include <math.h>
#include <string.h>

#define CELL_MIN_S 0.05 /* a beat closer than this to an end of the song makes no cell */

/* Divides [start, end) into equal cells of at most max_s; the first carries the beat's number. */
static void add_span(analysis_grid *grid, double start_s, double end_s, int number, double max_s)
{
    int n = RF_MAX(1, (int)ceil((end_s - start_s) / max_s - 1e-6));
    grid->cells = rf_grow(grid->cells, grid->n + (size_t)n, sizeof(*grid->cells));
    for (int i = 0; i < n; i++) {
        double step = (end_s - start_s) / n;
        grid->cells[grid->n++] = (analysis_cell){
            .start_s = start_s + i * step,
            .end_s = i + 1 == n ? end_s : start_s + (i + 1) * step,
            .number = i == 0 ? number : 0,
        };
    }
}

void analysis_grid_init(analysis_grid *grid, double duration_s, const analysis_beats *beats,
                        double max_s)
{
    double at = 0;
    int number = 0;
    memset(grid, 0, sizeof(*grid));
    for (size_t i = 0; beats != NULL && i < beats->n_beats; i++) {
        double time_s = beats->beats[i].time_s;
        if (time_s - at < CELL_MIN_S || duration_s - time_s < CELL_MIN_S) {
            continue;
        }
        add_span(grid, at, time_s, number, max_s);
        at = time_s;
        number = beats->beats[i].number;
    }
    if (duration_s > at) {
        add_span(grid, at, duration_s, number, max_s);
    }
}

void analysis_grid_done(analysis_grid *grid)
{
    free(grid->cells);
    memset(grid, 0, sizeof(*grid));
}
