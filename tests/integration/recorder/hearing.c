#include "hearing.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>

static double frames_ns(const hearing *h, int64_t frames)
{
    return (double)frames * 1e9 / h->config.rate_hz;
}

static void on_opened(void *user, int err)
{
    hearing *h = user;
    h->opened = true;
    h->opened_err = err;
}

static void take(hearing *h, int64_t first, int64_t n_frames, const void *data)
{
    h->out_of_order = h->out_of_order || first != h->next_frame;
    h->next_frame = first + n_frames;
    if (h->next_frame > h->cap_frames) {
        h->cap_frames = h->next_frame * 2;
        h->data = rf_grow(h->data, (size_t)h->cap_frames, h->frame_bytes);
    }
    uint8_t *at = h->data + (size_t)first * h->frame_bytes;
    if (data != NULL) {
        memcpy(at, data, (size_t)n_frames * h->frame_bytes);
    } else {
        memset(at, 0, (size_t)n_frames * h->frame_bytes);
    }
}

static int on_frames(void *user, int64_t first, uint32_t n_frames, const void *data,
                     int64_t arrival_ns)
{
    hearing *h = user;
    if (h->first_ns == 0) {
        h->first_ns = rf_time_ns();
    }
    take(h, first, n_frames, data);
    recorder_fit_news news;
    recorder_fit_add(h->fit, h->next_frame, arrival_ns, &news);
    h->n_unnoticed += news.lost;
    int64_t edge = arrival_ns - (int64_t)frames_ns(h, h->next_frame);
    if (h->next_frame <= h->config.rate_hz) {
        h->begin_edge_ns = RF_MIN(h->begin_edge_ns, edge);
    }
    h->last_edge_ns = RF_MIN(h->last_edge_ns, edge);
    if (h->close_in_frames) {
        hearing_close(h);
    }
    return 0;
}

static void on_gap(void *user, recorder_gap_cause cause, int64_t first, int64_t n_frames,
                   bool exact)
{
    hearing *h = user;
    cr_assert_lt(h->n_gaps, (unsigned)HEARING_GAPS_MAX);
    h->gaps[h->n_gaps++] = (hearing_gap){cause, first, n_frames, exact};
    h->gap_ns = rf_time_ns();
    take(h, first, n_frames, NULL);
}

static void on_lost(void *user, recorder_gap_cause cause)
{
    hearing *h = user;
    h->n_lost++;
    h->lost_ns = rf_time_ns();
    h->lost_cause = cause;
}

static void on_back(void *user)
{
    hearing *h = user;
    h->n_back++;
    h->back_ns = rf_time_ns();
}

static void on_ended(void *user, recorder_device_end end)
{
    hearing *h = user;
    h->ended = true;
    h->end = end;
    h->ended_ns = rf_time_ns();
}

static const recorder_device_events events = {.opened = on_opened,
                                              .frames = on_frames,
                                              .gap = on_gap,
                                              .lost = on_lost,
                                              .back = on_back,
                                              .ended = on_ended};

static void on_time(void *user)
{
    rf_loop_stop(user);
}

void hearing_begin(hearing *h)
{
    *h = (hearing){.begin_edge_ns = RF_NEVER_NS, .last_edge_ns = RF_NEVER_NS};
    h->loop = rf_loop_new();
    h->timer = rf_timer_new(h->loop, on_time, h->loop);
    h->sound = recorder_sound_new(h->loop);
    hear(h, 300); /* the sound library looks for devices */
}

void hearing_again(hearing *h)
{
    free(h->data);
    recorder_fit_free(h->fit);
    *h = (hearing){.loop = h->loop,
                   .timer = h->timer,
                   .sound = h->sound,
                   .begin_edge_ns = RF_NEVER_NS,
                   .last_edge_ns = RF_NEVER_NS};
}

void hearing_open(hearing *h, const recorder_device_config *config)
{
    h->config = *config;
    h->frame_bytes =
        (uint32_t)recorder_sample_size(recorder_sample_kept(config->format)) * config->channels;
    recorder_fit_config fit = {.rate_hz = config->rate_hz};
    h->fit = recorder_fit_new(&fit, 0);
    const char *field = NULL;
    h->open_ns = rf_time_ns();
    cr_assert_eq(recorder_device_open(h->sound, h->loop, config, &events, h, &field, &h->device),
                 0);
}

void hear(hearing *h, int64_t ms)
{
    rf_timer_set(h->timer, rf_time_ns() + ms * RF_NS_PER_MS);
    cr_assert_eq(rf_loop_run(h->loop), 0);
}

static bool has_data(const hearing *h)
{
    return h->first_ns != 0 || (h->opened && h->opened_err != 0);
}

bool hear_until_data(hearing *h, int64_t ms)
{
    for (int64_t i = 0; i < ms && !has_data(h); i += 5) {
        hear(h, 5);
    }
    return h->first_ns != 0;
}

bool hear_until_frames(hearing *h, int64_t n_frames, int64_t ms)
{
    for (int64_t i = 0; i < ms && h->next_frame < n_frames; i += 5) {
        hear(h, 5);
    }
    return h->next_frame >= n_frames;
}

bool hear_until_ended(hearing *h, int64_t ms)
{
    for (int64_t i = 0; i < ms && !h->ended; i += 5) {
        hear(h, 5);
    }
    return h->ended;
}

bool hear_until_gaps(hearing *h, unsigned n, int64_t ms)
{
    for (int64_t i = 0; i < ms && h->n_gaps < n; i += 5) {
        hear(h, 5);
    }
    return h->n_gaps >= n;
}

void hearing_mark(hearing *h)
{
    h->last_edge_ns = RF_NEVER_NS;
}

double hearing_skew_ms(const hearing *h)
{
    return (double)(h->last_edge_ns - h->begin_edge_ns) / 1e6;
}

void hearing_close(hearing *h)
{
    h->device = recorder_device_close(h->device);
}

void hearing_end(hearing *h)
{
    hearing_close(h);
    h->sound = recorder_sound_free(h->sound);
    h->timer = rf_timer_free(h->timer);
    h->loop = rf_loop_free(h->loop);
    recorder_fit_free(h->fit);
    free(h->data);
}
