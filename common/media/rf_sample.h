/*
 * rf_sample.h - samples of PCM: formats, exact conversion, dither. Pure but for the state given.
 *
 * Integers are full scale at -2^(bits-1); a float of 1.0 stands for 2^(bits-1). To fewer bits:
 * round to nearest (ties to even), saturate. To as many or more bits: exact. int32 to float32
 * rounds to the 24 bits of a float. Little endian, packed; hosts are little endian.
 */
#ifndef RF_SAMPLE_H
#define RF_SAMPLE_H

#include "rf_base.h"

typedef enum rf_sample_format {
    RF_SAMPLE_S16,
    RF_SAMPLE_S24, /* 3 bytes */
    RF_SAMPLE_S32,
    RF_SAMPLE_F32,
} rf_sample_format;

#define RF_N_SAMPLE_FORMATS 4

/* What a conversion keeps and counts; zeroed is a start without dither. One thread at a time. */
typedef struct rf_sample_state {
    bool dither;         /* triangular, +-1 step of the target, where bits are lost */
    uint64_t random;     /* of the dither; the same seed gives the same bytes */
    int64_t n_clipped;   /* samples that did not fit and were saturated */
    int64_t n_nonfinite; /* samples that were NaN or infinite and became 0 */
} rf_sample_state;

/* rf_sample_bytes is 2, 3 or 4; rf_sample_bits 16, 24 or 32; rf_sample_name "int16", "int24",
 * "int32" or "float32". */
size_t rf_sample_bytes(rf_sample_format format);
unsigned rf_sample_bits(rf_sample_format format);
const char *rf_sample_name(rf_sample_format format);

/* rf_sample_convert converts n samples; in and out must not overlap. Equal formats are copied, bit
 * for bit, NaN included. */
void rf_sample_convert(rf_sample_format from, const void *in, rf_sample_format to, void *out,
                       size_t n, rf_sample_state *state);

/* rf_sample_to_f64 gives [-1, 1) for integers, exactly; non-finite floats become 0 and are counted.
 * rf_sample_from_f64 is the way back: rounds, saturates and counts. */
void rf_sample_to_f64(rf_sample_format from, const void *in, size_t n, double *out,
                      rf_sample_state *state);
void rf_sample_from_f64(rf_sample_format to, const double *in, size_t n, void *out,
                        rf_sample_state *state);

/* rf_sample_to_i32 gives integer samples in their own scale (int16: -32768..32767). Not for floats.
 */
void rf_sample_to_i32(rf_sample_format from, const void *in, size_t n, int32_t *out);

/* rf_sample_widen8 widens 8-bit samples to int16 exactly: x * 256, for unsigned (x - 128) * 256. */
void rf_sample_widen8(const void *in, bool is_unsigned, size_t n, int16_t *out);

#endif
