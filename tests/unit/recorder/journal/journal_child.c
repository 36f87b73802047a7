/* journal_child DIR SESSIONS MS: recovers the journal in DIR, goes on with new sessions, and with
 * its own as soon as their masters are restored, for MS milliseconds, and says what is durable
 * (journal_load.h). Made to be killed. */
#include "journal_load.h"
#include "rf_file.h"
#include "rf_id.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 64
#define PENDING_MAX 4096
#define ROTATE_BYTES (64 << 10)
#define RESERVE_BYTES (1 << 20)

/* What becomes durable with an lsn. */
typedef struct pending {
    uint64_t lsn;
    load_word word;
} pending;

typedef struct session {
    uint8_t id[RECORDER_SESSION_ID];
    char path[RECORDER_PATH_MAX + 1]; /* "": none */
    bool used;
    bool whole; /* under the lock: its master is restored */
    int64_t frames;
    int64_t changes;
} session;

static session sessions[SESSIONS_MAX];
static pending queue[PENDING_MAX];
static size_t queue_head;
static size_t queue_len;
static recorder_journal *journal;
static recorder_restore *restore;

/* From the journal's threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t durable_lsn;
static uint64_t checkpoint_file;

static void on_durable(void *user, uint64_t lsn)
{
    (void)user;
    pthread_mutex_lock(&lock);
    durable_lsn = lsn;
    pthread_mutex_unlock(&lock);
}

static void on_checkpoint(void *user, uint64_t file)
{
    (void)user;
    pthread_mutex_lock(&lock);
    checkpoint_file = file;
    pthread_mutex_unlock(&lock);
}

static void say(const load_word *w)
{
    if (write(STDOUT_FILENO, w, sizeof(*w)) != (ssize_t)sizeof(*w)) {
        _exit(3);
    }
}

static void on_degraded(void *user, bool degraded, int64_t sync_ms)
{
    (void)user;
    (void)sync_ms;
    if (degraded) {
        say(&(load_word){.kind = 'd'});
    }
}

static void on_full(void *user, bool full)
{
    (void)user;
    say(&(load_word){.kind = full ? 'f' : 'F'});
}

/* ---- recovery ---- */

static session *find(const uint8_t *id)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (sessions[i].used && memcmp(sessions[i].id, id, RECORDER_SESSION_ID) == 0) {
            return &sessions[i];
        }
    }
    return NULL;
}

static session *add(const uint8_t *id, const char *path)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        session *s = &sessions[i];
        if (!s->used) {
            *s = (session){.used = true};
            memcpy(s->id, id, RECORDER_SESSION_ID);
            rf_copy_str(s->path, sizeof(s->path), path == NULL ? "" : path);
            return s;
        }
    }
    abort();
}

static void on_session(void *user, const uint8_t *id, uint32_t frame_bytes, const char *path)
{
    (void)user;
    (void)frame_bytes;
    add(id, path);
}

static int on_record(void *user, const recorder_record *r)
{
    (void)user;
    session *s = find(r->session);
    int64_t numbers[2] = {0};
    if (r->kind == RECORDER_RECORD_AUDIO) {
        s->frames = RF_MAX(s->frames, r->first_frame + r->n_frames);
        return 0;
    }
    memcpy(numbers, r->data, RF_MIN((size_t)r->len, sizeof(numbers)));
    if (r->kind == RECORDER_RECORD_SNAPSHOT) {
        s->frames = RF_MAX(s->frames, numbers[0]);
    }
    s->changes = r->kind == RECORDER_RECORD_SNAPSHOT ? numbers[1] : numbers[0];
    return 0;
}

/* A thread of its own. */
static void on_whole(void *user, const uint8_t *id)
{
    (void)user;
    pthread_mutex_lock(&lock);
    session *s = find(id);
    if (s != NULL) {
        s->whole = true;
    }
    pthread_mutex_unlock(&lock);
}

static void *restore_masters(void *user)
{
    const struct timespec pause = {.tv_nsec = 10 * RF_NS_PER_MS};
    int err;
    (void)user;
    while ((err = recorder_restore_run(restore, on_whole, NULL)) < 0 && err != -ECANCELED) {
        if (err != -ENOSPC || !recorder_journal_spend(journal)) {
            nanosleep(&pause, NULL);
        }
    }
    if (err == 0) {
        recorder_journal_restored(journal);
    }
    return NULL;
}

static bool is_whole(const session *s)
{
    pthread_mutex_lock(&lock);
    bool whole = s->whole;
    pthread_mutex_unlock(&lock);
    return whole;
}

/* ---- recording ---- */

static void remember(uint64_t lsn, char kind, const session *s)
{
    pending *p = &queue[(queue_head + queue_len++) % PENDING_MAX];
    *p = (pending){.lsn = lsn, .word = {.kind = kind, .frames = s->frames, .changes = s->changes}};
    memcpy(p->word.session, s->id, RECORDER_SESSION_ID);
}

static void acknowledge(void)
{
    pthread_mutex_lock(&lock);
    uint64_t lsn = durable_lsn;
    pthread_mutex_unlock(&lock);
    while (queue_len > 0 && queue[queue_head].lsn <= lsn) {
        say(&queue[queue_head].word);
        queue_head = (queue_head + 1) % PENDING_MAX;
        queue_len--;
    }
}

static int append(const session *s, recorder_record *r, uint64_t *ret_lsn)
{
    memcpy(r->session, s->id, RECORDER_SESSION_ID);
    int err = recorder_journal_append(journal, r, ret_lsn);
    if (err < 0 && err != -ENOBUFS) {
        fprintf(stderr, "append: %s\n", strerror(-err));
        _exit(4);
    }
    return err;
}

static void append_audio(session *s)
{
    int16_t samples[1024];
    bool silence = LOAD_SILENCE(s->frames);
    int64_t block_end = (s->frames | 1023) + 1;
    int64_t n = RF_MIN(1 + (int64_t)rf_random_u64(400), block_end - s->frames);
    for (int64_t i = 0; i < n && !silence; i++) {
        samples[i] = load_sample(s->id, s->frames + i);
    }
    uint64_t lsn;
    recorder_record r = {.kind = RECORDER_RECORD_AUDIO,
                         .first_frame = s->frames,
                         .n_frames = (uint32_t)n,
                         .data = silence ? NULL : samples,
                         .len = silence ? 0 : (uint32_t)n * LOAD_FRAME_BYTES};
    if (append(s, &r, &lsn) == 0) {
        s->frames += n;
        remember(lsn, 'D', s);
        load_word w = {.kind = 'A', .frames = s->frames, .changes = rf_time_ns()};
        memcpy(w.session, s->id, RECORDER_SESSION_ID);
        say(&w);
    }
}

static void append_change(session *s)
{
    uint64_t lsn;
    int64_t number = s->changes + 1;
    recorder_record r = {.kind = RECORDER_RECORD_CHANGE, .data = &number, .len = sizeof(number)};
    if (append(s, &r, &lsn) == 0) {
        s->changes = number;
        remember(lsn, 'D', s);
    }
}

static void append_end(session *s)
{
    uint64_t lsn;
    recorder_record r = {.kind = RECORDER_RECORD_END};
    load_word w = {.kind = 'e'};
    memcpy(w.session, s->id, RECORDER_SESSION_ID);
    say(&w);
    if (append(s, &r, &lsn) == 0) {
        remember(lsn, 'E', s);
        pthread_mutex_lock(&lock);
        s->used = false;
        pthread_mutex_unlock(&lock);
    }
}

/* Snapshots until the journal takes no more; called again then. */
static void checkpoint(void)
{
    static size_t done;
    pthread_mutex_lock(&lock);
    uint64_t file = checkpoint_file;
    pthread_mutex_unlock(&lock);
    for (; file > 0 && done < SESSIONS_MAX; done++) {
        const session *s = &sessions[done];
        int64_t numbers[2] = {s->frames, s->changes};
        uint64_t lsn;
        recorder_record r = {
            .kind = RECORDER_RECORD_SNAPSHOT, .data = numbers, .len = sizeof(numbers)};
        if (s->used && append(s, &r, &lsn) < 0) {
            return;
        }
    }
    if (file > 0 && recorder_journal_checkpoint(journal, file) == 0) {
        done = 0;
        pthread_mutex_lock(&lock);
        checkpoint_file = checkpoint_file == file ? 0 : checkpoint_file;
        pthread_mutex_unlock(&lock);
    }
}

static void register_session(const session *s)
{
    int err = recorder_journal_session(journal, s->id, LOAD_FRAME_BYTES, s->path);
    if (err < 0) {
        fprintf(stderr, "session: %s\n", strerror(-err));
        _exit(5);
    }
}

static void start_session(const char *dir)
{
    uint8_t id[RECORDER_SESSION_ID];
    char hex[2 * RECORDER_SESSION_ID + 1];
    rf_random(id, sizeof(id));
    rf_hex(id, sizeof(id), hex);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/masters/%s.pcm", dir, hex);
    pthread_mutex_lock(&lock);
    session *s = add(id, path);
    s->whole = true;
    pthread_mutex_unlock(&lock);
    register_session(s);
    append_change(s);
}

static void step(const char *dir, int wanted)
{
    int n = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        session *s = &sessions[i];
        if (!s->used || queue_len > PENDING_MAX - 4) {
            continue;
        }
        n++;
        if (!is_whole(s)) {
            continue;
        }
        append_audio(s);
        if (rf_random_u64(10) == 0) {
            append_change(s);
        }
        if (rf_random_u64(150) == 0) {
            append_end(s);
        }
    }
    if (n < wanted && queue_len < PENDING_MAX - 4) {
        start_session(dir);
    }
}

static int open_journal(const char *dir)
{
    static const recorder_recovery_events recovery = {.session = on_session, .record = on_record};
    static const recorder_journal_events events = {.durable = on_durable,
                                                   .checkpoint = on_checkpoint,
                                                   .degraded = on_degraded,
                                                   .full = on_full};
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/journal", dir);
    RF_CLEANUP(rf_cleanup_free) char *masters = rf_asprintf("%s/masters", dir);
    recorder_recovery report;
    recorder_journal_config c = {.dir = path};
    recorder_journal_defaults(&c);
    c.rotate_bytes = ROTATE_BYTES;
    c.reserve_bytes = RESERVE_BYTES;
    c.commit_ms = 5;
    int err = rf_mkdirs(path, 0700);
    err = err == 0 ? rf_mkdirs(masters, 0700) : err;
    err = err == 0 ? recorder_journal_recover(path, &recovery, NULL, &report, &restore) : err;
    return err == 0 ? recorder_journal_open(&c, &events, NULL, &report, &journal) : err;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    int err = open_journal(argv[1]);
    if (err < 0) {
        fprintf(stderr, "open: %s\n", strerror(-err));
        return 6;
    }
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (sessions[i].used && sessions[i].path[0] != '\0') {
            register_session(&sessions[i]);
        } else {
            sessions[i].used = false; /* nothing of it was acknowledged */
        }
    }
    pthread_t restorer;
    if (pthread_create(&restorer, NULL, restore_masters, NULL) != 0) {
        return 8;
    }
    int64_t end_ns = rf_time_ns() + atoi(argv[3]) * RF_NS_PER_MS;
    while (rf_time_ns() < end_ns) {
        const struct timespec pause = {.tv_nsec = RF_NS_PER_MS};
        checkpoint();
        step(argv[1], atoi(argv[2]));
        acknowledge();
        nanosleep(&pause, NULL);
    }
    recorder_restore_stop(restore);
    pthread_join(restorer, NULL);
    recorder_restore_free(restore);
    err = recorder_journal_close(journal, 10000);
    acknowledge();
    return err < 0 ? 7 : 0;
}
