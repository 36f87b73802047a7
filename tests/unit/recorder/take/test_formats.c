/* S1, A2: sample formats; values exact to the last bit. */
#include "recorder_sample.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

Test(formats, A2_the_numbers_of_PortAudio)
{
    static const struct {
        int number;
        const char *name;
        size_t size;
        int kept;
    } formats[] = {{1, "float32", 4, 1}, {2, "int32", 4, 2}, {4, "int24", 3, 4},
                   {8, "int16", 2, 8},   {16, "int8", 1, 8}, {32, "uint8", 1, 8}};
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        recorder_sample_format f = (recorder_sample_format)formats[i].number;
        recorder_sample_format parsed;
        cr_assert_str_eq(recorder_sample_name(f), formats[i].name);
        cr_assert_eq(recorder_sample_size(f), formats[i].size);
        cr_assert_eq((int)recorder_sample_kept(f), formats[i].kept);
        cr_assert_eq(recorder_sample_parse(formats[i].name, &parsed), 0);
        cr_assert_eq(parsed, f);
    }
    recorder_sample_format f;
    cr_assert_eq(recorder_sample_parse("float64", &f), -EINVAL);
    cr_assert_eq(recorder_sample_size((recorder_sample_format)3), 0);
}

Test(formats, S1_int8_and_uint8_are_widened_exactly)
{
    uint8_t bytes[256];
    int16_t out[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
    }
    recorder_sample_widen(RECORDER_SAMPLE_INT8, bytes, 256, out);
    for (int i = 0; i < 256; i++) {
        cr_assert_eq(out[i], (int8_t)i * 256);
    }
    recorder_sample_widen(RECORDER_SAMPLE_UINT8, bytes, 256, out);
    for (int i = 0; i < 256; i++) {
        cr_assert_eq(out[i], (i - 128) * 256);
    }
    cr_assert(out[0] == INT16_MIN && out[128] == 0 && out[255] == 32512);
}

Test(formats, S1_the_upper_16_bits_are_shown)
{
    int16_t out[4];
    int32_t wide[4] = {INT32_MIN, -1, 0x12345678, INT32_MAX};
    recorder_sample_to_i16(RECORDER_SAMPLE_INT32, wide, 4, out);
    cr_assert(out[0] == -32768 && out[1] == -1 && out[2] == 0x1234 && out[3] == 32767);
    uint8_t packed[12] = {0x00, 0x00, 0x80, 0xFF, 0xFF, 0xFF, 0x56, 0x34, 0x12, 0xFF, 0xFF, 0x7F};
    recorder_sample_to_i16(RECORDER_SAMPLE_INT24, packed, 4, out);
    cr_assert(out[0] == -32768 && out[1] == -1 && out[2] == 0x1234 && out[3] == 32767);
    float floats[6] = {-1.5F, 0.5F, 1.0F, NAN, INFINITY, 1.0F / 32768.0F};
    int16_t six[6];
    recorder_sample_to_i16(RECORDER_SAMPLE_FLOAT32, floats, 6, six);
    cr_assert(six[0] == -32768 && six[1] == 16384 && six[2] == 32767 && six[3] == 0);
    cr_assert(six[4] == 0 && six[5] == 1);
}

Test(formats, energy_is_the_same_in_every_format)
{
    int16_t i16[1000];
    int32_t i32[1000];
    float f32[1000];
    uint8_t i24[3000];
    double sum = 0.0;
    for (int i = 0; i < 1000; i++) {
        i16[i] = (int16_t)((i * 7919) % 65536 - 32768);
        i32[i] = i16[i] * 65536;
        f32[i] = (float)i16[i] / 32768.0F;
        uint32_t bits = (uint32_t)i16[i] << 8;
        memcpy(i24 + 3 * i, (uint8_t[]){0, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16)}, 3);
        sum += (double)f32[i] * (double)f32[i];
    }
    cr_assert_float_eq(recorder_sample_energy(RECORDER_SAMPLE_INT16, i16, 1000), sum, 1e-6);
    cr_assert_float_eq(recorder_sample_energy(RECORDER_SAMPLE_INT24, i24, 1000), sum, 1e-6);
    cr_assert_float_eq(recorder_sample_energy(RECORDER_SAMPLE_INT32, i32, 1000), sum, 1e-6);
    cr_assert_float_eq(recorder_sample_energy(RECORDER_SAMPLE_FLOAT32, f32, 1000), sum, 1e-6);
    f32[3] = NAN;
    cr_assert(isfinite(recorder_sample_energy(RECORDER_SAMPLE_FLOAT32, f32, 1000)));
}
