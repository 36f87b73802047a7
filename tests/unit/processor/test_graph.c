/* Order of steps, what is not run again, and how an attempt stops. */
#include "world.h"

#include "processor_host.h"
#include "processor_keeper.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY "uploads/11111111-1111-4111-8111-111111111111"
/* processor.md section 10; instrumented code is many times slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CANCEL_LIMIT_NS (5 * RF_NS_PER_S)
#else
#define CANCEL_LIMIT_NS (500 * RF_NS_PER_MS)
#endif

static world w;

static void setup(void)
{
    world_open(&w);
}

static void teardown(void)
{
    world_close(&w);
}

TestSuite(graph, .init = setup, .fini = teardown, .timeout = 120);
TestSuite(stopping, .init = setup, .fini = teardown, .timeout = 120);

#define NOOP(id, text) "{\"id\":\"" id "\",\"use\":\"noop\",\"in\":{\"text\":\"" text "\"}}"
#define OUTPUT(name, from) "\"" name "\":{\"from\":\"" from ".text\",\"format\":\"string\"}"

Test(graph, text_flows_along_links_whatever_the_order)
{
    processor_claim *c = world_claim(
        "{\"inputs\":{\"t\":{\"type\":\"string\"}},\"modules\":[" NOOP("c", "b.text") "," NOOP(
            "b", "a.text") "," NOOP("a", "$t") "],\"outputs\":{" OUTPUT("out", "c") "}}",
        "{\"t\":\"hello\"}");
    processor_finish *f = world_run(&w, c);
    cr_assert_str_eq(world_result(f, "out")->text, "hello");
    processor_finish_free(f);
}

Test(graph, a_step_that_no_output_needs_is_not_run)
{
    processor_claim *c = world_claim(
        "{\"inputs\":{\"u\":{\"type\":\"url\"}},\"modules\":["
        "{\"id\":\"d\",\"use\":\"decode\",\"in\":{\"url\":\"$u\"}}," NOOP(
            "n", "k.text") ","
                           "{\"id\":\"k\",\"use\":\"noop\",\"in\":{}}],\"outputs\":{" OUTPUT(
                               "out", "n") "}}",
        "{\"u\":\"x\"}");
    world_input(c, "u", PROCESSOR_INPUT_BAD, "must not be looked at");
    processor_finish *f = world_run(&w, c);
    cr_assert_str_eq(world_result(f, "out")->text, "");
    processor_finish_free(f);
}

static void put_song(unsigned seconds)
{
    int16_t *noise = world_noise(2, (size_t)seconds * 44100);
    world_put_wav(&w, KEY, 44100, 2, noise, (size_t)seconds * 44100);
    free(noise);
}

static processor_claim *analysis(void)
{
    processor_claim *c = world_claim("music-ai/music-analysis", "{\"inputUrl\":\"x\"}");
    world_input(c, "inputUrl", PROCESSOR_INPUT_OBJECT, KEY);
    return c;
}

static const processor_step_output *recorded(const char *step, const char *port)
{
    for (size_t i = 0; i < w.board.n_steps; i++) {
        const processor_step_output *o = &w.board.steps[i];
        if (strcmp(o->step, step) == 0 && strcmp(o->port, port) == 0) {
            return o;
        }
    }
    return NULL;
}

/* E5: what is durable is told, so that a later attempt can use it; samples are not durable. */
Test(graph, finished_steps_are_recorded)
{
    put_song(4);
    processor_finish *f = world_run(&w, analysis());
    cr_assert_eq(f->outcome, PROCESSOR_SUCCEEDED, "%s", f->failure.message);
    cr_expect_not_null(recorded("beats", "map"));
    cr_expect_not_null(recorded("beats", "bpm"));
    cr_expect_null(recorded("decode", "audio"));
    cr_expect_null(recorded("beats", "meta"), "nobody reads it");
    processor_finish_free(f);
}

/* E5: With every output durable nothing is run, not even the input is opened. */
Test(graph, durable_steps_are_not_run_again)
{
    static const char *const files[][2] = {
        {"beats", "map"}, {"chords", "map"}, {"sections", "map"}, {"loudness", "loudness"}};
    processor_claim *c = world_claim("music-ai/music-analysis", "{\"inputUrl\":\"x\"}");
    world_input(c, "inputUrl", PROCESSOR_INPUT_BAD, "must not be looked at");
    for (size_t i = 0; i < RF_ARRAY_LEN(files); i++) {
        char key[64];
        snprintf(key, sizeof(key), "jobs/earlier/1/%zu", i);
        world_put(&w, key, "[]\n", 3);
        world_done(c, files[i][0], files[i][1], key, NULL);
    }
    world_done(c, "key", "key", NULL, "D Minor");
    world_done(c, "beats", "bpm", NULL, "77");
    processor_finish *f = world_run(&w, c);
    cr_assert_str_eq(world_result(f, "key")->text, "D Minor");
    cr_assert_str_eq(world_result(f, "bpm")->text, "77");
    cr_assert_str_eq(world_result(f, "chordMap")->object_key, "jobs/earlier/1/1");
    processor_finish_free(f);
}

/* A durable file that is gone is made again; what is still there is kept. */
Test(graph, a_durable_output_that_is_gone_is_made_again)
{
    put_song(4);
    processor_claim *c = analysis();
    world_done(c, "loudness", "loudness", "jobs/earlier/1/gone", NULL);
    world_done(c, "key", "key", NULL, "D Minor");
    processor_finish *f = world_run(&w, c);
    cr_assert_str_eq(world_result(f, "key")->text, "D Minor");
    cr_assert_str_neq(world_result(f, "loudness")->object_key, "jobs/earlier/1/gone");
    processor_finish_free(f);
}

/* ---- cleaning up ---- */

static int count_object(const char *key, const rf_store_info *info, void *user)
{
    (void)key;
    (void)info;
    ++*(size_t *)user;
    return 0;
}

static size_t count_files(const char *job_id)
{
    size_t n = 0;
    RF_CLEANUP(rf_cleanup_free) char *prefix = rf_asprintf("jobs/%s", job_id);
    cr_assert_eq(rf_store_list(w.store, prefix, count_object, &n), 0);
    return n;
}

static size_t files_left(bool is_accepted)
{
    put_song(4);
    processor_attempt *a = NULL;
    cr_assert_eq(processor_attempt_new(&w.env, analysis(), &a), 0);
    processor_finish *f = processor_run(a);
    f->is_accepted = is_accepted;
    processor_attempt_clean(a, f);
    size_t n = count_files(f->job_id);
    processor_finish_free(f);
    processor_attempt_free(a);
    return n;
}

Test(graph, an_accepted_job_leaves_its_results_and_nothing_else)
{
    cr_assert_eq(files_left(true), 4);
}

/* Another attempt may be using what was recorded. */
Test(graph, a_refused_job_leaves_only_what_was_recorded)
{
    size_t n_files = 0;
    size_t left = files_left(false);
    for (size_t i = 0; i < w.board.n_steps; i++) {
        n_files += w.board.steps[i].object_key != NULL;
    }
    cr_assert_eq(left, n_files);
}

/* ---- stopping ---- */

typedef struct runner {
    processor_attempt *attempt;
    processor_finish *finish;
    pthread_t thread;
    int64_t ended_ns;
} runner;

static void *run_thread(void *user)
{
    runner *r = user;
    r->finish = processor_run(r->attempt);
    r->ended_ns = rf_time_ns();
    return NULL;
}

static void start(runner *r, processor_claim *c)
{
    cr_assert_eq(processor_attempt_new(&w.env, c, &r->attempt), 0);
    cr_assert_eq(pthread_create(&r->thread, NULL, run_thread, r), 0);
}

static void join(runner *r)
{
    pthread_join(r->thread, NULL);
    processor_attempt_free(r->attempt);
}

static void wait_for_step(runner *r, const char *step)
{
    processor_lease_state state;
    do {
        usleep(2000);
        processor_attempt_state(r->attempt, &state);
    } while (strcmp(state.step, step) != 0);
}

/* C1 */
Test(stopping, a_lost_lease_stops_a_module_within_half_a_second)
{
    runner r = {0};
    put_song(300);
    start(&r, analysis());
    wait_for_step(&r, "features");
    usleep(100000);
    int64_t stopped_ns = rf_time_ns();
    processor_attempt_stop(r.attempt, PROCESSOR_STOP_LOST);
    join(&r);
    cr_expect_lt(r.ended_ns - stopped_ns, CANCEL_LIMIT_NS, "took %lld ms",
                 (long long)((r.ended_ns - stopped_ns) / RF_NS_PER_MS));
    cr_assert_null(r.finish, "nobody is told about a lost lease");
}

Test(stopping, shutdown_gives_the_job_up)
{
    runner r = {0};
    put_song(300);
    start(&r, analysis());
    wait_for_step(&r, "features");
    processor_attempt_stop(r.attempt, PROCESSOR_STOP_RELEASED);
    join(&r);
    cr_assert_not_null(r.finish);
    cr_assert_eq(r.finish->outcome, PROCESSOR_RELEASED);
    processor_finish_free(r.finish);
}

/* Ends every child of this process that runs program, as a crash would. */
static void crash_children(const char *program)
{
    DIR *dir = opendir("/proc");
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char path[64];
        char name[32];
        int parent;
        char state;
        snprintf(path, sizeof(path), "/proc/%.20s/stat", e->d_name);
        FILE *f = fopen(path, "re");
        if (f == NULL) {
            continue;
        }
        if (fscanf(f, "%*d (%31[^)]) %c %d", name, &state, &parent) == 3 && parent == getpid() &&
            strncmp(program, name, strlen(name)) == 0 && state == 'R') {
            kill(atoi(e->d_name), SIGSEGV);
        }
        fclose(f);
    }
    closedir(dir);
}

static processor_finish *run_and_crash(const char *step, const char *program)
{
    runner r = {0};
    put_song(300);
    start(&r, analysis());
    wait_for_step(&r, step);
    while (processor_attempt_stopped(r.attempt) == PROCESSOR_GO) {
        crash_children(program);
        usleep(1000);
    }
    join(&r);
    return r.finish;
}

/* E5, F7 */
Test(stopping, a_module_that_crashes_fails_its_step)
{
    processor_finish *f = run_and_crash("features", "reflection-module");
    cr_assert_eq(f->outcome, PROCESSOR_FAILED);
    cr_assert_eq(f->failure.code, PROCESSOR_INTERNAL_ERROR);
    RF_CLEANUP(rf_cleanup_free) char *want = rf_asprintf("Step '%s' failed.", f->failure.step);
    cr_assert_str_eq(f->failure.message, want);
    cr_assert_not(f->failure.decoder_crash);
    processor_finish_free(f);
}

/* E5, F6 */
Test(stopping, a_decoder_that_crashes_is_said_to_have)
{
    processor_finish *f = run_and_crash("decode", "reflection-decode");
    cr_assert_eq(f->outcome, PROCESSOR_FAILED);
    cr_assert_eq(f->failure.code, PROCESSOR_INTERNAL_ERROR);
    cr_assert_str_eq(f->failure.message, "The input could not be decoded.");
    cr_assert(f->failure.decoder_crash);
    processor_finish_free(f);
}

/* Sanitizers need the address space that the limit would take. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* F7 */
Test(stopping, a_module_out_of_memory_fails_its_step)
{
    put_song(120);
    processor_host_free(w.env.host);
    const processor_host_config config = {.max_children = 4,
                                          .memory_bytes = 40u << 20,
                                          .max_file_bytes = 1u << 30,
                                          .max_input_bytes = 64u << 20,
                                          .max_duration_s = 3600};
    cr_assert_eq(processor_host_new(&config, &w.env.host), 0);
    processor_finish *f = world_run(&w, analysis());
    cr_assert_eq(f->failure.code, PROCESSOR_INTERNAL_ERROR);
    cr_assert_str_eq(f->failure.message, "Step 'features' failed.");
    processor_finish_free(f);
}
#endif

/* ---- leases ---- */

/* E2 */
Test(stopping, a_refused_renewal_stops_the_attempt)
{
    processor_attempt *a = NULL;
    cr_assert_eq(processor_attempt_new(&w.env, analysis(), &a), 0);
    atomic_store(&w.board.refuses_lease, true);
    processor_keeper *k = processor_keeper_start(&w.board.calls, 10 * RF_NS_PER_MS, NULL, NULL);
    processor_keeper_add(k, a);
    while (processor_attempt_stopped(a) == PROCESSOR_GO) {
        usleep(1000);
    }
    cr_assert_eq(processor_attempt_stopped(a), PROCESSOR_STOP_LOST);
    processor_keeper_remove(k, a);
    processor_keeper_stop(k);
    processor_attempt_free(a);
}

static void *write_thread(void *user)
{
    return (void *)(intptr_t)processor_attempt_may_write(user);
}

/* E2: 25 s without a renewal, and nothing is written until there is one. */
Test(stopping, a_silent_job_side_holds_writes_back)
{
    void *result;
    pthread_t thread;
    processor_attempt *a = NULL;
    rf_time_drive();
    cr_assert_eq(processor_attempt_new(&w.env, analysis(), &a), 0);
    rf_time_advance(25 * RF_NS_PER_S);
    cr_assert_eq(processor_attempt_may_write(a), 0, "25 s are not too long");
    rf_time_advance(1);
    cr_assert_eq(pthread_create(&thread, NULL, write_thread, a), 0);
    usleep(50000);
    cr_assert_eq(pthread_tryjoin_np(thread, &result), EBUSY);
    processor_attempt_renewed(a, rf_time_ns());
    pthread_join(thread, &result);
    cr_assert_eq((intptr_t)result, 0);
    rf_time_advance(26 * RF_NS_PER_S);
    processor_attempt_stop(a, PROCESSOR_STOP_LOST);
    cr_assert_eq(processor_attempt_may_write(a), -ECANCELED);
    processor_attempt_free(a);
}

Test(stopping, the_first_reason_stands)
{
    processor_attempt *a = NULL;
    cr_assert_eq(processor_attempt_new(&w.env, analysis(), &a), 0);
    processor_attempt_stop(a, PROCESSOR_STOP_TIMEOUT);
    processor_attempt_stop(a, PROCESSOR_STOP_LOST);
    cr_assert_eq(processor_attempt_stopped(a), PROCESSOR_STOP_TIMEOUT);
    processor_attempt_free(a);
}

Test(stopping, progress_never_falls)
{
    processor_attempt *a = NULL;
    processor_lease_state state;
    cr_assert_eq(processor_attempt_new(&w.env, analysis(), &a), 0);
    a->needed = 1;
    processor_attempt_progress(a, 0, 60);
    processor_attempt_progress(a, 0, 40);
    processor_attempt_state(a, &state);
    cr_assert_eq(state.percent, 60);
    cr_assert_str_eq(state.step, "decode");
    processor_attempt_free(a);
}
