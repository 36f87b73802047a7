/*
 * engine_fixture.h - a fast engine for tests: four tones and noise that follow from seed, sample
 * and every control, so that a record at a wrong sample is heard. Any number of instances; a
 * fixture is set up before the first open.
 */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include "jam_engine.h"

#define FIXTURE_NEVER INT64_MAX

typedef struct engine_fixture {
    jam_engine engine; /* hand out &fixture.engine */

    /* What it is to do wrong, in samples of an instance; FIXTURE_NEVER for none. */
    int64_t nan_at;
    int64_t fail_at;      /* render_frames gives -EIO from this frame on */
    int64_t hang_at;      /* render_frames blocks until engine_fixture_release */
    bool fail_open;       /* -ENOENT */
    unsigned slow_us;     /* each frame takes so long at least */
    int hang_fd;          /* eventfd that ends a hang */
    uint32_t ending_bars; /* of the section ending; 2 */

    /* What it has seen. */
    _Atomic int n_open; /* instances that are open */
    _Atomic int n_opened;
} engine_fixture;

/* engine_fixture_init: name "fixture", grain 64, obeys all, does nothing wrong. */
void engine_fixture_init(engine_fixture *f);
void engine_fixture_done(engine_fixture *f);
void engine_fixture_release(engine_fixture *f);

/* A call of set_controls, for tests that compare them. */
typedef struct fixture_call {
    int64_t sample;
    uint64_t digest; /* of the whole record */
    jam_controls controls;
} fixture_call;

/* engine_fixture_calls: what an instance has been given, the newest 4,096 at most. */
size_t engine_fixture_calls(const void *instance, const fixture_call **ret);

#endif
