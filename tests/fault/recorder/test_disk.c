/* The real program over a disk that fails (disk_layer.c): each call site of storing a segment and
 * of keeping a finished session fails in turn, with EIO, without space and at the sync (spec
 * section 10). No acknowledged frame is lost, no object is there twice, no event is lost. The call
 * sites of log and masters are in tests/unit/recorder/journal/test_kills.c. */
#include "fault_session.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 5
#define LONG_RUNS 100
#define SETTING "--recorder.ack_ms=20"

static const char *const formats[SESSIONS] = {"wav", "pcm", "flac", "mp3", "opus"};

/* The program with the calls of one kind failing below a folder: from the nth, `count` of them. */
static void start_failing(recorder_program *p, const char *folder, const char *call, int nth,
                          int count, int err)
{
    char fail[64];
    RF_CLEANUP(rf_cleanup_free) char *root = rf_asprintf("%s/%s", p->dir, folder);
    (void)snprintf(fail, sizeof(fail), "%s:%d+%d:%d", call, nth, count, err);
    setenv("REFLECTION_DISK_ROOT", root, 1);
    setenv("REFLECTION_DISK_FAIL", fail, 1);
    setenv("LD_PRELOAD", DISK_LAYER, 1);
    program_start(p, SETTING, NULL);
    unsetenv("LD_PRELOAD");
    unsetenv("REFLECTION_DISK_FAIL");
    unsetenv("REFLECTION_DISK_ROOT");
}

static void record(recorder_program *p, fault_session *all)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        cr_assert_eq(fault_begin(&all[i], p, formats[i]), FAULT_ALIVE);
        fault_send(&all[i], 10 * (int)i);
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        publisher_durable(&all[i].pub, all[i].sent);
        all[i].acked = all[i].sent;
        fault_stop(&all[i]);
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        while (!all[i].over) {
            cr_assert_eq(fault_read(&all[i]), FAULT_ALIVE);
        }
    }
}

/* One life with failures, one without: all is there, once. */
static void survive(const char *folder, const char *call, int nth, int count, int err)
{
    recorder_program p;
    fault_session all[SESSIONS];
    program_init(&p);
    start_failing(&p, folder, call, nth, count, err);
    record(&p, all);
    program_stop(&p);
    program_start(&p, SETTING, NULL);
    for (size_t i = 0; i < SESSIONS; i++) {
        fault_finish(&all[i], &p);
    }
    fault_expect_objects(&p);
    program_stop(&p);
    fault_expect_events(&p, all, SESSIONS);
    program_done(&p);
}

/* In short, the sessions share two lives: in one all fail at once, in one at places further on. In
 * the long form each call fails alone. */
static void survive_each(const char *folder, const char *const *calls, size_t n, int err)
{
    for (size_t i = 0; i < n; i++) {
        if (!figures_are_long()) {
            survive(folder, calls[i], 1, SESSIONS, err);
            survive(folder, calls[i], SESSIONS + 2, SESSIONS, err);
        }
        for (int nth = 1; figures_are_long() && nth <= LONG_RUNS; nth++) {
            survive(folder, calls[i], nth, 1, err);
        }
    }
}

static const char *const writing[] = {"open", "write", "rename"};
static const char *const syncing[] = {"sync"};

Test(disk, D11_D12_storing_survives_EIO_at_each_call, .timeout = 7000)
{
    survive_each("objects/", writing, RF_ARRAY_LEN(writing), EIO);
}

Test(disk, D11_D12_storing_survives_ENOSPC_at_each_call, .timeout = 7000)
{
    survive_each("objects/", writing, RF_ARRAY_LEN(writing), ENOSPC);
}

Test(disk, D11_D12_storing_survives_a_failed_sync_at_each_call, .timeout = 7000)
{
    survive_each("objects/", syncing, RF_ARRAY_LEN(syncing), EIO);
}

Test(disk, D8_a_finished_session_is_kept_whatever_fails_as_it_is_written, .timeout = 7000)
{
    survive_each("recorder/sessions/", writing, RF_ARRAY_LEN(writing), EIO);
    survive_each("recorder/sessions/", writing, RF_ARRAY_LEN(writing), ENOSPC);
    survive_each("recorder/sessions/", syncing, RF_ARRAY_LEN(syncing), EIO);
}
