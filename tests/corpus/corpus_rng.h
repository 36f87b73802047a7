/*
 * corpus_rng.h - repeatable random numbers: equal seeds give equal corpora on every machine.
 * A generator belongs to one thread.
 */
#ifndef CORPUS_RNG_H
#define CORPUS_RNG_H

#include "rf_base.h"

typedef struct corpus_rng {
    uint64_t state;
} corpus_rng;

/* corpus_rng_of makes a generator of its own for a purpose, so that a change in one part of the
 * composer does not change the others. */
corpus_rng corpus_rng_of(uint64_t seed, uint64_t purpose);

uint64_t corpus_rng_next(corpus_rng *rng);

/* corpus_unit is uniform in [0, 1), corpus_range in [low, high), corpus_int in [low, high]. */
double corpus_unit(corpus_rng *rng);
double corpus_range(corpus_rng *rng, double low, double high);
int corpus_int(corpus_rng *rng, int low, int high);

/* corpus_normal has mean 0 and deviation 1, cut at 3. */
double corpus_normal(corpus_rng *rng);

bool corpus_chance(corpus_rng *rng, double probability);

#endif
