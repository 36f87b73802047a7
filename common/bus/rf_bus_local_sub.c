#include "rf_bus_local_sub.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Members are looked after when one of their lock files was closed; the kernel drops the lock a
 * moment later, so the look is repeated soon, then ever more rarely. */
#define LOOK_FIRST_NS (3 * RF_NS_PER_MS)
#define LOOK_LAST_NS (5 * RF_NS_PER_S)
#define LOOK_GROWTH 8

#define GIVE_BLINDLY 64 /* messages read ahead that are given out between two looks for news */

/* ---- ownership ---- */

static rf_bus_slot *find_part(rf_bus_local_sub *s, int64_t part)
{
    for (uint32_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].part == part) {
            return &s->slots[i];
        }
    }
    return NULL;
}

static void own(rf_bus_local_sub *s, rf_bus_slot *sl, int64_t generation, int64_t position)
{
    rf_bus_ahead_drop(s, sl);
    sl->owned = true;
    sl->paused = s->paused_all || sl->paused;
    sl->generation = generation;
    sl->position = position;
    sl->stored = 0;
    sl->dirty = false;
    s->news_records = true;
}

static void disown(rf_bus_local_sub *s, rf_bus_slot *sl)
{
    rf_bus_ahead_drop(s, sl);
    sl->owned = false;
    sl->dirty = false;
}

static int check_membership(rf_bus_local_sub *s)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_MEMBER_COUNT, s->member.id);
    int row = rf_bus_db_step(s->db, stmt);
    sqlite3_reset(stmt);
    return row < 0 ? row : row == 0 ? -ESTALE : 0;
}

/* Takes over what the group decided. */
static int refresh(rf_bus_local_sub *s)
{
    int row = check_membership(s);
    for (uint32_t i = 0; i < s->n_slots; i++) {
        s->slots[i].seen = false;
    }
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_OWNER_MINE, s->member.group, s->member.id);
    while (row >= 0 && (row = rf_bus_db_step(s->db, stmt)) > 0) {
        rf_bus_slot *sl = find_part(s, sqlite3_column_int64(stmt, 0));
        int64_t generation = sqlite3_column_int64(stmt, 1);
        if (sl != NULL && (!sl->owned || sl->generation != generation)) {
            own(s, sl, generation, sqlite3_column_int64(stmt, 2));
        }
        if (sl != NULL) {
            sl->seen = true;
        }
    }
    sqlite3_reset(stmt);
    for (uint32_t i = 0; row == 0 && i < s->n_slots; i++) {
        if (s->slots[i].owned && !s->slots[i].seen) {
            disown(s, &s->slots[i]);
        }
    }
    s->news_group = row < 0;
    return row;
}

/* ---- looking after the other members ---- */

typedef struct expel {
    rf_bus_op op; /* first */
    int64_t group;
    char name[RF_BUS_NAME_LEN];
    bool was_there; /* several survivors see the same death */
} expel;

static int expel_run(rf_bus_local *local, rf_bus_op *op)
{
    expel *e = (expel *)op;
    return rf_bus_local_leave(local, e->group, e->name, &e->was_there);
}

static void expel_done(rf_bus_local *local, rf_bus_op *op, int err)
{
    (void)local;
    const expel *e = (expel *)op;
    if (err == 0 && e->was_there) {
        RF_LOG_INFO("bus member is gone, its partitions are shared out", RF_STR("member", e->name));
    }
    free(op);
}

static void expel_member(const rf_bus_local_sub *s, const char *name)
{
    expel *e = RF_NEW(expel);
    e->op = (rf_bus_op){.run = expel_run, .done = expel_done};
    e->group = s->member.group;
    rf_copy_str(e->name, sizeof(e->name), name);
    rf_bus_local_post(s->local, &e->op, false);
}

static int look_at_members(rf_bus_local_sub *s)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_MEMBER_LIST, s->member.group);
    int row = 0;
    while ((row = rf_bus_db_step(s->db, stmt)) > 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 1);
        if (strcmp(name, s->member.name) != 0 && rf_bus_local_dead(s->local, name)) {
            expel_member(s, name);
        }
    }
    return row;
}

static void arm_look(rf_bus_local_sub *s, int64_t in_ns)
{
    s->look_ns = in_ns;
    struct itimerspec t = {
        .it_value = {.tv_sec = in_ns / RF_NS_PER_S, .tv_nsec = in_ns % RF_NS_PER_S}};
    timerfd_settime(s->timer_fd, 0, &t, NULL);
}

/* ---- waiting ---- */

/* Makes the descriptor readable: as long as messages read ahead wait, and once after a resume. */
static void signal_self(rf_bus_local_sub *s)
{
    uint64_t one = 1;
    ssize_t n = write(s->wake_fd, &one, sizeof(one));
    (void)n; /* a full counter wakes as well */
    s->signalled = true;
}

/* Turns what the descriptors say into news. */
static int read_news(rf_bus_local_sub *s)
{
    rf_bus_news news = {0};
    uint64_t count = 0;
    s->n_given = 0;
    rf_bus_watch_read(s->watch_fd, &news);
    if (s->n_ahead == 0 && s->signalled) {
        s->news_records |= read(s->wake_fd, &count, sizeof(count)) > 0;
        s->signalled = false;
    }
    s->news_records |= news.records;
    s->news_group |= news.group && s->grouped;
    if (news.member) {
        arm_look(s, LOOK_FIRST_NS);
    } else if (s->grouped && read(s->timer_fd, &count, sizeof(count)) > 0) {
        arm_look(s, RF_MIN(s->look_ns * LOOK_GROWTH, LOOK_LAST_NS));
        return look_at_members(s);
    }
    return 0;
}

/* Looks for news when nothing is left, and now and then while there is. */
static int look_around(rf_bus_local_sub *s)
{
    if (s->n_ahead > 0 && s->n_given < GIVE_BLINDLY) {
        return 0;
    }
    int err = read_news(s);
    if (err == 0 && s->news_group) {
        err = refresh(s);
    }
    if (err == 0 && s->n_ahead == 0 && s->news_records) {
        err = rf_bus_ahead_fill(s);
    }
    if (s->n_ahead > 0 && !s->signalled) {
        signal_self(s);
    }
    return err;
}

static int step(rf_bus_local_sub *s, rf_bus_message **ret)
{
    int err = look_around(s);
    rf_bus_held *h = err == 0 ? rf_bus_ahead_take(s) : NULL;
    if (h == NULL) {
        return err < 0 ? err : -EAGAIN;
    }
    s->n_given++;
    *ret = &h->box.message;
    return 0;
}

static void wait_for_news(const rf_bus_local_sub *s, int64_t at_ns)
{
    int64_t left_ns = at_ns == RF_NEVER_NS ? RF_NEVER_NS : RF_MAX(at_ns - rf_time_ns(), 0);
    struct timespec ts = {.tv_sec = left_ns / RF_NS_PER_S, .tv_nsec = left_ns % RF_NS_PER_S};
    struct pollfd p = {.fd = s->epoll_fd, .events = POLLIN};
    ppoll(&p, 1, at_ns == RF_NEVER_NS ? NULL : &ts, NULL);
}

int rf_bus_local_next(void *self, rf_bus_message **ret, int64_t at_ns)
{
    rf_bus_local_sub *s = self;
    for (;;) {
        pthread_mutex_lock(&s->mutex);
        int err = step(s, ret);
        pthread_mutex_unlock(&s->mutex);
        if (err != -EAGAIN || at_ns == 0) {
            return err;
        }
        if (rf_time_ns() >= at_ns) {
            return -ETIMEDOUT;
        }
        wait_for_news(s, at_ns);
    }
}

int rf_bus_local_fd(const void *self)
{
    const rf_bus_local_sub *s = self;
    return s->epoll_fd;
}

/* ---- pausing, telling ---- */

int rf_bus_local_pause(void *self, const char *topic, int partition, bool paused)
{
    rf_bus_local_sub *s = self;
    bool found = topic == NULL;
    pthread_mutex_lock(&s->mutex);
    s->paused_all = topic == NULL ? paused : s->paused_all;
    for (uint32_t i = 0; i < s->n_slots; i++) {
        rf_bus_slot *sl = &s->slots[i];
        if (topic == NULL || (strcmp(s->topics[sl->topic], topic) == 0 &&
                              (partition < 0 || sl->partition == (uint32_t)partition))) {
            found = true;
            sl->paused = paused;
            if (paused) {
                rf_bus_ahead_drop(s, sl);
            }
        }
    }
    if (!paused) {
        signal_self(s);
    }
    pthread_mutex_unlock(&s->mutex);
    return found ? 0 : -ENOENT;
}

size_t rf_bus_local_assignment(void *self, rf_bus_partition *out, size_t max)
{
    rf_bus_local_sub *s = self;
    size_t n = 0;
    pthread_mutex_lock(&s->mutex);
    for (uint32_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].owned) {
            if (n < max) {
                out[n] = (rf_bus_partition){s->topics[s->slots[i].topic], s->slots[i].partition};
            }
            n++;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return n;
}

/* ---- subscribing ---- */

typedef struct join_call {
    rf_bus_local_sub *s;
    const rf_bus_sub_config *config;
    int64_t topic_ids[RF_BUS_MAX_TOPICS];
    int refused;
} join_call;

static int add_slots(rf_bus_local *local, rf_bus_local_sub *s, size_t topic, rf_bus_topic_row *row)
{
    s->slots = rf_grow(s->slots, s->n_slots + row->n_parts, sizeof(rf_bus_slot));
    for (uint32_t p = 0; p < row->n_parts; p++) {
        rf_bus_slot *sl = &s->slots[s->n_slots++];
        *sl = (rf_bus_slot){.part = row->first_part + p, .topic = topic, .partition = p};
        if (!s->grouped) {
            int err = rf_bus_local_part_next(local, row, p, &sl->position);
            if (err < 0) {
                return err;
            }
            sl->owned = true;
        }
    }
    return 0;
}

/* May be called again after a transaction that failed. */
static int join_run(rf_bus_local *local, void *arg)
{
    join_call *c = arg;
    rf_bus_local_sub *s = c->s;
    rf_bus_topic_row *rows[RF_BUS_MAX_TOPICS];
    int err = 0;
    s->n_slots = 0;
    for (size_t i = 0; err == 0 && i < s->n_topics; i++) {
        err = rf_bus_local_topic(local, s->topics[i], local->config.n_partitions, &rows[i]);
        err = err == 0 ? add_slots(local, s, i, rows[i]) : err;
        c->topic_ids[i] = err == 0 ? rows[i]->id : 0;
    }
    if (err == 0 && s->grouped) {
        err = rf_bus_local_join(local, c->config->group, rows, s->n_topics, c->config->start,
                                &s->member, &c->refused);
    }
    return err;
}

static int leave_run(rf_bus_local *local, void *arg)
{
    const rf_bus_local_sub *s = arg;
    bool was_there = false;
    return rf_bus_local_leave(local, s->member.group, s->member.name, &was_there);
}

static int epoll_add(const rf_bus_local_sub *s, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_fds(rf_bus_local_sub *s)
{
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->wake_fd < 0 || s->timer_fd < 0) {
        return -errno;
    }
    int err = epoll_add(s, s->wake_fd);
    return err == 0 ? epoll_add(s, s->timer_fd) : err;
}

static int open_watch(rf_bus_local_sub *s, const join_call *c)
{
    s->watch_fd = rf_bus_watch_open(s->local, c->topic_ids, s->n_topics, s->member.group);
    if (s->watch_fd < 0) {
        return s->watch_fd;
    }
    if (s->grouped) {
        arm_look(s, LOOK_FIRST_NS); /* someone may have died before the watch stood */
    }
    return epoll_add(s, s->watch_fd);
}

static int join(rf_bus_local_sub *s, const rf_bus_sub_config *config)
{
    join_call c = {.s = s, .config = config};
    int err = rf_bus_local_call(s->local, join_run, &c);
    if (err == 0 && c.refused < 0) {
        err = c.refused;
    }
    for (uint32_t i = 0; i < s->n_slots; i++) {
        s->slots[i].tail = &s->slots[i].head;
    }
    return err == 0 ? open_watch(s, &c) : err;
}

static rf_bus_local_sub *sub_new(rf_bus_local *local, const rf_bus_sub_config *config)
{
    rf_bus_local_sub *s = RF_NEW(rf_bus_local_sub);
    rf_bus_offsets_init(s);
    s->local = local;
    s->grouped = config->group != NULL;
    s->member.lock_fd = -1;
    s->epoll_fd = s->watch_fd = s->wake_fd = s->timer_fd = -1;
    s->news_group = s->grouped;
    s->topics = RF_NEW_ARRAY(char *, config->n_topics);
    for (size_t i = 0; i < config->n_topics; i++) {
        s->topics[s->n_topics++] = rf_strdup(config->topics[i]);
    }
    pthread_mutex_init(&s->mutex, NULL);
    rf_cond_init(&s->committed);
    return s;
}

static void sub_free(rf_bus_local_sub *s)
{
    for (uint32_t i = 0; i < s->n_slots; i++) {
        rf_bus_ahead_drop(s, &s->slots[i]);
    }
    for (size_t i = 0; i < s->n_topics; i++) {
        free(s->topics[i]);
    }
    rf_bus_db_close(s->db);
    rf_close(&s->watch_fd);
    rf_close(&s->timer_fd);
    rf_close(&s->wake_fd);
    rf_close(&s->epoll_fd);
    rf_close(&s->member.lock_fd);
    pthread_cond_destroy(&s->committed);
    pthread_mutex_destroy(&s->mutex);
    free(s->topics);
    free(s->slots);
    free(s);
}

int rf_bus_local_subscribe(void *bus, const rf_bus_sub_config *config, void **ret_sub)
{
    rf_bus_local *local = bus;
    rf_bus_local_sub *s = sub_new(local, config);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/bus.db", local->dir);
    int err = open_fds(s);
    err = err == 0 ? rf_bus_db_open(path, &s->db) : err;
    err = err == 0 ? join(s, config) : err;
    if (err < 0) {
        rf_bus_local_unsubscribe(s);
        return err;
    }
    *ret_sub = s;
    return 0;
}

void rf_bus_local_unsubscribe(void *self)
{
    rf_bus_local_sub *s = self;
    int err = rf_bus_local_commit_wait(s, RF_NEVER_NS);
    if (s->member.id != 0) {
        err = rf_bus_local_call(s->local, leave_run, s);
    }
    if (err < 0 && err != -ESTALE) {
        /* The lock goes with the subscription: the others will find the member dead. */
        RF_LOG_WARN("bus member could not leave", RF_STR("error", strerror(-err)));
    }
    sub_free(s);
}
