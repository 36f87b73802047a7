/* Sessions that leave a process for the store, and go on in another one. */
#include "figures.h"
#include "world.h"

#include "jam_format.h"
#include "jam_parked.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512
#define FRAMES 25
#define HOP ((int64_t)FRAMES * JAM_FRAME_SAMPLES)

static world a; /* the process that ends */
static world b; /* the one that goes on */
static char dir[64];
static char *url;

static void use_store(world *w)
{
    w->store_url = url;
}

static void open_worlds(void)
{
    rf_time_drive();
    rf_copy_str(dir, sizeof(dir), "/tmp/reflection-jam-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    url = rf_asprintf("dir:%s", dir);
    world_open(&a, use_store);
    world_open(&b, use_store);
    world_settle(&a);
    world_settle(&b);
}

static void close_worlds(void)
{
    world_close(&a);
    world_close(&b);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
    free(url);
}

TestSuite(parked, .init = open_worlds, .fini = close_worlds, .timeout = 60);

static world_client *play(const char *extra)
{
    char params[TEXT_MAX];
    snprintf(params, sizeof(params), "{\"pace\":\"realtime\",\"max_decode_frames\":%d%s}", FRAMES,
             extra);
    world_client *c = world_start(&a, params);
    world_settle(&a);
    return c;
}

/* The old process drains to its end. */
static void drain(void)
{
    jam_service_drain(&a.service, 100);
    world_pass(&a, 101);
    world_settle(&a);
    cr_assert(jam_service_is_idle(&a.service));
}

static world_client *resume_as(const char *tenant, const world_client *c, int64_t last_index)
{
    char text[TEXT_MAX];
    world_client *d = world_connect(&b, tenant, "10.0.0.1");
    snprintf(
        text, sizeof(text),
        "{\"type\":\"start\",\"binary_audio\":true,\"resume_token\":\"%s\",\"last_index\":%lld}",
        world_str(world_nth(c, "started", 0), "resume_token"), (long long)last_index);
    world_say(d, text);
    world_settle(&b);
    return d;
}

static world_client *resume(const world_client *c, int64_t last_index)
{
    return resume_as("tenant", c, last_index);
}

static const char *last_error(const world_client *c)
{
    return world_str(world_last(c, "error"), "code");
}

static float sample_at(const world_note *note, size_t i)
{
    float x;
    memcpy(&x, note->file + JAM_WAV_F32_HEADER + i * sizeof(float), sizeof(x));
    return x;
}

Test(parked, a_drained_session_goes_on_in_another_process_with_its_token)
{
    world_client *c = play("");
    world_pass(&a, 5000);
    size_t n = world_n_chunks(c);
    drain();
    cr_assert_eq(c->closed, 1012);
    cr_assert_eq(world_count(c, "stopped"), 0);
    world_client *d = resume(c, (int64_t)n - 3);
    json_t *started = world_nth(d, "started", 0);
    cr_assert_not_null(started, "%s", last_error(d));
    cr_assert(json_is_true(json_object_get(started, "resumed")));
    cr_assert_str_eq(world_str(started, "session_id"),
                     world_str(world_nth(c, "started", 0), "session_id"));
    for (size_t i = 0; i < 2; i++) { /* replayed, to the byte */
        const world_note *x = world_chunk(c, n - 2 + i);
        const world_note *y = world_chunk(d, i);
        cr_assert_eq(x->file_len, y->file_len);
        cr_assert_eq(memcmp(x->file, y->file, x->file_len), 0);
        cr_assert_str_eq(x[1].text, y[1].text);
    }
    world_pass(&b, 3000);
    size_t m = world_n_chunks(d);
    cr_assert_geq(m, 5);
    for (size_t i = 1; i < m; i++) {
        cr_assert_eq(world_meta_i64(d, i, "index"), world_meta_i64(d, i - 1, "index") + 1);
        cr_assert_eq(world_meta_i64(d, i, "start_sample"),
                     world_meta_i64(d, i - 1, "start_sample") + HOP);
    }
}

Test(parked, the_copy_rule_holds_over_the_move_and_the_sound_has_no_step)
{
    world_client *c = play(",\"bpm\":90");
    world_pass(&a, 5000);
    drain();
    world_client *d = resume(c, (int64_t)world_n_chunks(c) - 1);
    world_pass(&b, 3000);
    const world_note *last = world_chunk(c, world_n_chunks(c) - 1);
    for (size_t k = 0; k + 1 < world_n_chunks(d); k++) {
        const world_note *next = world_chunk(d, k);
        cr_assert_eq(memcmp(last->file + last->file_len - 1920 * 8, next->file + JAM_WAV_F32_HEADER,
                            1920 * 8),
                     0, "chunk %zu", k);
        last = next;
    }
}

Test(parked, controls_settings_and_counts_come_along)
{
    jam_session_info before, after;
    char listen_token[32];
    world_client *c = play(",\"styles\":\"jazz,techno\",\"style_weights\":\"1,3\",\"key\":\"F#\","
                           "\"format\":\"wav-s16\",\"crossfade_seconds\":0.025");
    world_pass(&a, 3000);
    world_say(c,
              "{\"type\":\"update\",\"bpm\":133,\"density\":0.25,\"stems\":{\"bass\":{\"gain_db\":"
              "-6,\"mute\":true}},\"section\":\"drop\",\"scale\":\"lydian\"}");
    world_pass(&a, 2000);
    jam_session_inform(world_session(c), &before);
    rf_copy_str(listen_token, sizeof(listen_token), before.listen_token);
    size_t n = world_n_chunks(c);
    drain();
    world_client *d = resume(c, (int64_t)n - 1);
    jam_session_inform(world_session(d), &after);
    cr_assert_eq(after.seed, before.seed);
    cr_assert_eq(after.rev, before.rev);
    cr_assert_eq(after.started_wall_ms, before.started_wall_ms);
    cr_assert_eq(after.samples_sent, before.samples_sent + HOP);
    cr_assert_eq(after.controls.n_styles, 2);
    cr_assert_str_eq(after.controls.styles[1].name, "techno");
    cr_assert_float_eq(after.controls.styles[1].weight, 0.75, 1e-12);
    cr_assert_float_eq(after.controls.bpm, 133.0, 1e-12);
    cr_assert_eq(after.controls.key, 6);
    cr_assert_eq(after.controls.scale, JAM_SCALE_LYDIAN);
    cr_assert_float_eq(after.controls.density, 0.25, 1e-12);
    cr_assert_lt(after.controls.brightness, 0.0);
    cr_assert_float_eq(after.controls.stems[JAM_STEM_BASS].gain_db, -6.0, 1e-12);
    cr_assert(after.controls.stems[JAM_STEM_BASS].mute);
    cr_assert_eq(after.controls.section, JAM_SECTION_DROP);
    cr_assert_eq(after.settings.overlap, 1200);
    cr_assert_eq(after.settings.format, JAM_FORMAT_WAV_S16);
    cr_assert_str_eq(after.listen_token, listen_token);
}

Test(parked, a_session_that_waits_for_its_client_goes_to_the_store_too)
{
    world_client *c = play("");
    world_pass(&a, 3000);
    world_leave(c);
    drain();
    world_client *d = resume(c, 0);
    cr_assert_not_null(world_nth(d, "started", 0));
    cr_assert_eq(world_meta_i64(d, 0, "index"), 1);
}

Test(parked, one_whose_client_leaves_during_the_drain_does_as_well)
{
    world_client *c = play("");
    world_pass(&a, 3000);
    jam_service_drain(&a.service, 10000);
    world_leave(c);
    world_settle(&a);
    cr_assert_null(jam_registry_at(a.service.registry, 0));
    cr_assert_not_null(world_nth(resume(c, 0), "started", 0));
}

Test(parked, a_paused_session_stays_paused)
{
    world_client *c = play("");
    world_pass(&a, 2000);
    world_say(c, "{\"type\":\"pause\"}");
    size_t n = world_n_chunks(c);
    drain();
    world_client *d = resume(c, (int64_t)n - 1);
    world_pass(&b, 3000);
    cr_assert_eq(world_n_chunks(d), 0);
    world_say(d, "{\"type\":\"resume\"}");
    world_settle(&b);
    cr_assert_eq(world_meta_i64(d, 0, "index"), (int64_t)n);
}

Test(parked, a_session_is_taken_up_once)
{
    world_client *c = play("");
    world_pass(&a, 2000);
    drain();
    world_client *d = resume(c, 0);
    cr_assert_not_null(world_nth(d, "started", 0));
    cr_assert_str_eq(last_error(resume(c, 0)), "RESUME_UNKNOWN");
    cr_assert_eq(b.service.engines->entries[0].n_used, 1);
}

Test(parked, two_at_once_with_one_token_do_not_get_two_sessions)
{
    char text[TEXT_MAX];
    world_client *c = play("");
    world_pass(&a, 2000);
    drain();
    world_client *d = world_connect(&b, "tenant", "10.0.0.1");
    world_client *e = world_connect(&b, "tenant", "10.0.0.1");
    snprintf(text, sizeof(text), "{\"type\":\"start\",\"resume_token\":\"%s\"}",
             world_str(world_nth(c, "started", 0), "resume_token"));
    world_say(d, text);
    world_say(e, text);
    world_settle(&b);
    cr_assert_eq(world_count(d, "started") + world_count(e, "started"), 1);
    cr_assert_eq(world_count(d, "error") + world_count(e, "error"), 1);
    cr_assert_eq(b.service.engines->entries[0].n_used, 1);
}

Test(parked, it_belongs_to_its_owner)
{
    world_client *c = play("");
    world_pass(&a, 2000);
    drain();
    cr_assert_str_eq(last_error(resume_as("other", c, 0)), "RESUME_UNKNOWN");
    cr_assert_not_null(world_nth(resume(c, 0), "started", 0));
}

Test(parked, after_30_s_it_is_unknown)
{
    world_client *c = play("");
    world_pass(&a, 2000);
    drain();
    rf_time_advance(31 * RF_NS_PER_S);
    cr_assert_str_eq(last_error(resume(c, 0)), "RESUME_UNKNOWN");
}

Test(parked, a_token_that_nobody_gave_is_unknown)
{
    world_client *d = world_connect(&b, "tenant", "10.0.0.1");
    world_say(d, "{\"type\":\"start\",\"resume_token\":\"AAAAAAAAAAAAAAAAAAAAAA\"}");
    world_settle(&b);
    cr_assert_str_eq(last_error(d), "RESUME_UNKNOWN");
    cr_assert_eq(d->closed, 0);
}

Test(parked, a_client_that_leaves_while_it_is_read_can_come_again)
{
    char text[TEXT_MAX];
    world_client *c = play("");
    world_pass(&a, 2000);
    drain();
    world_client *d = world_connect(&b, "tenant", "10.0.0.1");
    snprintf(text, sizeof(text), "{\"type\":\"start\",\"resume_token\":\"%s\"}",
             world_str(world_nth(c, "started", 0), "resume_token"));
    world_say(d, text);
    world_leave(d);
    world_settle(&b);
    cr_assert_not_null(world_nth(resume(c, 0), "started", 0));
}

Test(parked, what_is_steered_on_the_way_is_refused)
{
    world_client *c = play("");
    world_pass(&a, 2000);
    jam_session_evict(world_session(c));
    world_say(c, "{\"type\":\"update\",\"bpm\":100}");
    cr_assert_str_eq(last_error(c), "DRAINING");
    world_say(c, "{\"type\":\"ping\"}");
    cr_assert_eq(world_count(c, "pong"), 1);
    world_settle(&a);
    cr_assert_eq(c->closed, 1012);
}

Test(parked, bytes_that_make_no_sense_are_refused)
{
    jam_parked *p;
    static const char *const bad[] = {
        "",      "\n",
        "{}\n",  "{\"version\":1}\n",
        "[1]\n", "{\"version\":2,\"id\":\"01m8hsg3vzkxpj05cjy79jt2mw\"}\n"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_assert_eq(jam_parked_read(bad[i], strlen(bad[i]), &p), -EBADMSG, "%s", bad[i]);
    }
}

Test(parked, every_overlap_is_read_as_it_was_written)
{
    for (uint32_t overlap = 0; overlap <= JAM_OVERLAP_MAX; overlap += FIGURES_EVERY(7)) {
        jam_parked *read;
        jam_parked *p = RF_NEW(jam_parked);
        rf_buf bytes;
        rf_buf_init(&bytes, JAM_PARKED_MAX);
        jam_registry_id(p->id);
        p->tenant = rf_strdup("t");
        p->address = rf_strdup("a");
        jam_settings_default(&p->settings);
        jam_controls_default(&p->controls);
        p->settings.overlap = p->border.overlap = overlap;
        p->border.index = 1;
        p->border.start = JAM_FRAME_SAMPLES;
        cr_assert_eq(jam_parked_write(p, &bytes), 0);
        cr_assert_eq(jam_parked_read(bytes.data, bytes.len, &read), 0, "%u", overlap);
        cr_assert_eq(read->settings.overlap, overlap);
        for (size_t cut = 0; cut < bytes.len; cut += bytes.len / 7 + 1) {
            jam_parked *none;
            cr_assert_eq(jam_parked_read(bytes.data, cut, &none), -EBADMSG);
        }
        jam_parked_free(read);
        jam_parked_free(p);
        rf_buf_done(&bytes);
    }
}

Test(parked, the_largest_step_over_the_move_is_that_of_the_sound)
{
    world_client *c = play("");
    world_pass(&a, 4000);
    drain();
    size_t n = world_n_chunks(c);
    world_client *d = resume(c, (int64_t)n - 2);
    world_pass(&b, 1500);
    const world_note *first = world_chunk(d, 1); /* the first of the new instance */
    float largest = 0.0F, within = 0.0F;
    for (size_t i = 1; i < (size_t)HOP; i++) {
        float step = fabsf(sample_at(first, 2 * i) - sample_at(first, 2 * i - 2));
        if (i < 2 * 1920 + 960) {
            largest = fmaxf(largest, step);
        } else {
            within = fmaxf(within, step);
        }
    }
    cr_assert_leq(largest, 1.5F * within);
}
