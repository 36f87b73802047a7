/* The joining of overlapping chunks into one stream. */
#include "reflection_jam.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS REFLECTION_JAM_CHANNELS

struct reflection_jam_join {
    float out[CHANNELS * REFLECTION_JAM_SAMPLES_MAX];
    float tail[CHANNELS * REFLECTION_JAM_SAMPLES_MAX]; /* overlap of the last chunk */
    size_t n_tail;
};

reflection_jam_join *reflection_jam_join_new(void)
{
    return calloc(1, sizeof(reflection_jam_join));
}

reflection_jam_join *reflection_jam_join_free(reflection_jam_join *join)
{
    free(join);
    return NULL;
}

/* a + g (b - a); where both are equal it is a itself, the sign of a zero included. */
static void fade(float *old, const float *fresh, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = (float)(i + 1) / (float)(n + 1);
        for (size_t c = 0; c < CHANNELS; c++) {
            float *a = &old[CHANNELS * i + c];
            float b = fresh[CHANNELS * i + c];
            *a = b == *a ? *a : *a + g * (b - *a);
        }
    }
}

int reflection_jam_join_push(reflection_jam_join *join, const reflection_jam_chunk *chunk,
                             const float **ret_samples, size_t *ret_n)
{
    size_t n = chunk->n_samples;
    if (chunk->samples == NULL || n > REFLECTION_JAM_SAMPLES_MAX || chunk->overlap > n) {
        return -EINVAL;
    }
    size_t n_final = n - chunk->overlap;
    memcpy(join->out, join->tail, join->n_tail * CHANNELS * sizeof(float));
    size_t n_faded = join->n_tail < n_final ? join->n_tail : n_final;
    fade(join->out, chunk->samples, n_faded);
    memcpy(join->out + n_faded * CHANNELS, chunk->samples + n_faded * CHANNELS,
           (n_final - n_faded) * CHANNELS * sizeof(float));
    memcpy(join->tail, chunk->samples + n_final * CHANNELS,
           chunk->overlap * CHANNELS * sizeof(float));
    join->n_tail = chunk->overlap;
    *ret_samples = join->out;
    *ret_n = n_final;
    return 0;
}

void reflection_jam_join_flush(reflection_jam_join *join, const float **ret_samples, size_t *ret_n)
{
    memcpy(join->out, join->tail, join->n_tail * CHANNELS * sizeof(float));
    *ret_samples = join->out;
    *ret_n = join->n_tail;
    join->n_tail = 0;
}
