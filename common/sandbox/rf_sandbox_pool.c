/* The pool: a thread that keeps n_ready children idle, and those who wait for one. */
#include "rf_sandbox_pool.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define MAX_READY 64
#define MAX_CHILDREN 1024
#define MAX_ARGS 16
#define RETRY_NS RF_NS_PER_S /* after a failed start, unless someone asks */

struct rf_sandbox_pool {
    char *program;
    char *argv[MAX_ARGS + 2];
    uint32_t n_ready;
    uint32_t max_children;
    pthread_t thread;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t work;  /* for the thread: idle children are missing, or stop */
    pthread_cond_t ready; /* for takers: an idle child, a failure, or room */
    rf_sandbox_child *idle[MAX_READY + MAX_CHILDREN];
    uint32_t n_idle;
    uint32_t n_alive; /* idle ones included */
    uint32_t n_waiting;
    uint64_t n_failures;
    int error; /* of the last failure */
    bool stopping;

    rf_sandbox_template template; /* the thread's own */
};

static bool child_missing(const rf_sandbox_pool *pool)
{
    return pool->n_idle < pool->n_ready + pool->n_waiting && pool->n_alive < pool->max_children;
}

static int make_child(rf_sandbox_pool *pool, rf_sandbox_child **ret_child)
{
    int err = 0;
    if (pool->template.pid == 0) {
        err = rf_sandbox_template_start(&pool->template, pool->program, pool->argv);
    }
    if (err == 0) {
        err = rf_sandbox_template_fork(&pool->template, ret_child);
        if (err != 0) {
            rf_sandbox_template_stop(&pool->template);
        }
    }
    return err;
}

/* Called with the lock held, which it gives up while it works. */
static void add_child(rf_sandbox_pool *pool)
{
    rf_sandbox_child *child = NULL;
    pool->n_alive++;
    pthread_mutex_unlock(&pool->lock);
    int err = make_child(pool, &child);
    pthread_mutex_lock(&pool->lock);
    if (err == 0) {
        child->pool = pool;
        pool->idle[pool->n_idle++] = child;
    } else {
        pool->n_alive--;
        pool->n_failures++;
        pool->error = err;
    }
    pthread_cond_broadcast(&pool->ready);
}

static void *pool_main(void *arg)
{
    rf_sandbox_pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        uint64_t before = pool->n_failures;
        if (child_missing(pool)) {
            add_child(pool);
        }
        bool failed = pool->n_failures != before;
        if (failed || (!pool->stopping && !child_missing(pool))) {
            int64_t until_ns = failed ? rf_time_ns() + RETRY_NS : RF_NEVER_NS;
            (void)rf_time_wait_until(&pool->work, &pool->lock, until_ns);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    rf_sandbox_template_stop(&pool->template);
    return NULL;
}

static bool config_valid(const rf_sandbox_pool_config *config)
{
    size_t n_args = 0;
    while (config->args != NULL && config->args[n_args] != NULL) {
        n_args++;
    }
    return config->program != NULL && config->program[0] == '/' && n_args <= MAX_ARGS &&
           config->n_ready <= MAX_READY && config->max_children >= 1 &&
           config->max_children <= MAX_CHILDREN;
}

static void copy_args(rf_sandbox_pool *pool, const char *const *args)
{
    pool->argv[0] = pool->program;
    for (size_t i = 0; args != NULL && args[i] != NULL; i++) {
        pool->argv[i + 1] = rf_strdup(args[i]);
    }
}

static void free_memory(rf_sandbox_pool *pool)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(pool->argv); i++) {
        free(pool->argv[i]); /* argv[0] is program */
    }
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->ready);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

int rf_sandbox_pool_new(const rf_sandbox_pool_config *config, rf_sandbox_pool **ret_pool)
{
    if (!config_valid(config)) {
        return -EINVAL;
    }
    rf_sandbox_pool *pool = RF_NEW(rf_sandbox_pool);
    pool->program = rf_strdup(config->program);
    pool->n_ready = config->n_ready;
    pool->max_children = config->max_children;
    copy_args(pool, config->args);
    pthread_mutex_init(&pool->lock, NULL);
    rf_cond_init(&pool->work);
    rf_cond_init(&pool->ready);
    int err = pthread_create(&pool->thread, NULL, pool_main, pool);
    if (err != 0) {
        free_memory(pool);
        return -err;
    }
    *ret_pool = pool;
    return 0;
}

rf_sandbox_pool *rf_sandbox_pool_free(rf_sandbox_pool *pool)
{
    if (pool == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    pthread_join(pool->thread, NULL);
    while (pool->n_idle > 0) {
        rf_sandbox_child_reap(pool->idle[--pool->n_idle], NULL);
    }
    free_memory(pool);
    return NULL;
}

int rf_sandbox_pool_take(rf_sandbox_pool *pool, int64_t at_ns, rf_sandbox_child **ret_child)
{
    int err = 0;
    pthread_mutex_lock(&pool->lock);
    uint64_t failures = pool->n_failures;
    pool->n_waiting++;
    pthread_cond_signal(&pool->work);
    while (err == 0 && pool->n_idle == 0) {
        err = rf_time_wait_until(&pool->ready, &pool->lock, at_ns);
        if (pool->n_failures != failures) {
            RF_LOG_ERROR("sandboxed child not made", RF_STR("program", pool->program),
                         RF_STR("error", strerrorname_np(-pool->error)));
            err = -EIO;
        }
    }
    pool->n_waiting--;
    if (pool->n_idle > 0) { /* the oldest is the most likely to be ready */
        *ret_child = pool->idle[0];
        pool->n_idle--;
        memmove(&pool->idle[0], &pool->idle[1], pool->n_idle * sizeof(pool->idle[0]));
        err = 0;
    }
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    return err;
}

void rf_sandbox_pool_gone(rf_sandbox_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->n_alive--;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}
