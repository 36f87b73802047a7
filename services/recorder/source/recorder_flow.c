#include "recorder_flow.h"

#include "rf_time.h"

#include <errno.h>

#define SILENCE_NS (50 * RF_NS_PER_MS)    /* between two blocks: something may be missing */
#define HOLD_NS (100 * RF_NS_PER_MS)      /* of measurement at least */
#define HOLD_MAX_NS (900 * RF_NS_PER_MS)  /* and at most */
#define SETTLED_NS (60 * RF_NS_PER_MS)    /* without a better value */
#define BETTER_NS (1 * RF_NS_PER_MS)      /* what counts as better */
#define USUAL_MAX_NS (250 * RF_NS_PER_MS) /* a longer one is always looked at */
#define WAIT_WINDOW_NS (5000 * RF_NS_PER_MS)
#define FEW_NS (50 * RF_NS_PER_MS)      /* of audio behind an interruption: too few to measure */
#define FEW_GAP_NS (300 * RF_NS_PER_MS) /* what they cannot be late by */
#define FLAG_LATE_BLOCKS 10
#define GAP_MIN_NS (5 * RF_NS_PER_MS)      /* less is the noise of arrival */
#define GAP_MIN_XRUN_NS (2 * RF_NS_PER_MS) /* where the library is certain that there is one */

void recorder_flow_init(recorder_flow *flow, recorder_ring *ring, uint32_t rate_hz,
                        const recorder_flow_events *events, void *user)
{
    *flow = (recorder_flow){.ring = ring,
                            .events = events,
                            .user = user,
                            .rate_hz = rate_hz,
                            .edge_ns = {RF_NEVER_NS, RF_NEVER_NS},
                            .overflow = RECORDER_GAP_XRUN,
                            .cause = RECORDER_GAP_UNKNOWN};
}

static int64_t frame_ns(const recorder_flow *flow, int64_t frame)
{
    int64_t rate = flow->rate_hz;
    return frame / rate * RF_NS_PER_S + frame % rate * RF_NS_PER_S / rate;
}

static int64_t edge(const recorder_flow *flow)
{
    return RF_MIN(flow->edge_ns[0], flow->edge_ns[1]);
}

/* The edge looks back one to two seconds: long enough to be free of jitter, short enough for a
 * clock that is 200 ppm off to move it by less than half a millisecond. */
static void edge_add(recorder_flow *flow, int64_t arrival_ns, int64_t offset_ns)
{
    if (arrival_ns >= flow->edge_until_ns) {
        flow->edge_ns[1] = flow->edge_ns[0];
        flow->edge_ns[0] = RF_NEVER_NS;
        flow->edge_until_ns = arrival_ns + RF_NS_PER_S;
    }
    flow->edge_ns[0] = RF_MIN(flow->edge_ns[0], offset_ns);
}

/* Likewise the longest time between two blocks, of the last 5 to 10 s: how late a busy machine is.
 */
static void wait_add(recorder_flow *flow, int64_t arrival_ns)
{
    if (arrival_ns >= flow->wait_until_ns) {
        flow->wait_ns[1] = flow->wait_ns[0];
        flow->wait_ns[0] = 0;
        flow->wait_until_ns = arrival_ns + WAIT_WINDOW_NS;
    }
    if (flow->stream != 0) {
        flow->wait_ns[0] = RF_MAX(flow->wait_ns[0], arrival_ns - flow->last_arrival_ns);
    }
}

static int64_t longest_wait(const recorder_flow *flow)
{
    return RF_MAX(flow->wait_ns[0], flow->wait_ns[1]);
}

/* How long blocks are measured: so long that one of them comes in time. */
static int64_t hold_ns(const recorder_flow *flow)
{
    return RF_MIN(HOLD_NS + 2 * longest_wait(flow), HOLD_MAX_NS);
}

static void tell_gap(recorder_flow *flow, recorder_gap_cause cause, int64_t n_frames, bool exact)
{
    flow->events->gap(flow->user, cause, flow->next_frame, n_frames, exact);
    flow->next_frame += n_frames;
}

/* tell passes on the first n_frames of the oldest block; false when they are refused. */
static bool tell(recorder_flow *flow, const recorder_block *block, uint32_t n_frames,
                 int64_t now_ns)
{
    int err = flow->events->frames(flow->user, flow->next_frame, n_frames, block->data,
                                   block->arrival_ns);
    if (err < 0) {
        flow->overflow = err == -ENOSPC ? RECORDER_GAP_DISK_FULL : RECORDER_GAP_XRUN;
        flow->refused_ns = now_ns;
        return false;
    }
    if (block->arrival_ns > flow->refused_ns) { /* what found no room meanwhile has been told */
        flow->overflow = RECORDER_GAP_XRUN;
    }
    flow->next_frame += n_frames;
    wait_add(flow, block->arrival_ns);
    flow->stream = block->stream;
    flow->last_arrival_ns = block->arrival_ns;
    edge_add(flow, block->arrival_ns, block->arrival_ns - frame_ns(flow, flow->next_frame));
    return true;
}

static void drop(recorder_flow *flow)
{
    recorder_ring_drop(flow->ring);
    flow->passed = false;
}

/* Whether the capture may have been interrupted before this block. Waits that are usual for a busy
 * machine are no sign of it, unless the server tells of one. */
static bool interrupted(const recorder_flow *flow, const recorder_block *block)
{
    if (flow->stream == 0) {
        return false; /* the first of all */
    }
    if (block->overflow || block->stream != flow->stream) {
        return true;
    }
    if (block->lost_frames > 0) { /* came, but found no room */
        return flow->cause != RECORDER_GAP_UNKNOWN;
    }
    int64_t wait = block->arrival_ns - flow->last_arrival_ns;
    int64_t usual = RF_MIN(longest_wait(flow) * 3 / 2, USUAL_MAX_NS);
    return wait > SILENCE_NS && (wait > usual || flow->cause != RECORDER_GAP_UNKNOWN);
}

/* measure looks at all blocks that wait, up to another stream. What came after a second
 * interruption lies above the edge and does no harm. The library may flag an xrun some blocks too
 * late. */
static void measure(recorder_flow *flow)
{
    recorder_block block;
    int64_t frame = flow->next_frame;
    uint32_t stream = 0;
    for (uint32_t i = 0; recorder_ring_peek(flow->ring, i, &block); i++) {
        if (i > 0 && block.stream != stream) {
            return;
        }
        stream = block.stream;
        flow->xrun = flow->xrun || (block.overflow && i < FLAG_LATE_BLOCKS);
        frame += (int64_t)block.lost_frames + block.n_frames;
        flow->held_frames = frame - flow->next_frame;
        int64_t offset = block.arrival_ns - frame_ns(flow, frame);
        if (offset < flow->best_ns) {
            if (flow->best_ns - offset > BETTER_NS) {
                flow->best_at_ns = block.arrival_ns;
            }
            flow->best_ns = offset;
        }
    }
}

/* settled says whether waiting longer would bring nothing, or must end. */
static bool settled(const recorder_flow *flow, int64_t now_ns)
{
    int64_t held = now_ns - flow->held_since_ns;
    if (held >= HOLD_MAX_NS ||
        recorder_ring_n(flow->ring) >= recorder_ring_cap(flow->ring) * 15 / 16) {
        return true;
    }
    return held >= hold_ns(flow) && now_ns - flow->best_at_ns >= SETTLED_NS;
}

/* Whether something must be missing before this block, so that a measurement cut short counts. */
static bool certain(const recorder_flow *flow, const recorder_block *block)
{
    return flow->xrun || block->stream != flow->stream || flow->cause != RECORDER_GAP_UNKNOWN;
}

/* decide tells of what is missing before the oldest block, if anything is. */
static void decide(recorder_flow *flow, const recorder_block *block, bool measured)
{
    flow->holding = false;
    int64_t missing = flow->best_ns - edge(flow);
    if (flow->held_frames * RF_NS_PER_S / flow->rate_hz < FEW_NS && missing < FEW_GAP_NS) {
        return; /* it has stopped again: what is missing is told with that */
    }
    if (missing < (flow->xrun ? GAP_MIN_XRUN_NS : GAP_MIN_NS) ||
        !(measured || certain(flow, block))) {
        return;
    }
    recorder_gap_cause cause = flow->xrun ? RECORDER_GAP_XRUN : flow->cause;
    int64_t rate = flow->rate_hz;
    int64_t n = missing / RF_NS_PER_S * rate +
                (missing % RF_NS_PER_S * rate + RF_NS_PER_S / 2) / RF_NS_PER_S;
    flow->cause = RECORDER_GAP_UNKNOWN;
    flow->last_arrival_ns = block->arrival_ns; /* no lateness of the machine's */
    tell_gap(flow, cause, n, false);
}

/* decided says whether it is known what is missing before the oldest block, and has been told. */
static bool decided(recorder_flow *flow, const recorder_block *block, int64_t now_ns, bool at_once)
{
    if (!flow->holding) {
        if (!interrupted(flow, block)) {
            return true;
        }
        flow->holding = true;
        flow->xrun = false;
        flow->held_since_ns = now_ns;
        flow->best_ns = RF_NEVER_NS;
        flow->best_at_ns = block->arrival_ns;
    }
    measure(flow);
    bool measured = settled(flow, now_ns);
    if (!at_once && !measured) {
        return false;
    }
    decide(flow, block, measured);
    return true;
}

/* pass says whether the oldest block may be told now. */
static bool pass(recorder_flow *flow, const recorder_block *block, int64_t now_ns, bool at_once)
{
    if (!flow->passed) {
        if (!decided(flow, block, now_ns, at_once)) {
            return false;
        }
        flow->passed = true;
        if (block->lost_frames > 0) {
            tell_gap(flow, flow->overflow, (int64_t)block->lost_frames, true);
        }
    }
    return true;
}

uint32_t recorder_flow_drain(recorder_flow *flow, int64_t now_ns)
{
    recorder_block block;
    uint32_t n = recorder_ring_n(flow->ring);
    while (recorder_ring_peek(flow->ring, 0, &block) && pass(flow, &block, now_ns, false) &&
           tell(flow, &block, block.n_frames, now_ns)) {
        drop(flow);
    }
    return n;
}

bool recorder_flow_reaches(const recorder_flow *flow, int64_t until_ns)
{
    int64_t base = edge(flow);
    int64_t frame = flow->next_frame;
    recorder_block block;
    for (uint32_t i = 0; recorder_ring_peek(flow->ring, i, &block); i++) {
        frame += (int64_t)(i == 0 && flow->passed ? 0 : block.lost_frames) + block.n_frames;
    }
    return base != RF_NEVER_NS && base + frame_ns(flow, frame) >= until_ns;
}

/* How many frames of the oldest block, whose lost frames have been told, had been captured at
 * until_ns, as far as the edge tells. */
static uint32_t before(const recorder_flow *flow, const recorder_block *block, int64_t until_ns)
{
    int64_t base = edge(flow);
    if (base == RF_NEVER_NS) {
        return block->n_frames;
    }
    int64_t begin = base + frame_ns(flow, flow->next_frame);
    if (until_ns <= begin) {
        return 0;
    }
    int64_t n = (until_ns - begin) / RF_NS_PER_MS * flow->rate_hz / 1000;
    return (uint32_t)RF_MIN(n, (int64_t)block->n_frames);
}

void recorder_flow_finish(recorder_flow *flow, int64_t now_ns, int64_t until_ns)
{
    recorder_block block;
    while (recorder_ring_peek(flow->ring, 0, &block)) {
        if (pass(flow, &block, now_ns, true)) {
            uint32_t n = before(flow, &block, until_ns);
            if (n > 0 && !tell(flow, &block, n, now_ns)) {
                tell_gap(flow, flow->overflow, n, true);
            }
        }
        drop(flow);
    }
}
