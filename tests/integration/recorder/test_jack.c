/* Q8, T8: real xruns, on JACK with its dummy driver. */
#include "hearing.h"
#include "rf_time.h"
#include "vmic.h"

#include <criterion/criterion.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000
#define API "JACK Audio Connection Kit"

static pid_t server;
static hearing h;
static recorder_device_info device;

static void on_list(void *user RF_UNUSED, int err, const recorder_device_info *items, size_t n)
{
    cr_assert_eq(err, 0);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(items[i].api, API) == 0) {
            device = items[i];
        }
    }
}

/* The server takes a moment: it is asked for until it is there. */
static void find_device(void)
{
    int64_t until = rf_time_ns() + 20 * RF_NS_PER_S;
    device.index = -1;
    while (device.index < 0) {
        cr_assert_lt(rf_time_ns(), until, "no JACK");
        recorder_sound_list(h.sound, on_list, NULL);
        hear(&h, 300);
    }
}

static void setup(void)
{
    RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("reflection-%ld", (long)getpid());
    setenv("JACK_DEFAULT_SERVER", name, 1);
    setenv("PULSE_SERVER", "unix:/nonexistent", 1);
    server = vmic_spawn((const char *const[]){"jackd", "--no-realtime", "--no-mlock", "--name",
                                              name, "--timeout", "5000", "-d", "dummy", "-r",
                                              "48000", "-p", "480", "-C", "2", "-P", "0", NULL});
    hearing_begin(&h);
    find_device();
    recorder_device_config config = recorder_device_defaults();
    config.index = device.index;
    config.channels = 2;
    config.rate_hz = RATE;
    hearing_open(&h, &config);
    cr_assert(hear_until_data(&h, 20000), "no data; opened %d, error %d", h.opened, h.opened_err);
}

static void teardown(void)
{
    hearing_end(&h);
    vmic_end(&server, SIGTERM);
}

TestSuite(jack, .init = setup, .fini = teardown, .timeout = 60);

Test(jack, Q8_frames_that_xruns_lost_are_the_gaps)
{
    hear(&h, 1500);
    unsigned before = h.n_gaps;
    int64_t begin = h.next_frame;
    for (int i = 0; i < 3; i++) {
        kill(server, SIGSTOP);
        poll(NULL, 0, 300);
        kill(server, SIGCONT);
        hear(&h, 1200);
    }
    hearing_mark(&h);
    hear(&h, 1200);
    int64_t lost = 0;
    for (unsigned i = before; i < h.n_gaps; i++) {
        fprintf(stderr, "gap %u: %s, %.1f ms\n", i, recorder_gap_cause_name(h.gaps[i].cause),
                (double)h.gaps[i].n_frames * 1000 / RATE);
        lost += h.gaps[i].n_frames;
    }
    fprintf(stderr, "skew %.2f ms, %.0f ms heard, lost %u\n", hearing_skew_ms(&h),
            (double)(h.next_frame - begin) * 1000 / RATE, h.n_lost);
    cr_expect_geq(h.n_gaps, before + 3);
    cr_expect_geq(lost, 3 * RATE * 250 / 1000);
    cr_expect_leq(fabs(hearing_skew_ms(&h)), 20.0);
    for (unsigned i = before; i < before + 3; i++) {
        cr_expect_eq(h.gaps[i].cause, RECORDER_GAP_XRUN);
    }
    cr_expect_not(h.out_of_order);
}
