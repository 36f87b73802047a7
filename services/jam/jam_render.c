#include "jam_render.h"

#include <errno.h>

struct jam_render {
    const jam_engine *engine;
    jam_stream *stream;
    const jam_log_entry *log;
    size_t n_log;
    size_t taken; /* of the log */
    int64_t left; /* samples */
};

int jam_render_open(const jam_render_def *def, jam_render **ret, char *why, size_t why_size)
{
    jam_controls controls;
    void *instance = NULL;
    jam_controls_of_start(def->start, &controls);
    int err = def->engine->open(def->engine, def->seed, &controls, NULL, &instance, why, why_size);
    if (err < 0) {
        return err;
    }
    jam_render *r = RF_NEW(jam_render);
    *r = (jam_render){.engine = def->engine,
                      .stream = jam_stream_new(def->engine, instance, def->start, 0, NULL, NULL),
                      .log = def->log,
                      .n_log = def->n_log,
                      .left = def->n_samples};
    *ret = r;
    return 0;
}

jam_render *jam_render_free(jam_render *render)
{
    if (render != NULL) {
        render->stream = jam_stream_free(render->stream);
        free(render);
    }
    return NULL;
}

static int reset(jam_render *r, const jam_log_entry *entry)
{
    char why[64];
    void *instance = NULL;
    int64_t sample;
    int err = r->engine->open(r->engine, entry->seed, &entry->controls, NULL, &instance, why,
                              sizeof(why));
    if (err == 0) {
        err = jam_stream_reset(r->stream, instance, &sample);
    }
    return err;
}

/* Changes at the very begin of a frame hold at once, as they did when they were logged. */
static int replay(jam_render *r, const jam_log_entry *entry)
{
    jam_timeline *timeline = jam_stream_timeline(r->stream);
    jam_change change = entry->change;
    jam_error error;
    jam_when when;
    change.set &= ~(JAM_FIELD_BIT(JAM_FIELD_AT_BAR) | JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE));
    if (entry->sample > jam_timeline_next(timeline)) {
        change.set |= JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE);
        change.at_sample = entry->sample;
    }
    return jam_timeline_add(timeline, &change, "", 0, &when, &error);
}

static int replay_frame(jam_render *r)
{
    int64_t end = jam_timeline_next(jam_stream_timeline(r->stream)) + JAM_FRAME_SAMPLES;
    int err = 0;
    for (; err == 0 && r->taken < r->n_log && r->log[r->taken].sample < end; r->taken++) {
        const jam_log_entry *entry = &r->log[r->taken];
        err = entry->reset ? reset(r, entry) : replay(r, entry);
    }
    return err;
}

int jam_render_next(jam_render *render, const float **ret_pcm)
{
    jam_render *r = render;
    if (r->left == 0) {
        return 0;
    }
    int err = replay_frame(r);
    if (err < 0) {
        return err;
    }
    jam_stream_start_chunk(r->stream, 1);
    jam_stream_plan(r->stream);
    err = jam_stream_render(r->stream);
    if (err < 0) {
        return err;
    }
    jam_cut cut;
    jam_stream_cut(r->stream, &cut);
    int n = (int)RF_MIN(r->left, (int64_t)JAM_FRAME_SAMPLES);
    r->left -= n;
    *ret_pcm = cut.pcm;
    return n;
}
