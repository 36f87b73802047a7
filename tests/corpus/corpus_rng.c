#include "corpus_rng.h"

#include <math.h>

/* SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
uint64_t corpus_rng_next(corpus_rng *rng)
{
    uint64_t z = (rng->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

corpus_rng corpus_rng_of(uint64_t seed, uint64_t purpose)
{
    corpus_rng rng = {seed};
    rng.state = corpus_rng_next(&rng) ^ (purpose * UINT64_C(0xD1342543DE82EF95));
    (void)corpus_rng_next(&rng);
    return rng;
}

double corpus_unit(corpus_rng *rng)
{
    return (double)(corpus_rng_next(rng) >> 11) * 0x1p-53;
}

double corpus_range(corpus_rng *rng, double low, double high)
{
    return low + (high - low) * corpus_unit(rng);
}

int corpus_int(corpus_rng *rng, int low, int high)
{
    return low + (int)(corpus_unit(rng) * (double)(high - low + 1));
}

double corpus_normal(corpus_rng *rng)
{
    double radius = sqrt(-2.0 * log(1.0 - corpus_unit(rng)));
    double x = radius * cos(2.0 * M_PI * corpus_unit(rng));
    return fmax(-3.0, fmin(3.0, x));
}

bool corpus_chance(corpus_rng *rng, double probability)
{
    return corpus_unit(rng) < probability;
}
