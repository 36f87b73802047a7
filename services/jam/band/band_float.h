/*
 * band_float.h - the state of the floating-point unit while the band plays: numbers too small to be
 * normal count as 0, which keeps decaying tails from costing a hundredfold.
 */
#ifndef BAND_FLOAT_H
#define BAND_FLOAT_H

#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#define BAND_FLOAT_FLUSH 0x8040U /* flush to zero, denormals are zero */

static inline uint64_t band_float_get(void)
{
    return _mm_getcsr();
}

static inline void band_float_set(uint64_t state)
{
    _mm_setcsr((unsigned)state);
}
#elif defined(__aarch64__)
#define BAND_FLOAT_FLUSH (1U << 24)

static inline uint64_t band_float_get(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return state;
}

static inline void band_float_set(uint64_t state)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
}
#else
#define BAND_FLOAT_FLUSH 0U

static inline uint64_t band_float_get(void)
{
    return 0;
}

static inline void band_float_set(uint64_t state)
{
    (void)state;
}
#endif

#endif
