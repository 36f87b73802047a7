#include "jam_schedule.h"

#include "rf_time.h"

#define REPORT_NOISE_NS (5 * RF_NS_PER_MS) /* nearer to the lead sought than this: no trim */

static int64_t samples_ns(int64_t n)
{
    return n / JAM_RATE_HZ * RF_NS_PER_S + n % JAM_RATE_HZ * RF_NS_PER_S / JAM_RATE_HZ;
}

static int64_t hop_ns(uint32_t n_frames)
{
    return n_frames * JAM_FRAME_NS;
}

static void take(jam_schedule *s, const jam_settings *settings)
{
    s->pace = settings->pace;
    s->catch_up = settings->catch_up;
    s->buffer_chunks = settings->buffer_chunks;
}

void jam_schedule_init(jam_schedule *s, const jam_settings *settings)
{
    *s = (jam_schedule){.hold_until_ns = JAM_AT_ONCE_NS};
    take(s, settings);
}

static void end_stall(jam_schedule *s)
{
    s->stalled = false;
    s->burst_left = 0;
    s->hold_until_ns = JAM_AT_ONCE_NS;
}

void jam_schedule_restart(jam_schedule *s)
{
    s->started = false;
    s->trim_left_ns = 0;
    end_stall(s);
}

void jam_schedule_set(jam_schedule *s, const jam_settings *settings, int64_t next_sample,
                      uint32_t n_frames, int64_t now_ns)
{
    jam_pace was = s->pace;
    take(s, settings);
    if (s->pace == was) {
        return;
    }
    end_stall(s);
    s->trim_left_ns = 0;
    if (s->pace == JAM_PACE_REALTIME && s->started) {
        int64_t keep_ns = s->buffer_chunks * hop_ns(n_frames);
        int64_t lead_ns = jam_schedule_lead(s, next_sample, now_ns);
        s->origin_ns = now_ns + RF_MAX(lead_ns - keep_ns, INT64_C(0));
        s->origin_sample = next_sample;
    }
}

int64_t jam_schedule_due(const jam_schedule *s, int64_t sample)
{
    return s->origin_ns + samples_ns(sample - s->origin_sample);
}

int64_t jam_schedule_lead(const jam_schedule *s, int64_t sample, int64_t now_ns)
{
    return s->started ? jam_schedule_due(s, sample) - now_ns : 0;
}

int64_t jam_schedule_leave(const jam_schedule *s, int64_t sample)
{
    if (!s->started || s->pace == JAM_PACE_ASAP) {
        return JAM_AT_ONCE_NS;
    }
    return RF_MAX(jam_schedule_due(s, sample) - JAM_LEAVE_NS, s->hold_until_ns);
}

int64_t jam_schedule_begin(const jam_schedule *s, int64_t sample, uint32_t n_frames,
                           int64_t window_ns)
{
    if (!s->started || s->pace == JAM_PACE_ASAP) {
        return JAM_AT_ONCE_NS;
    }
    int64_t due_ns = RF_MAX(jam_schedule_due(s, sample), s->hold_until_ns);
    return due_ns - RF_MIN(window_ns, hop_ns(n_frames));
}

/* Two chunks are overdue at once when the one after this one is. */
static bool notice_stall(jam_schedule *s, int64_t late_ns, uint32_t n_frames)
{
    if (s->stalled || late_ns < hop_ns(n_frames)) {
        return false;
    }
    s->stalled = true;
    s->burst_left = s->buffer_chunks;
    return true;
}

void jam_schedule_plan(jam_schedule *s, int64_t sample, uint32_t n_frames, int64_t now_ns,
                       jam_catching *ret)
{
    *ret = (jam_catching){.stretch = 1.0};
    if (!s->started || s->pace == JAM_PACE_ASAP) {
        return;
    }
    int64_t late_ns = -jam_schedule_lead(s, sample, now_ns);
    ret->began = notice_stall(s, late_ns, n_frames);
    if (s->stalled && s->catch_up == JAM_CATCH_UP_SKIP) {
        if (late_ns > 0) {
            ret->skip_frames = (uint32_t)((late_ns + JAM_FRAME_NS - 1) / JAM_FRAME_NS);
        }
        end_stall(s);
    } else if (s->stalled && s->catch_up == JAM_CATCH_UP_STRETCH) {
        ret->stretch = JAM_STRETCH;
    }
}

/* The overdue chunks leave back to back, so many as the client may buffer; what is late then stays
 * late. Returns by how much the origin moved. */
static int64_t go_on_burst(jam_schedule *s, int64_t late_ns, uint32_t n_frames)
{
    if (late_ns < hop_ns(n_frames)) {
        end_stall(s);
        return 0;
    }
    if (s->burst_left > 1) {
        s->burst_left--;
        return 0;
    }
    s->origin_ns += late_ns;
    end_stall(s);
    return late_ns;
}

/* A stretched chunk holds more time than its music took: one leaves in the time of its music, and
 * the lateness shrinks by the rest. */
static void go_on_stretch(jam_schedule *s, int64_t late_ns, uint32_t n_frames, int64_t now_ns)
{
    if (late_ns < JAM_ON_TIME_NS) {
        end_stall(s);
    } else {
        s->hold_until_ns = now_ns + (int64_t)((double)hop_ns(n_frames) / JAM_STRETCH);
    }
}

static void trim(jam_schedule *s)
{
    int64_t step_ns = RF_MAX(RF_MIN(s->trim_left_ns, JAM_TRIM_NS), -JAM_TRIM_NS);
    s->origin_ns -= step_ns;
    s->trim_left_ns -= step_ns;
}

void jam_schedule_sent(jam_schedule *s, int64_t sample, uint32_t n_frames, int64_t now_ns,
                       jam_leaving *ret)
{
    *ret = (jam_leaving){0};
    if (!s->started) {
        s->started = true;
        s->origin_ns = now_ns;
        s->origin_sample = sample;
        return;
    }
    if (s->pace == JAM_PACE_ASAP) {
        return;
    }
    ret->late_ns = RF_MAX(-jam_schedule_lead(s, sample, now_ns), INT64_C(0));
    ret->began = notice_stall(s, ret->late_ns, n_frames);
    if (!s->stalled) {
        trim(s);
    } else if (s->catch_up == JAM_CATCH_UP_BURST) {
        ret->slip_ns = go_on_burst(s, ret->late_ns, n_frames);
    } else if (s->catch_up == JAM_CATCH_UP_STRETCH) {
        go_on_stretch(s, ret->late_ns, n_frames, now_ns);
    }
}

void jam_schedule_report(jam_schedule *s, double buffer_ms, int64_t next_sample, int64_t now_ns)
{
    if (!s->started || s->stalled || s->pace == JAM_PACE_ASAP) {
        return;
    }
    int64_t until_ns = RF_MAX(jam_schedule_leave(s, next_sample) - now_ns, INT64_C(0));
    int64_t lead_ns = (int64_t)(buffer_ms * RF_NS_PER_MS) - until_ns;
    int64_t off_ns = JAM_TRIM_LEAD_NS - lead_ns;
    bool matters = off_ns > REPORT_NOISE_NS || off_ns < -REPORT_NOISE_NS;
    s->trim_left_ns = matters ? off_ns : 0;
}
