/* Chunks of a maker, and the border at its end, on the threads of the pool. */
#include "jam_maker_internal.h"

#include "jam_heap.h"
#include "jam_ring.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define BLOCKS_ON_THEIR_WAY 4 /* finished, or with the transport */

static void catch_up(jam_maker *m)
{
    if (m->catching.skip_frames > 0) {
        jam_stream_skip(m->stream, m->catching.skip_frames);
    }
    jam_stream_stretch(m->stream, m->catching.stretch);
}

/* Plans and renders one frame. Returns 0 or a negative errno. */
static int render_frame(jam_maker *m)
{
    pthread_mutex_lock(&m->lock);
    jam_stream_plan(m->stream);
    pthread_mutex_unlock(&m->lock);
    jam_task_beat(&m->make);
    return jam_stream_render(m->stream);
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
        int rc = render_frame(m);
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
static size_t n_ring(const jam_cut *cut)
{
    return (size_t)JAM_RING_SAMPLES / (cut->n_frames * JAM_FRAME_SAMPLES) + 2;
}

static jam_block *take_block(jam_maker *m, const jam_cut *cut)
{
    return jam_blocks_take(m->blocks,
                           jam_format_max_bytes(m->format, m->bitrate_kbps, cut->n_samples),
                           n_ring(cut) + BLOCKS_ON_THEIR_WAY);
}

/* What a recording takes of the chunk. */
static jam_block *copy_pcm(jam_maker *m, const jam_cut *cut)
{
    size_t size = (size_t)cut->n_frames * JAM_FRAME_SAMPLES * JAM_CHANNELS * sizeof(float);
    pthread_mutex_lock(&m->lock);
    bool wanted = m->changes != NULL;
    pthread_mutex_unlock(&m->lock);
    jam_block *pcm =
        wanted ? jam_blocks_take(m->pcm_blocks, size, n_ring(cut) + BLOCKS_ON_THEIR_WAY) : NULL;
    if (pcm != NULL) {
        memcpy(pcm->data, cut->pcm, size);
        pcm->size = size;
    }
    return pcm;
}

void jam_maker_make_run(jam_task *task)
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
        m->made.pcm = copy_pcm(m, &cut);
    }
    m->made.block = block;
    m->made.heap_calls = jam_heap_calls() - begin_calls;
    m->made.last = cut.last || m->made.error != 0;
    m->made.next_start = jam_stream_next_start(m->stream);
}

void jam_maker_make_done(jam_task *task)
{
    jam_maker *m = task->user;
    if (!jam_maker_is_owned(m)) {
        return;
    }
    jam_made made = m->made;
    made.cpu_ns = task->cpu_ns;
    m->made.block = NULL;
    m->made.pcm = NULL;
    if (m->is_opened) {
        jam_maker_take_over(m);
    }
    m->events->made(m->user, &made);
}

void jam_maker_make(jam_maker *m, jam_lane lane, int64_t due_ns, const jam_catching *catching)
{
    m->catching = *catching;
    m->make.lane = lane;
    m->make.due_ns = due_ns;
    if (jam_maker_put(m, &m->make) < 0) { /* its limit is above the number of sessions */
        RF_LOG_ERROR("no room for a chunk");
        abort();
    }
}

/* ---- ending ---- */

static void end_run(jam_task *task)
{
    jam_maker *m = task->user;
    pthread_mutex_lock(&m->lock);
    int err = jam_stream_end(m->stream);
    pthread_mutex_unlock(&m->lock);
    while (err == 0 && jam_stream_border_left(m->stream) > 0 && !atomic_load(&m->cancelled)) {
        err = render_frame(m);
    }
    if (err == 0 && !atomic_load(&m->cancelled)) {
        m->border = RF_NEW(jam_border);
        jam_stream_border(m->stream, m->border);
    }
}

static void end_done(jam_task *task)
{
    jam_maker *m = task->user;
    if (jam_maker_is_owned(m)) {
        m->events->border(m->user, m->border);
    }
}

void jam_maker_end(jam_maker *m)
{
    m->make.run = end_run;
    m->make.done = end_done;
    m->make.lane = JAM_LANE_HOUSE;
    m->make.due_ns = rf_time_ns();
    if (jam_maker_put(m, &m->make) < 0) {
        m->events->border(m->user, NULL);
    }
}
