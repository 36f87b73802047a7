#include "journal_load.h"

#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENV_MAX 256
#define READ_FRAMES 8192

extern char **environ;

/* ---- the child ---- */

static void exec_child(const load_run *run, int out)
{
    char *env[ENV_MAX];
    char numbers[2][16];
    size_t n = 0;
    RF_CLEANUP(rf_cleanup_free) char *root = rf_asprintf("REFLECTION_DISK_ROOT=%s", run->dir);
    for (; environ[n] != NULL && n < ENV_MAX / 2; n++) {
        env[n] = environ[n];
    }
    if (run->disk) {
        env[n++] = (char *)"LD_PRELOAD=" DISK_LAYER;
        env[n++] = (char *)"ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0";
        env[n++] = root;
    }
    for (size_t i = 0; run->env != NULL && run->env[i] != NULL && n < ENV_MAX - 1; i++) {
        env[n++] = run->env[i];
    }
    env[n] = NULL;
    snprintf(numbers[0], sizeof(numbers[0]), "%d", run->sessions);
    snprintf(numbers[1], sizeof(numbers[1]), "%d", run->run_ms);
    char *args[] = {(char *)JOURNAL_CHILD, (char *)(uintptr_t)run->dir, numbers[0], numbers[1],
                    NULL};
    dup2(out, STDOUT_FILENO);
    execve(JOURNAL_CHILD, args, env);
    _exit(126);
}

static load_entry *find_or_add(load_ledger *l, const uint8_t *session)
{
    load_entry *e;
    HASH_FIND(hh, l->entries, session, RECORDER_SESSION_ID, e);
    if (e == NULL) {
        e = RF_NEW(load_entry);
        memcpy(e->session, session, RECORDER_SESSION_ID);
        HASH_ADD(hh, l->entries, session, RECORDER_SESSION_ID, e);
    }
    return e;
}

static void note(load_ledger *l, const load_word *w)
{
    l->words++;
    l->degraded += w->kind == 'd' ? 1 : 0;
    l->full += w->kind == 'f' ? 1 : 0;
    l->no_longer_full += w->kind == 'F' ? 1 : 0;
    if (strchr("ADeE", w->kind) == NULL) {
        return;
    }
    load_entry *e = find_or_add(l, w->session);
    if (w->kind == 'A') {
        size_t i = e->n_appended++ % LOAD_APPENDED;
        e->appended[i].frames = w->frames;
        e->appended[i].at_ns = w->changes;
        return;
    }
    e->ending = e->ending || w->kind != 'D';
    e->ended = e->ended || w->kind == 'E';
    e->frames = RF_MAX(e->frames, w->frames);
    e->changes = RF_MAX(e->changes, w->changes);
}

/* Reads until the child has closed its output, and kills it in time. */
static void listen_to(load_ledger *l, const load_run *run, pid_t child, int in)
{
    int64_t kill_ns = rf_time_ns() + run->kill_ms * RF_NS_PER_MS;
    bool killed = run->kill_ms == 0;
    load_word w;
    size_t have = 0;
    for (;;) {
        struct pollfd p = {.fd = in, .events = POLLIN};
        int64_t left_ms = (kill_ns - rf_time_ns()) / RF_NS_PER_MS;
        if (poll(&p, 1, killed ? -1 : (int)RF_MAX(left_ms, (int64_t)0)) == 0) {
            kill(child, SIGKILL);
            l->killed_ns = rf_time_ns();
            killed = true;
            continue;
        }
        ssize_t n = read(in, (char *)&w + have, sizeof(w) - have);
        if (n <= 0) {
            return;
        }
        have += (size_t)n;
        if (have == sizeof(w)) {
            note(l, &w);
            have = 0;
        }
    }
}

int load_child(load_ledger *l, const load_run *run)
{
    int ends[2];
    int status = -1;
    for (load_entry *e = l->entries; e != NULL; e = e->hh.next) {
        e->n_appended = 0;
    }
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return -1;
    }
    pid_t child = fork();
    if (child == 0) {
        exec_child(run, ends[1]);
    }
    close(ends[1]);
    listen_to(l, run, child, ends[0]);
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

/* ---- afterwards ---- */

static void RF_PRINTF(2, 3) fault(load_ledger *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (l->fault[0] == '\0') {
        vsnprintf(l->fault, sizeof(l->fault), fmt, args);
    }
    va_end(args);
}

static void on_session(void *user, const uint8_t *session, uint32_t frame_bytes, const char *path)
{
    load_ledger *l = user;
    load_entry *e = find_or_add(l, session);
    e->found = true;
    rf_copy_str(e->path, sizeof(e->path), path == NULL ? "" : path);
    if (path != NULL && frame_bytes != LOAD_FRAME_BYTES) {
        fault(l, "a session has frames of %u bytes", frame_bytes);
    }
}

static void on_change(load_ledger *l, load_entry *e, int64_t number)
{
    if (number != e->found_changes + 1) {
        fault(l, "change %lld comes after %lld", (long long)number, (long long)e->found_changes);
    }
    e->found_changes = number;
}

static void on_audio(load_ledger *l, load_entry *e, const recorder_record *r)
{
    if (r->first_frame > e->found_frames) {
        fault(l, "frame %lld comes after %lld", (long long)r->first_frame,
              (long long)e->found_frames);
    }
    e->found_frames = RF_MAX(e->found_frames, r->first_frame + r->n_frames);
}

static int on_record(void *user, const recorder_record *r)
{
    load_ledger *l = user;
    load_entry *e = find_or_add(l, r->session);
    int64_t numbers[2] = {0};
    if (r->kind != RECORDER_RECORD_AUDIO) {
        memcpy(numbers, r->data, RF_MIN((size_t)r->len, sizeof(numbers)));
    }
    if (r->kind == RECORDER_RECORD_SNAPSHOT) {
        e->found_frames = RF_MAX(e->found_frames, numbers[0]);
        e->found_changes = numbers[1];
    } else if (r->kind == RECORDER_RECORD_CHANGE) {
        on_change(l, e, numbers[0]);
    } else {
        on_audio(l, e, r);
    }
    return 0;
}

/* Every sample of the master up to `frames`; what is missing at its end is silence. */
static void check_master(load_ledger *l, const load_entry *e)
{
    static int16_t samples[READ_FRAMES];
    RF_CLEANUP(rf_cleanup_close) int fd = open(e->path, O_RDONLY | O_CLOEXEC);
    for (int64_t at = 0; at < e->found_frames; at += READ_FRAMES) {
        int64_t n = RF_MIN(e->found_frames - at, (int64_t)READ_FRAMES);
        memset(samples, 0, sizeof(samples));
        if (pread(fd, samples, (size_t)n * sizeof(int16_t), at * LOAD_FRAME_BYTES) < 0) {
            fault(l, "master: %s", strerror(errno));
            return;
        }
        for (int64_t i = 0; i < n; i++) {
            if (samples[i] != load_sample(e->session, at + i)) {
                fault(l, "frame %lld of %lld (%lld acknowledged) is wrong", (long long)(at + i),
                      (long long)e->found_frames, (long long)e->frames);
                return;
            }
        }
    }
}

static void check_entry(load_ledger *l, const load_entry *e)
{
    if (e->ended && e->found) {
        fault(l, "a session that had ended came back");
    }
    if (!e->ending && !e->found && (e->frames > 0 || e->changes > 0)) {
        fault(l, "a session is missing");
    }
    if (e->found && (e->found_frames < e->frames || e->found_changes < e->changes)) {
        fault(l, "%lld of %lld frames and %lld of %lld changes are there",
              (long long)e->found_frames, (long long)e->frames, (long long)e->found_changes,
              (long long)e->changes);
    }
    if (e->found) {
        check_master(l, e);
    }
}

static void on_whole(void *user, const uint8_t *session)
{
    (void)user;
    (void)session;
}

static int recover(load_ledger *l, const char *journal)
{
    static const recorder_recovery_events events = {.session = on_session, .record = on_record};
    recorder_restore *restore;
    int err = recorder_journal_recover(journal, &events, l, &l->report, &restore);
    if (err == 0) {
        err = recorder_restore_run(restore, on_whole, NULL);
        recorder_restore_free(restore);
    }
    return err;
}

bool load_check(load_ledger *l, const char *dir)
{
    RF_CLEANUP(rf_cleanup_free) char *journal = rf_asprintf("%s/journal", dir);
    for (load_entry *e = l->entries; e != NULL; e = e->hh.next) {
        e->found = false;
        e->found_frames = e->found_changes = 0;
    }
    int err = recover(l, journal);
    if (err < 0) {
        fault(l, "recovery: %s", strerror(-err));
    }
    for (load_entry *e = l->entries; e != NULL; e = e->hh.next) {
        check_entry(l, e);
    }
    return l->fault[0] == '\0';
}

int64_t load_lost_ms(const load_ledger *l)
{
    int64_t oldest_ns = l->killed_ns;
    for (const load_entry *e = l->entries; e != NULL; e = e->hh.next) {
        uint64_t n = RF_MIN(e->n_appended, (uint64_t)LOAD_APPENDED);
        for (size_t i = 0; i < n && !e->ending; i++) {
            bool lost = e->appended[i].frames > e->found_frames;
            oldest_ns = lost ? RF_MIN(oldest_ns, e->appended[i].at_ns) : oldest_ns;
        }
    }
    return (l->killed_ns - oldest_ns) / RF_NS_PER_MS;
}

void load_ledger_done(load_ledger *l)
{
    load_entry *e;
    load_entry *next;
    HASH_ITER(hh, l->entries, e, next)
    {
        HASH_DEL(l->entries, e);
        free(e);
    }
    *l = (load_ledger){0};
}
