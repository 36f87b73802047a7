/*
 * band_random.h - numbers from the seed: a hash of (seed, what for, where), so that one part's
 * luck never shifts another's. Pure functions, the same on every machine.
 */
#ifndef BAND_RANDOM_H
#define BAND_RANDOM_H

#include "rf_base.h"

static inline uint64_t band_random_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t band_random_u64(uint64_t seed, uint32_t use, uint64_t place)
{
    return band_random_mix(band_random_mix(seed + UINT64_C(0x9e3779b97f4a7c15) * (use + 1)) +
                           UINT64_C(0xd1342543de82ef95) * (place + 1));
}

/* band_random_unit: 0 to below 1. */
static inline double band_random_unit(uint64_t seed, uint32_t use, uint64_t place)
{
    return (double)(band_random_u64(seed, use, place) >> 11) * 0x1p-53;
}

#endif
