#include "jam_maker.h"

#include "jam_heap.h"
#include "jam_ring.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define RENDER_LIMIT_NS (2 * RF_NS_PER_S)
#define OPEN_LIMIT_NS (5 * RF_NS_PER_S)
#define WHY_SIZE 256
#define BLOCKS_ON_THEIR_WAY 4 /* finished, or with the transport */
#define HEARD_MAX (JAM_PENDING_MAX + 1)

struct jam_maker {
    jam_pool *pool;
    const jam_engine *engine;
    const jam_maker_events *events; /* NULL once the owner has given it up */
    void *user;
    jam_format format;
    uint32_t bitrate_kbps;
    _Atomic(uint32_t) refs; /* of the owner, and of each task in hand */
    _Atomic(bool) cancelled;

    jam_task make;
    jam_catching catching; /* for the next make */
    jam_made made;         /* of the last */

    jam_task open; /* also of a reset, and in the end of the close */
    uint64_t open_seed;
    jam_controls open_controls;
    jam_change *start; /* until opened */
    void *instance;    /* opened, not yet the stream's */
    int open_err;
    char why[WHY_SIZE];
    bool is_resetting;

    jam_stream *stream;
    jam_encoder *encoder;
    jam_blocks *blocks;

    pthread_mutex_t lock; /* the stream's plan and timeline, and all below */
    jam_settings settings;
    uint64_t seed;
    size_t first_heard, n_heard;
    jam_heard heard[HEARD_MAX];
};

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
    free(m->start);
    jam_blocks_free(m->blocks);
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

/* Whether the owner is still there, after a task of his has ended. */
static bool is_owned(jam_maker *m)
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

static int put(jam_maker *m, jam_task *task)
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

/* ---- changes ---- */

/* Called by the timeline, under the lock. */
static void on_applied(void *user, const jam_applied *a)
{
    jam_maker *m = user;
    jam_settings_apply(&m->settings, a->change);
    if (m->n_heard == HEARD_MAX) {
        RF_LOG_ERROR("a change is not told", RF_INT("rev", a->rev));
        return;
    }
    jam_heard *h = &m->heard[(m->first_heard + m->n_heard++) % HEARD_MAX];
    *h = (jam_heard){.origin = a->origin,
                     .rev = a->rev,
                     .sample = a->applied_at_sample + jam_stream_shift(m->stream),
                     .was_scheduled = a->was_scheduled,
                     .set = a->change->set};
    rf_copy_str(h->id, sizeof(h->id), a->id);
}

int jam_maker_add(jam_maker *m, const jam_change *change, const char *id, uint64_t origin,
                  jam_when *ret_when, jam_error *error)
{
    pthread_mutex_lock(&m->lock);
    jam_change shifted;
    const jam_change *add = change;
    int64_t shift = jam_stream_shift(m->stream);
    if (shift != 0 && (change->set & JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE)) != 0) {
        shifted = *change;
        shifted.at_sample -= shift;
        add = &shifted;
    }
    int err = jam_timeline_add(jam_stream_timeline(m->stream), add, id, origin, ret_when, error);
    if (err == 0) {
        ret_when->at_sample += shift;
    } else if (error->has_limit && strcmp(error->field, "at_sample") == 0) {
        error->min += (double)shift;
        error->max += (double)shift;
    }
    pthread_mutex_unlock(&m->lock);
    return err;
}

bool jam_maker_heard(jam_maker *m, jam_heard *ret)
{
    pthread_mutex_lock(&m->lock);
    bool has_one = m->n_heard > 0;
    if (has_one) {
        *ret = m->heard[m->first_heard];
        m->first_heard = (m->first_heard + 1) % HEARD_MAX;
        m->n_heard--;
    }
    pthread_mutex_unlock(&m->lock);
    return has_one;
}

void jam_maker_present(jam_maker *m, jam_present *ret)
{
    pthread_mutex_lock(&m->lock);
    const jam_timeline *t = jam_stream_timeline(m->stream);
    jam_timeline_controls(t, &ret->controls);
    ret->settings = m->settings;
    ret->rev = jam_timeline_rev(t);
    ret->n_styles = jam_timeline_n_styles(t);
    pthread_mutex_unlock(&m->lock);
}

uint32_t jam_maker_rev(jam_maker *m)
{
    pthread_mutex_lock(&m->lock);
    uint32_t rev = jam_timeline_rev(jam_stream_timeline(m->stream));
    pthread_mutex_unlock(&m->lock);
    return rev;
}

void jam_maker_settings(jam_maker *m, jam_settings *ret, size_t *ret_n_styles)
{
    pthread_mutex_lock(&m->lock);
    *ret = m->settings;
    *ret_n_styles = jam_timeline_n_styles(jam_stream_timeline(m->stream));
    pthread_mutex_unlock(&m->lock);
}

/* ---- making ---- */

static void catch_up(jam_maker *m)
{
    if (m->catching.skip_frames > 0) {
        jam_stream_skip(m->stream, m->catching.skip_frames);
    }
    jam_stream_stretch(m->stream, m->catching.stretch);
}

/* Returns 0, the engine's error, or -ECANCELED. */
static int render(jam_maker *m, uint64_t *ret_seed)
{
    int err = 0;
    pthread_mutex_lock(&m->lock);
    jam_stream_start_chunk(m->stream, m->settings.chunk_frames);
    *ret_seed = m->seed;
    pthread_mutex_unlock(&m->lock);
    while (jam_stream_frames_left(m->stream) > 0) {
        if (atomic_load(&m->cancelled)) {
            return -ECANCELED;
        }
        pthread_mutex_lock(&m->lock);
        jam_stream_plan(m->stream);
        pthread_mutex_unlock(&m->lock);
        jam_task_beat(&m->make);
        int rc = jam_stream_render(m->stream);
        err = err == 0 ? rc : err;
    }
    return err;
}

static int encode(jam_maker *m, const jam_cut *cut, jam_block *block)
{
    int64_t size = jam_encoder_file(m->encoder, cut->pcm, cut->n_samples, cut->start_sample,
                                    block->data, block->cap);
    if (size < 0) {
        return (int)size;
    }
    block->size = (size_t)size;
    return 0;
}

/* As many blocks as are in use at once: 10 s in the ring and the newest chunk of it, one finished,
 * and some on their way. */
static jam_block *take_block(jam_maker *m, const jam_cut *cut)
{
    size_t n_ring = (size_t)JAM_RING_SAMPLES / (cut->n_frames * JAM_FRAME_SAMPLES) + 2;
    return jam_blocks_take(m->blocks,
                           jam_format_max_bytes(m->format, m->bitrate_kbps, cut->n_samples),
                           n_ring + BLOCKS_ON_THEIR_WAY);
}

static void make_run(jam_task *task)
{
    jam_maker *m = task->user;
    int64_t begin_ns = rf_time_ns();
    int64_t begin_calls = jam_heap_calls();
    m->made = (jam_made){0};
    catch_up(m);
    uint64_t seed;
    m->made.error = render(m, &seed);
    if (m->made.error == -ECANCELED) {
        return;
    }
    jam_cut cut;
    jam_stream_cut(m->stream, &cut);
    jam_block *block = take_block(m, &cut);
    int err = block == NULL ? -ENOMEM : encode(m, &cut, block);
    if (err < 0) {
        m->made.error = m->made.error == 0 ? err : m->made.error;
        block = jam_block_unref(block);
    } else {
        jam_chunk_describe(&cut, m->format, seed, (double)(rf_time_ns() - begin_ns) / RF_NS_PER_MS,
                           &block->chunk);
    }
    m->made.block = block;
    m->made.heap_calls = jam_heap_calls() - begin_calls;
    m->made.last = cut.last || m->made.error != 0;
    m->made.next_start = jam_stream_next_start(m->stream);
}

static void take_over(jam_maker *m);

static void make_done(jam_task *task)
{
    jam_maker *m = task->user;
    if (!is_owned(m)) {
        return;
    }
    jam_made made = m->made;
    made.cpu_ns = task->cpu_ns;
    m->made.block = NULL;
    if (m->is_resetting && m->instance != NULL) {
        take_over(m);
    }
    m->events->made(m->user, &made);
}

void jam_maker_make(jam_maker *m, jam_lane lane, int64_t due_ns, const jam_catching *catching)
{
    m->catching = *catching;
    m->make.lane = lane;
    m->make.due_ns = due_ns;
    if (put(m, &m->make) < 0) { /* its limit is above the number of sessions */
        RF_LOG_ERROR("no room for a chunk");
        abort();
    }
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
        err = jam_encoder_new(m->format, m->bitrate_kbps, m->open_seed, &m->encoder);
    }
    m->instance = instance;
    m->open_err = err;
}

static void open_done(jam_task *task)
{
    jam_maker *m = task->user;
    if (!is_owned(m)) {
        return;
    }
    if (m->open_err == 0) {
        m->stream = jam_stream_new(m->engine, RF_STEAL(m->instance), m->start, m->settings.overlap,
                                   on_applied, m);
    }
    free(m->start);
    m->start = NULL;
    m->events->opened(m->user, m->open_err, m->why);
}

/* The new instance is the stream's, unless an earlier one is still being faded in: then after the
 * next chunk. */
static void take_over(jam_maker *m)
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
    m->is_resetting = false;
    m->events->reset(m->user, 0, "", sample);
}

static void reset_done(jam_task *task)
{
    jam_maker *m = task->user;
    if (!is_owned(m)) {
        return;
    }
    if (m->open_err == 0) {
        take_over(m);
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
    return put(m, &m->open);
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
    m->blocks = jam_blocks_new();
    m->make = (jam_task){.run = make_run,
                         .done = make_done,
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
