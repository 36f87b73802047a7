/* Section 3: the diagram, the table "Errors by state" cell by cell, and the codes of section 8. */
#include "recorder_live.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const recorder_facts nothing;

/* The table as the specification prints it, one row a call, one word a column. */
static const struct {
    recorder_call call;
    const char *cells[RECORDER_N_COLUMNS];
} printed[RECORDER_N_CALLS] = {
    {RECORDER_CALL_START, {"NI", "ok", "AR", "AR", "AR", "new", "new", "new"}},
    {RECORDER_CALL_STOP, {"NR", "NR", "ok", "ok", "ok", "joins", "retries", "result else NR"}},
    {RECORDER_CALL_PAUSE, {"NI", "NR", "ok", "ok*", "ok", "NR", "NR", "NR"}},
    {RECORDER_CALL_RESUME, {"NI", "NR", "ok*", "ok", "ok", "NR", "NR", "NR"}},
    {RECORDER_CALL_STREAM, {"NR", "NR", "ok", "ok", "ok", "to the tail", "past", "past"}},
    {RECORDER_CALL_SEGMENT, {"NI", "NA", "ok", "ok", "ok", "ok", "ok", "ok else NA"}},
    {RECORDER_CALL_KEY, {"none", "none", "key", "key", "key", "key", "key", "none"}},
    {RECORDER_CALL_CLOSE, {"ok*", "ok", "stops", "stops", "stops", "waits", "kept", "ok"}},
};

static const struct {
    const char *word;
    recorder_verdict verdict;
    recorder_code code; /* with nothing returned, from start, not cleared */
} words[] = {
    {"ok", RECORDER_DO, RECORDER_OK},
    {"ok*", RECORDER_DO_NOTHING, RECORDER_OK},
    {"NI", RECORDER_FAIL_NI, RECORDER_NOT_INITIALISED},
    {"AR", RECORDER_FAIL_AR, RECORDER_ALREADY_RECORDING},
    {"NR", RECORDER_FAIL_NR, RECORDER_NOT_RECORDING},
    {"NA", RECORDER_FAIL_NA, RECORDER_NO_AUDIO},
    {"new", RECORDER_NEW_SESSION, RECORDER_OK},
    {"joins", RECORDER_JOIN, RECORDER_OK},
    {"retries", RECORDER_RETRY, RECORDER_OK},
    {"result else NR", RECORDER_RESULT_ONCE, RECORDER_OK},
    {"to the tail", RECORDER_TO_TAIL, RECORDER_OK},
    {"past", RECORDER_PAST_ONLY, RECORDER_OK},
    {"ok else NA", RECORDER_IF_UNCLEARED, RECORDER_OK},
    {"none", RECORDER_NO_KEY, RECORDER_OK},
    {"key", RECORDER_KEY, RECORDER_OK},
    {"stops", RECORDER_STOP_FIRST, RECORDER_OK},
    {"waits", RECORDER_WAIT, RECORDER_OK},
    {"kept", RECORDER_KEEP, RECORDER_OK},
};

Test(states, O1_every_cell_of_the_table)
{
    unsigned n = 0;
    for (size_t row = 0; row < RECORDER_N_CALLS; row++) {
        for (size_t column = 0; column < RECORDER_N_COLUMNS; column++) {
            const char *cell = printed[row].cells[column];
            recorder_verdict got =
                recorder_live_verdict(printed[row].call, (recorder_column)column);
            for (size_t w = 0; w < RF_ARRAY_LEN(words); w++) {
                if (strcmp(words[w].word, cell) == 0) {
                    cr_assert_eq(got, words[w].verdict, "row %zu, column %zu: %s", row, column,
                                 cell);
                    cr_assert_eq(recorder_live_code(got, &nothing), words[w].code);
                    n++;
                }
            }
        }
    }
    cr_assert_eq(n, RECORDER_N_CALLS * RECORDER_N_COLUMNS);
}

Test(states, O2_stop_gives_its_result_once_in_python_and_always_in_rpc)
{
    recorder_verdict stop = recorder_live_verdict(RECORDER_CALL_STOP, RECORDER_COLUMN_STORED);
    recorder_facts returned = {.result_returned = true};
    cr_assert_eq(recorder_live_code(stop, &nothing), RECORDER_OK);
    cr_assert_eq(recorder_live_code(stop, &returned), RECORDER_NOT_RECORDING);
}

Test(states, O1_conditional_cells_of_stream_and_segment)
{
    recorder_verdict stream = recorder_live_verdict(RECORDER_CALL_STREAM, RECORDER_COLUMN_PENDING);
    recorder_verdict segment = recorder_live_verdict(RECORDER_CALL_SEGMENT, RECORDER_COLUMN_STORED);
    recorder_facts now = {.from_now = true};
    recorder_facts cleared = {.cleared = true};
    cr_assert_eq(recorder_live_code(stream, &now), RECORDER_NOT_RECORDING);
    cr_assert_eq(recorder_live_code(stream, &nothing), RECORDER_OK);
    cr_assert_eq(recorder_live_code(segment, &cleared), RECORDER_NO_AUDIO);
    cr_assert_eq(recorder_live_code(segment, &now), RECORDER_OK);
}

Test(states, columns_of_recorder_and_session)
{
    recorder_live live = {.state = RECORDER_RECOVERED};
    cr_assert_eq(recorder_column_of(false, &live), RECORDER_COLUMN_NONE);
    cr_assert_eq(recorder_column_of(true, NULL), RECORDER_COLUMN_READY);
    cr_assert_eq(recorder_column_of(true, &live), RECORDER_COLUMN_STORED);
    live.state = RECORDER_DELETED;
    cr_assert_eq(recorder_column_of(true, &live), RECORDER_COLUMN_READY);
    live.state = RECORDER_INTERRUPTED;
    cr_assert_eq(recorder_column_of(true, &live), RECORDER_COLUMN_INTERRUPTED);
}

/* The arrows of the diagram; everything else must be refused. */
static const struct {
    recorder_state from;
    bool paused;
    recorder_step step;
    recorder_state to;
} arrows[] = {
    {RECORDER_RECORDING, false, RECORDER_STEP_PAUSE, RECORDER_PAUSED},
    {RECORDER_RECORDING, false, RECORDER_STEP_LOST, RECORDER_INTERRUPTED},
    {RECORDER_RECORDING, false, RECORDER_STEP_FINALIZE, RECORDER_FINALIZING},
    {RECORDER_PAUSED, true, RECORDER_STEP_RESUME, RECORDER_RECORDING},
    {RECORDER_PAUSED, true, RECORDER_STEP_LOST, RECORDER_INTERRUPTED},
    {RECORDER_PAUSED, true, RECORDER_STEP_FINALIZE, RECORDER_FINALIZING},
    {RECORDER_INTERRUPTED, false, RECORDER_STEP_ATTACH, RECORDER_RECORDING},
    {RECORDER_INTERRUPTED, true, RECORDER_STEP_ATTACH, RECORDER_PAUSED},
    {RECORDER_INTERRUPTED, false, RECORDER_STEP_PAUSE, RECORDER_INTERRUPTED},
    {RECORDER_INTERRUPTED, true, RECORDER_STEP_RESUME, RECORDER_INTERRUPTED},
    {RECORDER_INTERRUPTED, false, RECORDER_STEP_FINALIZE, RECORDER_FINALIZING},
    {RECORDER_INTERRUPTED, true, RECORDER_STEP_FINALIZE, RECORDER_FINALIZING},
    {RECORDER_FINALIZING, false, RECORDER_STEP_STORED, RECORDER_STORED},
    {RECORDER_FINALIZING, true, RECORDER_STEP_STORED, RECORDER_STORED},
    {RECORDER_FINALIZING, false, RECORDER_STEP_FAILED, RECORDER_PENDING},
    {RECORDER_FINALIZING, true, RECORDER_STEP_FAILED, RECORDER_PENDING},
    {RECORDER_PENDING, false, RECORDER_STEP_STORED, RECORDER_STORED},
    {RECORDER_PENDING, true, RECORDER_STEP_STORED, RECORDER_STORED},
    {RECORDER_PENDING, false, RECORDER_STEP_DELETE, RECORDER_DELETED},
    {RECORDER_PENDING, true, RECORDER_STEP_DELETE, RECORDER_DELETED},
    {RECORDER_STORED, false, RECORDER_STEP_DELETE, RECORDER_DELETED},
    {RECORDER_STORED, true, RECORDER_STEP_DELETE, RECORDER_DELETED},
    {RECORDER_RECOVERED, false, RECORDER_STEP_DELETE, RECORDER_DELETED},
    {RECORDER_RECOVERED, true, RECORDER_STEP_DELETE, RECORDER_DELETED},
};

static int find(recorder_state from, bool paused, recorder_step step)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(arrows); i++) {
        if (arrows[i].from == from && arrows[i].paused == paused && arrows[i].step == step) {
            return (int)i;
        }
    }
    return -1;
}

/* paused goes with the state while audio is captured. */
static bool can_be(recorder_state state, bool paused)
{
    return state == RECORDER_RECORDING ? !paused : state != RECORDER_PAUSED || paused;
}

Test(states, every_arrow_of_the_diagram_and_no_other)
{
    for (int i = 0; i < RECORDER_N_STATES * RECORDER_N_STEPS * 2; i++) {
        recorder_state from = (recorder_state)(i / 2 % RECORDER_N_STATES);
        recorder_step step = (recorder_step)(i / 2 / RECORDER_N_STATES);
        bool paused = i % 2 == 1;
        recorder_live live = {.state = from, .paused = paused};
        if (!can_be(from, paused)) {
            continue;
        }
        int arrow = find(from, paused, step);
        int err = recorder_live_step(&live, step);
        cr_assert_eq(err, arrow < 0 ? -EPROTO : 0, "%s, step %d", recorder_state_name(from), step);
        cr_assert_eq(live.state, arrow < 0 ? from : arrows[arrow].to);
    }
}

Test(states, S8_a_pause_lasts_through_an_interruption)
{
    recorder_live live = {.state = RECORDER_RECORDING};
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_PAUSE), 0);
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_LOST), 0);
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_ATTACH), 0);
    cr_assert_eq(live.state, RECORDER_PAUSED);
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_LOST), 0);
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_RESUME), 0, "resume while INTERRUPTED");
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_ATTACH), 0);
    cr_assert_eq(live.state, RECORDER_RECORDING);
}

Test(states, D6_a_session_whose_process_died_becomes_RECOVERED)
{
    recorder_live live = {.state = RECORDER_FINALIZING, .recovered = true};
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_FAILED), 0);
    cr_assert_eq(live.state, RECORDER_PENDING);
    cr_assert_eq(recorder_live_step(&live, RECORDER_STEP_STORED), 0);
    cr_assert_eq(live.state, RECORDER_RECOVERED);
}

/* Section 8, the last table. */
static const struct {
    const char *name;
    int http;
    bool retriable;
} codes[RECORDER_N_CODES] = {
    {"OK", 200, false},
    {"INVALID_ARGUMENT", 400, false},
    {"INVALID_KEY_PART", 400, false},
    {"BAD_MESSAGE", 400, false},
    {"GAP_TOO_LONG", 400, false},
    {"UNSUPPORTED_FORMAT", 415, false},
    {"UNAUTHENTICATED", 401, false},
    {"FORBIDDEN", 403, false},
    {"NOT_FOUND", 404, false},
    {"GONE", 410, false},
    {"NOT_INITIALISED", 503, true},
    {"ALREADY_RECORDING", 409, false},
    {"NOT_RECORDING", 409, false},
    {"RANGE_OUTSIDE", 416, false},
    {"NO_AUDIO", 416, false},
    {"TOO_MANY_SESSIONS", 429, true},
    {"TOO_MANY_CONSUMERS", 429, true},
    {"CONSUMER_TOO_SLOW", 0, true},
    {"DEVICE_UNAVAILABLE", 503, true},
    {"STORE_FAILED", 503, true},
    {"NO_SPACE", 507, true},
};

Test(states, codes_have_their_http_status_and_say_whether_to_retry)
{
    for (int i = 0; i < RECORDER_N_CODES; i++) {
        recorder_code code = (recorder_code)i;
        cr_assert_str_eq(recorder_code_name(code), codes[i].name);
        cr_assert_eq(recorder_code_http(code), codes[i].http, "%s", codes[i].name);
        cr_assert_eq(recorder_code_retriable(code), codes[i].retriable, "%s", codes[i].name);
        cr_assert_eq(recorder_code_canonical(code) == RF_OK, i == 0);
    }
}
