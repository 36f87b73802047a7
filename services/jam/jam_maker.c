#include "jam_maker_internal.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>

#define RENDER_LIMIT_NS (2 * RF_NS_PER_S)
#define OPEN_LIMIT_NS (5 * RF_NS_PER_S)

/* ---- life ---- */

static void close_all(jam_maker *m)
{
    m->stream = jam_stream_free(m->stream);
    if (m->instance != NULL) {
        m->engine->close(m->instance);
        m->instance = NULL;
    }
    m->encoder = jam_encoder_free(m->encoder);
}

static void destroy(jam_maker *m)
{
    close_all(m);
    jam_block_unref(m->made.block);
    jam_block_unref(m->made.pcm);
    free(m->start);
    free(m->border);
    jam_blocks_free(m->blocks);
    jam_blocks_free(m->pcm_blocks);
    free(m->changes);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static void close_run(jam_task *task)
{
    close_all(task->user);
}

static void close_done(jam_task *task)
{
    destroy(task->user);
}

/* Of the thread that closed too slowly, or of the one that hung. */
static void left_alone(jam_task *task)
{
    jam_maker *m = task->user;
    if (atomic_fetch_sub(&m->refs, 1) == 1) {
        destroy(m);
    }
}

static void close_hung(jam_task *task)
{
    RF_LOG_ERROR("engine does not close",
                 RF_STR("engine", ((jam_maker *)task->user)->engine->name));
}

/* On the loop. Closing an engine takes time that the loop does not have. */
static void drop(jam_maker *m)
{
    if (atomic_fetch_sub(&m->refs, 1) > 1) {
        return;
    }
    atomic_store(&m->refs, 1);
    m->open = (jam_task){.run = close_run,
                         .done = close_done,
                         .hung = close_hung,
                         .left = left_alone,
                         .user = m,
                         .lane = JAM_LANE_HOUSE,
                         .due_ns = rf_time_ns(),
                         .limit_ns = OPEN_LIMIT_NS};
    if (jam_pool_put(m->pool, &m->open) < 0) {
        destroy(m);
    }
}

bool jam_maker_is_owned(jam_maker *m)
{
    if (m->events == NULL) {
        drop(m);
        return false;
    }
    atomic_fetch_sub(&m->refs, 1);
    return true;
}

/* The maker is the hanging thread's from here on. */
static void on_hung(jam_task *task)
{
    jam_maker *m = task->user;
    const jam_maker_events *events = m->events;
    void *user = m->user;
    atomic_store(&m->cancelled, true);
    if (events != NULL) {
        m->events = NULL;
        events->failed(user);
        drop(m); /* the owner's */
    }
}

int jam_maker_put(jam_maker *m, jam_task *task)
{
    atomic_fetch_add(&m->refs, 1);
    int err = jam_pool_put(m->pool, task);
    if (err < 0) {
        atomic_fetch_sub(&m->refs, 1);
    }
    return err;
}

jam_maker *jam_maker_free(jam_maker *m)
{
    if (m == NULL) {
        return NULL;
    }
    m->events = NULL;
    atomic_store(&m->cancelled, true);
    if (jam_pool_cancel(m->pool, &m->make)) {
        atomic_fetch_sub(&m->refs, 1);
    }
    if (jam_pool_cancel(m->pool, &m->open)) {
        atomic_fetch_sub(&m->refs, 1);
    }
    drop(m);
    return NULL;
}

/* ---- opening and resetting ---- */

static void open_run(jam_task *task)
{
    jam_maker *m = task->user;
    const jam_engine_host host = {.struct_size = sizeof(host)};
    void *instance = NULL;
    int err = m->engine->open(m->engine, m->open_seed, &m->open_controls, &host, &instance, m->why,
                              sizeof(m->why));
    if (err == 0 && m->encoder == NULL) {
        err = jam_encoder_new(m->format, m->bitrate_kbps, m->encoder_seed, &m->encoder);
    }
    m->instance = instance;
    m->open_err = err;
}

static void make_stream(jam_maker *m)
{
    m->stream = jam_stream_new(m->engine, RF_STEAL(m->instance), m->start, m->settings.overlap,
                               jam_maker_applied, m);
    if (m->border != NULL) {
        jam_stream_begin_at(m->stream, m->border);
    }
}

static void open_done(jam_task *task)
{
    jam_maker *m = task->user;
    if (!jam_maker_is_owned(m)) {
        return;
    }
    if (m->open_err == 0) {
        make_stream(m);
    }
    free(m->start);
    free(m->border);
    m->start = NULL;
    m->border = NULL;
    m->events->opened(m->user, m->open_err, m->why);
}

void jam_maker_take_over(jam_maker *m)
{
    int64_t sample = 0;
    pthread_mutex_lock(&m->lock);
    int err = jam_stream_reset(m->stream, m->instance, &sample);
    sample += jam_stream_shift(m->stream);
    m->seed = err == 0 ? m->open_seed : m->seed;
    pthread_mutex_unlock(&m->lock);
    if (err == -EBUSY) {
        return;
    }
    m->instance = NULL;
    m->is_resetting = m->is_opened = false;
    m->events->reset(m->user, 0, "", sample);
}

static void reset_done(jam_task *task)
{
    jam_maker *m = task->user;
    if (!jam_maker_is_owned(m)) {
        return;
    }
    if (m->open_err == 0) {
        m->is_opened = true;
        jam_maker_take_over(m);
    } else {
        m->is_resetting = false;
        m->events->reset(m->user, m->open_err, m->why, 0);
    }
}

static int put_open(jam_maker *m, uint64_t seed, void (*done)(jam_task *task))
{
    m->open_seed = seed;
    m->why[0] = '\0';
    m->open = (jam_task){.run = open_run,
                         .done = done,
                         .hung = on_hung,
                         .left = left_alone,
                         .user = m,
                         .lane = JAM_LANE_HOUSE,
                         .due_ns = rf_time_ns(),
                         .limit_ns = OPEN_LIMIT_NS};
    return jam_maker_put(m, &m->open);
}

int jam_maker_reset(jam_maker *m, uint64_t seed)
{
    if (m->is_resetting) {
        return -EBUSY;
    }
    pthread_mutex_lock(&m->lock);
    jam_timeline_controls(jam_stream_timeline(m->stream), &m->open_controls);
    pthread_mutex_unlock(&m->lock);
    int err = put_open(m, seed, reset_done);
    m->is_resetting = err == 0;
    return err;
}

jam_maker *jam_maker_open(const jam_maker_def *def)
{
    jam_maker *m = RF_NEW(jam_maker);
    m->pool = def->pool;
    m->engine = def->engine;
    m->events = def->events;
    m->user = def->user;
    m->seed = def->seed;
    jam_settings_default(&m->settings);
    jam_settings_apply(&m->settings, def->start);
    m->format = m->settings.format;
    m->bitrate_kbps = m->settings.bitrate_kbps;
    jam_controls_of_start(def->start, &m->open_controls);
    m->start = RF_NEW(jam_change);
    *m->start = *def->start;
    m->encoder_seed = def->encoder_seed;
    if (def->border != NULL) {
        m->border = RF_NEW(jam_border);
        *m->border = *def->border;
    }
    m->blocks = jam_blocks_new();
    m->pcm_blocks = jam_blocks_new();
    jam_maker_keep_changes(m, def->start);
    m->make = (jam_task){.run = jam_maker_make_run,
                         .done = jam_maker_make_done,
                         .hung = on_hung,
                         .left = left_alone,
                         .user = m,
                         .limit_ns = RENDER_LIMIT_NS};
    atomic_init(&m->refs, 1);
    pthread_mutex_init(&m->lock, NULL);
    if (put_open(m, def->seed, open_done) < 0) {
        RF_LOG_ERROR("no room for an opening");
        abort();
    }
    return m;
}
