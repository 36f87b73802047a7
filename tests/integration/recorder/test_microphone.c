/* S1, S2, S3, S4, Q7: a device is captured on the headless virtual microphone. What faults make of
 * a session is shown through the service (test_devices.c). */
#include "hearing.h"
#include "rf_time.h"
#include "vmic.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE VMIC_RATE
#define CHANNELS 2
#define N_OPENS 21
#define GAP_ERROR_MS 20.0

static vmic mic;
static hearing h;

static void setup(void)
{
    vmic_setup(&mic);
    vmic_up(&mic);
    hearing_begin(&h);
}

static void teardown(void)
{
    hearing_end(&h);
    vmic_down(&mic);
}

static recorder_device_config stereo(void)
{
    recorder_device_config config = recorder_device_defaults();
    config.channels = CHANNELS;
    config.rate_hz = RATE;
    return config;
}

static void open_stereo(void)
{
    recorder_device_config config = stereo();
    hearing_open(&h, &config);
    cr_assert(hear_until_data(&h, 5000), "no data; opened %d, error %d", h.opened, h.opened_err);
}

/* ---- the tone ---- */

typedef struct tone {
    double level; /* amplitude of the sine */
    double share; /* of the power that is in it */
} tone;

static tone fit_tone(const double *x, int64_t n, double rate)
{
    double re = 0;
    double im = 0;
    double power = 0;
    for (int64_t i = 0; i < n; i++) {
        double phase = 2 * M_PI * VMIC_TONE_HZ * (double)i / rate;
        re += x[i] * cos(phase);
        im += x[i] * sin(phase);
        power += x[i] * x[i];
    }
    double level = 2 * hypot(re, im) / (double)n;
    return (tone){.level = level, .share = power > 0 ? level * level / 2 * (double)n / power : 0};
}

static double sample(const hearing *heard, int64_t frame)
{
    const uint8_t *at = heard->data + (size_t)frame * heard->frame_bytes;
    int16_t i16;
    int32_t i32 = 0;
    float f32;
    switch (recorder_sample_kept(heard->config.format)) {
    case RECORDER_SAMPLE_INT16:
        memcpy(&i16, at, sizeof(i16));
        return i16 / 32768.0;
    case RECORDER_SAMPLE_INT24:
        memcpy((uint8_t *)&i32 + 1, at, 3);
        return i32 / 2147483648.0;
    case RECORDER_SAMPLE_INT32:
        memcpy(&i32, at, sizeof(i32));
        return i32 / 2147483648.0;
    case RECORDER_SAMPLE_FLOAT32:
        memcpy(&f32, at, sizeof(f32));
        return (double)f32;
    default:
        return 0;
    }
}

static tone heard_tone(int64_t first, int64_t n)
{
    double *x = RF_NEW_ARRAY(double, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        x[i] = sample(&h, first + i);
    }
    tone t = fit_tone(x, n, h.config.rate_hz);
    free(x);
    return t;
}

static void expect_tone(int64_t first, int64_t n, double share)
{
    tone t = heard_tone(first, n);
    double db = 20 * log10(t.level / VMIC_TONE_LEVEL);
    cr_expect_geq(t.share, share, "%.4f %% of the power is in the tone", t.share * 100);
    cr_expect_leq(fabs(db), 0.1, "the level is %.3f dB off", db);
}

/* ---- gaps ---- */

static double gap_ms(unsigned i)
{
    return (double)h.gaps[i].n_frames * 1000.0 / h.config.rate_hz;
}

static void on_list(void *user, int err, const recorder_device_info *items, size_t n)
{
    recorder_device_info *found = user;
    cr_assert_eq(err, 0);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(items[i].name, "pulse") == 0) {
            *found = items[i];
        }
    }
}

TestSuite(microphone, .init = setup, .fini = teardown, .timeout = 60);

Test(microphone, S2_a_tone_comes_as_it_was_played)
{
    vmic_tone(&mic);
    open_stereo();
    cr_assert(hear_until_frames(&h, 2 * RATE, 10000));
    cr_expect_eq(h.n_gaps, 0u);
    cr_expect_not(h.out_of_order);
    expect_tone(RATE / 2, RATE, 0.999);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

Test(microphone, S2_first_data_comes_within_100_ms)
{
    double ms[N_OPENS];
    for (int i = 0; i < N_OPENS; i++) {
        hearing_again(&h);
        open_stereo();
        ms[i] = (double)(h.first_ns - h.open_ns) / 1e6;
        hear(&h, 20);
        hearing_close(&h);
        hear(&h, 50);
    }
    qsort(ms, N_OPENS, sizeof(ms[0]), by_size);
    fprintf(stderr, "first data after %.1f ms, at most %.1f ms\n", ms[N_OPENS / 2],
            ms[N_OPENS - 1]);
    cr_expect_leq(ms[N_OPENS / 2], 100.0);
}

Test(microphone, S4_a_frozen_server_is_survived)
{
    open_stereo();
    hear(&h, 1500);
    kill(mic.server, SIGSTOP);
    int64_t from = rf_time_ns();
    hear(&h, 2000);
    cr_expect_eq(h.n_lost, 1u);
    cr_expect_leq(h.lost_ns - from, 1000 * RF_NS_PER_MS);
    kill(mic.server, SIGCONT);
    hear(&h, 3000);
    hearing_mark(&h);
    hear(&h, 1500);
    fprintf(stderr, "%u gaps, %.1f ms, skew %.2f ms\n", h.n_gaps, gap_ms(0), hearing_skew_ms(&h));
    cr_expect_eq(h.n_back, 1u);
    cr_expect_leq(fabs(hearing_skew_ms(&h)), GAP_ERROR_MS);
    cr_expect_eq(h.n_unnoticed, 0u);
}

Test(microphone, S2_two_devices_do_not_disturb_each_other)
{
    open_stereo();
    hear(&h, 500);
    for (int i = 0; i < 3; i++) {
        hearing other = {.loop = h.loop,
                         .timer = h.timer,
                         .sound = h.sound,
                         .begin_edge_ns = RF_NEVER_NS,
                         .last_edge_ns = RF_NEVER_NS};
        recorder_device_config config = recorder_device_defaults();
        hearing_open(&other, &config);
        cr_expect(hear_until_data(&other, 5000));
        recorder_device_info pulse = {.index = -1};
        recorder_sound_list(h.sound, on_list, &pulse); /* which looks for none while they run */
        hear(&h, 300);
        cr_expect_geq(pulse.index, 0);
        hearing_close(&other);
        hear(&h, 100);
        recorder_fit_free(other.fit);
        free(other.data);
    }
    cr_expect_eq(h.n_gaps, 0u);
    cr_expect_eq(h.n_lost, 0u);
    hearing_mark(&h);
    hear(&h, 1000);
    cr_expect_leq(fabs(hearing_skew_ms(&h)), GAP_ERROR_MS);
}

Test(microphone, S3_the_environment_picks_the_source)
{
    cr_assert_eq(VMIC_CTL("load-module", "module-null-sink", "sink_name=other"), 0);
    setenv("PULSE_SOURCE", "other.monitor", 1);
    vmic_tone(&mic);
    open_stereo();
    cr_assert(hear_until_frames(&h, RATE, 10000));
    for (int64_t i = 0; i < RATE * CHANNELS; i++) { /* the tone plays elsewhere */
        cr_assert_eq(((const int16_t *)(const void *)h.data)[i], 0);
    }
}

/* The server's number of our stream, -1 when it has none. */
static long our_output(void)
{
    RF_CLEANUP(rf_cleanup_free) char *list = NULL;
    RF_CLEANUP(rf_cleanup_free)
    char *pid = rf_asprintf("application.process.id = \"%ld\"", (long)getpid());
    cr_assert_eq(vmic_ctl(&list, (const char *const[]){"list", "source-outputs", NULL}), 0);
    const char *ours = strstr(list, pid);
    long index = -1;
    for (const char *at = list; ours != NULL && (at = strstr(at, "Source Output #")) != NULL;
         at++) {
        if (at < ours) {
            index = strtol(at + strlen("Source Output #"), NULL, 10);
        }
    }
    return index;
}

Test(microphone, S3_the_stream_refuses_to_be_moved)
{
    open_stereo();
    cr_assert_eq(VMIC_CTL("load-module", "module-null-sink", "sink_name=other"), 0);
    long index = our_output();
    cr_assert_geq(index, 0);
    RF_CLEANUP(rf_cleanup_free) char *number = rf_asprintf("%ld", index);
    cr_expect_neq(VMIC_CTL("move-source-output", number, "other.monitor"), 0);
    cr_expect_eq(our_output(), index);
    hear(&h, 500);
    cr_expect_eq(h.n_gaps, 0u);
    cr_expect_eq(h.n_lost, 0u);
}

Test(microphone, S5_devices_are_listed_and_opened_by_index)
{
    recorder_device_info pulse = {.index = -1};
    recorder_sound_list(h.sound, on_list, &pulse);
    for (int i = 0; i < 100 && pulse.index < 0; i++) {
        hear(&h, 100);
    }
    cr_assert_geq(pulse.index, 0, "no device `pulse`");
    cr_expect_str_eq(pulse.api, "ALSA");
    cr_expect_geq(pulse.channels, 2u);
    cr_expect_gt(pulse.default_rate_hz, 0u);
    recorder_device_config config = stereo();
    config.index = pulse.index;
    hearing_open(&h, &config);
    cr_expect(hear_until_data(&h, 5000));
}

Test(microphone, S5_a_device_that_is_not_there_is_an_error)
{
    recorder_device_config config = stereo();
    config.index = 250;
    hearing_open(&h, &config);
    cr_expect_not(hear_until_data(&h, 2000));
    cr_expect_eq(h.opened_err, -ENODEV);
    cr_expect_not(h.ended);
}

Test(microphone, S1_every_sample_format_carries_the_tone)
{
    static const recorder_sample_format formats[] = {
        RECORDER_SAMPLE_FLOAT32, RECORDER_SAMPLE_INT32, RECORDER_SAMPLE_INT24,
        RECORDER_SAMPLE_INT16,   RECORDER_SAMPLE_INT8,  RECORDER_SAMPLE_UINT8};
    vmic_tone(&mic);
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        recorder_device_config config = stereo();
        config.format = formats[i];
        config.channels = 1;
        hearing_again(&h);
        hearing_open(&h, &config);
        cr_assert(hear_until_data(&h, 5000));
        cr_assert(hear_until_frames(&h, RATE * 7 / 10, 5000));
        /* 8 bits have steps of 1/128: their noise is 0.03 % of this tone's power, their cut at zero
         * twice as much. */
        expect_tone(RATE / 10, RATE / 2, i < 4 ? 0.999 : 0.99);
        hearing_close(&h);
    }
}

Test(microphone, Q7_a_stop_keeps_what_was_captured_before_it)
{
    open_stereo();
    for (int i = 0; i < 10; i++) {
        hear(&h, 300 + 7 * i);
        int64_t at = rf_time_ns();
        recorder_device_stop(h.device);
        cr_assert(hear_until_ended(&h, 1000));
        cr_expect_eq(h.end, RECORDER_DEVICE_STOPPED);
        double late_ms = (double)(at - h.last_edge_ns) / 1e6 - (double)h.next_frame * 1e3 / RATE;
        cr_expect_leq(fabs(late_ms), 10.0, "the last frame is %.1f ms from the stop", late_ms);
        hearing_close(&h);
        hearing_again(&h);
        recorder_device_config config = stereo();
        hearing_open(&h, &config);
        cr_assert(hear_until_data(&h, 5000));
    }
}

Test(microphone, S2_devices_may_be_closed_at_any_time)
{
    for (int i = 0; i < 20; i++) {
        recorder_device_config config = stereo();
        hearing_again(&h);
        hearing_open(&h, &config);
        hear(&h, i);
        hearing_close(&h);
    }
    hearing_again(&h);
    open_stereo();
    cr_expect_not(h.out_of_order);
    recorder_device_stop(h.device);
    h.close_in_frames = true;
    hear(&h, 300);
    cr_expect_null(h.device);
    cr_expect_not(h.ended);
}
