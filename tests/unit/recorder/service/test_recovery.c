/* The first moments after a start (D7): masters or the archive are held up by what stands in their
 * place, and are let go by the test. */
#include "recorder_begin.h"
#include "recorder_text.h"
#include "recorder_view.h"
#include "recorder_world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RATE 16000

/* A session of the life before, and what stands in the way of its master or its file. */
typedef struct held {
    char id[RECORDER_ID_TEXT];
    char *path;
} held;

static recorder_session *record(recorder_world *w, held *ret)
{
    recorder_session *s;
    cr_assert_eq(world_start(w, "t", "{\"options\":{\"attach_window_s\":600}}", &s), RECORDER_OK);
    cr_assert_eq(world_audio(w, s, 0, RATE), 0);
    (void)recorder_text_id(s->take->start.id, ret->id);
    ret->path = rf_strdup(s->path);
    return s;
}

static void hold_master(const held *h)
{
    cr_assert_eq(unlink(h->path), 0);
    cr_assert_eq(mkdir(h->path, 0700), 0);
}

static void release_master(const held *h)
{
    cr_assert_eq(rmdir(h->path), 0);
}

typedef struct asking {
    const char *id;
    recorder_code code;
    recorder_session *session;
} asking;

static void ask(recorder_world *w, void *user)
{
    asking *a = user;
    recorder_error error;
    a->code = recorder_registry_find(w->service.registry, "t", a->id, &a->session, &error);
}

static asking find(recorder_world *w, const char *id)
{
    asking a = {.id = id};
    world_do(w, ask, &a);
    return a;
}

static recorder_session *await(recorder_world *w, const char *id)
{
    asking a = find(w, id);
    for (int i = 0; i < 1000 && a.code == RECORDER_NOT_INITIALISED; i++) {
        usleep(10000);
        a = find(w, id);
    }
    cr_assert_eq(a.code, RECORDER_OK);
    return a.session;
}

static void list(recorder_world *w, void *user)
{
    const recorder_list_ask all = {.state = "", .from = "", .to = "", .prefix = "", .cursor = ""};
    recorder_error error;
    rf_buf json;
    rf_buf_init(&json, RECORDER_VIEW_MAX);
    *(recorder_code *)user = recorder_view_list(&w->service, "t", &all, &json, &error);
    rf_buf_done(&json);
}

static recorder_code list_all(recorder_world *w)
{
    recorder_code code;
    world_do(w, list, &code);
    return code;
}

static uint64_t files_removed(recorder_world *w)
{
    recorder_journal_stats stats;
    recorder_journal_read_stats(w->service.journal, &stats);
    return stats.files_removed;
}

static void expect_frames(recorder_world *w, recorder_session *s)
{
    int16_t sample = 0;
    recorder_take *take = world_take(w, s);
    cr_expect_eq(take->frames, RATE);
    cr_expect_eq(take->live.state, RECORDER_INTERRUPTED);
    RF_CLEANUP(rf_cleanup_close) int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(pread(fd, &sample, sizeof(sample), (RATE - 1) * (off_t)sizeof(sample)), 2);
    cr_expect_eq(sample, (int16_t)(RATE - 1));
    recorder_take_free(take);
}

/* A new session begins, records, ends and is stored. */
static void expect_new_session(recorder_world *w)
{
    recorder_session *s;
    cr_assert_eq(world_start(w, "t", "", &s), RECORDER_OK);
    cr_expect_eq(world_audio(w, s, 0, RATE), 0);
    cr_expect_eq(world_stop(w, s), RECORDER_OK);
    cr_expect(world_await(w, s, RECORDER_STORED));
}

Test(recorder_recovery, D7_sessions_start_and_are_stored_while_masters_are_not_restored)
{
    recorder_world w;
    held one;
    held other;
    world_init(&w);
    world_open(&w, NULL);
    (void)record(&w, &one);
    (void)record(&w, &other);
    world_close(&w);
    hold_master(&one);
    world_begin(&w, NULL);
    expect_new_session(&w);
    expect_frames(&w, await(&w, other.id));
    cr_expect_eq(find(&w, one.id).code, RECORDER_NOT_INITIALISED, "to be tried again");
    cr_expect_eq(list_all(&w), RECORDER_NOT_INITIALISED);
    cr_expect_eq(files_removed(&w), 0, "the log has its audio alone");
    release_master(&one);
    recorder_session *s = await(&w, one.id);
    expect_frames(&w, s);
    world_await_recovery(&w);
    cr_expect_eq(list_all(&w), RECORDER_OK);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    world_close(&w);
    world_done(&w);
    free(one.path);
    free(other.path);
}

Test(recorder_recovery, D7_D8_a_stop_before_masters_are_restored_leaves_them_to_the_next_start)
{
    recorder_world w;
    held one;
    world_init(&w);
    world_open(&w, NULL);
    (void)record(&w, &one);
    world_close(&w);
    hold_master(&one);
    for (int i = 0; i < 2; i++) {
        world_begin(&w, NULL);
        expect_new_session(&w);
        world_close(&w);
    }
    release_master(&one);
    world_open(&w, NULL);
    expect_frames(&w, await(&w, one.id));
    world_close(&w);
    world_done(&w);
    free(one.path);
}

/* A file of the archive whose reader waits for a writer. */
static char *hold_archive(const recorder_world *w)
{
    char *path = rf_asprintf("%s/recorder/sessions/%032x", w->dir, 0x10c);
    cr_assert_eq(mkfifo(path, 0600), 0);
    return path;
}

static void release_archive(const char *path)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(unlink(path), 0);
}

typedef struct starting {
    recorder_code code;
    char id[RECORDER_ID_TEXT];
    sem_t done;
} starting;

static void on_started(void *user, recorder_session *s, const recorder_error *error)
{
    starting *x = user;
    x->code = error->code;
    (void)recorder_text_id(s->take->start.id, x->id);
    sem_post(&x->done);
}

static void begin_once(recorder_world *w, void *user)
{
    starting *x = user;
    const recorder_begin_ask ask = {
        .caller = {.tenant = "t", .scopes = ""}, .recorder_id = "", .body = "", .once = "key"};
    recorder_session *s;
    recorder_error error;
    x->code = recorder_begin(&w->service, &ask, on_started, x, &s, &error);
    if (x->code != RECORDER_OK) {
        sem_post(&x->done);
    }
}

/* A start with an idempotency key. */
static starting start_once(recorder_world *w)
{
    starting x = {.code = RECORDER_OK};
    sem_init(&x.done, 0, 0);
    world_do(w, begin_once, &x);
    while (sem_wait(&x.done) != 0) {
    }
    sem_destroy(&x.done);
    return x;
}

Test(recorder_recovery,
     D7_sessions_start_while_the_archive_is_read_and_none_of_it_is_called_unknown)
{
    static const char unknown[] = "00000000000000000000000000000001";
    recorder_world w;
    world_init(&w);
    world_open(&w, NULL);
    const starting first = start_once(&w);
    cr_assert_eq(first.code, RECORDER_OK);
    cr_assert_eq(world_stop(&w, await(&w, first.id)), RECORDER_OK);
    world_close(&w);
    world_open(&w, NULL); /* its end is in the journal now */
    world_close(&w);
    RF_CLEANUP(rf_cleanup_free) char *path = hold_archive(&w);
    world_begin(&w, NULL);
    expect_new_session(&w);
    cr_expect_eq(find(&w, unknown).code, RECORDER_NOT_INITIALISED);
    cr_expect_eq(find(&w, "no id").code, RECORDER_NOT_FOUND);
    cr_expect_eq(list_all(&w), RECORDER_NOT_INITIALISED);
    cr_expect_eq(start_once(&w).code, RECORDER_NOT_INITIALISED, "the key may have a session");
    release_archive(path);
    world_await_recovery(&w);
    cr_expect_eq(find(&w, unknown).code, RECORDER_NOT_FOUND);
    cr_expect_eq(find(&w, first.id).code, RECORDER_OK);
    cr_expect_eq(list_all(&w), RECORDER_OK);
    const starting again = start_once(&w);
    cr_expect_eq(again.code, RECORDER_OK);
    cr_expect_str_eq(again.id, first.id, "the same session");
    world_close(&w);
    world_done(&w);
}
