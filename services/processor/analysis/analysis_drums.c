#include "analysis_drums.h"

#include "analysis_drums_net.h"

#define WINDOW_S 0.046 /* keeps hits short */

int analysis_drums_split(const analysis_audio *audio, const analysis_control *control,
                         const analysis_sink *sink)
{
    const analysis_split_model model = {.n_stems = ANALYSIS_N_DRUMS,
                                        .window_s = WINDOW_S,
                                        .context = &analysis_drums_context,
                                        .net = &analysis_drums_net};
    return analysis_split_run(audio, &model, control, sink);
}
