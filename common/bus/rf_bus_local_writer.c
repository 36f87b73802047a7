#include "rf_bus_local.h"

#include "rf_bus_headers.h"
#include "rf_log.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

#define GROUP_OPS 4096 /* in one transaction: bounds its size and its latency */
#define LAZY_NS (50 * RF_NS_PER_MS)
#define TRIM_PERIOD_MAX_NS (30 * RF_NS_PER_S)
#define TRIM_PERIOD_MIN_NS (100 * RF_NS_PER_MS)
#define TRIM_AGAIN_NS (10 * RF_NS_PER_MS)

/* A record on its way, followed by its bytes: topic, key, value, headers. */
typedef struct append {
    rf_bus_op op; /* first: the list gives it back */
    rf_bus_delivery_fn fn;
    void *user;
    rf_bus_record record;
    const uint8_t *headers;
    size_t headers_len;
    uint32_t partition;
    int64_t offset;
    uint8_t bytes[];
} append;

typedef struct call {
    rf_bus_op op; /* first */
    int (*fn)(rf_bus_local *local, void *arg);
    void *arg;
    bool finished; /* guarded by local->mutex */
    int err;
} call;

/* ---- lists ---- */

static void list_init(rf_bus_op_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

static void list_add(rf_bus_op_list *list, rf_bus_op *op)
{
    op->next = NULL;
    *list->tail = op;
    list->tail = &op->next;
}

/* Moves at most max operations from the front of one list to the end of another. */
static void list_move(rf_bus_op_list *from, rf_bus_op_list *to, size_t max)
{
    while (from->head != NULL && max-- > 0) {
        rf_bus_op *op = from->head;
        from->head = op->next;
        list_add(to, op);
    }
    if (from->head == NULL) {
        list_init(from);
    }
}

/* ---- handing over ---- */

/* The writer waits for the first operation of a list only. */
static void post_locked(rf_bus_local *local, rf_bus_op *op, bool lazy)
{
    rf_bus_op_list *list = lazy ? &local->lazy : &local->urgent;
    bool first = list->head == NULL;
    if (lazy && first) {
        local->lazy_at_ns = rf_time_ns() + LAZY_NS;
    }
    list_add(list, op);
    if (first) {
        pthread_cond_signal(&local->work);
    }
}

void rf_bus_local_post(rf_bus_local *local, rf_bus_op *op, bool lazy)
{
    pthread_mutex_lock(&local->mutex);
    post_locked(local, op, lazy);
    pthread_mutex_unlock(&local->mutex);
}

void rf_bus_local_hurry(rf_bus_local *local)
{
    pthread_mutex_lock(&local->mutex);
    local->lazy_at_ns = 0;
    pthread_cond_signal(&local->work);
    pthread_mutex_unlock(&local->mutex);
}

static int call_run(rf_bus_local *local, rf_bus_op *op)
{
    call *c = (call *)op;
    return c->fn(local, c->arg);
}

static void call_done(rf_bus_local *local, rf_bus_op *op, int err)
{
    call *c = (call *)op;
    pthread_mutex_lock(&local->mutex);
    c->err = err;
    c->finished = true;
    pthread_cond_broadcast(&local->idle);
    pthread_mutex_unlock(&local->mutex);
}

int rf_bus_local_call(rf_bus_local *local, int (*fn)(rf_bus_local *local, void *arg), void *arg)
{
    call c = {.op = {.run = call_run, .done = call_done}, .fn = fn, .arg = arg};
    pthread_mutex_lock(&local->mutex);
    post_locked(local, &c.op, false);
    while (!c.finished) {
        pthread_cond_wait(&local->idle, &local->mutex);
    }
    pthread_mutex_unlock(&local->mutex);
    return c.err;
}

/* ---- records ---- */

static size_t append_bytes(const append *a)
{
    return a->record.key_len + a->record.value_len + a->headers_len;
}

static int append_run(rf_bus_local *local, rf_bus_op *op)
{
    append *a = (append *)op;
    rf_bus_topic_row *topic = NULL;
    int err = rf_bus_local_topic(local, a->record.topic, local->config.n_partitions, &topic);
    if (err < 0) {
        return err;
    }
    return rf_bus_local_append(local, topic, &a->record, a->headers, a->headers_len, &a->partition,
                               &a->offset);
}

static void append_done(rf_bus_local *local, rf_bus_op *op, int err)
{
    append *a = (append *)op;
    if (a->fn != NULL) {
        rf_bus_delivery d = {rf_bus_local_classify(err), a->partition, a->offset};
        a->fn(&d, a->user);
    }
    local->n_finished++;
    local->n_finished_bytes += append_bytes(a);
    free(a);
}

static const void *put_bytes(uint8_t **to, const void *from, size_t len)
{
    uint8_t *at = *to;
    if (len > 0) {
        memcpy(at, from, len);
    }
    *to += len;
    return at;
}

static append *append_new(const rf_bus_record *r, rf_bus_delivery_fn fn, void *user)
{
    size_t topic_size = strlen(r->topic) + 1;
    size_t headers_len = rf_bus_headers_size(r->headers, r->n_headers);
    append *a = malloc(sizeof(append) + topic_size + r->key_len + r->value_len + headers_len + 1);
    if (a == NULL) {
        return NULL;
    }
    uint8_t *to = a->bytes;
    *a = (append){.op = {.run = append_run, .done = append_done}, .fn = fn, .user = user};
    a->record.topic = put_bytes(&to, r->topic, topic_size);
    a->record.key = r->key == NULL ? NULL : put_bytes(&to, r->key, r->key_len);
    a->record.key_len = r->key_len;
    a->record.value = put_bytes(&to, r->value, r->value_len);
    a->record.value_len = r->value_len;
    rf_bus_headers_encode(r->headers, r->n_headers, to);
    a->headers = to;
    a->headers_len = headers_len;
    return a;
}

static bool queue_full(const rf_bus_local *local, const append *a)
{
    return local->n_records > 0 && (local->n_records >= local->config.queue_records ||
                                    local->n_bytes + append_bytes(a) > local->config.queue_bytes);
}

/* Waits for room, with the lock. */
static int wait_for_room(rf_bus_local *local, const append *a, int64_t at_ns)
{
    while (queue_full(local, a) && !local->health.fatal) {
        if (at_ns == 0) {
            return -EAGAIN;
        }
        if (rf_time_wait_until(&local->room, &local->mutex, at_ns) < 0 && queue_full(local, a)) {
            return -ETIMEDOUT;
        }
    }
    return local->health.fatal ? -EIO : 0;
}

int rf_bus_local_produce(void *bus, const rf_bus_record *record, rf_bus_delivery_fn fn, void *user,
                         int64_t at_ns)
{
    rf_bus_local *local = bus;
    append *a = append_new(record, fn, user);
    if (a == NULL) {
        return -ENOMEM;
    }
    pthread_mutex_lock(&local->mutex);
    int err = wait_for_room(local, a, at_ns);
    if (err == 0) {
        local->n_records++;
        local->n_bytes += append_bytes(a);
        local->n_put++;
        post_locked(local, &a->op, false);
    }
    pthread_mutex_unlock(&local->mutex);
    if (err < 0) {
        free(a);
    }
    return err;
}

int rf_bus_local_flush(void *bus, int64_t at_ns)
{
    rf_bus_local *local = bus;
    if (pthread_equal(pthread_self(), local->thread)) {
        return -EDEADLK;
    }
    int err = 0;
    pthread_mutex_lock(&local->mutex);
    uint64_t until = local->n_put;
    while (local->n_done < until && err == 0) {
        err = rf_time_wait_until(&local->idle, &local->mutex, at_ns);
    }
    err = local->n_done >= until ? 0 : err;
    pthread_mutex_unlock(&local->mutex);
    return err;
}

/* ---- the thread ---- */

/* A disk that fails may be mended, or be full for a while: what was rolled back is tried again. */
rf_bus_error rf_bus_local_classify(int err)
{
    bool fatal = err == -EBADMSG || err == -EROFS;
    return (rf_bus_error){.err = err, .fatal = fatal, .retriable = err < 0 && !fatal};
}

static int run_ops(rf_bus_local *local, const rf_bus_op_list *ops)
{
    for (rf_bus_op *op = ops->head; op != NULL; op = op->next) {
        int err = op->run(local, op);
        if (err < 0) {
            return err;
        }
    }
    return rf_bus_local_seal(local);
}

static int transaction(rf_bus_local *local, const rf_bus_op_list *ops, bool trim)
{
    int err = rf_bus_db_begin(local->db);
    if (err == 0 && trim) {
        err = rf_bus_local_trim(local, &local->trim_more);
    }
    err = err == 0 ? run_ops(local, ops) : err;
    err = err == 0 ? rf_bus_db_commit(local->db) : err;
    if (err < 0) {
        rf_bus_db_rollback(local->db);
    }
    return err;
}

static void wake_groups(rf_bus_local *local, bool committed)
{
    for (size_t i = 0; committed && i < local->n_touched_groups; i++) {
        RF_CLEANUP(rf_cleanup_close)
        int fd = rf_bus_local_wake_open(local, 'g', local->touched_groups[i]);
        if (fd >= 0) {
            rf_bus_local_wake(fd);
        }
    }
    local->n_touched_groups = 0;
}

/* Whether more than the operation itself fails: a limit of the log is no matter of health. */
static bool is_general(int err)
{
    return err != -EOVERFLOW && err != -E2BIG;
}

/* Tells of changes only: a disk that stays full is met again at every try. */
static void note_health(rf_bus_local *local, int err)
{
    if (!is_general(err)) {
        return;
    }
    if (err < 0 && err != local->health.err) {
        RF_LOG_ERROR("bus cannot write", RF_STR("error", strerror(-err)));
    } else if (err == 0 && local->health.err < 0) {
        RF_LOG_INFO("bus writes again");
    }
    pthread_mutex_lock(&local->mutex);
    if (!local->health.fatal) {
        local->health = rf_bus_local_classify(err);
    }
    pthread_mutex_unlock(&local->mutex);
}

static void finish_ops(rf_bus_local *local, const rf_bus_op_list *ops, int err)
{
    rf_bus_op *next = NULL;
    for (rf_bus_op *op = ops->head; op != NULL; op = next) {
        next = op->next;
        op->done(local, op, err);
    }
    pthread_mutex_lock(&local->mutex);
    local->n_records -= local->n_finished;
    local->n_bytes -= local->n_finished_bytes;
    local->n_done += local->n_finished;
    local->n_finished = 0;
    local->n_finished_bytes = 0;
    pthread_cond_broadcast(&local->room);
    pthread_cond_broadcast(&local->idle);
    pthread_mutex_unlock(&local->mutex);
}

int rf_bus_local_lock(const rf_bus_local *local)
{
    while (flock(local->lock_fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

void rf_bus_local_unlock(const rf_bus_local *local)
{
    flock(local->lock_fd, LOCK_UN);
}

/* One transaction of operations, from lock to the waking of those who watch. */
static int write_ops(rf_bus_local *local, const rf_bus_op_list *ops, bool trim)
{
    int err = local->health.fatal ? local->health.err : rf_bus_local_lock(local);
    if (err == 0) {
        err = transaction(local, ops, trim);
        rf_bus_local_unlock(local);
    }
    rf_bus_local_reset(local, err == 0);
    wake_groups(local, err == 0);
    note_health(local, err);
    return err;
}

/* Some failures are of one operation (a topic too many, no descriptor left), not of the log. */
static bool one_is_guilty(const rf_bus_op_list *ops, int err)
{
    bool of_disk = err == -ENOSPC || err == -EIO;
    return err < 0 && !of_disk && !rf_bus_local_classify(err).fatal && ops->head != NULL &&
           ops->head->next != NULL;
}

static void run_group(rf_bus_local *local, rf_bus_op_list *ops, bool trim)
{
    int err = write_ops(local, ops, trim);
    if (!one_is_guilty(ops, err)) {
        finish_ops(local, ops, err);
        return;
    }
    while (ops->head != NULL) {
        rf_bus_op_list one;
        list_init(&one);
        list_move(ops, &one, 1);
        finish_ops(local, &one, write_ops(local, &one, false));
    }
}

static int64_t trim_period_ns(const rf_bus_local *local)
{
    int64_t tenth = local->config.retention_ms * RF_NS_PER_MS / 10;
    return RF_MAX(TRIM_PERIOD_MIN_NS, RF_MIN(TRIM_PERIOD_MAX_NS, tenth));
}

static bool nothing_due(const rf_bus_local *local, int64_t now_ns)
{
    bool lazy_due = local->lazy.head != NULL && now_ns >= local->lazy_at_ns;
    return local->urgent.head == NULL && !lazy_due && !local->stop && now_ns < local->trim_at_ns;
}

/* Takes the next group; false when the thread shall end. */
static bool take_group(rf_bus_local *local, rf_bus_op_list *ops, bool *trim)
{
    list_init(ops);
    pthread_mutex_lock(&local->mutex);
    while (nothing_due(local, rf_time_ns())) {
        int64_t lazy_ns = local->lazy.head != NULL ? local->lazy_at_ns : RF_NEVER_NS;
        rf_time_wait_until(&local->work, &local->mutex, RF_MIN(lazy_ns, local->trim_at_ns));
    }
    list_move(&local->urgent, ops, GROUP_OPS);
    list_move(&local->lazy, ops, GROUP_OPS);
    *trim = rf_time_ns() >= local->trim_at_ns;
    bool goes_on = !local->stop || ops->head != NULL;
    pthread_mutex_unlock(&local->mutex);
    return goes_on;
}

static void *writer_main(void *arg)
{
    rf_bus_local *local = arg;
    rf_bus_op_list ops;
    bool trim = false;
    while (take_group(local, &ops, &trim)) {
        local->trim_more = false;
        run_group(local, &ops, trim);
        if (trim) {
            local->trim_at_ns =
                rf_time_ns() + (local->trim_more ? TRIM_AGAIN_NS : trim_period_ns(local));
        }
    }
    return NULL;
}

int rf_bus_local_start(rf_bus_local *local)
{
    list_init(&local->urgent);
    list_init(&local->lazy);
    pthread_mutex_init(&local->mutex, NULL);
    rf_cond_init(&local->work);
    rf_cond_init(&local->room);
    rf_cond_init(&local->idle);
    local->trim_at_ns = rf_time_ns() + trim_period_ns(local);
    return -pthread_create(&local->thread, NULL, writer_main, local);
}

void rf_bus_local_stop(rf_bus_local *local)
{
    pthread_mutex_lock(&local->mutex);
    local->stop = true;
    pthread_cond_signal(&local->work);
    pthread_mutex_unlock(&local->mutex);
    pthread_join(local->thread, NULL);
    pthread_cond_destroy(&local->idle);
    pthread_cond_destroy(&local->room);
    pthread_cond_destroy(&local->work);
    pthread_mutex_destroy(&local->mutex);
}
