/* Devices through the service: the real program, spoken to by RPC, on the headless virtual
 * microphone. S2, S4, S5, T8, T9, Q7, Q8. */
#include "recorder_program.h"
#include "rf_time.h"
#include "vmic.h"

#include <criterion/criterion.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RATE VMIC_RATE
#define STEREO "\"source\":\"device\",\"rate\":48000,\"channels\":2,\"store_format\":\"pcm\""
#define LENGTH_ERROR_MS 20.0
#define EDGE_MS 10.0
#define CALL_MS 50.0 /* of a call on its way, on a busy machine */

static vmic mic;
static recorder_program p;

static void setup(void)
{
    vmic_setup(&mic);
    vmic_up(&mic);
    program_init(&p);
    program_start(&p, NULL, NULL);
}

static void teardown(void)
{
    program_done(&p);
    vmic_down(&mic);
}

TestSuite(recorder_devices, .timeout = 60);

/* ---- calls ---- */

static const char *text(const json_t *json, const char *name)
{
    const char *s = json_string_value(json_object_get(json, name));
    return s != NULL ? s : "";
}

static int64_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static json_t *try_start(const char *body, char code[64])
{
    Recorder__V1__StartRequest m = RECORDER__V1__START_REQUEST__INIT;
    m.body = (char *)(uintptr_t)body;
    return program_call(&p, RECORDER_V1_RECORDER_START, &m.base, code);
}

static void start(const char *body, char session[33])
{
    json_t *json = try_start(body, NULL);
    (void)rf_copy_str(session, 33, text(json, "id"));
    json_decref(json);
}

static json_t *list_devices(void)
{
    Recorder__V1__ListDevicesRequest m = RECORDER__V1__LIST_DEVICES_REQUEST__INIT;
    return program_call(&p, RECORDER_V1_RECORDER_LIST_DEVICES, &m.base, NULL);
}

/* The item of this name, which the list lends. */
static const json_t *find_device(const json_t *list, const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(list, "devices"), i, item)
    {
        if (strcmp(text(item, "name"), name) == 0) {
            return item;
        }
    }
    return NULL;
}

static size_t n_gaps(const char *session)
{
    json_t *info = program_get(&p, session);
    size_t n = json_array_size(json_object_get(info, "gaps"));
    json_decref(info);
    return n;
}

static void wait_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* ---- time ---- */

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static double time_ms(const json_t *json, const char *name)
{
    struct tm tm = {0};
    const char *rest = strptime(text(json, name), "%Y-%m-%dT%H:%M:%S", &tm);
    cr_assert_not_null(rest, "%s: no time", name);
    return (double)timegm(&tm) * 1e3 + strtod(rest, NULL) * 1e3;
}

/* When the first frame was captured, known after a second and a half. */
static double begin_ms(const char *session)
{
    wait_ms(1500);
    json_t *info = program_get(&p, session);
    double ms = time_ms(info, "started_at");
    json_decref(info);
    return ms;
}

/* ---- the tone ---- */

static void expect_tone(const program_bytes *object, int64_t first, int64_t n)
{
    const int16_t *x = (const int16_t *)(const void *)object->data + first * 2;
    double re = 0;
    double im = 0;
    double power = 0;
    cr_assert_geq((int64_t)object->len, (first + n) * 4);
    for (int64_t i = 0; i < n; i++) {
        double phase = 2 * M_PI * VMIC_TONE_HZ * (double)i / RATE;
        double value = x[2 * i] / 32768.0;
        re += value * cos(phase);
        im += value * sin(phase);
        power += value * value;
    }
    double level = 2 * hypot(re, im) / (double)n;
    double share = level * level / 2 * (double)n / power;
    double db = 20 * log10(level / VMIC_TONE_LEVEL);
    cr_expect_geq(share, 0.999, "%.4f %% of the power is in the tone", share * 100);
    cr_expect_leq(fabs(db), 0.1, "the level is %.3f dB off", db);
}

static void expect_stored_tone(const char *key, int64_t first, int64_t n)
{
    program_bytes object;
    json_t *meta;
    program_object(&p, key, &object, &meta);
    expect_tone(&object, first, n);
    json_decref(meta);
    program_bytes_done(&object);
}

/* ---- tests ---- */

Test(recorder_devices, S2_S5_Q7_two_devices_are_recorded_from_start_to_stop, .init = setup,
     .fini = teardown)
{
    char session[33];
    char other[33];
    char body[256];
    json_t *list = list_devices();
    const json_t *pulse = find_device(list, "pulse");
    cr_assert_not_null(pulse);
    cr_expect_str_eq(text(pulse, "api"), "ALSA");
    cr_expect_geq(number(pulse, "channels"), 2);
    cr_expect_gt(number(pulse, "default_rate"), 0);
    cr_expect(json_is_boolean(json_object_get(pulse, "is_default")));
    vmic_tone(&mic);
    (void)snprintf(body, sizeof(body), "{" STEREO ",\"input_device_index\":%d}",
                   (int)number(pulse, "index"));
    double start_ms = now_ms();
    start(body, session);
    double first_ms = begin_ms(session) - start_ms;
    start("{\"source\":\"device\",\"sample_format\":\"uint8\"}", other);
    json_t *again = list_devices();
    cr_expect(json_equal(again, list), "the list does not change while something records");
    wait_ms(800);
    double stop_ms = now_ms();
    json_t *stopped = program_stop_session(&p, session);
    double asked_ms = now_ms() - stop_ms; /* within it the call has come to the service */
    double late_ms = stop_ms - start_ms - first_ms - (double)number(stopped, "frame_count") / 48;
    fprintf(stderr, "first frame %.1f ms after the start, last one %.1f ms before the stop\n",
            first_ms, late_ms);
    cr_expect_leq(first_ms, 100.0);
    cr_expect_leq(late_ms, EDGE_MS);
    cr_expect_leq(-late_ms, RF_MIN(asked_ms, EDGE_MS + CALL_MS));
    cr_expect_eq(n_gaps(session), 0u);
    expect_stored_tone(text(stopped, "key"), RATE / 2, RATE);
    json_decref(stopped);
    json_t *info = program_get(&p, session);
    cr_expect_str_eq(text(info, "source_name"), "pulse");
    json_decref(info);
    stopped = program_stop_session(&p, other);
    cr_expect_str_eq(text(stopped, "sample_format"), "int16");
    cr_expect_geq(number(stopped, "frame_count"), 16000 / 2);
    cr_expect_eq(n_gaps(other), 0u);
    json_decref(stopped);
    json_decref(list);
    json_decref(again);
}

Test(recorder_devices, S4_Q2_a_process_that_stands_still_for_3_s_loses_nothing, .init = setup,
     .fini = teardown)
{
    char session[33];
    vmic_tone(&mic);
    start("{" STEREO "}", session);
    double from_ms = begin_ms(session);
    kill(p.pid, SIGSTOP);
    wait_ms(3000);
    kill(p.pid, SIGCONT);
    wait_ms(700);
    double length_ms = now_ms() - from_ms;
    json_t *stopped = program_stop_session(&p, session);
    double got_ms = (double)number(stopped, "frame_count") / 48;
    cr_expect_eq(n_gaps(session), 0u);
    cr_expect_leq(fabs(got_ms - length_ms), LENGTH_ERROR_MS, "%.1f ms for %.1f", got_ms, length_ms);
    expect_stored_tone(text(stopped, "key"), RATE, 3 * RATE); /* in phase throughout */
    json_decref(stopped);
}

/* Waits until the device is stalled, which is told within a second (S4); on a busy machine its
 * cause is known a little later. */
static void await_stalled(const char *session, const char *cause)
{
    int64_t from_ns = rf_time_ns();
    json_t *info = program_get(&p, session);
    for (;;) {
        const char *told = json_string_value(json_object_get(info, "stalled"));
        if (told != NULL && strcmp(told, cause) == 0) {
            break;
        }
        cr_assert_lt(rf_time_ns() - from_ns, (told == NULL ? 1 : 4) * RF_NS_PER_S,
                     "stalled is %s, not %s", told == NULL ? "not told" : told, cause);
        json_decref(info);
        wait_ms(20);
        info = program_get(&p, session);
    }
    json_decref(info);
}

/* The gap number n of a cause; NULL while there is none. A machine that is too busy to take what
 * the device delivers makes others, of which the cause is not known. */
static const json_t *gap_of(const json_t *info, size_t n, const char *cause)
{
    size_t i;
    const json_t *gap;
    json_array_foreach(json_object_get(info, "gaps"), i, gap)
    {
        if (strcmp(text(gap, "cause"), cause) == 0 && --n == 0) {
            return gap;
        }
    }
    return NULL;
}

/* The gap number n of a cause, told within a second after it is over. */
static void await_gap(const char *session, size_t n, const char *cause)
{
    int64_t until_ns = rf_time_ns() + 4 * RF_NS_PER_S; /* the server takes its time too */
    json_t *info = program_get(&p, session);
    while (gap_of(info, n, cause) == NULL) {
        cr_assert_lt(rf_time_ns(), until_ns, "gap %zu of %s is not told", n, cause);
        json_decref(info);
        wait_ms(20);
        info = program_get(&p, session);
    }
    const json_t *gap = gap_of(info, n, cause);
    cr_expect(json_is_true(json_object_get(gap, "filled")));
    cr_expect(json_is_null(json_object_get(info, "stalled")));
    fprintf(stderr, "%s: %.1f ms\n", cause, (double)number(gap, "length_frames") / 48);
    json_decref(info);
    wait_ms(800);
}

Test(recorder_devices, S4_T8_T9_Q8_suspension_removal_and_death_of_the_server_are_a_gap_each,
     .init = setup, .fini = teardown)
{
    char session[33];
    start("{" STEREO "}", session);
    double from_ms = begin_ms(session);
    cr_assert_eq(VMIC_CTL("suspend-sink", "vmic", "1"), 0);
    await_stalled(session, "suspended");
    wait_ms(1000);
    cr_assert_eq(VMIC_CTL("suspend-sink", "vmic", "0"), 0);
    await_gap(session, 1, "suspended");
    vmic_unload(&mic);
    await_stalled(session, "device_lost");
    wait_ms(500);
    vmic_load(&mic);
    await_gap(session, 1, "device_lost");
    vmic_kill(&mic);
    await_stalled(session, "device_lost");
    vmic_up(&mic);
    await_gap(session, 2, "device_lost");
    double length_ms = now_ms() - from_ms;
    json_t *stopped = program_stop_session(&p, session);
    double got_ms = (double)number(stopped, "frame_count") / 48;
    fprintf(stderr, "%.1f ms for %.1f\n", got_ms, length_ms);
    cr_expect_leq(fabs(got_ms - length_ms), LENGTH_ERROR_MS, "%.1f ms for %.1f", got_ms, length_ms);
    json_t *info = program_get(&p, session);
    cr_expect_null(gap_of(info, 2, "suspended"));
    cr_expect_null(gap_of(info, 3, "device_lost"));
    json_decref(info);
    json_decref(stopped);
}

Test(recorder_devices, S5_a_device_that_is_not_there_is_named, .init = setup, .fini = teardown)
{
    static const char *const bodies[] = {
        "{\"source\":\"device\",\"input_device_index\":250}",
        "{\"source\":\"device\",\"source_name\":\"no such device\"}",
    };
    char code[64];
    for (size_t i = 0; i < RF_ARRAY_LEN(bodies); i++) {
        cr_expect_null(try_start(bodies[i], code));
        cr_expect_str_eq(code, "DEVICE_UNAVAILABLE", "%s: %s", bodies[i], code);
    }
}

Test(recorder_devices, S4_a_device_that_stays_dead_ends_the_session_as_lost, .init = setup,
     .fini = teardown)
{
    char session[33];
    start("{" STEREO ",\"options\":{\"reopen_s\":1}}", session);
    wait_ms(500);
    vmic_kill(&mic);
    json_t *info = NULL;
    for (int i = 0; i < 200 && strcmp(text(info, "state"), "STORED") != 0; i++) {
        json_decref(info);
        wait_ms(20);
        info = program_get(&p, session);
    }
    cr_expect_str_eq(text(info, "state"), "STORED");
    cr_expect_str_eq(text(info, "end_reason"), "source_lost");
    cr_expect_geq(number(info, "frames"), RATE / 4);
    json_decref(info);
}

/* Without sound: whoever may not is refused before a device is looked for. */
static void expect_refused(const rf_rpc_method *method, const ProtobufCMessage *request)
{
    rf_status st;
    ProtobufCMessage *reply = NULL;
    const rf_rpc_options options = {.deadline_ns = rf_time_ns() + 10 * RF_NS_PER_S,
                                    .tenant = PROGRAM_TENANT,
                                    .scopes = "jam.record"};
    cr_expect_lt(rf_rpc_invoke(p.channel, method, &options, request, &reply, &st), 0);
    cr_expect_eq(st.code, RF_PERMISSION_DENIED, "%s", st.message);
    cr_expect_not_null(strstr(st.message, "recorder.device"), "%s", st.message);
}

Test(recorder_devices, S5_a_machine_without_sound_has_no_devices_and_records_publishers)
{
    char code[64];
    program_publisher pub;
    setenv("PULSE_SERVER", "unix:/nonexistent", 1);
    setenv("ALSA_CONFIG_PATH", "/nonexistent", 1);
    program_init(&p);
    program_start(&p, NULL, NULL);
    json_t *list = list_devices();
    cr_expect_eq(json_array_size(json_object_get(list, "devices")), 0u);
    json_decref(list);
    cr_expect_null(try_start("{\"source\":\"device\"}", code));
    cr_expect_str_eq(code, "DEVICE_UNAVAILABLE");
    Recorder__V1__ListDevicesRequest devices = RECORDER__V1__LIST_DEVICES_REQUEST__INIT;
    Recorder__V1__StartRequest begin = RECORDER__V1__START_REQUEST__INIT;
    begin.body = (char *)(uintptr_t) "{\"source\":\"device\"}";
    expect_refused(RECORDER_V1_RECORDER_LIST_DEVICES, &devices.base);
    expect_refused(RECORDER_V1_RECORDER_START, &begin.base);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, 1600, 320);
    json_t *stopped = publisher_stop(&pub);
    cr_expect_eq(number(stopped, "frame_count"), 1600);
    json_decref(stopped);
    program_done(&p);
}
