#include "jam_change.h"

#include "jam_timeline.h"

#include <string.h>

void jam_settings_default(jam_settings *ret)
{
    *ret = (jam_settings){
        .pace = JAM_PACE_ASAP,
        .chunk_frames = JAM_CHUNK_FRAMES_MAX,
        .overlap = JAM_FRAME_SAMPLES,
        .format = JAM_FORMAT_WAV_F32,
        .bitrate_kbps = 128,
        .buffer_chunks = 2,
        .catch_up = JAM_CATCH_UP_BURST,
        .engine = "band",
    };
}

static bool has(const jam_change *change, jam_field field)
{
    return (change->set & JAM_FIELD_BIT(field)) != 0;
}

void jam_settings_apply(jam_settings *settings, const jam_change *change)
{
    const jam_change *c = change;
    jam_settings *s = settings;
    s->pace = has(c, JAM_FIELD_PACE) ? c->pace : s->pace;
    s->chunk_frames = has(c, JAM_FIELD_MAX_DECODE_FRAMES) ? c->max_decode_frames : s->chunk_frames;
    s->overlap = has(c, JAM_FIELD_CROSSFADE_SECONDS) ? c->overlap : s->overlap;
    s->format = has(c, JAM_FIELD_FORMAT) ? c->format : s->format;
    s->bitrate_kbps = has(c, JAM_FIELD_BITRATE_KBPS) ? c->bitrate_kbps : s->bitrate_kbps;
    s->buffer_chunks = has(c, JAM_FIELD_BUFFER_CHUNKS) ? c->buffer_chunks : s->buffer_chunks;
    s->catch_up = has(c, JAM_FIELD_CATCH_UP) ? c->catch_up : s->catch_up;
    if (has(c, JAM_FIELD_ENGINE)) {
        (void)rf_copy_str(s->engine, sizeof(s->engine), c->engine);
    }
    if (has(c, JAM_FIELD_SEED)) {
        s->has_seed = true;
        s->seed = c->seed;
    }
    if (has(c, JAM_FIELD_RECORD)) {
        s->record = c->record;
        memcpy(s->record_name, c->record_name, sizeof(s->record_name));
    }
}
