/* A beat map comes from another child: any bytes must give rising beats or an error. */
#include "processor_beatmap.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    processor_value v;
    analysis_beats beats;
    if (processor_value_memfd(PROCESSOR_JSON, data, size, &v) < 0) {
        return 0;
    }
    if (processor_beatmap_read(&v, &beats) == 0) {
        for (size_t i = 1; i < beats.n_beats; i++) {
            if (beats.beats[i].time_s <= beats.beats[i - 1].time_s) {
                __builtin_trap();
            }
        }
        processor_beatmap_done(&beats);
    }
    processor_value_done(&v);
    return 0;
}
