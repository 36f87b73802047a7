#include "jam_lateness.h"

#include "rf_time.h"

#include <math.h>

#define FIRST_MS 0.5 /* counted as none */
#define STEP 1.1

static double upper_ms(size_t i)
{
    return FIRST_MS * pow(STEP, (double)i);
}

void jam_lateness_add(jam_lateness *l, int64_t late_ns)
{
    double ms = (double)late_ns / RF_NS_PER_MS;
    double i = ms <= FIRST_MS ? 0.0 : ceil(log(ms / FIRST_MS) / log(STEP));
    l->counts[(size_t)RF_MIN(i, (double)(JAM_LATENESS_STEPS - 1))]++;
    l->n++;
}

double jam_lateness_quantile(const jam_lateness *l, double q)
{
    double wanted = q * l->n;
    double sum = 0.0;
    for (size_t i = 0; i < JAM_LATENESS_STEPS; i++) {
        sum += l->counts[i];
        if (l->counts[i] > 0 && sum >= wanted) {
            return i == 0 ? 0.0 : upper_ms(i);
        }
    }
    return 0.0;
}
