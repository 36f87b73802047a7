/* The real program, killed while it stores segments of a session that goes on: each is stored once,
 * under one key, and no frame is in none. */
#include "recorder_program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE 16000
#define SECONDS 5
#define FRAMES ((uint64_t)SECONDS * RATE)
#define MESSAGE 1600

static int64_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static const char *text(const json_t *json, const char *name)
{
    const char *s = json_string_value(json_object_get(json, name));
    return s != NULL ? s : "";
}

static size_t count_lines(const char *format, const char *dir)
{
    char line[64] = "";
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("find '%s' %s | wc -l", dir, format);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(fgets(line, sizeof(line), pipe));
    pclose(pipe);
    return strtoul(line, NULL, 10);
}

static void expect_object(recorder_program *p, const json_t *segment)
{
    program_bytes object;
    json_t *meta;
    uint32_t n = (uint32_t)number(segment, "frame_count");
    RF_CLEANUP(rf_cleanup_free) int16_t *want = RF_NEW_ARRAY(int16_t, n + 1);
    program_samples(number(segment, "first_frame"), n, 1, want);
    program_object(p, text(segment, "key"), &object, &meta);
    cr_assert_eq(object.len, n * sizeof(int16_t));
    cr_expect_eq(memcmp(object.data, want, object.len), 0);
    cr_expect_str_eq(text(meta, "sha256"), text(segment, "sha256"));
    cr_expect_eq(number(meta, "sequence"), number(segment, "sequence"));
    json_decref(meta);
    program_bytes_done(&object);
}

/* All segments, in order and without a hole, each an object, and there are no others. */
static void expect_whole(recorder_program *p, const char *session, const char *point)
{
    int64_t at = 0;
    size_t i;
    const json_t *segment;
    json_t *info = program_get(p, session);
    json_array_foreach(json_object_get(info, "segments"), i, segment)
    {
        cr_expect_eq(number(segment, "sequence"), (int64_t)i + 1, "%s", point);
        cr_expect_eq(number(segment, "first_frame"), at, "%s", point);
        at += number(segment, "frame_count");
        expect_object(p, segment);
    }
    cr_expect_eq(at, (int64_t)FRAMES, "%s: 0 lost", point);
    cr_expect_geq(i, (size_t)SECONDS);
    RF_CLEANUP(rf_cleanup_free) char *objects = rf_asprintf("%s/objects", p->dir);
    cr_expect_eq(count_lines("-name '*.pcm'", objects), i, "%s: 0 doubled", point);
    json_decref(info);
}

static void expect_extract(recorder_program *p, const char *session)
{
    program_bytes got;
    Recorder__V1__SegmentRequest m = RECORDER__V1__SEGMENT_REQUEST__INIT;
    RF_CLEANUP(rf_cleanup_free) int16_t *want = RF_NEW_ARRAY(int16_t, FRAMES);
    program_samples(0, FRAMES, 1, want);
    m.session = (char *)(uintptr_t)session;
    program_segment(p, &m, &got);
    cr_assert_eq(got.len, FRAMES * sizeof(int16_t));
    cr_expect_eq(memcmp(got.data, want, got.len), 0, "an extract over all segments");
    program_bytes_done(&got);
}

static void die_at(const char *point)
{
    recorder_program p;
    program_publisher pub;
    char session[33];
    program_init(&p);
    program_start(&p, NULL, point);
    publisher_start(&pub, &p,
                    "{\"store_format\":\"pcm\",\"options\":{\"split\":\"length\","
                    "\"split_max_s\":1}}");
    memcpy(session, pub.session, sizeof(session));
    publisher_samples(&pub, 0, FRAMES, MESSAGE);
    program_await_death(&p);
    publisher_leave(&pub);
    program_start(&p, NULL, NULL);
    cr_assert(publisher_attach(&pub, &p, session), "%s: %s", point, pub.code);
    publisher_samples(&pub, pub.next_frame, FRAMES, MESSAGE);
    json_t *stopped = publisher_stop(&pub);
    cr_expect_str_eq(text(stopped, "state"), "STORED");
    cr_expect_eq(number(stopped, "first_frame") + number(stopped, "frame_count"), (int64_t)FRAMES,
                 "%s: stop gives the last segment", point);
    json_decref(stopped);
    expect_whole(&p, session, point);
    expect_extract(&p, session);
    program_done(&p);
}

Test(recorder_cuts, D6_killed_when_a_cut_is_durable_it_is_stored_once)
{
    die_at("cut:1");
    die_at("cut:2");
}

Test(recorder_cuts, D12_killed_while_a_segment_is_stored_it_is_stored_once)
{
    die_at("metadata:2");
    die_at("publish:1");
    die_at("publish:3");
}

Test(recorder_cuts, D6_killed_when_its_event_is_out_a_segment_is_stored_once)
{
    die_at("outbox:2");
    die_at("segment:1");
    die_at("segment:3");
}

Test(recorder_cuts, section_7_when_the_master_is_gone_an_extract_reads_over_all_segments)
{
    recorder_program p;
    program_publisher pub;
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p,
                    "{\"store_format\":\"pcm\",\"options\":{\"split\":\"length\","
                    "\"split_max_s\":1,\"master_keep_s\":0}}");
    publisher_samples(&pub, 0, FRAMES, MESSAGE);
    json_decref(publisher_stop(&pub));
    RF_CLEANUP(rf_cleanup_free) char *masters = rf_asprintf("%s/recorder/masters", p.dir);
    for (int i = 0; i < 500 && count_lines("-name '*.pcm'", masters) > 0; i++) {
        usleep(10000);
    }
    cr_assert_eq(count_lines("-name '*.pcm'", masters), 0);
    expect_whole(&p, pub.session, "no master");
    expect_extract(&p, pub.session);
    program_done(&p);
}
