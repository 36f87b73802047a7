/* A journal at work in this process: what it accepts, what it says, what it leaves on disk. */
#include "recorder_journal.h"
#include "recorder_reserve.h"
#include "rf_id.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_S 20
#define KIB 1024
#define MIB (1024 * KIB)

static char dir[64];
static recorder_journal *journal;
static recorder_journal_config config;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static uint64_t written_lsn;
static uint64_t durable_lsn;
static uint64_t checkpoint_file;
static int low; /* -1 not told, else the last word */

static void tell(uint64_t *what, uint64_t value)
{
    pthread_mutex_lock(&lock);
    *what = value;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_written(void *user, uint64_t lsn)
{
    (void)user;
    cr_assert_gt(lsn, written_lsn);
    tell(&written_lsn, lsn);
}

static void on_durable(void *user, uint64_t lsn)
{
    (void)user;
    cr_assert_gt(lsn, durable_lsn);
    tell(&durable_lsn, lsn);
}

static void on_checkpoint(void *user, uint64_t file)
{
    (void)user;
    tell(&checkpoint_file, file);
}

static void on_low(void *user, bool is_low, int64_t free_bytes)
{
    (void)user;
    cr_assert_gt(free_bytes, 0);
    pthread_mutex_lock(&lock);
    low = is_low;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static const recorder_journal_events events = {
    .written = on_written, .durable = on_durable, .checkpoint = on_checkpoint, .disk_low = on_low};

static void open_dir(void)
{
    rf_copy_str(dir, sizeof(dir), "/tmp/reflection-running-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    rf_cond_init(&changed);
    config.dir = dir;
    recorder_journal_defaults(&config);
    config.reserve_bytes = 0;
    low = -1;
}

static void close_dir(void)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(running, .init = open_dir, .fini = close_dir, .timeout = 120);

/* Each session in these tests has a number below 256. */
static const uint8_t *session_id(uint8_t number)
{
    static uint8_t id[RECORDER_SESSION_ID];
    memset(id, number, sizeof(id));
    return id;
}

static char *master_of(uint8_t number)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%d.pcm", dir, number);
    return path;
}

static recorder_recovery recovered;

static void forget_whole(void *user, const uint8_t *session)
{
    (void)user;
    (void)session;
}

static void recover(void)
{
    static const recorder_recovery_events none = {0};
    recorder_restore *restore;
    cr_assert_eq(recorder_journal_recover(dir, &none, NULL, &recovered, &restore), 0);
    cr_assert_eq(recorder_restore_run(restore, forget_whole, NULL), 0);
    recorder_restore_free(restore);
}

static void open_held(void)
{
    recover();
    written_lsn = durable_lsn = checkpoint_file = 0;
    int err = recorder_journal_open(&config, &events, NULL, &recovered, &journal);
    cr_assert_eq(err, 0, "%s", strerror(-err));
}

static void open_journal(void)
{
    open_held();
    recorder_journal_restored(journal);
}

static void close_journal(void)
{
    cr_assert_eq(recorder_journal_close(journal, WAIT_S * 1000), 0);
}

static int append(uint8_t session, recorder_record r)
{
    uint64_t lsn;
    memcpy(r.session, session_id(session), sizeof(r.session));
    int err = recorder_journal_append(journal, &r, &lsn);
    return err < 0 ? err : (int)lsn;
}

static recorder_record audio(int64_t first, const int16_t *samples, uint32_t n)
{
    return (recorder_record){.kind = RECORDER_RECORD_AUDIO,
                             .first_frame = first,
                             .n_frames = n,
                             .data = samples,
                             .len = samples == NULL ? 0 : n * 2};
}

/* Until *what >= value. */
static void wait_for(const uint64_t *what, uint64_t value)
{
    int64_t until_ns = rf_time_ns() + WAIT_S * RF_NS_PER_S;
    pthread_mutex_lock(&lock);
    while (*what < value && rf_time_wait_until(&changed, &lock, until_ns) == 0) {
    }
    bool there = *what >= value;
    pthread_mutex_unlock(&lock);
    cr_assert(there, "waited for %llu in vain", (unsigned long long)value);
}

static size_t n_log_files(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n += strstr(e->d_name, ".log") != NULL ? 1 : 0;
    }
    closedir(d);
    return n;
}

Test(running, D2_what_is_durable_is_in_the_log_and_what_is_written_in_the_master)
{
    int16_t samples[1000];
    int16_t back[1000];
    rf_random(samples, sizeof(samples));
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), 0);
    for (int i = 0; i < 10; i++) {
        cr_assert_gt(append(1, audio(i * 100, samples + i * 100, 100)), 0);
    }
    int lsn = append(1, (recorder_record){.kind = RECORDER_RECORD_CHANGE, .data = "x", .len = 1});
    cr_assert_gt(lsn, 0);
    wait_for(&written_lsn, (uint64_t)lsn);
    wait_for(&durable_lsn, (uint64_t)lsn);
    RF_CLEANUP(rf_cleanup_close) int fd = open(master_of(1), O_RDONLY | O_CLOEXEC);
    cr_assert_eq(pread(fd, back, sizeof(back), 0), sizeof(back));
    cr_assert_eq(memcmp(samples, back, sizeof(back)), 0);
    recorder_journal_stats stats;
    recorder_journal_read_stats(journal, &stats);
    cr_assert(stats.records == 12 && stats.master_bytes == sizeof(samples) && stats.syncs >= 1);
    close_journal();
}

Test(running, D2_many_sessions_share_a_sync)
{
    int16_t samples[320] = {1};
    recorder_journal_stats stats;
    open_journal();
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(
            recorder_journal_session(journal, session_id((uint8_t)i), 2, master_of((uint8_t)i)), 0);
    }
    int lsn = 0;
    for (int i = 0; i < 200; i++) {
        lsn = append((uint8_t)i, audio(0, samples, 320));
    }
    wait_for(&durable_lsn, (uint64_t)lsn);
    recorder_journal_read_stats(journal, &stats);
    cr_assert_leq(stats.syncs, 10); /* of 200 sessions */
    close_journal();
}

Test(running, silence_is_a_hole_of_any_length)
{
    int16_t samples[16] = {1};
    struct stat st;
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), 0);
    cr_assert_gt(append(1, audio(0, NULL, 1u << 30)), 0);
    cr_assert_gt(append(1, audio(1 << 30, samples, 16)), 0);
    close_journal();
    cr_assert_eq(stat(master_of(1), &st), 0);
    cr_assert_eq(st.st_size, (2LL << 30) + 32);
    cr_assert_lt(st.st_blocks, 128);
}

Test(running, what_cannot_be_taken_is_refused_with_its_reason)
{
    int16_t samples[16] = {0};
    char *far = rf_alloc(RECORDER_PATH_MAX + 2);
    memset(far, 'a', RECORDER_PATH_MAX + 1);
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), 0);
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), -EEXIST);
    cr_assert_eq(recorder_journal_session(journal, session_id(2), 0, master_of(2)), -EINVAL);
    cr_assert_eq(recorder_journal_session(journal, session_id(2), 65, master_of(2)), -EINVAL);
    cr_assert_eq(recorder_journal_session(journal, session_id(2), 2, ""), -EINVAL);
    cr_assert_eq(recorder_journal_session(journal, session_id(2), 2, far), -EINVAL);
    cr_assert_eq(append(2, audio(0, samples, 16)), -ENOENT);
    cr_assert_eq(append(2, (recorder_record){.kind = RECORDER_RECORD_END}), -ENOENT);
    recorder_record r = audio(0, samples, 16);
    r.len = 16;
    cr_assert_eq(append(1, r), -EINVAL);
    cr_assert_eq(append(1, (recorder_record){.kind = RECORDER_RECORD_FLOOR}), -EINVAL);
    cr_assert_eq(append(1, (recorder_record){.kind = RECORDER_RECORD_SESSION}), -EINVAL);
    cr_assert_gt(append(1, (recorder_record){.kind = RECORDER_RECORD_END}), 0);
    cr_assert_eq(append(1, audio(0, samples, 16)), -ENOENT);
    close_journal();
    free(far);
}

Test(running, D1_memory_is_bounded_and_audio_is_refused_beyond_it)
{
    static uint8_t block[256 * KIB];
    config.held_bytes = MIB;
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 1, master_of(1)), 0);
    int64_t frame = 0;
    int lsn = 0;
    bool refused = false;
    for (int i = 0; i < 2000; i++) {
        recorder_record r = {.kind = RECORDER_RECORD_AUDIO,
                             .first_frame = frame,
                             .n_frames = sizeof(block),
                             .data = block,
                             .len = sizeof(block)};
        recorder_journal_stats stats;
        int result = append(1, r);
        recorder_journal_read_stats(journal, &stats);
        cr_assert_leq(stats.held_bytes, MIB);
        if (result == -ENOBUFS) {
            refused = true;
            /* A change finds room all the same. */
            cr_assert_gt(
                append(1, (recorder_record){.kind = RECORDER_RECORD_CHANGE, .data = "x", .len = 1}),
                0);
            wait_for(&durable_lsn, (uint64_t)lsn);
            break;
        }
        lsn = result;
        frame += (int64_t)sizeof(block);
    }
    cr_assert(refused);
    close_journal();
}

/* Of an event: what the journal says that it holds while the later one of a batch is being told. */
static _Atomic(int) told_of_batch;
static _Atomic(int64_t) held_when_told;

static void note_held(void *user, uint64_t lsn)
{
    recorder_journal_stats stats;
    (void)user;
    (void)lsn;
    if (atomic_fetch_add(&told_of_batch, 1) == 1) {
        recorder_journal_read_stats(journal, &stats);
        atomic_store(&held_when_told, stats.held_bytes);
    }
}

/* An owner that was refused tries again when it is told, and is not told again. */
Test(running, D1_room_is_made_before_the_owner_is_told)
{
    const recorder_journal_events noting = {.written = note_held, .durable = note_held};
    int16_t samples[1000] = {1};
    cr_assert_eq(recorder_journal_open(&config, &noting, NULL, NULL, &journal), 0);
    for (int i = 0; i < 5; i++) {
        atomic_store(&told_of_batch, 0);
        atomic_store(&held_when_told, -1);
        cr_assert_gt(append(1, (recorder_record){.kind = RECORDER_RECORD_CHANGE,
                                                 .data = samples,
                                                 .len = sizeof(samples)}),
                     0);
        for (int k = 0; k < WAIT_S * 1000 && atomic_load(&held_when_told) < 0; k++) {
            usleep(1000);
        }
        cr_assert_eq(atomic_load(&held_when_told), 0);
    }
    close_journal();
}

/* How often the journal's thread of this name has gone to sleep. */
static uint64_t sleeps_of(const char *name)
{
    uint64_t sleeps = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        RF_CLEANUP(rf_cleanup_free)
        char *path = rf_asprintf("/proc/self/task/%s/status", e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        char line[128];
        bool is = false;
        unsigned long long n;
        while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
            is = is || (strncmp(line, "Name:", 5) == 0 && strstr(line, name) != NULL);
            if (is && sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1) {
                sleeps += n;
            }
        }
        if (f != NULL) {
            fclose(f);
        }
    }
    closedir(d);
    return sleeps;
}

/* Its writes end in the page cache; what else it sleeps for is the lock, and a busy machine. */
Test(running, D2_a_commit_wakes_the_writer_once)
{
    int16_t samples[160] = {1};
    recorder_journal_stats before, after;
    config.commit_ms = 20;
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), 0);
    wait_for(&durable_lsn, 1);
    recorder_journal_read_stats(journal, &before);
    uint64_t sleeps = sleeps_of("journal-write");
    for (int i = 0; i < 100; i++) {
        cr_assert_gt(append(1, audio(i * 160, samples, 160)), 0);
        usleep(5000);
    }
    sleeps = sleeps_of("journal-write") - sleeps;
    recorder_journal_read_stats(journal, &after);
    uint64_t commits = after.syncs - before.syncs;
    cr_assert(commits >= 3 && sleeps <= commits * 2, "%llu sleeps for %llu commits",
              (unsigned long long)sleeps, (unsigned long long)commits);
    close_journal();
}

Test(running, a_large_record_is_taken_when_nothing_else_is_in_hand)
{
    uint8_t *big = rf_alloc(RECORDER_RECORD_MAX);
    config.held_bytes = MIB;
    open_journal();
    int lsn =
        append(1, (recorder_record){
                      .kind = RECORDER_RECORD_SNAPSHOT, .data = big, .len = RECORDER_RECORD_MAX});
    cr_assert_gt(lsn, 0);
    wait_for(&durable_lsn, (uint64_t)lsn);
    close_journal();
    recover();
    cr_assert_eq(recovered.records, 1);
    free(big);
}

/* Two files of audio, by way of the smallest rotation. */
static void fill_files(void)
{
    static int16_t samples[4000];
    int64_t frame = 0;
    for (int i = 0; i < 40 && checkpoint_file == 0; i++) {
        int lsn = append(1, audio(frame, samples, 4000));
        cr_assert_gt(lsn, 0);
        frame += 4000;
        wait_for(&durable_lsn, (uint64_t)lsn);
    }
}

Test(running, old_files_go_after_the_checkpoint_and_not_before)
{
    config.rotate_bytes = 64 * KIB;
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), 0);
    fill_files();
    wait_for(&checkpoint_file, 1);
    recorder_journal_stats stats;
    recorder_journal_read_stats(journal, &stats);
    cr_assert(stats.rotations == 1 && stats.files_removed == 0);
    cr_assert_gt(
        append(1, (recorder_record){.kind = RECORDER_RECORD_SNAPSHOT, .data = "state", .len = 5}),
        0);
    cr_assert_eq(recorder_journal_checkpoint(journal, checkpoint_file), 0);
    for (int i = 0; i < WAIT_S * 100 && stats.files_removed == 0; i++) {
        recorder_journal_flush(journal);
        usleep(10000);
        recorder_journal_read_stats(journal, &stats);
    }
    cr_assert_eq(stats.files_removed, 1);
    close_journal();
    cr_assert_leq(n_log_files(), 2);
}

Test(running, D8_files_without_a_checkpoint_stay_over_any_number_of_starts)
{
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), 0);
    close_journal();
    for (int i = 0; i < 3; i++) {
        open_journal();
        cr_assert_eq(recovered.sessions, 1);
        wait_for(&checkpoint_file, recovered.last_file);
        close_journal();
    }
}

Test(running, D7_D8_files_with_audio_to_restore_stay_and_new_records_are_taken_meanwhile)
{
    open_journal();
    cr_assert_eq(recorder_journal_session(journal, session_id(1), 2, master_of(1)), 0);
    close_journal();
    open_held();
    cr_assert_eq(recorder_journal_session(journal, session_id(2), 2, master_of(2)), 0);
    int lsn = append(2, (recorder_record){.kind = RECORDER_RECORD_CHANGE, .data = "new", .len = 3});
    cr_assert_gt(lsn, 0);
    wait_for(&durable_lsn, (uint64_t)lsn);
    cr_expect_eq(checkpoint_file, 0, "not asked for");
    recorder_journal_restored(journal);
    wait_for(&checkpoint_file, recovered.last_file);
    close_journal();
}

Test(running, one_process_at_a_time_and_no_journal_is_overlooked)
{
    recorder_journal *second;
    open_journal();
    cr_assert_eq(recorder_journal_open(&config, &events, NULL, &recovered, &second), -EWOULDBLOCK);
    close_journal();
    cr_assert_eq(recorder_journal_open(&config, &events, NULL, NULL, &second), -EEXIST);
}

Test(running, settings_out_of_range_are_refused)
{
    const struct {
        size_t at;
        int64_t low;
        int64_t high;
    } ranges[] = {
        {offsetof(recorder_journal_config, commit_ms), 5, 30},
        {offsetof(recorder_journal_config, rotate_bytes), 64 * KIB, 4LL * KIB * MIB},
        {offsetof(recorder_journal_config, held_bytes), MIB, 1LL * KIB * MIB},
        {offsetof(recorder_journal_config, reserve_bytes), 0, 1LL * KIB * MIB},
        {offsetof(recorder_journal_config, low_bytes), 64LL * MIB, 1LL * MIB * MIB},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(ranges); i++) {
        const int64_t wrong[] = {ranges[i].low - 1, ranges[i].high + 1};
        for (size_t k = 0; k < RF_ARRAY_LEN(wrong); k++) {
            recorder_journal_config c = config;
            memcpy((char *)&c + ranges[i].at, &wrong[k], sizeof(wrong[k]));
            cr_assert_eq(recorder_journal_open(&c, &events, NULL, NULL, &journal), -EINVAL);
        }
    }
}

Test(running, D9_little_free_space_is_told_and_known)
{
    config.low_bytes = 1LL * MIB * MIB; /* more than any machine of the tests has */
    open_journal();
    int64_t until_ns = rf_time_ns() + WAIT_S * RF_NS_PER_S;
    pthread_mutex_lock(&lock);
    while (low != 1 && rf_time_wait_until(&changed, &lock, until_ns) == 0) {
    }
    cr_assert_eq(low, 1);
    pthread_mutex_unlock(&lock);
    recorder_journal_stats stats;
    recorder_journal_read_stats(journal, &stats);
    cr_assert(stats.low && stats.free_bytes > 0);
    close_journal();
}

Test(running, D10_the_reserve_is_set_aside_spent_and_set_aside_again)
{
    struct stat st;
    RF_CLEANUP(rf_cleanup_free) char *reserve = rf_asprintf("%s/reserve", dir);
    config.reserve_bytes = 4 * MIB;
    config.watch_ms = 20;
    open_journal();
    for (int round = 0; round < 2; round++) {
        int64_t blocks = 0;
        for (int i = 0; i < WAIT_S * 100 && blocks * 512 < 4 * MIB; i++) {
            blocks = stat(reserve, &st) == 0 ? st.st_blocks : 0;
            usleep(10000);
        }
        cr_assert_geq(blocks * 512, 4 * MIB);
        if (round == 0) { /* as a start does that had to spend it */
            close_journal();
            cr_assert(recorder_reserve_spend(reserve));
            cr_assert_not(recorder_reserve_spend(reserve));
            open_journal();
        }
    }
    close_journal();
    cr_assert_eq(recorder_reserve_set(reserve, 0), 0);
    cr_assert_neq(access(reserve, F_OK), 0);
}
