/* bench_jam_sound levels STYLE SEED SECONDS...: quick figures while calibrating. */
#include "band_engine.h"
#include "sound_measure.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    jam_engine *engine = NULL;
    if (argc < 4 || band_engine_new("", &engine) != 0) {
        return 2;
    }
    const size_t n_seeds = strtoul(argv[1], NULL, 10), seconds = strtoul(argv[2], NULL, 10);
    for (size_t s = 0; s < engine->n_styles(engine); s++) {
        const char *style = engine->style_name(engine, s);
        if (strcmp(argv[3], "all") != 0 && strcmp(argv[3], style) != 0) {
            continue;
        }
        for (uint64_t seed = 1; seed <= n_seeds; seed++) {
            jam_controls controls;
            sound_defaults(&controls, style);
            sound_take take;
            sound_figures f;
            sound_play(engine, seed, &controls, seconds * 25, NULL, NULL, &take);
            sound_measure(&take, &f);
            printf("%-20s %d  bpm %5.1f key %2d/%d  %6.1f LUFS %5.1f dBTP  dc %.5f  corr %.2f  low "
                   "%4.1f%%  silent %zu  centroid %5.0f  notes/s %4.1f  cpu %.4f\n",
                   style, (int)seed, take.bpm, take.key, take.scale, f.lufs, f.peak_dbtp, f.dc,
                   f.correlation, 100 * f.low_share, f.silences, f.centroid_hz,
                   (double)take.n_notes / (double)seconds, take.cpu_s / (double)seconds);
            (void)fflush(stdout);
            sound_take_done(&take);
        }
    }
    (void)band_engine_free(engine);
    return 0;
}
