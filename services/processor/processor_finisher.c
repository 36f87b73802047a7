#include "processor_finisher.h"

#include "rf_log.h"
#include "rf_queue.h"
#include "rf_time.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define QUEUE_MAX 4096
#define RETRY_FIRST_NS (100 * RF_NS_PER_MS)
#define RETRY_LAST_NS (2 * RF_NS_PER_S)

typedef struct finish_item {
    processor_attempt *attempt;
    processor_finish *finish;
} finish_item;

struct processor_finisher {
    const processor_board *board;
    processor_keeper *keeper;
    rf_queue *queue;
    pthread_t thread;
    atomic_size_t n_open;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t give_up_ns; /* RF_NEVER_NS until it stops */
};

static void end_item(processor_finisher *f, finish_item *item)
{
    static const processor_finish lost = {.outcome = PROCESSOR_RELEASED};
    if (item->attempt != NULL) {
        processor_keeper_remove(f->keeper, item->attempt);
        processor_attempt_clean(item->attempt, item->finish == NULL ? &lost : item->finish);
    }
    processor_attempt_free(item->attempt);
    processor_finish_free(item->finish);
    free(item);
    atomic_fetch_sub(&f->n_open, 1);
}

/* Waits before a retry; false when it is time to give up. */
static bool wait_retry(processor_finisher *f, int64_t delay_ns)
{
    int64_t until_ns = rf_time_ns() + delay_ns;
    pthread_mutex_lock(&f->lock);
    while (rf_time_ns() < RF_MIN(until_ns, f->give_up_ns)) {
        rf_time_wait_until(&f->changed, &f->lock, RF_MIN(until_ns, f->give_up_ns));
    }
    bool goes_on = rf_time_ns() < f->give_up_ns;
    pthread_mutex_unlock(&f->lock);
    return goes_on;
}

static void tell(processor_finisher *f, processor_finish *const *finishes, size_t n)
{
    int64_t delay_ns = RETRY_FIRST_NS;
    int err = n == 0 ? 0 : f->board->finish(f->board->self, finishes, n);
    while (err < 0 && wait_retry(f, delay_ns)) {
        delay_ns = RF_MIN(2 * delay_ns, RETRY_LAST_NS);
        err = f->board->finish(f->board->self, finishes, n);
    }
    if (err < 0) {
        RF_LOG_WARN("results not told", RF_INT("jobs", n), RF_STR("error", strerror(-err)));
    }
}

static void *finish_loop(void *user)
{
    processor_finisher *f = user;
    finish_item *items[PROCESSOR_FINISH_BATCH];
    processor_finish *finishes[PROCESSOR_FINISH_BATCH];
    void *taken;
    while (rf_queue_take(f->queue, &taken, RF_NEVER_NS) == 0) {
        size_t n = 0;
        size_t n_finishes = 0;
        do {
            items[n] = taken;
            if (items[n]->finish != NULL) {
                finishes[n_finishes++] = items[n]->finish;
            }
            n++;
        } while (n < PROCESSOR_FINISH_BATCH && rf_queue_take(f->queue, &taken, 0) == 0);
        tell(f, finishes, n_finishes);
        for (size_t i = 0; i < n; i++) {
            end_item(f, items[i]);
        }
    }
    return NULL;
}

processor_finisher *processor_finisher_start(const processor_board *board, processor_keeper *keeper)
{
    processor_finisher *f = RF_NEW(processor_finisher);
    f->board = board;
    f->keeper = keeper;
    f->queue = rf_queue_new(QUEUE_MAX);
    f->give_up_ns = RF_NEVER_NS;
    pthread_mutex_init(&f->lock, NULL);
    rf_cond_init(&f->changed);
    if (pthread_create(&f->thread, NULL, finish_loop, f) != 0) {
        abort();
    }
    return f;
}

void processor_finisher_put(processor_finisher *f, processor_attempt *attempt,
                            processor_finish *finish)
{
    finish_item *item = RF_NEW(finish_item);
    *item = (finish_item){attempt, finish};
    atomic_fetch_add(&f->n_open, 1);
    if (rf_queue_put(f->queue, item, RF_NEVER_NS) < 0) {
        end_item(f, item);
    }
}

size_t processor_finisher_len(processor_finisher *f)
{
    return atomic_load(&f->n_open);
}

processor_finisher *processor_finisher_stop(processor_finisher *f, int64_t at_ns)
{
    if (f == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&f->lock);
    f->give_up_ns = at_ns;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    rf_queue_close(f->queue);
    pthread_join(f->thread, NULL);
    rf_queue_free(f->queue);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return NULL;
}
