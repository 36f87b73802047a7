/*
 * The small parts: URLs, keys, cache, workers' slots.
 */
#include "job_cache.h"
#include "job_keys.h"
#include "job_urls.h"
#include "job_workers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rf_id.h"
#include "rf_time.h"

#define BASE "https://localhost:8443"
#define ID "0b6f1c2d-3e4f-4a5b-8c7d-9e0f1a2b3c4d"

static char dir[] = "/tmp/reflection-parts-XXXXXX";
static rf_signer *signer;
static job_urls *urls;
static job_arena arena;

static char *in_dir(const char *name)
{
    return job_arena_printf(&arena, "%s/%s", dir, name);
}

static void set_up(void)
{
    rf_time_drive();
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(rf_signer_open(in_dir("signing.keys"), &signer), 0);
    cr_assert_eq(job_urls_new(BASE "/", signer, &urls), 0);
}

static void tear_down(void)
{
    urls = job_urls_free(urls);
    signer = rf_signer_free(signer);
    unlink(in_dir("signing.keys"));
    unlink(in_dir("api.secret"));
    rmdir(dir);
    job_arena_done(&arena);
}

TestSuite(parts, .init = set_up, .fini = tear_down);

/* ---- URLs ---- */

/* U6 */
Test(parts, the_public_base_is_https_with_a_host_and_no_path)
{
    static const struct {
        const char *base;
        int err;
    } rows[] = {{"https://h", 0},
                {"https://h:8443", 0},
                {"https://h:8443/", 0},
                {"https://[::1]:8443", 0},
                {"http://h", -EINVAL},
                {"https://", -EINVAL},
                {"https:///", -EINVAL},
                {"https://h/path", -EINVAL},
                {"https://h?x", -EINVAL},
                {"https://u@h", -EINVAL},
                {"", -EINVAL}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        job_urls *u = NULL;
        cr_assert_eq(job_urls_new(rows[i].base, signer, &u), rows[i].err, "%s", rows[i].base);
        job_urls_free(u);
    }
}

static job_url classify(const char *method, const char *url)
{
    job_url ret;
    job_urls_classify(urls, &arena, method, url, rf_time_wall_ms(), &ret);
    return ret;
}

Test(parts, own_upload_urls_are_known_for_their_method)
{
    int64_t until_ms = rf_time_wall_ms() + 60000;
    const char *put = job_urls_upload(urls, &arena, "PUT", ID, until_ms);
    const char *get = job_urls_upload(urls, &arena, "GET", ID, until_ms);
    cr_assert_eq(strncmp(put, BASE "/uploads/" ID "?e=", strlen(BASE "/uploads/" ID "?e=")), 0);
    cr_assert_eq(classify("PUT", put).kind, JOB_URL_UPLOAD);
    cr_assert_str_eq(classify("PUT", put).id, ID);
    cr_assert_eq(classify("GET", get).kind, JOB_URL_UPLOAD);
    cr_assert_eq(classify("GET", put).kind, JOB_URL_BAD, "S8: a PUT URL must not read");
    cr_assert_eq(classify("PUT", get).kind, JOB_URL_BAD);
}

Test(parts, own_result_urls_give_job_and_file_name)
{
    const char *url =
        job_urls_result(urls, &arena, ID, "Kick drum", "wav", rf_time_wall_ms() + 60000);
    cr_assert_not_null(strstr(url, "/files/" ID "/Kick%20drum.wav?"), "Q3");
    job_url own = classify("GET", url);
    cr_assert_eq(own.kind, JOB_URL_FILE);
    cr_assert_str_eq(own.id, ID);
    cr_assert_str_eq(own.file_name, "Kick drum.wav");
    cr_assert_eq(classify("GET", job_arena_printf(&arena, "%s#part", url)).kind, JOB_URL_FILE);
}

Test(parts, recordings_are_named_by_their_key_and_found_below_the_application)
{
    job_url own = classify("GET", "recording:recordings/jam/a.wav");
    cr_assert_eq(own.kind, JOB_URL_RECORDING);
    cr_assert_str_eq(own.id, "recordings/jam/a.wav");
    const char *input = job_urls_recording(&arena, ID, own.id);
    cr_assert_str_eq(job_urls_recording_object(&arena, input),
                     "recorder/" ID "/recordings/jam/a.wav");
    cr_assert_null(job_urls_recording_object(&arena, "https://h/recording:x"));
    cr_assert_eq(classify("GET", "https://h/recording:x").kind, JOB_URL_OUTSIDE);
}

/* U4 */
Test(parts, own_urls_expire)
{
    const char *url = job_urls_upload(urls, &arena, "GET", ID, rf_time_wall_ms() + 60000);
    rf_time_advance(59 * RF_NS_PER_S);
    cr_assert_eq(classify("GET", url).kind, JOB_URL_UPLOAD);
    rf_time_advance(2 * RF_NS_PER_S);
    cr_assert_eq(classify("GET", url).kind, JOB_URL_BAD);
}

Test(parts, altered_own_urls_are_bad)
{
    const char *url = job_urls_upload(urls, &arena, "GET", ID, rf_time_wall_ms() + 60000);
    for (size_t i = strlen(BASE "/uploads/"); url[i] != '\0'; i++) {
        char *altered = job_arena_str(&arena, url);
        altered[i] = altered[i] == 'b' ? 'c' : 'b';
        job_url own = classify("GET", altered);
        cr_assert_neq(own.kind, JOB_URL_UPLOAD, "%s", altered);
    }
}

Test(parts, outside_urls_stay_outside)
{
    static const char *const outside[] = {
        "https://example.com/uploads/" ID,
        "http://localhost:8443/uploads/" ID,
        BASE ".evil.test/uploads/" ID,
        BASE "0/uploads/" ID,
        BASE "@evil.test/uploads/" ID,
        BASE,
        BASE "/uploads/not-a-uuid",
        BASE "/uploads/" ID "/more",
        BASE "/files/" ID,
        BASE "/files/x/y.wav",
        BASE "/files/" ID "/bad%zzname.wav",
        BASE "/files/" ID "/nul%00.wav",
        BASE "//uploads/" ID,
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(outside); i++) {
        cr_assert_eq(classify("GET", outside[i]).kind, JOB_URL_OUTSIDE, "%s", outside[i]);
    }
    cr_assert_eq(classify("GET", "HTTPS://LOCALHOST:8443/uploads/" ID).kind, JOB_URL_BAD,
                 "scheme and host ignore case");
}

/* ---- keys ---- */

Test(parts, s9_keys_are_random_and_stored_keyed)
{
    job_keys *keys;
    cr_assert_eq(job_keys_open(in_dir("api.secret"), &keys), 0);
    char first[JOB_KEY_LEN];
    char second[JOB_KEY_LEN];
    char prefix[JOB_KEY_PREFIX_LEN];
    uint8_t stored[RF_SHA256_LEN];
    uint8_t again[RF_SHA256_LEN];
    uint8_t sha256[RF_SHA256_LEN];
    job_keys_make(keys, first, stored, prefix);
    cr_assert_geq(JOB_KEY_BYTES * 8, 128);
    cr_assert_eq(strlen(first), JOB_KEY_LEN - 1);
    cr_assert_eq(strncmp(first, "rk_", 3), 0);
    cr_assert_eq(strncmp(first, prefix, strlen(prefix)), 0);
    rf_sha256_of(first, strlen(first), sha256);
    cr_assert_neq(memcmp(stored, sha256, sizeof(sha256)), 0, "not the bare hash");
    job_keys_stored(keys, sha256, again);
    cr_assert_eq(memcmp(stored, again, sizeof(stored)), 0);
    job_keys_make(keys, second, again, prefix);
    cr_assert_str_neq(first, second);
    job_keys_free(keys);
    struct stat info;
    cr_assert_eq(stat(in_dir("api.secret"), &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
    cr_assert_eq(job_keys_open(in_dir("api.secret"), &keys), 0);
    job_keys_stored(keys, sha256, again);
    cr_assert_eq(memcmp(stored, again, sizeof(stored)), 0, "the secret is kept");
    job_keys_free(keys);
}

/* ---- cache ---- */

#define APP_A "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define APP_B "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"

Test(parts, the_cache_answers_only_the_owner)
{
    job_cache *c = job_cache_new(10);
    job_cache_put(c, APP_A, ID, JOB_QUEUED);
    cr_assert_eq(job_cache_get(c, APP_A, ID), JOB_QUEUED);
    cr_assert_eq(job_cache_get(c, APP_B, ID), JOB_NONE, "S7");
    job_cache_put(c, APP_A, ID, JOB_STARTED);
    cr_assert_eq(job_cache_get(c, APP_A, ID), JOB_STARTED);
    cr_assert_eq(job_cache_count(c), 1);
    job_cache_put(c, APP_A, ID, JOB_NONE);
    cr_assert_eq(job_cache_get(c, APP_A, ID), JOB_NONE);
    job_cache_put(c, APP_A, ID, JOB_NONE);
    cr_assert_eq(job_cache_count(c), 0);
    job_cache_free(c);
}

Test(parts, the_cache_is_bounded_and_drops_the_oldest)
{
    enum { CAPACITY = 100, N = 250 };
    char ids[N][RF_UUID_LEN];
    job_cache *c = job_cache_new(CAPACITY);
    for (size_t i = 0; i < N; i++) {
        job_cache_put(c, APP_A, rf_uuid4(ids[i]), JOB_QUEUED);
    }
    cr_assert_eq(job_cache_count(c), CAPACITY);
    for (size_t i = 0; i < N; i++) {
        job_state expected = i < N - CAPACITY ? JOB_NONE : JOB_QUEUED;
        cr_assert_eq(job_cache_get(c, APP_A, ids[i]), expected);
    }
    job_cache_free(c);
}

Test(parts, the_cache_takes_nonsense_for_unknown)
{
    static const char *const nonsense[] = {"", "x", "zzzz", "0b6f1c2d", ID "00"};
    job_cache *c = job_cache_new(10);
    job_cache_put(c, APP_A, "11111111-1111-4111-8111-111111111111", JOB_QUEUED);
    for (size_t i = 0; i < RF_ARRAY_LEN(nonsense); i++) {
        cr_assert_eq(job_cache_get(c, APP_A, nonsense[i]), JOB_NONE);
    }
    job_cache_free(c);
}

/* ---- slots ---- */

Test(parts, k3_two_references_for_each_free_slot_may_be_out)
{
    job_workers *w = job_workers_new();
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 0, "nobody works");
    cr_assert(job_workers_set(w, "a", JOB_POOL_CPU, 4));
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 8);
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_GPU), 0);
    cr_assert(job_workers_set(w, "b", JOB_POOL_CPU, 1));
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 10);
    cr_assert_not(job_workers_set(w, "a", JOB_POOL_CPU, 0), "fewer slots wake nobody");
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 2);
    cr_assert(job_workers_add(w, "a", 2));
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 6);
    cr_assert_not(job_workers_add(w, "a", -10));
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 2, "never below none");
    cr_assert_not(job_workers_add(w, "stranger", 5));
    job_workers_free(w);
}

Test(parts, one_that_takes_many_jobs_at_once_gets_few_references)
{
    job_workers *w = job_workers_new();
    job_workers_set(w, "a", JOB_POOL_CPU, 200);
    job_workers_claimed(w, "a", JOB_CLAIMS_MANY);
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 400, "it may have been chance");
    for (int i = 0; i < 20; i++) {
        job_workers_claimed(w, "a", 51);
        job_workers_claimed(w, "a", 0);
    }
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 8);
    job_workers_set(w, "a", JOB_POOL_CPU, 1);
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 2);
    job_workers_set(w, "a", JOB_POOL_CPU, 200);
    for (int i = 0; i < 3; i++) {
        job_workers_claimed(w, "a", 1);
    }
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 400);
    job_workers_free(w);
}

Test(parts, a_silent_worker_has_no_slots)
{
    job_workers *w = job_workers_new();
    job_workers_set(w, "a", JOB_POOL_CPU, 4);
    rf_time_advance(JOB_WORKER_SILENT_MS * RF_NS_PER_MS);
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 8);
    rf_time_advance(RF_NS_PER_MS);
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_CPU), 0);
    job_workers_free(w);
}

Test(parts, the_table_of_workers_is_bounded)
{
    job_workers *w = job_workers_new();
    for (int i = 0; i < JOB_WORKERS_MAX + 50; i++) {
        char name[32];
        snprintf(name, sizeof(name), "worker-%d", i);
        job_workers_set(w, name, JOB_POOL_JAM, 1);
    }
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_JAM), 2 * JOB_WORKERS_MAX);
    job_workers_set(w, "huge", JOB_POOL_T2V, UINT32_MAX);
    cr_assert_eq(job_workers_allowed(w, JOB_POOL_T2V), 2 * JOB_SLOTS_MAX);
    job_workers_free(w);
}
