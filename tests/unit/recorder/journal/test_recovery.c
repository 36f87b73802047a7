/* Journals with every kind of damage, made by hand, and what recovery makes of them (D5, D8). */
#include "recorder_journal.h"
#include "recorder_logfile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAMES 100
#define FRAME_BYTES 2
#define HEADER 64 /* of a file */
#define AUDIO_SIZE (RECORDER_RECORD_HEADER + 200)

static char dir[64];
static char master[2][128];
static uint64_t seq;
static recorder_recovery report;
static char told[1024]; /* what recovery told, in short */

static void open_dir(void)
{
    rf_copy_str(dir, sizeof(dir), "/tmp/reflection-recovery-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    for (int i = 0; i < 2; i++) {
        snprintf(master[i], sizeof(master[i]), "%s/%d.pcm", dir, i);
    }
}

static void close_dir(void)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(recovery, .init = open_dir, .fini = close_dir, .timeout = 60);

/* ---- making journals ---- */

static recorder_logfile *file(uint64_t number)
{
    recorder_logfile *f;
    cr_assert_eq(recorder_logfile_create(dir, number, 1 << 16, &f), 0);
    return f;
}

static void put_numbered(recorder_logfile *f, recorder_record r, uint8_t session, uint64_t number)
{
    static uint8_t bytes[RECORDER_RECORD_HEADER + (64 << 10)];
    memset(r.session, session, sizeof(r.session));
    r.seq = number;
    recorder_record_pack(&r, bytes);
    cr_assert_eq(recorder_logfile_write(f, bytes, recorder_record_size(r.len)), 0);
}

static void put(recorder_logfile *f, recorder_record r, uint8_t session)
{
    put_numbered(f, r, session, ++seq);
}

static void put_session(recorder_logfile *f, uint8_t session)
{
    uint8_t payload[RECORDER_SESSION_MAX];
    recorder_record r = {.kind = RECORDER_RECORD_SESSION, .data = payload};
    r.len = recorder_record_pack_session(FRAME_BYTES, master[session], payload);
    put(f, r, session);
}

static recorder_record audio(int64_t block)
{
    static int16_t samples[FRAMES];
    for (int i = 0; i < FRAMES; i++) {
        samples[i] = (int16_t)(block + 1);
    }
    return (recorder_record){.kind = RECORDER_RECORD_AUDIO,
                             .first_frame = block * FRAMES,
                             .n_frames = FRAMES,
                             .data = samples,
                             .len = sizeof(samples)};
}

static recorder_record text(recorder_record_kind kind, const char *s)
{
    return (recorder_record){.kind = kind, .data = s, .len = (uint32_t)strlen(s)};
}

/* ---- what is told ---- */

static void tell(const char *fmt, ...) RF_PRINTF(1, 2);
static void tell(const char *fmt, ...)
{
    va_list args;
    size_t len = strlen(told);
    va_start(args, fmt);
    vsnprintf(told + len, sizeof(told) - len, fmt, args);
    va_end(args);
}

static void on_session(void *user, const uint8_t *session, uint32_t frame_bytes, const char *path)
{
    (void)user;
    cr_assert(path == NULL || (frame_bytes == FRAME_BYTES && strcmp(path, master[*session]) == 0));
    tell("%d:%s ", *session, path == NULL ? "-" : "session");
}

static int on_record(void *user, const recorder_record *r)
{
    (void)user;
    if (r->kind == RECORDER_RECORD_AUDIO) {
        tell("%d:%lld+%u ", r->session[0], (long long)r->first_frame, r->n_frames);
    } else {
        tell("%d:%.*s ", r->session[0], (int)r->len, (const char *)r->data);
    }
    return 0;
}

static void on_whole(void *user, const uint8_t *session)
{
    (void)session;
    ++*(size_t *)user;
}

/* Reads the log and restores the masters. */
static int recover(void)
{
    static const recorder_recovery_events events = {.session = on_session, .record = on_record};
    recorder_restore *restore;
    size_t n_whole = 0;
    told[0] = '\0';
    int err = recorder_journal_recover(dir, &events, NULL, &report, &restore);
    if (err == 0) {
        cr_assert_eq(recorder_restore_run(restore, on_whole, &n_whole), 0);
        cr_assert_eq(n_whole, report.sessions);
        recorder_restore_free(restore);
    }
    return err;
}

static void expect(const char *words)
{
    cr_assert_eq(recover(), 0);
    cr_assert_str_eq(told, words);
}

/* Blocks of FRAMES samples that a master has, as digits: 0 silence. */
static void expect_master(int session, const char *blocks)
{
    int16_t samples[FRAMES];
    RF_CLEANUP(rf_cleanup_close) int fd = open(master[session], O_RDONLY | O_CLOEXEC);
    for (off_t i = 0; blocks[i] != '\0'; i++) {
        cr_assert_eq(pread(fd, samples, sizeof(samples), i * (off_t)sizeof(samples)),
                     sizeof(samples));
        for (int k = 0; k < FRAMES; k++) {
            cr_assert_eq(samples[k], blocks[i] - '0', "block %d", (int)i);
        }
    }
    struct stat st;
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(st.st_size, (off_t)(strlen(blocks) * sizeof(samples)));
}

static void damage(uint64_t number, int64_t at, const void *data, size_t len)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_asprintf("%s/journal-%016llx.log", dir, (unsigned long long)number);
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, data, len, at), (ssize_t)len);
}

/* ---- tests ---- */

Test(recovery, without_a_journal_there_is_nothing)
{
    expect("");
    cr_assert(report.last_file == 0 && report.next_seq == 1);
    rmdir(dir);
    cr_assert_eq(recover(), 0);
    cr_assert_eq(mkdir(dir, 0700), 0);
}

Test(recovery, D5_all_records_come_back_in_order_and_audio_is_in_the_masters)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put_session(f, 1);
    put(f, text(RECORDER_RECORD_CHANGE, "start"), 0);
    put(f, audio(0), 0);
    put(f, audio(1), 1);
    put(f, (recorder_record){.kind = RECORDER_RECORD_AUDIO, .first_frame = 100, .n_frames = 300},
        0);
    put(f, text(RECORDER_RECORD_CHANGE, "gap"), 0);
    recorder_logfile_free(f);
    expect("0:session 1:session 0:start 0:0+400 0:gap 1:100+100 ");
    expect_master(0, "1000");
    expect_master(1, "02");
    cr_assert(report.records == 7 && report.torn == 0 && report.holes == 0 &&
              report.audio_bytes == 400 && report.sessions == 2 && report.next_seq == seq + 1);
}

Test(recovery, D5_a_torn_tail_is_dropped_and_all_before_it_kept)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put(f, audio(0), 0);
    int64_t tail = f->end;
    put(f, audio(1), 0);
    recorder_logfile_free(f);
    for (int64_t at = tail; at < tail + AUDIO_SIZE; at += 8) {
        const uint64_t junk = 0x5A5A5A5A5A5A5A5A;
        damage(1, at, &junk, sizeof(junk));
        expect("0:session 0:0+100 ");
        cr_assert(report.torn == 1 && report.torn_bytes > 0 && report.next_seq == 3);
    }
    expect_master(0, "1");
}

Test(recovery, D5_a_file_cut_off_at_any_byte_keeps_its_whole_records)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    int64_t ends[3] = {f->end};
    put(f, audio(0), 0);
    ends[1] = f->end;
    put(f, audio(1), 0);
    ends[2] = f->end;
    for (int64_t end = ends[2]; end >= ends[0]; end -= 4) {
        cr_assert_eq(ftruncate(f->fd, end), 0);
        cr_assert_eq(recover(), 0);
        uint64_t records = end == ends[2] ? 3 : end >= ends[1] ? 2 : 1;
        cr_assert_eq(report.records, records, "%lld", (long long)end);
    }
    recorder_logfile_free(f);
}

Test(recovery, D5_a_damaged_record_in_the_middle_ends_its_file_and_not_the_journal)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put(f, audio(0), 0);
    int64_t middle = f->end;
    put(f, audio(1), 0);
    put(f, audio(2), 0);
    recorder_logfile_free(f);
    f = file(2);
    put(f, audio(3), 0);
    recorder_logfile_free(f);
    damage(1, middle + 60, "x", 1);
    expect("0:session 0:0+100 0:300+100 ");
    cr_assert(report.torn == 1 && report.holes == 1 && report.torn_bytes > AUDIO_SIZE &&
              report.torn_bytes <= 2 * AUDIO_SIZE);
    expect_master(0, "1004");
}

Test(recovery, D5_a_missing_file_is_a_hole_and_no_end)
{
    for (uint64_t number = 1; number <= 3; number++) {
        recorder_logfile *f = file(number);
        put_session(f, 0);
        put(f, audio((int64_t)number - 1), 0);
        recorder_logfile_free(f);
    }
    cr_assert_eq(recorder_logfile_remove(dir, 2), 0);
    expect("0:session 0:0+100 0:200+100 ");
    cr_assert(report.holes == 1 && report.files == 2 && report.last_file == 3);
}

Test(recovery, D4_what_stands_in_two_files_after_a_failed_sync_counts_once)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put(f, text(RECORDER_RECORD_CHANGE, "one"), 0);
    put(f, text(RECORDER_RECORD_CHANGE, "two"), 0);
    int64_t torn = f->end;
    put(f, audio(0), 0);
    recorder_logfile_free(f);
    damage(1, torn, "torn", 4);
    f = file(2); /* half of it could be written */
    put_numbered(f, text(RECORDER_RECORD_CHANGE, "two"), 0, 3);
    recorder_logfile_free(f);
    f = file(3);
    put_numbered(f, text(RECORDER_RECORD_CHANGE, "two"), 0, 3);
    put_numbered(f, audio(0), 0, 4);
    put_numbered(f, text(RECORDER_RECORD_CHANGE, "three"), 0, 5);
    recorder_logfile_free(f);
    expect("0:session 0:one 0:two 0:0+100 0:three ");
    cr_assert(report.duplicates == 2 && report.holes == 0 && report.next_seq == 6);
    expect_master(0, "1");
}

Test(recovery, D5_masters_shorter_than_the_journal_says_are_made_whole)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    for (int64_t i = 0; i < 4; i++) {
        put(f, audio(i), 0);
    }
    recorder_logfile_free(f);
    cr_assert_eq(recover(), 0);
    cr_assert_eq(truncate(master[0], 150), 0);
    cr_assert_eq(recover(), 0);
    expect_master(0, "1234");
    cr_assert_eq(unlink(master[0]), 0);
    cr_assert_eq(recover(), 0);
    expect_master(0, "1234");
}

Test(recovery, a_snapshot_stands_for_all_before_it_wherever_that_is)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put(f, text(RECORDER_RECORD_CHANGE, "one"), 0);
    put(f, text(RECORDER_RECORD_SNAPSHOT, "old"), 0);
    recorder_logfile_free(f);
    f = file(2);
    put(f, text(RECORDER_RECORD_CHANGE, "two"), 0);
    put(f, audio(0), 0);
    put(f, text(RECORDER_RECORD_SNAPSHOT, "state"), 0);
    put(f, text(RECORDER_RECORD_CHANGE, "three"), 0);
    recorder_logfile_free(f);
    expect("0:session 0:state 0:three ");
    expect_master(0, "1");
}

static const char *path_in(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

Test(recovery, D7_a_master_that_cannot_be_written_does_not_keep_the_others_from_theirs)
{
    static const recorder_recovery_events none = {0};
    recorder_restore *restore;
    size_t n_whole = 0;
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put_session(f, 1);
    put(f, audio(0), 0);
    put(f, audio(0), 1);
    put(f, audio(1), 0);
    recorder_logfile_free(f);
    cr_assert_eq(mkdir(path_in("0.pcm"), 0700), 0);
    cr_assert_eq(recorder_journal_recover(dir, &none, NULL, &report, &restore), 0);
    cr_assert_eq(recorder_restore_run(restore, on_whole, &n_whole), -EISDIR);
    cr_expect_eq(n_whole, 1);
    expect_master(1, "1");
    cr_assert_eq(unlink(path_in("1.pcm")), 0);
    cr_assert_eq(rmdir(path_in("0.pcm")), 0);
    cr_assert_eq(recorder_restore_run(restore, on_whole, &n_whole), 0);
    cr_expect_eq(n_whole, 2);
    expect_master(0, "12");
    cr_expect_lt(access(path_in("1.pcm"), F_OK), 0, "whole once: not touched again");
    recorder_restore_free(restore);
}

Test(recovery, D7_a_stopped_restore_leaves_what_is_not_whole_to_the_next_start)
{
    static const recorder_recovery_events none = {0};
    recorder_restore *restore;
    size_t n_whole = 0;
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put(f, audio(0), 0);
    recorder_logfile_free(f);
    cr_assert_eq(recorder_journal_recover(dir, &none, NULL, &report, &restore), 0);
    recorder_restore_stop(restore);
    cr_assert_eq(recorder_restore_run(restore, on_whole, &n_whole), -ECANCELED);
    cr_expect_eq(n_whole, 0);
    recorder_restore_free(restore);
    cr_assert_eq(recover(), 0);
    expect_master(0, "1");
}

Test(recovery, an_ended_session_is_not_told_of_and_its_master_not_touched)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put_session(f, 1);
    put(f, audio(0), 0);
    put(f, (recorder_record){.kind = RECORDER_RECORD_END}, 0);
    recorder_logfile_free(f);
    expect("1:session ");
    cr_assert_neq(access(master[0], F_OK), 0);
}

Test(recovery, a_removed_file_that_comes_back_from_the_dead_counts_for_nothing)
{
    recorder_logfile *f = file(1); /* the session's end was in file 2, which is gone */
    put_session(f, 0);
    put(f, audio(0), 0);
    recorder_logfile_free(f);
    seq += 10;
    f = file(3);
    put_session(f, 1);
    put(f, (recorder_record){.kind = RECORDER_RECORD_FLOOR, .first_frame = 3}, 0);
    recorder_logfile_free(f);
    expect("1:session ");
    cr_assert(report.holes == 0 && report.files == 1 && report.last_file == 3);
}

Test(recovery, D8_a_journal_of_a_later_version_is_left_alone)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put(f, text(RECORDER_RECORD_CHANGE, "one"), 0);
    uint8_t bytes[64];
    recorder_record r = text(RECORDER_RECORD_CHANGE, "two");
    r.kind = (recorder_record_kind)77;
    r.seq = ++seq;
    recorder_record_pack(&r, bytes);
    cr_assert_eq(recorder_logfile_write(f, bytes, recorder_record_size(r.len)), 0);
    recorder_logfile_free(f);
    cr_assert_eq(recover(), -EPROTO);
    RF_CLEANUP(rf_cleanup_free) uint64_t *numbers = NULL;
    size_t n;
    cr_assert_eq(recorder_logfile_list(dir, &numbers, &n), 0);
    cr_assert_eq(n, 1);
}

Test(recovery, a_file_without_its_header_is_passed_over)
{
    recorder_logfile *f = file(1);
    put_session(f, 0);
    recorder_logfile_free(f);
    recorder_logfile_free(file(2));
    f = file(3);
    put(f, audio(0), 0);
    recorder_logfile_free(f);
    damage(2, 3, "x", 1);
    expect("0:session 0:0+100 ");
    cr_assert(report.torn == 1 && report.holes == 0);
    damage(1, HEADER - 1, "x", 1); /* now nobody knows the session's master */
    expect("0:- ");
}

/* Up to where a file has really been written, be it zeros. */
static int64_t written_up_to(const recorder_logfile *f)
{
    return (int64_t)lseek(f->fd, 0, SEEK_HOLE);
}

Test(recovery, D2_small_writes_find_written_space_within_what_is_set_aside)
{
    static uint8_t large[64 * 1024];
    const int64_t ahead = 256 * 1024;
    recorder_logfile *f;
    cr_assert_eq(recorder_logfile_create(dir, 1, 3 * ahead, &f), 0);
    cr_assert_eq(written_up_to(f), ahead);
    put_session(f, 0);
    put(f, audio(0), 0);
    cr_assert_eq(written_up_to(f), ahead);
    for (int i = 0; i < 5; i++) {
        put(f,
            (recorder_record){.kind = RECORDER_RECORD_CHANGE, .data = large, .len = sizeof(large)},
            0);
    }
    cr_assert_lt(written_up_to(f) - f->end, 4096); /* large ones need none */
    put(f, audio(1), 0);
    cr_assert_geq(written_up_to(f) - f->end, ahead / 2);
    while (f->end < 3 * ahead) {
        put(f, text(RECORDER_RECORD_CHANGE, "more"), 0);
    }
    cr_assert_lt((int64_t)lseek(f->fd, 0, SEEK_END) - f->end, 4096); /* no more than set aside */
    recorder_logfile_free(f);
    cr_assert_eq(recover(), 0);
    cr_assert(report.torn == 0 && report.holes == 0 && report.records == seq);
}

/* Bytes that this process has read so far. */
static long long read_so_far(void)
{
    long long n = -1;
    FILE *f = fopen("/proc/self/io", "r");
    cr_assert_not_null(f);
    cr_assert_eq(fscanf(f, "rchar: %lld", &n), 1);
    fclose(f);
    return n;
}

Test(recovery, what_was_set_aside_and_never_written_is_not_read)
{
    const int64_t room = 64 << 20;
    const int64_t far = 40 << 20;
    recorder_logfile *f;
    cr_assert_eq(recorder_logfile_create(dir, 1, room, &f), 0);
    put_session(f, 0);
    put(f, audio(0), 0);
    int64_t end = f->end;
    recorder_logfile_free(f);
    for (int round = 0; round < 2; round++) { /* nor for having been read before */
        long long before = read_so_far();
        expect("0:session 0:0+100 ");
        cr_assert_lt(read_so_far() - before, 4 << 20);
        cr_assert_eq(report.torn, 0);
    }
    damage(1, far, "x", 1);
    long long before = read_so_far();
    expect("0:session 0:0+100 ");
    cr_assert_lt(read_so_far() - before, 8 << 20);
    cr_assert_eq((int64_t)report.torn_bytes, far + 1 - end, "what stands behind is found");
}

Test(recovery, other_files_in_the_folder_are_left_alone_and_leftovers_are_not_read)
{
    const char *names[] = {"journal-1.log", "journal-000000000000000g.log", "notes", "reserve",
                           "journal-0000000000000007.log.tmp"};
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, names[i]);
        RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert_geq(fd, 0);
    }
    expect("");
    cr_assert_eq(report.files, 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, names[i]);
        cr_assert_eq(access(path, F_OK) == 0, i != 4, "%s", names[i]);
    }
}

static int refuse(void *user, const recorder_record *r)
{
    (void)user;
    return r->kind == RECORDER_RECORD_CHANGE ? -EBADE : 0;
}

Test(recovery, a_callback_may_end_it)
{
    static const recorder_recovery_events events = {.record = refuse};
    recorder_logfile *f = file(1);
    put_session(f, 0);
    put(f, text(RECORDER_RECORD_CHANGE, "one"), 0);
    recorder_logfile_free(f);
    recorder_restore *restore;
    cr_assert_eq(recorder_journal_recover(dir, &events, NULL, &report, &restore), -EBADE);
}
