/* Sessions in a service without sockets: calls by state, limits, pauses, files, a store that
 * fails. */
#include "recorder_delete.h"
#include "recorder_world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RATE 16000

static void pause_session(recorder_world *w, void *user)
{
    (void)w;
    cr_expect_eq(recorder_session_pause(user, NULL), RECORDER_OK);
}

static void resume_session(recorder_world *w, void *user)
{
    (void)w;
    cr_expect_eq(recorder_session_resume(user, NULL), RECORDER_OK);
}

Test(recorder_sessions, section_7_a_pause_stops_the_frame_counter_and_is_listed)
{
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    world_do(&w, pause_session, s);
    world_do(&w, pause_session, s);
    cr_expect_eq(world_audio(&w, s, RATE, RATE), -ECANCELED, "frames do not count");
    usleep(50000);
    world_do(&w, resume_session, s);
    cr_assert_eq(world_audio(&w, s, RATE, RATE), 0);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(take->frames, 2 * RATE, "T1: the duration excludes it");
    cr_assert_eq(take->pauses.n, 1);
    cr_expect_eq(take->pauses.items[0].frame, RATE);
    cr_expect_geq(take->pauses.items[0].to_utc_ns - take->pauses.items[0].from_utc_ns, 50000000);
    cr_expect_eq(take->live.state, RECORDER_STORED);
    recorder_take_free(take);
    world_close(&w);
    world_done(&w);
}

Test(recorder_sessions, section_8_sessions_have_limits_and_tenants_do_not_see_each_other)
{
    static const char *const settings[] = {"--recorder.sessions_per_tenant=2",
                                           "--recorder.sessions_max=3", NULL};
    recorder_world w;
    recorder_session *s[4];
    world_init(&w);
    world_open(&w, settings);
    cr_assert_eq(world_start(&w, "a", "", &s[0]), RECORDER_OK);
    cr_assert_eq(world_start(&w, "a", "", &s[1]), RECORDER_OK);
    cr_expect_eq(world_start(&w, "a", "", &s[2]), RECORDER_TOO_MANY_SESSIONS);
    cr_assert_eq(world_start(&w, "b", "", &s[2]), RECORDER_OK);
    cr_expect_eq(world_start(&w, "c", "", &s[3]), RECORDER_TOO_MANY_SESSIONS);
    cr_expect_null(recorder_registry_get(w.service.registry, "b", s[0]->take->start.id));
    cr_expect_eq(recorder_registry_get(w.service.registry, "a", s[0]->take->start.id), s[0]);
    cr_expect_eq(world_stop(&w, s[0]), RECORDER_OK);
    cr_expect_eq(world_start(&w, "a", "", &s[3]), RECORDER_OK, "a finished one has no place");
    world_close(&w);
    world_done(&w);
}

Test(recorder_sessions, section_5_a_session_ends_at_its_greatest_length)
{
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "{\"options\":{\"max_length_s\":1}}", &s), RECORDER_OK);
    cr_expect_eq(world_audio(&w, s, 0, RATE + 100), 0);
    cr_assert(world_await(&w, s, RECORDER_STORED));
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(take->frames, RATE);
    cr_expect_eq(take->reason, RECORDER_REASON_MAX_LENGTH);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK, "O2: stop gives what there is");
    recorder_take_free(take);
    world_close(&w);
    world_done(&w);
}

Test(recorder_sessions, D8_D11_Q6_a_store_that_fails_keeps_all_takes_under_their_keys)
{
    static const char *const settings[] = {"--recorder.stop_wait_s=1", NULL};
    recorder_world w;
    recorder_session *s[3];
    char key[RECORDER_KEY_SIZE];
    char then[RECORDER_KEY_SIZE];
    world_init(&w);
    world_open(&w, settings);
    rf_store *real = w.service.store;
    char *gone = rf_asprintf("dir:%s/gone", w.dir);
    rf_store *broken;
    cr_assert_eq(rf_store_open(gone, &broken), 0);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("rm -rf '%s/gone'; touch '%s/gone'", w.dir, w.dir);
    cr_assert_eq(system(command), 0);
    w.service.store = broken;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(world_start(&w, "t", "", &s[i]), RECORDER_OK);
        cr_assert_eq(world_audio(&w, s[i], 0, RATE), 0);
    }
    recorder_take *take = world_take(&w, s[0]);
    recorder_take_key(take, key);
    recorder_take_free(take);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(world_stop(&w, s[i]), RECORDER_STORE_FAILED);
        cr_expect(world_await(&w, s[i], RECORDER_PENDING));
    }
    w.service.store = real;
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(world_stop(&w, s[i]), RECORDER_OK, "a later stop publishes");
        cr_expect(world_await(&w, s[i], RECORDER_STORED));
    }
    take = world_take(&w, s[0]);
    recorder_take_key(take, then);
    cr_expect_str_eq(key, then);
    cr_expect_eq(take->segments.items[0].n_frames, RATE);
    recorder_take *other = world_take(&w, s[1]);
    cr_expect_eq(memcmp(take->segments.items[0].sha256, other->segments.items[0].sha256,
                        RECORDER_SHA256_LEN),
                 0, "equal audio, equal SHA-256");
    recorder_take_free(take);
    recorder_take_free(other);
    world_close(&w);
    rf_store_close(broken);
    free(gone);
    world_done(&w);
}

static void write_raw(recorder_world *w, const char *name, uint32_t n)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/files/%s", w->dir, name);
    RF_CLEANUP(rf_cleanup_free) int16_t *samples = RF_NEW_ARRAY(int16_t, n);
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_CREAT | O_WRONLY, 0600);
    for (uint32_t i = 0; i < n; i++) {
        samples[i] = (int16_t)(uint16_t)i;
    }
    cr_assert_eq(write(fd, samples, n * 2), (ssize_t)(n * 2));
}

static bool equal_files(const char *a, const char *b)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("cmp -s '%s' '%s'", a, b);
    return system(command) == 0;
}

Test(recorder_sessions, S5_a_file_is_recorded_to_its_end_and_nothing_outside_its_directory)
{
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    RF_CLEANUP(rf_cleanup_free) char *files = rf_asprintf("%s/files", w.dir);
    RF_CLEANUP(rf_cleanup_free) char *root = rf_asprintf("--recorder.file_root=%s", files);
    const char *const settings[] = {root, NULL};
    cr_assert_eq(mkdir(files, 0700), 0);
    write_raw(&w, "ramp.pcm", 5 * RATE + 7);
    RF_CLEANUP(rf_cleanup_free) char *link = rf_asprintf("%s/link.pcm", files);
    cr_assert_eq(symlink("/etc/passwd", link), 0);
    world_open(&w, NULL);
    cr_expect_eq(world_start(&w, "t", "{\"source\":\"file\",\"source_name\":\"ramp.pcm\"}", &s),
                 RECORDER_DEVICE_UNAVAILABLE, "off by default");
    world_close(&w);
    world_open(&w, settings);
    cr_assert_eq(world_start(&w, "t", "{\"source\":\"file\",\"source_name\":\"ramp.pcm@0\"}", &s),
                 RECORDER_OK);
    cr_assert(world_await(&w, s, RECORDER_STORED));
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(take->frames, 5 * RATE + 7);
    cr_expect_eq(take->reason, RECORDER_REASON_SOURCE_END);
    recorder_take_free(take);
    RF_CLEANUP(rf_cleanup_free) char *ramp = rf_asprintf("%s/ramp.pcm", files);
    cr_expect(equal_files(s->path, ramp), "the master has every sample");
    static const char *const refused[] = {"../recorder/lock", "/etc/passwd", "link.pcm", "none.pcm",
                                          "ramp.pcm@-1"};
    for (size_t i = 0; i < RF_ARRAY_LEN(refused); i++) {
        RF_CLEANUP(rf_cleanup_free)
        char *body = rf_asprintf("{\"source\":\"file\",\"source_name\":\"%s\"}", refused[i]);
        cr_expect_neq(world_start(&w, "t", body, &s), RECORDER_OK, "%s", refused[i]);
    }
    world_close(&w);
    world_done(&w);
}

Test(recorder_sessions, D6_a_service_that_is_closed_finds_its_sessions_again)
{
    recorder_world w;
    recorder_session *s;
    uint8_t id[RECORDER_ID_LEN];
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    memcpy(id, s->take->start.id, sizeof(id));
    world_close(&w);
    world_open(&w, NULL);
    s = recorder_registry_get(w.service.registry, "t", id);
    cr_assert_not_null(s);
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(take->frames, RATE);
    cr_expect_eq(take->live.state, RECORDER_INTERRUPTED);
    recorder_take_free(take);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    cr_expect(world_await(&w, s, RECORDER_STORED));
    world_close(&w);
    world_done(&w);
}

static void sweep(recorder_world *w, void *user)
{
    int64_t *at_ns = user;
    *at_ns = (int64_t)recorder_delete_expired(&w->service, *at_ns);
}

Test(recorder_sessions, section_7_retention_deletes_after_its_days_and_never_without)
{
    recorder_world w;
    recorder_session *s;
    recorder_session *kept;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "{\"options\":{\"retention_days\":2}}", &s), RECORDER_OK);
    cr_assert_eq(world_start(&w, "t", "", &kept), RECORDER_OK);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    cr_expect_eq(world_stop(&w, kept), RECORDER_OK);
    recorder_take *take = world_take(&w, s);
    int64_t day_ns = INT64_C(86400) * 1000000000;
    int64_t at_ns = take->changed_utc_ns + 2 * day_ns - 1;
    world_do(&w, sweep, &at_ns);
    cr_expect_eq(at_ns, 0, "not before");
    at_ns = take->changed_utc_ns + 2 * day_ns;
    world_do(&w, sweep, &at_ns);
    cr_expect_eq(at_ns, 1);
    cr_expect(world_await(&w, s, RECORDER_DELETED));
    cr_expect_lt(access(s->path, F_OK), 0, "the master is gone");
    recorder_take_free(take);
    at_ns = INT64_C(100000) * day_ns;
    world_do(&w, sweep, &at_ns);
    cr_expect_eq(at_ns, 0, "0 days are for ever");
    world_close(&w);
    world_done(&w);
}

static void step_clock(recorder_world *w, void *user)
{
    const int64_t *step_ns = user;
    recorder_service_clock(&w->service, w->service.utc_offset_ns + *step_ns);
}

Test(recorder_sessions, T3_Q2_steps_of_the_wall_clock_are_noted_and_do_not_move_the_map)
{
    recorder_world w;
    recorder_session *s;
    int64_t hour_ns = INT64_C(3600) * 1000000000;
    int64_t slew_ns = 5000000;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    recorder_take *before = world_take(&w, s);
    int64_t back_ns = -hour_ns;
    world_do(&w, step_clock, &back_ns);
    world_do(&w, step_clock, &slew_ns);
    recorder_take *after = world_take(&w, s);
    cr_assert_geq(after->clock_steps.n, 1);
    cr_expect_eq(after->clock_steps.items[0].step_ms, -3600000);
    cr_expect_eq(after->clock_steps.items[0].frame, RATE);
    cr_expect_eq(after->map.n, before->map.n);
    cr_expect_eq(
        memcmp(after->map.items, before->map.items, after->map.n * sizeof(after->map.items[0])), 0,
        "the map moves 0 ns");
    recorder_take_free(before);
    recorder_take_free(after);
    world_close(&w);
    world_done(&w);
}

Test(recorder_sessions, section_7_a_pause_in_mode_silence_is_as_long_as_its_silence)
{
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "{\"options\":{\"pause_mode\":\"silence\"}}", &s),
                 RECORDER_OK);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    world_do(&w, pause_session, s);
    usleep(100000);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    recorder_take *take = world_take(&w, s);
    cr_expect_geq(take->frames, RATE + RATE / 10);
    cr_expect_leq(take->frames, RATE + RATE * 2);
    cr_expect_eq(take->segments.items[0].n_frames, take->frames);
    recorder_take_free(take);
    world_close(&w);
    world_done(&w);
}
