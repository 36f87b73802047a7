/*
 * bench_jobs_store: no-op jobs through the job store alone, with queues of given depths.
 *
 *     bench_jobs_store JOBS ROUNDS URL DEPTH [URL DEPTH]...
 *
 * Fills the queue of each store to its DEPTH, then makes, claims and ends JOBS more in each round,
 * so that it stays as deep. The stores take turns, one way and the other, so that what the machine
 * does meanwhile meets all of them. Prints a line for each: jobs a second of the median round, and
 * how much of the first store's rate that is: the median of what each round says.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job_store.h"
#include "rf_log.h"
#include "rf_time.h"

#define IN_FLIGHT 256
#define N_WORKERS 4
#define CLAIMS 64
#define STORES_MAX 8
#define ROUNDS_MAX 100

typedef struct bench {
    job_store *store;
    char app[RF_UUID_LEN];
    int64_t version;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int64_t left;      /* jobs to make */
    int64_t in_flight; /* being made */
    _Atomic(int64_t) to_end;
    double seconds[ROUNDS_MAX];
} bench;

static void need(const char *what, int err)
{
    if (err != 0) {
        fprintf(stderr, "bench_jobs_store: %s: %s\n", what, strerror(-err));
        exit(1);
    }
}

static void set_up(bench *b)
{
    job_op_workflow_put *put = JOB_OP_NEW(JOB_OP_WORKFLOW_PUT, job_op_workflow_put, NULL, NULL);
    put->slug = "noop";
    put->document = "{\"slug\":\"noop\"}";
    need("workflow", job_store_run(b->store, &put->op));
    b->version = put->version;
    job_op_free(&put->op);
    job_op_key_create *key = JOB_OP_NEW(JOB_OP_KEY_CREATE, job_op_key_create, NULL, NULL);
    char name[RF_UUID_LEN];
    key->app_name = rf_uuid4(name);
    key->scopes = "none";
    key->prefix = "rk_bench";
    rf_random(key->hash, sizeof(key->hash));
    need("key", job_store_run(b->store, &key->op));
    rf_copy_str(b->app, sizeof(b->app), key->key.app);
    job_op_free(&key->op);
}

static void made(job_op *op)
{
    bench *b = op->user;
    need("create", op->err);
    job_op_free(op);
    pthread_mutex_lock(&b->mutex);
    b->in_flight--;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->mutex);
}

static void make_one(bench *b)
{
    job_op_create *op = JOB_OP_NEW(JOB_OP_CREATE, job_op_create, made, b);
    op->app = b->app;
    op->name = "noop";
    op->workflow = "noop";
    op->workflow_version = b->version;
    op->limit_s = 1800;
    op->params = "{\"text\":\"x\"}";
    op->metadata = "{}";
    job_store_submit(b->store, &op->op);
}

static void *make(void *arg)
{
    bench *b = arg;
    pthread_mutex_lock(&b->mutex);
    while (b->left > 0) {
        while (b->in_flight >= IN_FLIGHT) {
            pthread_cond_wait(&b->cond, &b->mutex);
        }
        b->left--;
        b->in_flight++;
        pthread_mutex_unlock(&b->mutex);
        make_one(b);
        pthread_mutex_lock(&b->mutex);
    }
    while (b->in_flight > 0) {
        pthread_cond_wait(&b->cond, &b->mutex);
    }
    pthread_mutex_unlock(&b->mutex);
    return NULL;
}

static void end_all(bench *b, const job_op_claim *claim)
{
    const job_result text = {.output = "out", .kind = JOB_RESULT_TEXT, .text = "x"};
    job_op_finish *op = JOB_OP_NEW(JOB_OP_FINISH, job_op_finish, NULL, NULL);
    op->worker = "bench";
    op->items = job_arena_array(&op->op.arena, claim->n_claims, sizeof(job_finish));
    op->n_items = claim->n_claims;
    for (size_t i = 0; i < claim->n_claims; i++) {
        op->items[i] = (job_finish){.id = claim->claims[i].id,
                                    .fence = claim->claims[i].fence,
                                    .outcome = JOB_OUTCOME_SUCCESS,
                                    .results = &text,
                                    .n_results = 1};
    }
    need("finish", job_store_run(b->store, &op->op));
    job_op_free(&op->op);
}

static void *work(void *arg)
{
    bench *b = arg;
    while (b->to_end > 0) {
        job_op_claim *op = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
        op->worker = "bench";
        op->pool = JOB_POOL_CPU;
        op->max = CLAIMS;
        op->lease_ms = 30000;
        need("claim", job_store_run(b->store, &op->op));
        if (op->n_claims > 0) {
            end_all(b, op);
        }
        b->to_end -= (int64_t)op->n_claims;
        job_op_free(&op->op);
    }
    return NULL;
}

static double seconds_of(bench *b, int64_t jobs, bool working)
{
    pthread_t threads[N_WORKERS + 1];
    int64_t start_ns = rf_time_ns();
    size_t n = working ? N_WORKERS + 1 : 1;
    b->left = jobs;
    b->to_end = jobs;
    for (size_t i = 0; i < n; i++) {
        need("thread", -pthread_create(&threads[i], NULL, i == 0 ? make : work, b));
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
    return (double)(rf_time_ns() - start_ns) / 1e9;
}

static void fill(bench *b, const char *url, int64_t depth)
{
    const job_store_options options = {.url = url,
                                       .queue_max = 100000,
                                       .group_max = 1000,
                                       .n_readers = 1,
                                       .n_writers = 3,
                                       .queued_max = INT64_MAX,
                                       .concurrency = 1000000};
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->cond, NULL);
    need("open", job_store_open(&options, &b->store));
    set_up(b);
    (void)seconds_of(b, depth, false);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, size_t n)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), by_size);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
}

/* Of rates; a and b have met the same machine in the same round. */
static double ratio(const bench *a, const bench *b, size_t n)
{
    double ratios[ROUNDS_MAX];
    for (size_t i = 0; i < n; i++) {
        ratios[i] = b->seconds[i] / a->seconds[i];
    }
    return median(ratios, n);
}

int main(int argc, char **argv)
{
    static bench stores[STORES_MAX];
    size_t n = argc > 4 ? (size_t)(argc - 3) / 2 : 0;
    int64_t jobs = n > 0 ? atoll(argv[1]) : 0;
    size_t rounds = n > 0 ? strtoul(argv[2], NULL, 10) : 0;
    if (argc % 2 == 0 || n == 0 || n > STORES_MAX || rounds == 0 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_jobs_store JOBS ROUNDS URL DEPTH [URL DEPTH]...\n");
        return 2;
    }
    rf_log_setup("bench", RF_WARN, RF_LOGFMT);
    for (size_t i = 0; i < n; i++) {
        fill(&stores[i], argv[3 + 2 * i], atoll(argv[4 + 2 * i]));
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < n; i++) {
            bench *b = &stores[round % 2 == 0 ? i : n - 1 - i];
            sync(); /* what filling, or another store, left to be written */
            b->seconds[round] = seconds_of(b, jobs, true);
        }
    }
    for (size_t i = 0; i < n; i++) {
        printf("%.0f %.3f\n", (double)jobs / median(stores[i].seconds, rounds),
               ratio(&stores[i], &stores[0], rounds));
        job_store_close(stores[i].store);
    }
    return 0;
}
