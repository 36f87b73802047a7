/* Medians by sorting networks against medians by sorting. */
#include "analysis_median.h"
#include "corpus_rng.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MAX_COLUMNS = 70 };

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float sorted_median(float *values, size_t n)
{
    qsort(values, n, sizeof(*values), compare_floats);
    return values[n / 2];
}

/* Few different values, so that many are equal. */
static void fill(corpus_rng *rng, float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)corpus_int(rng, -20, 20);
    }
}

static void check_rows(corpus_rng *rng, int n_rows, size_t n_columns)
{
    static float values[ANALYSIS_MEDIAN_MAX][MAX_COLUMNS];
    const float *rows[ANALYSIS_MEDIAN_MAX];
    float found[MAX_COLUMNS + 1];
    for (int i = 0; i < n_rows; i++) {
        fill(rng, values[i], n_columns);
        rows[i] = values[i];
    }
    found[n_columns] = 1234;
    analysis_median_rows(rows, n_rows, n_columns, found);
    for (size_t k = 0; k < n_columns; k++) {
        float column[ANALYSIS_MEDIAN_MAX];
        for (int i = 0; i < n_rows; i++) {
            column[i] = values[i][k];
        }
        cr_assert_eq(found[k], sorted_median(column, (size_t)n_rows), "%d rows, column %zu", n_rows,
                     k);
    }
    cr_assert_eq(found[n_columns], 1234, "%d rows: wrote past column %zu", n_rows, n_columns);
}

Test(median, of_rows_is_that_of_sorted_columns)
{
    static const size_t columns[] = {1, 15, 16, 17, MAX_COLUMNS};
    corpus_rng rng = corpus_rng_of(1, 1);
    for (int n = 1; n <= ANALYSIS_MEDIAN_MAX; n++) {
        for (size_t i = 0; i < RF_ARRAY_LEN(columns); i++) {
            check_rows(&rng, n, columns[i]);
        }
    }
}

static void check_along(corpus_rng *rng, size_t n, size_t reach)
{
    float values[MAX_COLUMNS], found[MAX_COLUMNS], window[MAX_COLUMNS];
    fill(rng, values, n);
    analysis_median_along(values, n, reach, found);
    for (size_t i = 0; i < n; i++) {
        size_t n_window = 0;
        for (size_t k = i > reach ? i - reach : 0; k < n && k <= i + reach; k++) {
            window[n_window++] = values[k];
        }
        cr_assert_eq(found[i], sorted_median(window, n_window), "%zu values, reach %zu, at %zu", n,
                     reach, i);
    }
}

Test(median, along_values_is_cut_short_at_the_ends)
{
    static const size_t reaches[] = {0, 1, 8, 16};
    corpus_rng rng = corpus_rng_of(2, 1);
    for (size_t n = 1; n <= MAX_COLUMNS; n += n < 40 ? 1 : 15) {
        for (size_t i = 0; i < RF_ARRAY_LEN(reaches); i++) {
            check_along(&rng, n, reaches[i]);
        }
    }
}
