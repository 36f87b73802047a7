/* Workflows on recordings: `recording:KEY` as an input, through the real recorder, job service and
 * worker. */
#include "platform.h"
#include "recorder_program.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#define WAIT_S 60
#define FRAMES 16000
#define HEAD_MAX 4096

static platform *p;
static recorder_program recorder;

static void setup(void)
{
    p = platform_start(NULL);
    program_init_in(&recorder, platform_dir(p), platform_application(p));
    program_start(&recorder, NULL, NULL);
}

static void teardown(void)
{
    program_done(&recorder);
    platform_stop(p);
}

TestSuite(recording_workflow, .init = setup, .fini = teardown, .timeout = 120);

/* Records over RPC as a tenant; the key is the caller's to free. */
static char *record(const char *tenant, const char *prefix)
{
    program_publisher pub;
    const char *own = recorder.tenant;
    RF_CLEANUP(rf_cleanup_free)
    char *body = rf_asprintf("{\"source\":\"network\",\"sample_format\":\"int16\","
                             "\"channels\":1,\"rate\":16000,\"prefixes\":[\"%s\"]}",
                             prefix);
    recorder.tenant = tenant;
    publisher_start(&pub, &recorder, body);
    recorder.tenant = own;
    publisher_samples(&pub, 0, FRAMES, 1600);
    char *key = rf_strdup(pub.key);
    json_decref(publisher_stop(&pub));
    return key;
}

static json_t *run(const char *workflow, const char *param, const char *url, const char *more,
                   char **ret_id)
{
    RF_CLEANUP(rf_cleanup_free) char *params = rf_asprintf("{\"%s\":\"%s\"%s}", param, url, more);
    *ret_id = platform_create(p, workflow, params);
    cr_assert_not_null(*ret_id);
    RF_CLEANUP(rf_cleanup_free) char *text = platform_wait(p, *ret_id, WAIT_S);
    json_t *job = json_loads(text, 0, NULL);
    cr_assert_not_null(job, "%s", text);
    return job;
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text != NULL ? text : "";
}

static void expect_no_recording(const char *key)
{
    char *id;
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("recording:%s", key);
    json_t *job = run("sdk-test", "file", url, "", &id);
    cr_expect_str_eq(text_of(job, "code"), "BAD_INPUT", "%s", key);
    cr_expect_str_eq(text_of(job, "message"),
                     "There is no such recording, or it is not stored yet.");
    json_decref(job);
    free(id);
}

/* The recorded samples at the end of a WAV file, each in its upper two bytes of n_bytes. */
static void expect_samples(const char *wav, size_t len, size_t n_bytes)
{
    int16_t want[FRAMES];
    program_samples(0, FRAMES, 1, want);
    cr_assert_gt(len, FRAMES * n_bytes);
    cr_assert_lt(len, FRAMES * n_bytes + HEAD_MAX);
    cr_expect_eq(memcmp(wav, "RIFF", 4), 0);
    const char *at = wav + len - FRAMES * n_bytes;
    for (size_t i = 0; i < FRAMES; i++, at += n_bytes) {
        cr_assert_eq(memcmp(at + n_bytes - 2, &want[i], 2), 0, "sample %zu", i);
        cr_assert(n_bytes == 2 || at[0] == 0, "sample %zu", i);
    }
}

Test(recording_workflow, a_recording_is_an_input_by_its_key)
{
    /* The longest parts of a key: far above those of a job's own files. */
    char part[129];
    memset(part, 'k', 128);
    part[128] = '\0';
    RF_CLEANUP(rf_cleanup_free) char *prefix = rf_asprintf("%s/%s/%s/%s", part, part, part, part);
    RF_CLEANUP(rf_cleanup_free) char *key = record(platform_application(p), prefix);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("recording:%s", key);
    cr_assert_gt(strlen(key), 512);
    char *id;
    size_t len;
    json_t *job = run("reflection/convert", "inputUrl", url, ",\"format\":\"wav\"", &id);
    cr_assert_str_eq(text_of(job, "status"), "SUCCEEDED", "%s", text_of(job, "message"));
    RF_CLEANUP(rf_cleanup_free) char *wav = platform_file(p, id, "output.wav", &len);
    expect_samples(wav, len, 3);
    json_decref(job);
    free(id);
}

Test(recording_workflow, a_result_that_passes_it_on_is_a_copy_of_its_own)
{
    RF_CLEANUP(rf_cleanup_free) char *key = record(platform_application(p), "a");
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("recording:%s", key);
    char *id;
    size_t len;
    json_t *job = run("sdk-test", "file", url, "", &id);
    cr_assert_str_eq(text_of(job, "status"), "SUCCEEDED", "%s", text_of(job, "message"));
    RF_CLEANUP(rf_cleanup_free) char *wav = platform_file(p, id, "file.wav", &len);
    expect_samples(wav, len, 2);
    platform_delete(p, id);
    program_bytes object;
    json_t *meta;
    program_object(&recorder, key, &object, &meta);
    cr_expect_eq(object.len, len, "the recording stays when the job goes");
    program_bytes_done(&object);
    json_decref(meta);
    json_decref(job);
    free(id);
}

Test(recording_workflow, what_is_another_tenants_or_nowhere_is_not_found)
{
    RF_CLEANUP(rf_cleanup_free) char *key = record("0b6f3c1e-1111-4222-8333-444455556666", "a");
    expect_no_recording(key);
    expect_no_recording("recordings/none.wav");
}

Test(recording_workflow, a_text_that_is_no_key_is_refused)
{
    cr_expect_null(platform_create(p, "sdk-test", "{\"file\":\"recording:\"}"));
    cr_expect_null(platform_create(p, "sdk-test", "{\"file\":\"recording:../x/y.wav\"}"));
    cr_expect_null(platform_create(p, "sdk-test", "{\"file\":\"recording:a//b\"}"));
}
