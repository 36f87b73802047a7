#include "rf_kweight.h"

#include <complex.h>
#include <math.h>

#define REFERENCE_HZ 48000
#define BILINEAR_HZ 40000 /* from here on the shelf is not warped */
#define MATCHED_MAX 0.2   /* cycles a sample: how high the shelf is met between its ends */
#define SHELF_HZ 1681.974450955533
#define SHELF_DB 3.999843853973347
#define SHELF_Q 0.7071752369554196
#define SHELF_EDGE 0.4996667741545416 /* the band's gain in the middle of the shelf, as a power */
#define HIGH_PASS_HZ 38.13547087602444
#define HIGH_PASS_Q 0.5003270373238773
#define SILENT 1e-30 /* what is kept of a sound below this is nothing */

static double response(const rf_biquad *s, double cycles)
{
    double complex z = cexp(-I * 2 * M_PI * cycles);
    double complex top = s->b[0] + z * (s->b[1] + z * s->b[2]);
    double complex bottom = 1 + z * (s->a[0] + z * s->a[1]);
    double gain = cabs(top / bottom);
    return gain * gain;
}

static rf_biquad bilinear_shelf(uint32_t rate_hz)
{
    const double k = tan(M_PI * SHELF_HZ / rate_hz);
    const double high = pow(10, SHELF_DB / 20);
    const double band = pow(high, SHELF_EDGE);
    const double scale = 1 + k / SHELF_Q + k * k;
    return (rf_biquad){{(high + band * k / SHELF_Q + k * k) / scale, 2 * (k * k - high) / scale,
                        (high - band * k / SHELF_Q + k * k) / scale},
                       {2 * (k * k - 1) / scale, (1 - k / SHELF_Q + k * k) / scale}};
}

/* Of a section the power response is (B0 p0 + B1 p1 + B2 p2) / (the same of a) with p1 =
 * sin(w/2)^2, p0 = 1 - p1, p2 = 4 p0 p1, so that its values at 0, at `cycles` a sample and at half
 * the rate give the B, and they b. */
static void meet(rf_biquad *s, double cycles, const double wanted[3])
{
    const double p1 = pow(sin(M_PI * cycles), 2);
    const double p0 = 1 - p1;
    const double p2 = 4 * p0 * p1;
    const double a0 = pow(1 + s->a[0] + s->a[1], 2);
    const double a1 = pow(1 - s->a[0] + s->a[1], 2);
    const double b0 = wanted[0] * a0;
    const double b1 = wanted[2] * a1;
    const double b2 = (wanted[1] * (a0 * p0 + a1 * p1 - 4 * s->a[1] * p2) - b0 * p0 - b1 * p1) / p2;
    const double half = (sqrt(b0) + sqrt(b1)) / 2;
    s->b[0] = (half + sqrt(half * half + b2)) / 2;
    s->b[1] = (sqrt(b0) - sqrt(b1)) / 2;
    s->b[2] = -b2 / (4 * s->b[0]);
}

static rf_biquad matched_shelf(uint32_t rate_hz)
{
    const rf_biquad reference = bilinear_shelf(REFERENCE_HZ);
    const double w = 2 * M_PI * SHELF_HZ / rate_hz;
    const double decay = exp(-w / (2 * SHELF_Q));
    const double turn = w * sqrt(1 - 1 / (4 * SHELF_Q * SHELF_Q));
    const double cycles[3] = {0, fmin(SHELF_HZ / rate_hz, MATCHED_MAX), 0.5};
    rf_biquad s = {.a = {-2 * decay * cos(turn), decay * decay}};
    double wanted[3];
    for (int i = 0; i < 3; i++) {
        wanted[i] = response(&reference, cycles[i] * rate_hz / REFERENCE_HZ);
    }
    meet(&s, cycles[1], wanted);
    return s;
}

static double high_pass_scale(uint32_t rate_hz)
{
    const double k = tan(M_PI * HIGH_PASS_HZ / rate_hz);
    return 1 + k / HIGH_PASS_Q + k * k;
}

/* The Recommendation's is 1 -2 1 at 48 kHz, which is no gain of 1: the same at every rate. */
static rf_biquad high_pass(uint32_t rate_hz)
{
    const double k = tan(M_PI * HIGH_PASS_HZ / rate_hz);
    const double scale = high_pass_scale(rate_hz);
    const double gain = high_pass_scale(REFERENCE_HZ) / scale;
    return (rf_biquad){{gain, -2 * gain, gain},
                       {2 * (k * k - 1) / scale, (1 - k / HIGH_PASS_Q + k * k) / scale}};
}

void rf_kweight_init(rf_kweight *k, uint32_t rate_hz)
{
    k->shelf = rate_hz >= BILINEAR_HZ ? bilinear_shelf(rate_hz) : matched_shelf(rate_hz);
    k->high_pass = high_pass(rate_hz);
}

double rf_kweight_response(const rf_kweight *k, uint32_t rate_hz, double hz)
{
    return response(&k->shelf, hz / rate_hz) * response(&k->high_pass, hz / rate_hz);
}

/* Transposed direct form II. */
static inline rf_pair filter(const rf_biquad *s, rf_pair *z1, rf_pair *z2, rf_pair x)
{
    const rf_pair y = s->b[0] * x + *z1;
    *z1 = s->b[1] * x - s->a[0] * y + *z2;
    *z2 = s->b[2] * x - s->a[1] * y;
    return y;
}

/* Numbers that have died away would become denormal, and slow. */
static rf_pair quiet(rf_pair z)
{
    return (rf_pair){fabs(z[0]) < SILENT ? 0.0 : z[0], fabs(z[1]) < SILENT ? 0.0 : z[1]};
}

rf_pair rf_kweight_energy(const rf_kweight *k, rf_kweight_state *state, const float *data, size_t n,
                          uint32_t n_channels, uint32_t at, bool with_next)
{
    const rf_biquad shelf = k->shelf;
    const rf_biquad pass = k->high_pass;
    rf_kweight_state z = *state;
    rf_pair sum = {0, 0};
    const float *x = data + at;
    for (size_t i = 0; i < n; i++, x += n_channels) {
        const rf_pair in = {(double)x[0], with_next ? (double)x[1] : 0.0};
        const rf_pair mid = filter(&shelf, &z.shelf[0], &z.shelf[1], in);
        const rf_pair out = filter(&pass, &z.high_pass[0], &z.high_pass[1], mid);
        sum += out * out;
    }
    for (int i = 0; i < 2; i++) {
        state->shelf[i] = quiet(z.shelf[i]);
        state->high_pass[i] = quiet(z.high_pass[i]);
    }
    return sum;
}
