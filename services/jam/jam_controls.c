#include "jam_controls.h"

#include "jam_timeline.h"

#include <string.h>

void jam_controls_default(jam_controls *ret)
{
    *ret = (jam_controls){
        .styles = {{.name = "warmup", .weight = 1.0}},
        .n_styles = 1,
        .temperature = 1.1,
        .topk = 40,
        .guidance_weight = 1.1,
        .key = JAM_KEY_AUTO,
        .scale = JAM_SCALE_AUTO,
        .density = -1.0,
        .brightness = -1.0,
        .glide_samples = JAM_GLIDE_SAMPLES,
        .section = JAM_SECTION_VERSE,
    };
}
