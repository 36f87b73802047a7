#include "processor_audio.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* One frame in, one frame expected (processor.md 2.3). */
static const struct {
    uint32_t n_in;
    uint32_t n_out;
    float in[8];
    float out[8];
} rows[] = {
    {1, 2, {1}, {1, 1}},
    {1, 4, {1}, {1, 1, 0, 0}},
    {1, 6, {1}, {0, 0, 1, 0, 0, 0}},
    {2, 1, {1, 0.5f}, {0.75f}},
    {2, 4, {1, 2}, {1, 2, 0, 0}},
    {2, 6, {1, 2}, {1, 2, 0, 0, 0, 0}},
    {4, 1, {1, 2, 3, 4}, {2.5f}},
    {4, 2, {1, 2, 3, 4}, {2, 3}},
    {4, 6, {1, 2, 3, 4}, {1, 2, 0, 0, 3, 4}},
    {6, 1, {1, 1, 1, 1, 1, 1}, {1.41421356f + 1 + 1}},
    {6, 2, {1, 0, 1, 9, 1, 0}, {2.41421356f, 0.70710678f}},
    {6, 4, {1, 2, 0, 9, 5, 6}, {1, 2, 5, 6}},
    {3, 5, {1, 2, 3}, {1, 2, 3, 0, 0}},
    {8, 2, {1, 2, 3, 4, 5, 6, 7, 8}, {1, 2}},
};

Test(mixing, follows_the_table)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        float out[8] = {0};
        processor_mix(rows[i].in, rows[i].n_in, out, rows[i].n_out, 1);
        for (uint32_t c = 0; c < rows[i].n_out; c++) {
            cr_expect_float_eq(out[c], rows[i].out[c], 1e-6, "%u to %u, channel %u: %f",
                               rows[i].n_in, rows[i].n_out, c, (double)out[c]);
        }
    }
}

Test(mixing, treats_every_frame_alike)
{
    const float in[] = {1, 3, 2, 4};
    float out[2];
    processor_mix(in, 2, out, 1, 2);
    cr_assert_float_eq(out[0], 2, 1e-6);
    cr_assert_float_eq(out[1], 3, 1e-6);
}

Test(audio, planar_copies_every_sample)
{
    enum { FRAMES = PROCESSOR_CHUNK_FRAMES + 1000 };
    float *samples = RF_NEW_ARRAY(float, FRAMES * 2);
    for (size_t i = 0; i < FRAMES * 2; i++) {
        samples[i] = (float)i;
    }
    processor_value v;
    processor_planar p;
    cr_assert_eq(processor_value_memfd(PROCESSOR_AUDIO, samples, FRAMES * 2 * sizeof(float), &v),
                 0);
    v.audio = (processor_audio){.rate_hz = 44100, .channels = 2, .n_frames = FRAMES};
    cr_assert_eq(processor_planar_open(&v, &p), 0);
    for (size_t i = 0; i < FRAMES; i++) {
        cr_assert_eq(p.channels[0][i], samples[2 * i]);
        cr_assert_eq(p.channels[1][i], samples[2 * i + 1]);
    }
    processor_planar_done(&p);
    processor_value_done(&v);
    free(samples);
}
