#include "processor_worker.h"

#include "processor_finisher.h"
#include "processor_hints.h"
#include "processor_metric.h"
#include "processor_run.h"
#include "rf_bus_topics.h"
#include "rf_log.h"
#include "rf_queue.h"
#include "rf_time.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WINDOW_MAX PROCESSOR_HINTS_MAX
#define POLL_MS 1000
#define RETRY_MS 200
#define STOP_TELL_NS (5 * RF_NS_PER_S)

struct processor_worker {
    processor_worker_config config;
    const processor_env *env;
    rf_bus *bus;
    rf_bus_sub *sub;
    char *topic;
    int wake_fd; /* a slot became free, or drain */
    processor_keeper *keeper;
    processor_finisher *finisher;
    rf_queue *queue; /* of attempts for the slots */
    pthread_t *slots;
    pthread_t claimer;
    atomic_bool is_draining;
    atomic_uint n_busy;   /* slots that run or are about to */
    atomic_uint n_inline; /* how many inline jobs the next claim may take; 0 unless seen */

    /* Of the claimer alone. */
    processor_hints *hints;
    bool may_have_more; /* the last claim came full, or none was made yet */
    bool is_paused;
    int64_t looked_ns;   /* at the assignment */
    uint64_t assignment; /* a sum over the partitions; 0: none yet */
};

static uint32_t free_slots(processor_worker *w)
{
    uint32_t busy = atomic_load(&w->n_busy);
    return busy >= w->config.slots ? 0 : w->config.slots - busy;
}

static uint32_t window(processor_worker *w)
{
    uint32_t free = free_slots(w);
    return free == 0 ? 0 : RF_MIN(RF_MAX(free, atomic_load(&w->n_inline)), WINDOW_MAX);
}

static uint32_t report_free(void *user)
{
    processor_worker *w = user;
    return atomic_load(&w->is_draining) ? 0 : window(w);
}

static void wake(void *user)
{
    processor_worker *w = user;
    eventfd_write(w->wake_fd, 1);
}

/* ---- slots ---- */

static void run_attempt(processor_worker *w, processor_attempt *a)
{
    rf_log_context(a->claim->request_id);
    processor_finish *finish = processor_run(a);
    rf_log_context(NULL);
    processor_finisher_put(w->finisher, a, finish);
}

static void *slot_loop(void *user)
{
    processor_worker *w = user;
    void *taken;
    while (rf_queue_take(w->queue, &taken, RF_NEVER_NS) == 0) {
        run_attempt(w, taken);
        atomic_fetch_sub(&w->n_busy, 1);
        wake(w);
    }
    return NULL;
}

/* ---- claims ---- */

static void release(processor_worker *w, processor_attempt *a)
{
    processor_attempt_stop(a, PROCESSOR_STOP_RELEASED);
    run_attempt(w, a);
}

/* Returns whether the job was inline. */
static bool place(processor_worker *w, processor_claim *claim)
{
    processor_attempt *a = NULL;
    if (processor_attempt_new(w->env, claim, &a) < 0) {
        processor_finisher_put(w->finisher, NULL, processor_run_broken(claim));
        processor_claim_free(claim);
        return true;
    }
    if (processor_attempt_is_inline(a)) {
        run_attempt(w, a);
        return true;
    }
    if (free_slots(w) == 0 || atomic_load(&w->is_draining)) {
        release(w, a);
        return false;
    }
    atomic_fetch_add(&w->n_busy, 1);
    processor_keeper_add(w->keeper, a);
    if (rf_queue_put(w->queue, a, RF_NEVER_NS) < 0) {
        atomic_fetch_sub(&w->n_busy, 1);
        release(w, a);
    }
    return false;
}

static void adapt(processor_worker *w, uint32_t asked, size_t n, size_t n_inline)
{
    uint32_t before = atomic_load(&w->n_inline);
    uint32_t after = n_inline < n ? 0 : n == asked ? RF_MIN(2 * asked, WINDOW_MAX) : before;
    atomic_store(&w->n_inline, after);
    if (after > before) {
        processor_keeper_poke(w->keeper);
    }
}

/* Returns 0, or the error of the call: hints are kept then. */
static int claim(processor_worker *w, const char *const *ids, size_t n_ids)
{
    processor_claims claims = {0};
    uint32_t asked = window(w);
    int err = w->env->board->claim(w->env->board->self, asked, ids, n_ids, &claims);
    if (err < 0) {
        return err;
    }
    processor_hints_claimed(w->hints);
    processor_keeper_set_period(w->keeper, claims.heartbeat_ns);
    size_t n_inline = 0;
    for (size_t i = 0; i < claims.n; i++) {
        n_inline += place(w, RF_STEAL(claims.items[i]));
    }
    w->may_have_more = claims.n >= asked;
    adapt(w, asked, claims.n, n_inline);
    processor_claims_done(&claims);
    return 0;
}

/* ---- the topic ---- */

static int subscribe(processor_worker *w)
{
    const char *topics[] = {w->topic};
    const rf_bus_sub_config config = {
        .group = w->topic, .topics = topics, .n_topics = 1, .start = RF_BUS_EARLIEST};
    return rf_bus_subscribe(w->bus, &config, &w->sub);
}

/* The membership was lost, by a process held up for long or by the bus: another one is taken. What
 * was not committed comes again; the store decides who gets a job, so hints may be dropped. */
static void rejoin(processor_worker *w)
{
    processor_hints_drop(w->hints);
    w->sub = rf_bus_unsubscribe(w->sub);
    w->is_paused = false;
    int err = subscribe(w);
    w->may_have_more = w->may_have_more || err == 0;
    RF_LOG_WARN("membership lost, joined again", RF_STR("topic", w->topic), RF_INT("error", err));
}

/* With no slot free, or no room for hints, the topic rests; membership goes on. */
static void pause_if(processor_worker *w, bool is_full)
{
    is_full = is_full || processor_hints_full(w->hints);
    if (is_full != w->is_paused) {
        is_full ? rf_bus_pause(w->sub, NULL, -1) : rf_bus_resume(w->sub, NULL, -1);
        w->is_paused = is_full;
    }
}

static void wait_event(processor_worker *w, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = w->sub != NULL ? rf_bus_sub_fd(w->sub) : -1, .events = POLLIN},
                           {.fd = w->wake_fd, .events = POLLIN}};
    eventfd_t ignored;
    if (poll(fds, RF_ARRAY_LEN(fds), timeout_ms) > 0 && (fds[1].revents & POLLIN) != 0) {
        eventfd_read(w->wake_fd, &ignored);
    }
}

/* The partitions that are this worker's, in one number that is 0 for none. */
static uint64_t assigned(const processor_worker *w)
{
    rf_bus_partition parts[RF_BUS_MAX_PARTITIONS];
    size_t n = RF_MIN(rf_bus_assignment(w->sub, parts, RF_ARRAY_LEN(parts)), RF_ARRAY_LEN(parts));
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) { /* in any order: a sum of mixed numbers (splitmix64) */
        uint64_t x = (parts[i].partition + 1) * 0x9e3779b97f4a7c15U;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
        sum += x ^ x >> 31;
    }
    return sum;
}

/* Counts changes; the first partitions that it gets are none. */
static void note_assignment(processor_worker *w)
{
    int64_t now_ns = rf_time_ns();
    if (w->sub == NULL || now_ns < w->looked_ns + POLL_MS * RF_NS_PER_MS) {
        return;
    }
    uint64_t now = assigned(w);
    processor_metric_rebalance(w->config.pool, w->assignment != 0 && now != w->assignment);
    w->assignment = now;
    w->looked_ns = now_ns;
}

/* Follows the topic; a membership that is lost, or could not be had, is asked for again. */
static void follow_topic(processor_worker *w, bool is_full)
{
    if (w->sub != NULL) {
        pause_if(w, is_full);
    }
    if (w->sub == NULL || processor_hints_take(w->hints, w->sub) == -ESTALE) {
        rejoin(w);
    }
    note_assignment(w);
}

/* Returns how long to wait for the next event. */
static int claim_if(processor_worker *w, bool is_full)
{
    const char *ids[PROCESSOR_HINTS_MAX];
    size_t n = processor_hints_ids(w->hints, ids);
    if (is_full || (n == 0 && !w->may_have_more)) {
        return POLL_MS;
    }
    return claim(w, ids, n) < 0 ? RETRY_MS : 0;
}

static void *claim_loop(void *user)
{
    processor_worker *w = user;
    while (!atomic_load(&w->is_draining)) {
        bool is_full = free_slots(w) == 0;
        follow_topic(w, is_full);
        int timeout_ms = claim_if(w, is_full);
        if (w->sub != NULL) {
            processor_hints_commit(w->hints, w->sub);
        }
        wait_event(w, timeout_ms);
    }
    return NULL;
}

/* ---- life ---- */

static void start_thread(pthread_t *thread, void *(*fn)(void *), void *user)
{
    if (pthread_create(thread, NULL, fn, user) != 0) {
        RF_LOG_ERROR("thread not started");
        abort();
    }
}

int processor_worker_start(const processor_worker_config *config, const processor_env *env,
                           rf_bus *bus, processor_worker **ret)
{
    processor_worker *w = RF_NEW(processor_worker);
    w->config = *config;
    w->env = env;
    w->bus = bus;
    w->may_have_more = true;
    w->topic = rf_asprintf("%s%s", RF_TOPIC_JOB_READY, config->pool);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int err = w->wake_fd < 0 ? -errno : subscribe(w);
    if (err < 0) {
        rf_close(&w->wake_fd);
        free(w->topic);
        free(w);
        return err;
    }
    w->hints = processor_hints_new(bus, wake, w);
    w->keeper = processor_keeper_start(env->board, config->heartbeat_ns, report_free, w);
    w->finisher = processor_finisher_start(env->board, w->keeper);
    w->queue = rf_queue_new(config->slots);
    w->slots = RF_NEW_ARRAY(pthread_t, config->slots);
    for (uint32_t i = 0; i < config->slots; i++) {
        start_thread(&w->slots[i], slot_loop, w);
    }
    start_thread(&w->claimer, claim_loop, w);
    *ret = w;
    return 0;
}

void processor_worker_drain(processor_worker *w)
{
    atomic_store(&w->is_draining, true);
    wake(w);
}

bool processor_worker_is_idle(processor_worker *w)
{
    return atomic_load(&w->n_busy) == 0 && processor_finisher_len(w->finisher) == 0;
}

processor_worker *processor_worker_stop(processor_worker *w)
{
    if (w == NULL) {
        return NULL;
    }
    processor_worker_drain(w);
    pthread_join(w->claimer, NULL);
    processor_keeper_stop_all(w->keeper, PROCESSOR_STOP_RELEASED);
    rf_queue_close(w->queue);
    for (uint32_t i = 0; i < w->config.slots; i++) {
        pthread_join(w->slots[i], NULL);
    }
    processor_finisher_stop(w->finisher, rf_time_ns() + STOP_TELL_NS);
    processor_keeper_stop(w->keeper);
    rf_queue_free(w->queue);
    processor_hints_free(w->hints);
    rf_bus_unsubscribe(w->sub);
    rf_close(&w->wake_fd);
    free(w->slots);
    free(w->topic);
    free(w);
    return NULL;
}
