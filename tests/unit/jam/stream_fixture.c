#include "stream_fixture.h"

#include "jam_render.h"

#include <stdlib.h>
#include <string.h>

static const jam_change nothing;

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

jam_stream *stream_of(engine_fixture *f, uint64_t seed, const jam_change *start, uint32_t overlap)
{
    jam_controls controls;
    void *instance = NULL;
    char why[64];
    start = start != NULL ? start : &nothing;
    jam_controls_of_start(start, &controls);
    expect(f->engine.open(&f->engine, seed, &controls, NULL, &instance, why, sizeof(why)) == 0);
    return jam_stream_new(&f->engine, instance, start, overlap, NULL, NULL);
}

int stream_chunk(jam_stream *stream, uint32_t n_frames, jam_cut *ret)
{
    int err = 0;
    jam_stream_start_chunk(stream, n_frames);
    while (jam_stream_frames_left(stream) > 0) {
        jam_stream_plan(stream);
        int this_err = jam_stream_render(stream);
        err = err < 0 ? err : this_err;
    }
    jam_stream_cut(stream, ret);
    return err;
}

void *stream_open_instance(engine_fixture *f, jam_stream *stream, uint64_t seed)
{
    jam_controls controls;
    void *instance = NULL;
    char why[64];
    jam_timeline_controls(jam_stream_timeline(stream), &controls);
    expect(f->engine.open(&f->engine, seed, &controls, NULL, &instance, why, sizeof(why)) == 0);
    return instance;
}

void stream_update(jam_stream *stream, const jam_change *change)
{
    jam_when when;
    jam_error error;
    expect(jam_timeline_add(jam_stream_timeline(stream), change, "", 0, &when, &error) == 0);
}

float *stream_reference(engine_fixture *f, uint64_t seed, const jam_change *start, int64_t n)
{
    float *all = RF_NEW_ARRAY(float, (size_t)n *JAM_CHANNELS);
    const jam_render_def def = {.engine = &f->engine,
                                .seed = seed,
                                .start = start != NULL ? start : &nothing,
                                .n_samples = n};
    jam_render *render = NULL;
    const float *pcm;
    char why[64];
    size_t at = 0;
    expect(jam_render_open(&def, &render, why, sizeof(why)) == 0);
    for (int got = jam_render_next(render, &pcm); got > 0; got = jam_render_next(render, &pcm)) {
        memcpy(all + at, pcm, (size_t)got * JAM_CHANNELS * sizeof(float));
        at += (size_t)got * JAM_CHANNELS;
    }
    jam_render_free(render);
    return all;
}
