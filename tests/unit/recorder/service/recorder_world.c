#include "recorder_world.h"

#include "recorder_request.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_MAX 16

static rf_config_set config_set(recorder_world *w, rf_config_part *part)
{
    *part = (rf_config_part){recorder_settings_rows, recorder_n_settings_rows, &w->config};
    return (rf_config_set){.service = "recorder", .parts = part, .n_parts = 1};
}

static void load_config(recorder_world *w, const char *const *settings)
{
    rf_config_part part;
    const rf_config_set set = config_set(w, &part);
    const char *argv[SETTINGS_MAX] = {"reflection-recorder", "--recorder.min_free_mib=0",
                                      "--recorder.reserve_mib=0"};
    int argc = 3;
    rf_buf error;
    for (; settings != NULL && *settings != NULL; settings++) {
        argv[argc++] = *settings;
    }
    rf_buf_init(&error, 4096);
    cr_assert_eq(rf_config_load(&set, NULL, argc, (char **)(uintptr_t)argv, &error), 0, "%s",
                 rf_buf_str(&error));
    rf_buf_done(&error);
}

static void *run_loop(void *user)
{
    (void)rf_loop_run(user);
    return NULL;
}

void world_init(recorder_world *w)
{
    memset(w, 0, sizeof(*w));
    (void)rf_copy_str(w->dir, sizeof(w->dir), "/tmp/reflection-recorder-XXXXXX");
    cr_assert_not_null(mkdtemp(w->dir));
}

void world_begin(recorder_world *w, const char *const *settings)
{
    RF_CLEANUP(rf_cleanup_free) char *dir = rf_asprintf("%s/recorder", w->dir);
    RF_CLEANUP(rf_cleanup_free) char *store = rf_asprintf("dir:%s/objects", w->dir);
    load_config(w, settings);
    w->loop = rf_loop_new();
    cr_assert_eq(recorder_service_open(&w->service, &w->config, w->loop, dir, store, NULL), 0);
    cr_assert_eq(pthread_create(&w->thread, NULL, run_loop, w->loop), 0);
}

void world_close(recorder_world *w)
{
    rf_config_part part;
    const rf_config_set set = config_set(w, &part);
    rf_loop_stop(w->loop);
    pthread_join(w->thread, NULL);
    recorder_service_close(&w->service);
    w->loop = rf_loop_free(w->loop);
    rf_config_done(&set);
    memset(&w->config, 0, sizeof(w->config));
}

void world_done(recorder_world *w)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", w->dir);
    cr_assert_eq(system(command), 0);
}

typedef struct errand {
    recorder_world *world;
    void (*fn)(recorder_world *w, void *user);
    void *user;
    sem_t done;
} errand;

static void run_errand(void *user)
{
    errand *e = user;
    e->fn(e->world, e->user);
    sem_post(&e->done);
}

void world_do(recorder_world *w, void (*fn)(recorder_world *w, void *user), void *user)
{
    errand e = {.world = w, .fn = fn, .user = user};
    sem_init(&e.done, 0, 0);
    rf_loop_post(w->loop, run_errand, &e);
    while (sem_wait(&e.done) != 0) {
    }
    sem_destroy(&e.done);
}

static void check_recovery(recorder_world *w, void *user)
{
    recorder_code *code = user;
    *code = recorder_registry_check(w->service.registry, NULL);
}

void world_await_recovery(recorder_world *w)
{
    recorder_code code = RECORDER_NOT_INITIALISED;
    for (int i = 0; i < 10000 && code != RECORDER_OK; i++) {
        world_do(w, check_recovery, &code);
        if (code != RECORDER_OK) {
            usleep(1000);
        }
    }
    cr_assert_eq(code, RECORDER_OK, "not recovered after 10 s");
}

void world_open(recorder_world *w, const char *const *settings)
{
    world_begin(w, settings);
    world_await_recovery(w);
}

/* ---- sessions ---- */

typedef struct starting {
    const char *tenant;
    const char *body;
    recorder_session *session;
    recorder_error error;
    sem_t ready;
} starting;

static void on_ready(void *user, recorder_session *s, const recorder_error *error)
{
    starting *x = user;
    x->session = s;
    x->error = *error;
    sem_post(&x->ready);
}

static void start(recorder_world *w, void *user)
{
    starting *x = user;
    recorder_start start;
    recorder_session *session;
    recorder_request_default(&start);
    recorder_code code = recorder_request_read(x->body, "recordings", &start, &x->error);
    (void)rf_copy_str(start.tenant, sizeof(start.tenant), x->tenant);
    if (code == RECORDER_OK) {
        code = recorder_service_start(&w->service, &start, on_ready, x, &session, &x->error);
    }
    if (code != RECORDER_OK) {
        sem_post(&x->ready);
    }
}

recorder_code world_start(recorder_world *w, const char *tenant, const char *body,
                          recorder_session **ret)
{
    starting x = {.tenant = tenant, .body = body};
    sem_init(&x.ready, 0, 0);
    world_do(w, start, &x);
    while (sem_wait(&x.ready) != 0) {
    }
    sem_destroy(&x.ready);
    *ret = x.session;
    return x.error.code;
}

typedef struct giving {
    recorder_session *session;
    uint64_t first;
    uint32_t n;
    int err;
} giving;

static void give(recorder_world *w, void *user)
{
    giving *g = user;
    recorder_error error;
    (void)w;
    RF_CLEANUP(rf_cleanup_free) int16_t *samples = RF_NEW_ARRAY(int16_t, g->n);
    for (uint32_t i = 0; i < g->n; i++) {
        samples[i] = (int16_t)(uint16_t)(g->first + i);
    }
    g->err = recorder_session_audio(g->session, g->first, g->n, samples, rf_time_ns(), &error);
}

int world_audio(recorder_world *w, recorder_session *s, uint64_t first, uint32_t n)
{
    giving g = {s, first, n, 0};
    world_do(w, give, &g);
    return g.err;
}

typedef struct stopping {
    recorder_session *session;
    recorder_code code;
    sem_t done;
} stopping;

static void on_stopped(void *user, recorder_session *s, const recorder_error *error)
{
    stopping *x = user;
    (void)s;
    x->code = error->code;
    sem_post(&x->done);
}

static void stop(recorder_world *w, void *user)
{
    stopping *x = user;
    (void)w;
    recorder_session_stop(x->session, -1, on_stopped, x);
}

recorder_code world_stop(recorder_world *w, recorder_session *s)
{
    stopping x = {.session = s};
    sem_init(&x.done, 0, 0);
    world_do(w, stop, &x);
    while (sem_wait(&x.done) != 0) {
    }
    sem_destroy(&x.done);
    return x.code;
}

typedef struct looking {
    recorder_session *session;
    rf_buf bytes;
} looking;

static void look(recorder_world *w, void *user)
{
    looking *l = user;
    (void)w;
    cr_assert_eq(recorder_take_pack(l->session->take, &l->bytes), 0);
}

recorder_take *world_take(recorder_world *w, recorder_session *s)
{
    recorder_take *take;
    looking l = {.session = s};
    rf_buf_init(&l.bytes, RECORDER_SNAPSHOT_MAX);
    world_do(w, look, &l);
    cr_assert_eq(recorder_take_unpack(l.bytes.data, l.bytes.len, &take), 0);
    rf_buf_done(&l.bytes);
    return take;
}

bool world_await(recorder_world *w, recorder_session *s, recorder_state state)
{
    for (int i = 0; i < 1000; i++) {
        recorder_take *take = world_take(w, s);
        bool is = take->live.state == state;
        recorder_take_free(take);
        if (is) {
            return true;
        }
        usleep(10000);
    }
    return false;
}
