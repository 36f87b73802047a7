/* loudness: audio -> loudness, meta. */
#include "processor_audio.h"
#include "processor_json.h"
#include "processor_modules.h"
#include "rf_loudness.h"
#include "rf_time.h"

#include <errno.h>

enum { OUT_LOUDNESS, OUT_META };

static int measure(processor_call *call, rf_loudness_meter *meter, float *chunk)
{
    const processor_value *audio = &call->in[0];
    for (uint64_t at = 0; at < audio->audio.n_frames; at += PROCESSOR_CHUNK_FRAMES) {
        uint64_t left = audio->audio.n_frames - at;
        size_t n = (size_t)RF_MIN(left, (uint64_t)PROCESSOR_CHUNK_FRAMES);
        int err = processor_audio_read(audio, at, n, chunk);
        if (err < 0) {
            return err;
        }
        rf_loudness_meter_add(meter, chunk, (int64_t)n);
        if (call->progress(call, 100.0 * (double)at / (double)audio->audio.n_frames)) {
            return -ECANCELED;
        }
    }
    return 0;
}

static int save(const rf_loudness *l, processor_value *out)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"integratedLufs", l->integrated_lufs},      {"rangeLu", l->range_lu},
        {"truePeakDbtp", l->true_peak_dbtp},         {"maxShortTermLufs", l->short_term_max_lufs},
        {"maxMomentaryLufs", l->momentary_max_lufs}, {"samplePeakDbfs", l->sample_peak_dbfs},
    };
    rf_buf b;
    rf_buf_init(&b, PROCESSOR_JSON_MAX);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_buf_printf(&b, "%s\"%s\":", i == 0 ? "{" : ",", rows[i].name);
        processor_json_number(&b, rows[i].value, 2);
    }
    rf_buf_append_str(&b, "}\n");
    return processor_json_save(&b, PROCESSOR_JSON, out);
}

int processor_loudness_run(processor_call *call)
{
    const processor_audio *a = &call->in[0].audio;
    int64_t begin_ns = rf_time_ns();
    rf_loudness_meter *meter = NULL;
    rf_loudness loudness;
    int err = rf_loudness_meter_new(a->channels, a->rate_hz, &meter);
    if (err < 0) {
        return err;
    }
    float *chunk = RF_NEW_ARRAY(float, PROCESSOR_CHUNK_FRAMES *(size_t)a->channels);
    err = measure(call, meter, chunk);
    if (err == 0) {
        rf_loudness_meter_read(meter, &loudness);
        err = save(&loudness, &call->out[OUT_LOUDNESS]);
    }
    rf_loudness_meter_free(meter);
    free(chunk);
    if (err < 0) {
        return err;
    }
    const processor_meta meta = {.module = "loudness",
                                 .version = PROCESSOR_LOUDNESS_VERSION,
                                 .method = "EBU R 128, ITU-R BS.1770-4",
                                 .confidence = 1.0,
                                 .seconds = (double)(rf_time_ns() - begin_ns) / 1e9};
    return processor_json_meta(&meta, &call->out[OUT_META]);
}
