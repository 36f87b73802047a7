/* What a session is cut into while it goes on, and how loud it was: a service without sockets. */
#include "recorder_world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sndfile.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RATE 16000
#define MESSAGE 1600

/* ---- what is stored ---- */

static void object_of(const recorder_take *take, uint32_t i, char ret[RECORDER_OBJECT_SIZE])
{
    char key[RECORDER_KEY_SIZE];
    recorder_take_segment_key(take, i, key);
    cr_assert_eq(recorder_shelf_object(take->start.tenant, key, ret), 0);
}

static rf_store_object *open_segment(recorder_world *w, const recorder_take *take, uint32_t i)
{
    char name[RECORDER_OBJECT_SIZE];
    rf_store_object *object = NULL;
    object_of(take, i, name);
    cr_assert_eq(rf_store_get(w->service.store, name, &object), 0, "%s", name);
    return object;
}

static json_t *meta_of(recorder_world *w, const recorder_take *take, uint32_t i)
{
    size_t len;
    rf_store_object *object = open_segment(w, take, i);
    const char *meta = rf_store_object_meta(object, &len);
    json_t *json = json_loadb(meta, len, 0, NULL);
    rf_store_object_free(object);
    cr_assert_not_null(json);
    return json;
}

static int64_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

/* Segment i of a session stored as PCM is these frames of its master. */
static void expect_piece(recorder_world *w, const recorder_take *take, const recorder_session *s,
                         uint32_t i)
{
    const recorder_segment *segment = &take->segments.items[i];
    size_t len = (size_t)segment->n_frames * s->frame_bytes;
    RF_CLEANUP(rf_cleanup_free) uint8_t *stored = rf_alloc(len + 1);
    RF_CLEANUP(rf_cleanup_free) uint8_t *master = rf_alloc(len + 1);
    RF_CLEANUP(rf_cleanup_close) int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    rf_store_object *object = open_segment(w, take, i);
    cr_assert_eq(rf_store_object_info(object)->size, len, "segment %u", i);
    cr_assert_eq(pread(fd, master, len, segment->first_frame * s->frame_bytes), (ssize_t)len);
    for (size_t at = 0; at < len;) {
        ssize_t n = rf_store_object_read(object, at, stored + at, len - at);
        cr_assert_gt(n, 0);
        at += (size_t)n;
    }
    cr_expect_eq(memcmp(stored, master, len), 0, "segment %u", i);
    rf_store_object_free(object);
}

/* Each frame is in one segment or one listed silence. */
static void expect_covered(const recorder_take *take)
{
    int64_t at = 0;
    uint32_t s = 0;
    uint32_t q = 0;
    while (s < take->segments.n || q < take->silences.n) {
        if (s < take->segments.n && take->segments.items[s].first_frame == at) {
            at += take->segments.items[s++].n_frames;
        } else {
            cr_assert_lt(q, take->silences.n);
            cr_assert_eq(take->silences.items[q].first_frame, at);
            at += take->silences.items[q++].n_frames;
        }
    }
    cr_expect_eq(at, take->frames);
    cr_expect_eq(take->covered, take->frames);
}

static void expect_stored(recorder_world *w, recorder_session *s)
{
    recorder_take *take = world_take(w, s);
    expect_covered(take);
    for (uint32_t i = 0; i < take->segments.n; i++) {
        json_t *meta = meta_of(w, take, i);
        expect_piece(w, take, s, i);
        cr_expect_eq(number(meta, "sequence"), i + 1);
        cr_expect_eq(number(meta, "frame_count"), take->segments.items[i].n_frames);
        cr_expect_eq(number(meta, "first_frame"), take->segments.items[i].first_frame);
        json_decref(meta);
    }
    recorder_take_free(take);
}

/* The number of files in the store: nothing was stored twice. */
static size_t n_objects(const recorder_world *w)
{
    char line[64];
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("find '%s/objects' -name '*.pcm' | wc -l", w->dir);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(fgets(line, sizeof(line), pipe));
    pclose(pipe);
    return strtoul(line, NULL, 10);
}

static bool await_segments(recorder_world *w, recorder_session *s, uint32_t n)
{
    for (int i = 0; i < 2000; i++) {
        recorder_take *take = world_take(w, s);
        bool there = take->segments.n >= n;
        recorder_take_free(take);
        if (there) {
            return true;
        }
        usleep(5000);
    }
    return false;
}

static void give(recorder_world *w, recorder_session *s, uint64_t first, uint64_t end)
{
    for (; first < end; first += MESSAGE) {
        cr_assert_eq(world_audio(w, s, first, MESSAGE), 0);
    }
}

static const char by_length[] = "{\"store_format\":\"pcm\",\"options\":{\"split\":\"length\","
                                "\"split_max_s\":1}}";

Test(recorder_sound, section_7_K1_segments_are_stored_as_they_are_cut_each_under_its_own_key)
{
    recorder_world w;
    recorder_session *s;
    char key[RECORDER_KEY_SIZE];
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", by_length, &s), RECORDER_OK);
    give(&w, s, 0, 4 * RATE);
    cr_assert(await_segments(&w, s, 3), "while it goes on");
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(take->live.state, RECORDER_RECORDING);
    cr_expect_lt(take->covered, take->frames);
    json_t *meta = meta_of(&w, take, 0);
    cr_expect_str_eq(json_string_value(json_object_get(meta, "state")), "RECORDING");
    cr_expect_str_eq(json_string_value(json_object_get(meta, "end_reason")), "");
    json_decref(meta);
    recorder_take_free(take);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    take = world_take(&w, s);
    cr_assert_geq(take->segments.n, 4);
    cr_expect_eq(take->silences.n, 0, "mode length lists none");
    cr_expect_eq(n_objects(&w), take->segments.n);
    for (uint32_t i = 0; i < take->segments.n; i++) {
        cr_expect_leq(take->segments.items[i].n_frames, RATE);
        recorder_take_segment_key(take, i, key);
        cr_expect_eq(strncmp(key, "recordings/", 11), 0, "%s", key);
    }
    expect_stored(&w, s);
    recorder_take_free(take);
    world_close(&w);
    world_done(&w);
}

static void lose_10_s(recorder_world *w, void *user)
{
    recorder_session *s = user;
    (void)w;
    cr_expect_eq(recorder_session_gap(s, (uint64_t)s->take->frames, 10 * RATE,
                                      RECORDER_GAP_PUBLISHER, true, NULL),
                 0);
}

Test(recorder_sound, S6_section_7_gaps_and_pauses_of_a_session_that_is_cut_are_in_its_segments)
{
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t",
                             "{\"store_format\":\"pcm\",\"options\":{\"split\":\"length\","
                             "\"split_max_s\":1,\"loudness\":\"live\"}}",
                             &s),
                 RECORDER_OK);
    give(&w, s, 0, 3 * RATE / 2);
    world_do(&w, lose_10_s, s);
    give(&w, s, 23 * RATE / 2, 13 * RATE);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(take->frames, 13 * RATE);
    cr_expect_geq(take->segments.n, 13);
    for (uint32_t i = 0; i < take->segments.n; i++) {
        cr_expect_leq(take->segments.items[i].n_frames, RATE, "%u", i);
    }
    recorder_take_free(take);
    expect_stored(&w, s);
    world_close(&w);
    world_done(&w);
}

/* ---- a file of speech and silence ---- */

typedef struct part {
    double db; /* of a sine of 1 kHz, its peak */
    double seconds;
} part;

static char *write_tone(const recorder_world *w, const char *name, const part *parts, size_t n,
                        int channels, int rate_hz)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/files/%s", w->dir, name);
    SF_INFO info = {
        .samplerate = rate_hz, .channels = channels, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    cr_assert_not_null(file);
    for (size_t i = 0; i < n; i++) {
        int64_t frames = llrint(parts[i].seconds * rate_hz);
        RF_CLEANUP(rf_cleanup_free)
        float *x = RF_NEW_ARRAY(float, (size_t)frames *(size_t)channels);
        for (int64_t k = 0; k < frames * channels; k++) {
            int64_t frame = k / channels;
            double phase = 2 * M_PI * 1000 * (double)frame / rate_hz;
            x[k] = (float)(pow(10, parts[i].db / 20) * sin(phase));
        }
        cr_assert_eq(sf_writef_float(file, x, frames), frames);
    }
    sf_close(file);
    return rf_asprintf("%s@0", name);
}

static void open_files(recorder_world *w)
{
    world_init(w);
    RF_CLEANUP(rf_cleanup_free) char *files = rf_asprintf("%s/files", w->dir);
    RF_CLEANUP(rf_cleanup_free) char *root = rf_asprintf("--recorder.file_root=%s", files);
    const char *const settings[] = {root, NULL};
    cr_assert_eq(mkdir(files, 0700), 0);
    world_open(w, settings);
}

static recorder_take *record(recorder_world *w, const char *name, int channels, int rate_hz,
                             const char *rest, recorder_session **ret)
{
    RF_CLEANUP(rf_cleanup_free)
    char *body = rf_asprintf("{\"source\":\"file\",\"source_name\":\"%s\",\"channels\":%d,"
                             "\"rate\":%d%s}",
                             name, channels, rate_hz, rest);
    cr_assert_eq(world_start(w, "t", body, ret), RECORDER_OK);
    cr_assert(world_await(w, *ret, RECORDER_STORED));
    return world_take(w, *ret);
}

Test(recorder_sound, section_7_split_at_silence_stores_speech_and_lists_what_lies_between)
{
    static const part parts[] = {{-60, 11}, {-20, 2}, {-60, 3}, {-20, 1}, {-60, 2}};
    recorder_world w;
    recorder_session *s;
    open_files(&w);
    RF_CLEANUP(rf_cleanup_free) char *name = write_tone(&w, "speech.wav", parts, 5, 1, RATE);
    recorder_take *take = record(
        &w, name, 1, RATE, ",\"store_format\":\"pcm\",\"options\":{\"split\":\"silence\"}", &s);
    cr_assert_eq(take->segments.n, 2);
    cr_assert_eq(take->silences.n, 3);
    cr_expect_eq(take->segments.items[0].first_frame, 11 * RATE - RATE / 5, "200 ms before");
    cr_expect_eq(take->segments.items[0].n_frames, 2 * RATE + RATE / 2, "300 ms behind");
    cr_expect_eq(take->segments.items[1].first_frame, 16 * RATE - RATE / 5);
    cr_expect_eq(n_objects(&w), 2);
    expect_stored(&w, s);
    recorder_take_free(take);
    world_close(&w);
    world_done(&w);
}

/* EBU Tech 3341 cases 1 and 3, 3342 case 1: through the service, at two rates. */
Test(recorder_sound, section_7_D13_loudness_of_a_segment_is_that_of_the_EBU_signals)
{
    static const struct {
        part parts[3];
        size_t n;
        int channels;
        int rate_hz;
        double lufs;
        double range_lu;
        double peak_dbtp;
    } cases[] = {
        {{{-23, 20}}, 1, 2, 48000, -23, 0, -23},
        {{{-36, 10}, {-23, 60}, {-36, 10}}, 3, 2, 48000, -23, -1, -23},
        {{{-20, 20}, {-30, 20}}, 2, 2, 48000, -22.6, 10, -20},
        {{{-20, 20}, {-30, 20}}, 2, 2, 16000, -22.6, 10, -20},
    };
    recorder_world w;
    recorder_session *s;
    open_files(&w);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        RF_CLEANUP(rf_cleanup_free)
        char *name = write_tone(&w, "tone.wav", cases[i].parts, cases[i].n, cases[i].channels,
                                cases[i].rate_hz);
        recorder_take *take = record(&w, name, cases[i].channels, cases[i].rate_hz, "", &s);
        const recorder_loudness *l = &take->segments.items[0].loudness;
        cr_expect(l->known);
        cr_expect_float_eq((double)l->integrated_lufs, cases[i].lufs, 0.1, "%zu", i);
        cr_expect(cases[i].range_lu < 0 || fabs((double)l->range_lu - cases[i].range_lu) <= 0.1);
        cr_expect_float_eq((double)l->true_peak_dbtp, cases[i].peak_dbtp, 0.2, "%zu", i);
        json_t *meta = meta_of(&w, take, 0);
        cr_expect_float_eq(
            json_real_value(json_object_get(json_object_get(meta, "loudness"), "integrated_lufs")),
            (double)l->integrated_lufs, 1e-6);
        json_decref(meta);
        recorder_take_free(take);
    }
    world_close(&w);
    world_done(&w);
}

Test(recorder_sound, section_7_silence_has_no_loudness_and_off_measures_none)
{
    static const part silent[] = {{-400, 3}};
    recorder_world w;
    recorder_session *s;
    open_files(&w);
    RF_CLEANUP(rf_cleanup_free) char *name = write_tone(&w, "silent.wav", silent, 1, 1, RATE);
    recorder_take *take = record(&w, name, 1, RATE, "", &s);
    const recorder_loudness *l = &take->segments.items[0].loudness;
    cr_expect(l->known && l->integrated_lufs == -HUGE_VALF && l->true_peak_dbtp == -HUGE_VALF);
    json_t *meta = meta_of(&w, take, 0);
    const json_t *loudness = json_object_get(meta, "loudness");
    cr_expect(json_is_null(json_object_get(loudness, "integrated_lufs")));
    json_decref(meta);
    recorder_take_free(take);
    take = record(&w, name, 1, RATE, ",\"options\":{\"loudness\":\"off\"}", &s);
    cr_expect_not(take->segments.items[0].loudness.known);
    recorder_take_free(take);
    world_close(&w);
    world_done(&w);
}

typedef struct failures {
    const recorder_session *session;
    uint32_t n;
} failures;

static void count_failures(recorder_world *w, void *user)
{
    failures *f = user;
    (void)w;
    f->n = f->session->n_failures;
}

static void set_store(recorder_world *w, void *user)
{
    w->service.store = user;
}

Test(recorder_sound, D8_D11_a_store_that_fails_meanwhile_keeps_all_cuts_and_the_session_goes_on)
{
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    world_open(&w, NULL);
    rf_store *real = w.service.store;
    RF_CLEANUP(rf_cleanup_free) char *gone = rf_asprintf("dir:%s/gone", w.dir);
    rf_store *broken;
    cr_assert_eq(rf_store_open(gone, &broken), 0);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("rm -rf '%s/gone'; touch '%s/gone'", w.dir, w.dir);
    cr_assert_eq(system(command), 0);
    w.service.store = broken;
    cr_assert_eq(world_start(&w, "t", by_length, &s), RECORDER_OK);
    give(&w, s, 0, 3 * RATE);
    failures f = {.session = s};
    for (int i = 0; i < 1000 && f.n == 0; i++) {
        world_do(&w, count_failures, &f);
        usleep(5000);
    }
    cr_expect_gt(f.n, 0);
    give(&w, s, 3 * RATE, 5 * RATE);
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(take->live.state, RECORDER_RECORDING);
    cr_expect_eq(take->segments.n, 0);
    recorder_take_free(take);
    world_do(&w, set_store, real);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    expect_stored(&w, s);
    take = world_take(&w, s);
    cr_expect_geq(take->segments.n, 5);
    cr_expect_eq(n_objects(&w), take->segments.n);
    recorder_take_free(take);
    world_close(&w);
    rf_store_close(broken);
    world_done(&w);
}

Test(recorder_sound, D6_a_session_that_is_cut_goes_on_behind_its_cuts_after_a_restart)
{
    recorder_world w;
    recorder_session *s;
    uint8_t id[RECORDER_ID_LEN];
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", by_length, &s), RECORDER_OK);
    give(&w, s, 0, 4 * RATE);
    cr_assert(await_segments(&w, s, 2));
    memcpy(id, s->take->start.id, sizeof(id));
    world_close(&w);
    world_open(&w, NULL);
    s = recorder_registry_get(w.service.registry, "t", id);
    cr_assert_not_null(s);
    cr_assert(await_segments(&w, s, 3), "nobody need attach for that");
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    cr_expect(world_await(&w, s, RECORDER_STORED));
    expect_stored(&w, s);
    recorder_take *take = world_take(&w, s);
    cr_expect_eq(n_objects(&w), take->segments.n);
    recorder_take_free(take);
    world_close(&w);
    world_done(&w);
}
