#include "analysis_stems.h"

#include "analysis_stems_net.h"

#define WINDOW_S 0.093 /* tells the harmonics of a low voice apart */

int analysis_stems_split(const analysis_audio *audio, const analysis_control *control,
                         const analysis_sink *sink)
{
    const analysis_split_model model = {.n_stems = ANALYSIS_N_STEMS,
                                        .window_s = WINDOW_S,
                                        .context = &analysis_stems_context,
                                        .net = &analysis_stems_net};
    return analysis_split_run(audio, &model, control, sink);
}
