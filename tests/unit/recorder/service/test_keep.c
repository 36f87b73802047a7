/* What stays of a session that is stored: its master for a time, then its segments; nothing of
 * either once its retention is over. */
#include "recorder_delete.h"
#include "recorder_expiry.h"
#include "recorder_keep.h"
#include "recorder_text.h"
#include "recorder_world_out.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define RATE 16000
#define SECOND_NS INT64_C(1000000000)

typedef struct sweeping {
    int64_t utc_ns;
    size_t n;
} sweeping;

static void sweep_masters(recorder_world *w, void *user)
{
    sweeping *x = user;
    x->n = recorder_keep_sweep(&w->service, x->utc_ns);
}

static size_t sweep(recorder_world *w, int64_t utc_ns)
{
    sweeping x = {.utc_ns = utc_ns};
    world_do(w, sweep_masters, &x);
    return x.n;
}

static void look_gone(recorder_world *w, void *user)
{
    recorder_session **s = user;
    (void)w;
    *s = (*s)->master_gone ? *s : NULL;
}

static bool await_gone(recorder_world *w, recorder_session *s)
{
    recorder_session *gone = NULL;
    for (int i = 0; i < 1000 && gone == NULL; i++) {
        gone = s;
        world_do(w, look_gone, &gone);
        usleep(gone == NULL ? 2000 : 0);
    }
    return gone != NULL && access(s->path, F_OK) < 0;
}

static void look_forgotten(recorder_world *w, void *user)
{
    recorder_session **s = user;
    (void)w;
    *s = (*s)->forgotten ? *s : NULL;
}

static void await_forgotten(recorder_world *w, recorder_session *s)
{
    recorder_session *forgotten = NULL;
    for (int i = 0; i < 1000 && forgotten == NULL; i++) {
        forgotten = s;
        world_do(w, look_forgotten, &forgotten);
        usleep(forgotten == NULL ? 2000 : 0);
    }
    cr_assert_not_null(forgotten);
}

/* A stored session of `seconds`, which the journal has forgotten. */
static recorder_session *stored(recorder_world *w, const char *body, uint32_t seconds)
{
    recorder_session *s;
    cr_assert_eq(world_start(w, "t", body, &s), RECORDER_OK);
    for (uint32_t i = 0; i < seconds; i++) {
        cr_assert_eq(world_audio(w, s, (uint64_t)i * RATE, RATE), 0);
    }
    cr_assert_eq(world_stop(w, s), RECORDER_OK);
    await_forgotten(w, s);
    return s;
}

static int64_t ended_ns(recorder_world *w, recorder_session *s)
{
    recorder_take *take = world_take(w, s);
    const int64_t utc_ns = take->changed_utc_ns;
    recorder_take_free(take);
    return utc_ns;
}

typedef struct served {
    world_bytes all, part, wav, flac, peaks, stream;
} served;

static void serve(recorder_world *w, recorder_session *s, served *ret)
{
    world_segment(w, s, 0, 0, RECORDER_PCM, &ret->all);
    world_segment(w, s, 12345, RATE, RECORDER_PCM, &ret->part);
    world_segment(w, s, 777, 5000, RECORDER_WAV, &ret->wav);
    world_segment(w, s, 777, 5000, RECORDER_FLAC, &ret->flac);
    world_peaks(w, s, &ret->peaks);
    world_stream(w, s, 4321, &ret->stream);
}

static void expect_same(const served *a, const served *b, const char *format)
{
    cr_expect_eq(b->all.error.code, RECORDER_OK, "%s: %s", format, b->all.error.message);
    cr_expect_gt(b->all.len, (size_t)0);
    cr_expect(world_equal(&a->all, &b->all), "%s: all", format);
    cr_expect(world_equal(&a->part, &b->part), "%s: a part", format);
    cr_expect(world_equal(&a->wav, &b->wav), "%s: WAV", format);
    cr_expect(world_equal(&a->flac, &b->flac), "%s: FLAC", format);
    cr_expect(world_equal(&a->peaks, &b->peaks), "%s: peaks", format);
    cr_expect(world_equal(&a->stream, &b->stream), "%s: a stream", format);
    cr_expect(b->all.exact && b->part.exact, "%s", format);
}

static void done(served *x)
{
    world_bytes_done(&x->all);
    world_bytes_done(&x->part);
    world_bytes_done(&x->wav);
    world_bytes_done(&x->flac);
    world_bytes_done(&x->peaks);
    world_bytes_done(&x->stream);
}

/* Kept as long as it was asked to be, gone then, and nothing that is served is another byte. */
static void keep_and_drop(const char *format, const char *sample)
{
    recorder_world w;
    served before;
    served after;
    served restarted;
    uint8_t id[RECORDER_ID_LEN];
    world_init(&w);
    world_open(&w, NULL);
    RF_CLEANUP(rf_cleanup_free)
    char *body = rf_asprintf("{\"store_format\":\"%s\",\"sample_format\":\"%s\","
                             "\"options\":{\"master_keep_s\":7200}}",
                             format, sample);
    recorder_session *s = stored(&w, body, 3);
    memcpy(id, s->take->start.id, sizeof(id));
    const int64_t due_ns = ended_ns(&w, s) + 7200 * SECOND_NS;
    cr_expect_eq(sweep(&w, due_ns - 1), (size_t)0, "not before");
    serve(&w, s, &before);
    cr_expect(before.all.exact);
    cr_expect_eq(sweep(&w, due_ns), (size_t)1);
    cr_assert(await_gone(&w, s));
    cr_expect_eq(sweep(&w, due_ns), (size_t)0, "once");
    serve(&w, s, &after);
    expect_same(&before, &after, format);
    world_close(&w);
    world_open(&w, NULL);
    s = recorder_registry_get(w.service.registry, "t", id);
    cr_assert_not_null(s);
    serve(&w, s, &restarted);
    expect_same(&before, &restarted, format);
    done(&before);
    done(&after);
    done(&restarted);
    world_close(&w);
    world_done(&w);
}

Test(recorder_keep, section_7_a_master_goes_after_its_time_and_wav_serves_the_same_bytes)
{
    keep_and_drop("wav", "int16");
}

Test(recorder_keep, section_7_a_master_goes_after_its_time_and_pcm_serves_the_same_bytes)
{
    keep_and_drop("pcm", "int16");
}

Test(recorder_keep, section_7_a_master_goes_after_its_time_and_flac_serves_the_same_bytes)
{
    keep_and_drop("flac", "int16");
}

static void give_tone(recorder_world *w, void *user)
{
    recorder_session *s = user;
    recorder_error error;
    RF_CLEANUP(rf_cleanup_free) int16_t *samples = RF_NEW_ARRAY(int16_t, RATE);
    const uint64_t first = (uint64_t)s->take->frames;
    (void)w;
    for (uint32_t i = 0; i < RATE; i++) {
        const double t = (double)(first + i) / RATE;
        samples[i] = (int16_t)lrint(8000 * sin(2 * M_PI * (200 + 20 * t) * t));
    }
    cr_assert_eq(recorder_session_audio(s, first, RATE, samples, 0, &error), 0);
}

/* How far b is from a, as parts of a's power. */
static double distance(const world_bytes *a, const world_bytes *b)
{
    double power = 0;
    double error = 0;
    for (size_t i = 0; i + 1 < a->len; i += 2) {
        int16_t x;
        int16_t y;
        memcpy(&x, a->data + i, 2);
        memcpy(&y, b->data + i, 2);
        power += (double)x * x;
        error += ((double)x - y) * ((double)x - y);
    }
    return error / power;
}

static void drop_lossy(const char *format)
{
    static const int64_t begins[] = {0, 1, 15999, 40000, 79999, 6 * RATE - 1600};
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    world_open(&w, NULL);
    RF_CLEANUP(rf_cleanup_free)
    char *body = rf_asprintf("{\"store_format\":\"%s\",\"options\":{\"master_keep_s\":0}}", format);
    cr_assert_eq(world_start(&w, "t", body, &s), RECORDER_OK);
    for (int i = 0; i < 6; i++) {
        world_do(&w, give_tone, s);
    }
    world_bytes sent[RF_ARRAY_LEN(begins)];
    world_bytes all;
    world_segment(&w, s, 0, 6 * RATE, RECORDER_PCM, &all);
    for (size_t i = 0; i < RF_ARRAY_LEN(begins); i++) {
        world_segment(&w, s, begins[i], 1600, RECORDER_PCM, &sent[i]);
        cr_expect(sent[i].exact);
    }
    cr_assert_eq(world_stop(&w, s), RECORDER_OK);
    cr_assert(await_gone(&w, s), "not kept: it goes by itself");
    for (size_t i = 0; i < RF_ARRAY_LEN(begins); i++) {
        world_bytes got;
        world_segment(&w, s, begins[i], 1600, RECORDER_PCM, &got);
        cr_assert_eq(got.error.code, RECORDER_OK, "%s: %s", format, got.error.message);
        cr_expect_not(got.exact, "%s", format);
        cr_assert_eq(got.len, sent[i].len);
        cr_expect_lt(distance(&sent[i], &got), 0.004, "%s from %lld: %g", format,
                     (long long)begins[i], distance(&sent[i], &got));
        world_bytes_done(&got);
        world_bytes_done(&sent[i]);
    }
    world_bytes whole;
    world_stream(&w, s, 0, &whole);
    cr_assert_eq(whole.len, all.len, "%s: %s", format, whole.error.message);
    cr_expect_lt(distance(&all, &whole), 0.004, "%s: windows fit together: %g", format,
                 distance(&all, &whole));
    world_bytes_done(&whole);
    world_bytes_done(&all);
    world_close(&w);
    world_done(&w);
}

Test(recorder_keep, section_7_from_mp3_an_extract_is_in_place_and_not_exact)
{
    drop_lossy("mp3");
}

Test(recorder_keep, section_7_from_opus_an_extract_is_in_place_and_not_exact)
{
    drop_lossy("opus");
}

Test(recorder_keep, D8_only_what_is_stored_loses_its_master)
{
    static const char *const settings[] = {"--recorder.stop_wait_s=1", NULL};
    recorder_world w;
    recorder_session *live;
    recorder_session *pending;
    rf_store *broken;
    world_init(&w);
    world_open(&w, settings);
    const char *body = "{\"options\":{\"master_keep_s\":0}}";
    cr_assert_eq(world_start(&w, "t", body, &live), RECORDER_OK);
    cr_assert_eq(world_audio(&w, live, 0, RATE), 0);
    rf_store *real = w.service.store;
    RF_CLEANUP(rf_cleanup_free) char *gone = rf_asprintf("dir:%s/gone", w.dir);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("rm -rf '%s/gone'; touch '%s/gone'", w.dir, w.dir);
    cr_assert_eq(rf_store_open(gone, &broken), 0);
    cr_assert_eq(system(command), 0);
    w.service.store = broken;
    cr_assert_eq(world_start(&w, "t", body, &pending), RECORDER_OK);
    cr_assert_eq(world_audio(&w, pending, 0, RATE), 0);
    cr_expect_eq(world_stop(&w, pending), RECORDER_STORE_FAILED);
    cr_expect_eq(sweep(&w, INT64_MAX), (size_t)0);
    cr_expect_eq(access(live->path, F_OK), 0);
    cr_expect_eq(access(pending->path, F_OK), 0);
    w.service.store = real;
    cr_expect_eq(world_stop(&w, pending), RECORDER_OK);
    cr_expect(await_gone(&w, pending));
    world_close(&w);
    rf_store_close(broken);
    world_done(&w);
}

static int low_checks;

/* Little space until two masters are gone. */
static int64_t two_too_many(const char *path)
{
    (void)path;
    return low_checks++ < 2 ? 0 : INT64_MAX;
}

static void relieve(recorder_world *w, void *user)
{
    (void)user;
    w->service.free_bytes = two_too_many;
    recorder_keep_relieve(&w->service);
}

Test(recorder_keep, D9_on_a_low_disk_stored_masters_go_oldest_first_until_there_is_space)
{
    recorder_world w;
    recorder_session *s[4];
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "", &s[0]), RECORDER_OK);
    cr_assert_eq(world_audio(&w, s[0], 0, RATE), 0);
    for (int i = 1; i < 4; i++) {
        s[i] = stored(&w, "", 1);
    }
    low_checks = 0;
    world_do(&w, relieve, NULL);
    cr_expect(await_gone(&w, s[1]));
    cr_expect(await_gone(&w, s[2]));
    cr_expect_eq(access(s[3]->path, F_OK), 0, "there is space again");
    cr_expect_eq(access(s[0]->path, F_OK), 0, "D8: not stored");
    cr_expect_eq(low_checks, 3);
    world_close(&w);
    world_done(&w);
}

Test(recorder_keep, D9_the_disks_own_word_drops_masters_and_below_the_least_nothing_starts)
{
    static const char *const settings[] = {"--recorder.low_mib=1048576",
                                           "--recorder.min_free_mib=1048576", NULL};
    recorder_world w;
    recorder_session *s;
    uint8_t id[RECORDER_ID_LEN];
    world_init(&w);
    world_open(&w, NULL);
    s = stored(&w, "", 1);
    memcpy(id, s->take->start.id, sizeof(id));
    world_close(&w);
    world_open(&w, settings);
    s = recorder_registry_get(w.service.registry, "t", id);
    cr_assert_not_null(s);
    cr_expect(await_gone(&w, s), "disk_low");
    cr_expect_eq(world_start(&w, "t", "", &s), RECORDER_NO_SPACE);
    world_close(&w);
    world_done(&w);
}

Test(recorder_keep, section_8_what_is_forgotten_for_lack_of_place_leaves_no_master)
{
    static const char *const settings[] = {"--recorder.finished_max=1", NULL};
    recorder_world w;
    world_init(&w);
    world_open(&w, settings);
    recorder_session *s = stored(&w, "", 1);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_strdup(s->path);
    recorder_session *other = stored(&w, "", 1);
    for (int i = 0; i < 1000 && access(path, F_OK) == 0; i++) {
        usleep(2000);
    }
    cr_expect_lt(access(path, F_OK), 0);
    cr_expect_eq(access(other->path, F_OK), 0);
    world_close(&w);
    world_done(&w);
}

typedef struct expiry {
    int64_t utc_ns;
    size_t n;
} expiry;

static void delete_expired(recorder_world *w, void *user)
{
    expiry *x = user;
    x->n = recorder_delete_expired(&w->service, x->utc_ns);
}

Test(recorder_keep, section_7_retention_deletes_after_a_restart_too_and_without_a_master)
{
    recorder_world w;
    uint8_t id[RECORDER_ID_LEN];
    char key[RECORDER_KEY_SIZE];
    char object[RECORDER_OBJECT_SIZE];
    rf_store_info info;
    world_init(&w);
    world_open(&w, NULL);
    recorder_session *s = stored(&w, "{\"options\":{\"retention_days\":1,\"master_keep_s\":0}}", 1);
    cr_assert(await_gone(&w, s));
    memcpy(id, s->take->start.id, sizeof(id));
    recorder_take_segment_key(s->take, 0, key);
    cr_assert_eq(recorder_shelf_object("t", key, object), 0);
    expiry x = {.utc_ns = ended_ns(&w, s) + 86400 * SECOND_NS};
    world_close(&w);
    world_open(&w, NULL);
    s = recorder_registry_get(w.service.registry, "t", id);
    cr_assert_not_null(s);
    cr_expect_eq(rf_store_stat(w.service.store, object, &info), 0);
    world_do(&w, delete_expired, &x);
    cr_expect_eq(x.n, (size_t)1);
    cr_assert(world_await(&w, s, RECORDER_DELETED));
    cr_expect_eq(rf_store_stat(w.service.store, object, &info), -ENOENT);
    world_close(&w);
    world_open(&w, NULL);
    recorder_session *found;
    recorder_error error;
    char text[33];
    cr_expect_eq(
        recorder_registry_find(w.service.registry, "t", recorder_text_id(id, text), &found, &error),
        RECORDER_GONE, "it stays so");
    world_close(&w);
    world_done(&w);
}

static void search(recorder_world *w, void *user)
{
    const int64_t *utc_ns = user;
    recorder_expiry_search(&w->service, *utc_ns);
}

static bool await_object_gone(recorder_world *w, const char *object)
{
    rf_store_info info;
    for (int i = 0; i < 1000 && rf_store_stat(w->service.store, object, &info) == 0; i++) {
        usleep(5000);
    }
    return rf_store_stat(w->service.store, object, &info) == -ENOENT;
}

Test(recorder_keep, section_7_retention_deletes_what_is_no_longer_known_too)
{
    static const char *const settings[] = {"--recorder.finished_max=1", NULL};
    recorder_world w;
    char key[RECORDER_KEY_SIZE];
    char object[RECORDER_OBJECT_SIZE];
    uint8_t id[RECORDER_ID_LEN];
    rf_store_info info;
    world_init(&w);
    world_open(&w, settings);
    recorder_session *s = stored(&w, "{\"options\":{\"retention_days\":1}}", 1);
    const int64_t due_ns = ended_ns(&w, s) + 86400 * SECOND_NS;
    memcpy(id, s->take->start.id, sizeof(id));
    recorder_take_segment_key(s->take, 0, key);
    cr_assert_eq(recorder_shelf_object("t", key, object), 0);
    recorder_session *other = stored(&w, "{\"options\":{\"retention_days\":2}}", 1);
    char others[RECORDER_OBJECT_SIZE];
    recorder_take_segment_key(other->take, 0, key);
    cr_assert_eq(recorder_shelf_object("t", key, others), 0);
    cr_expect(recorder_registry_forgets(w.service.registry));
    cr_expect_null(recorder_registry_get(w.service.registry, "t", id));
    int64_t early_ns = due_ns - 1;
    world_do(&w, search, &early_ns);
    world_close(&w);
    world_open(&w, settings);
    cr_expect_eq(rf_store_stat(w.service.store, object, &info), 0, "not before");
    int64_t at_ns = due_ns;
    world_do(&w, search, &at_ns);
    cr_expect(await_object_gone(&w, object));
    cr_expect_eq(rf_store_stat(w.service.store, others, &info), 0, "the other has a day left");
    world_close(&w);
    world_done(&w);
}

static void declare_gap(recorder_world *w, void *user)
{
    recorder_error error;
    (void)w;
    cr_assert_eq(recorder_session_gap(user, 0, 1600, RECORDER_GAP_PUBLISHER, true, &error), 0);
}

/* After a restart too: the silence that made the master comes back as it was. */
Test(recorder_keep, T9_a_session_of_a_gap_alone_is_stored_as_silence)
{
    recorder_world w;
    recorder_session *s;
    world_bytes got;
    static const uint8_t zeros[3200];
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    uint8_t id[RECORDER_ID_LEN];
    memcpy(id, s->take->start.id, sizeof(id));
    world_do(&w, declare_gap, s);
    world_close(&w);
    world_open(&w, NULL);
    s = recorder_registry_get(w.service.registry, "t", id);
    cr_assert_not_null(s);
    cr_expect_eq(s->take->frames, 1600);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    world_segment(&w, s, 0, 1600, RECORDER_PCM, &got);
    cr_expect_eq(got.error.code, RECORDER_OK, "%s", got.error.message);
    cr_assert_eq(got.len, sizeof(zeros));
    cr_expect_eq(memcmp(got.data, zeros, sizeof(zeros)), 0);
    world_bytes_done(&got);
    world_close(&w);
    world_done(&w);
}
