#include "band_tune.h"

#define REACH 2 /* steps */

int band_tune_strong(const band_chord *chord, int degree)
{
    static const int8_t HOME[] = {0, 4, 2}; /* the tonic first, then fifth and third */
    for (size_t i = 0; i < RF_ARRAY_LEN(HOME); i++) {
        for (int away = -REACH; away <= REACH; away++) {
            bool home = band_mod(degree + away, BAND_DEGREES) == HOME[i];
            if (home && band_theory_has(chord, degree + away)) {
                return degree + away;
            }
        }
    }
    return band_theory_nearest(chord, degree);
}

int band_tune_weak(band_mode mode, jam_scale scale, int degree)
{
    static const bool LEFT_OUT[2][BAND_DEGREES] = {{[1] = true, [5] = true},
                                                   {[3] = true, [6] = true}};
    bool major = band_theory_is_major(scale);
    bool out = mode != MODE_SCALE && LEFT_OUT[major][band_mod(degree, BAND_DEGREES)];
    return out ? degree - 1 : degree;
}

int band_tune_bend(band_mode mode, jam_scale scale, int degree)
{
    int blue = band_theory_is_major(scale) ? 2 : 4;
    return mode == MODE_BLUES && band_mod(degree, BAND_DEGREES) == blue ? -1 : 0;
}
