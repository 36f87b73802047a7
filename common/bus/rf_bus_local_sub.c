#include "rf_bus_local.h"

#include "rf_bus_headers.h"
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

#define READ_ROWS 256 /* of one partition before the next has its turn */

/* Members are looked after when one of their lock files was closed; the kernel drops the lock a
 * moment later, so the look is repeated soon, then ever more rarely. */
#define LOOK_FIRST_NS (3 * RF_NS_PER_MS)
#define LOOK_LAST_NS (5 * RF_NS_PER_S)
#define LOOK_GROWTH 8

/* A message read ahead or given out; headers and bytes follow it. */
typedef struct held {
    rf_bus_box box; /* first */
    struct held *next;
    size_t size;
    uint32_t slot;      /* in sub->parts */
    int64_t generation; /* of the ownership under which it was read */
    rf_bus_header headers[RF_BUS_MAX_HEADERS];
    uint8_t bytes[];
} held;

/*
 * A partition of the topics subscribed:  other's --refresh--> owned --refresh--> other's
 * Owned again, even without a look in between, it is another generation: reading begins anew at the
 * offset committed, and commits of older messages are refused.
 */
typedef struct slot {
    int64_t part;
    size_t topic;
    uint32_t partition;
    bool owned;
    bool seen; /* by the refresh in progress */
    bool paused;
    int64_t generation;
    int64_t position; /* offset to read next */
    int64_t stored;   /* offset to commit */
    bool dirty;       /* stored is not handed to the writer yet */
    held *head;       /* read ahead */
    held **tail;
} slot;

typedef struct sub {
    rf_bus_op commit_op; /* first: at most one waits in the writer */
    rf_bus_local *local;
    rf_bus_db *db;
    bool grouped;
    rf_bus_member member;
    char **topics;
    size_t n_topics;
    int epoll_fd;
    int watch_fd;
    int wake_fd;  /* eventfd: resume, so that a waiter looks again */
    int timer_fd; /* next look at the members */
    int64_t look_ns;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t committed;
    slot *slots;
    uint32_t n_slots;
    uint32_t turn;      /* slot that is read or given first */
    size_t n_ahead;     /* messages read ahead */
    size_t bytes_ahead; /* and their size */
    bool news_group;
    bool news_records; /* there may be records that were not read */
    bool paused_all;
    bool commit_waits;
    uint64_t n_stored; /* calls of commit, and how many of them the writer has done */
    uint64_t n_taken;
    uint64_t n_committed;
    bool refused;
    int commit_err;
} sub;

/* ---- messages ---- */

static void held_free(rf_bus_box *box)
{
    free(box);
}

static const void *copy_column(sqlite3_stmt *stmt, int column, uint8_t **to, size_t *ret_len)
{
    int len = sqlite3_column_bytes(stmt, column);
    const void *blob = sqlite3_column_blob(stmt, column);
    const void *at = *to;
    if (len > 0) {
        memcpy(*to, blob, (size_t)len);
    }
    *to += len;
    *ret_len = (size_t)len;
    return at;
}

/* Makes a message of the row that stmt stands on. */
static held *held_new(const sub *s, uint32_t index, sqlite3_stmt *stmt)
{
    const slot *sl = &s->slots[index];
    size_t n_bytes = (size_t)(sqlite3_column_bytes(stmt, 2) + sqlite3_column_bytes(stmt, 3) +
                              sqlite3_column_bytes(stmt, 4));
    held *h = malloc(sizeof(held) + n_bytes);
    if (h == NULL) {
        return NULL;
    }
    uint8_t *to = h->bytes;
    h->box.free = held_free;
    h->next = NULL;
    h->size = sizeof(held) + n_bytes;
    h->slot = index;
    h->generation = sl->generation;
    rf_bus_message *m = &h->box.message;
    m->topic = s->topics[sl->topic];
    m->partition = sl->partition;
    m->offset = sqlite3_column_int64(stmt, 0) - RF_BUS_ROW(sl->part, 0);
    m->at_ms = sqlite3_column_int64(stmt, 1);
    m->key = copy_column(stmt, 2, &to, &m->key_len);
    if (sqlite3_column_type(stmt, 2) == SQLITE_NULL) {
        m->key = NULL;
    }
    m->value = copy_column(stmt, 3, &to, &m->value_len);
    size_t headers_len = 0;
    const uint8_t *headers = copy_column(stmt, 4, &to, &headers_len);
    int n = rf_bus_headers_decode(headers, headers_len, h->headers);
    m->headers = h->headers;
    m->n_headers = n < 0 ? 0 : (size_t)n;
    return h;
}

static void drop_ahead(sub *s, slot *sl)
{
    if (sl->head != NULL) {
        sl->position = sl->head->box.message.offset;
    }
    while (sl->head != NULL) {
        held *h = sl->head;
        sl->head = h->next;
        s->n_ahead--;
        s->bytes_ahead -= h->size;
        free(h);
    }
    sl->tail = &sl->head;
}

static void keep_ahead(sub *s, slot *sl, held *h)
{
    *sl->tail = h;
    sl->tail = &h->next;
    sl->position = h->box.message.offset + 1;
    s->n_ahead++;
    s->bytes_ahead += h->size;
}

/* Takes the next message read ahead, the partitions in turn. */
static held *take_ahead(sub *s)
{
    for (uint32_t i = 0; s->n_ahead > 0 && i < s->n_slots; i++) {
        slot *sl = &s->slots[(s->turn + i) % s->n_slots];
        held *h = sl->head;
        if (h != NULL) {
            sl->head = h->next;
            sl->tail = sl->head == NULL ? &sl->head : sl->tail;
            s->turn = (s->turn + i + 1) % s->n_slots;
            s->n_ahead--;
            s->bytes_ahead -= h->size;
            return h;
        }
    }
    return NULL;
}

/* ---- reading ---- */

static int read_slot(sub *s, uint32_t index)
{
    slot *sl = &s->slots[index];
    int64_t begin = RF_BUS_ROW(sl->part, sl->position);
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_LOG_READ, begin, RF_BUS_ROW(sl->part + 1, 0));
    int row = 1;
    for (int n = 0; n < READ_ROWS && s->bytes_ahead < s->local->config.prefetch_bytes; n++) {
        row = rf_bus_db_step(s->db, stmt);
        if (row <= 0) {
            break;
        }
        held *h = held_new(s, index, stmt);
        if (h == NULL) {
            row = -ENOMEM;
            break;
        }
        keep_ahead(s, sl, h);
    }
    sqlite3_reset(stmt);
    return row; /* 1: there may be more */
}

/* Reads ahead from every partition that may be read. */
static int fill(sub *s)
{
    bool more = false;
    for (uint32_t i = 0; i < s->n_slots; i++) {
        uint32_t index = (s->turn + i) % s->n_slots;
        if (s->slots[index].owned && !s->slots[index].paused) {
            int row = read_slot(s, index);
            if (row < 0) {
                return row;
            }
            more |= row > 0;
        }
    }
    s->news_records = more;
    return 0;
}

/* ---- ownership ---- */

static slot *find_part(sub *s, int64_t part)
{
    for (uint32_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].part == part) {
            return &s->slots[i];
        }
    }
    return NULL;
}

static void own(sub *s, slot *sl, int64_t generation, int64_t position)
{
    drop_ahead(s, sl);
    sl->owned = true;
    sl->paused = s->paused_all || sl->paused;
    sl->generation = generation;
    sl->position = position;
    sl->stored = 0;
    sl->dirty = false;
    s->news_records = true;
}

static void disown(sub *s, slot *sl)
{
    drop_ahead(s, sl);
    sl->owned = false;
    sl->dirty = false;
}

static int check_membership(sub *s)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_MEMBER_COUNT, s->member.id);
    int row = rf_bus_db_step(s->db, stmt);
    sqlite3_reset(stmt);
    return row < 0 ? row : row == 0 ? -ESTALE : 0;
}

/* Takes over what the group decided. */
static int refresh(sub *s)
{
    int row = check_membership(s);
    for (uint32_t i = 0; i < s->n_slots; i++) {
        s->slots[i].seen = false;
    }
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_OWNER_MINE, s->member.group, s->member.id);
    while (row >= 0 && (row = rf_bus_db_step(s->db, stmt)) > 0) {
        slot *sl = find_part(s, sqlite3_column_int64(stmt, 0));
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
} expel;

static int expel_run(rf_bus_local *local, rf_bus_op *op)
{
    const expel *e = (expel *)op;
    return rf_bus_local_leave(local, e->group, e->name);
}

static void expel_done(rf_bus_local *local, rf_bus_op *op, int err)
{
    (void)local;
    const expel *e = (expel *)op;
    if (err == 0) {
        RF_LOG_INFO("bus member is gone, its partitions are shared out", RF_STR("member", e->name));
    }
    free(op);
}

static void expel_member(const sub *s, const char *name)
{
    expel *e = RF_NEW(expel);
    e->op = (rf_bus_op){.run = expel_run, .done = expel_done};
    e->group = s->member.group;
    rf_copy_str(e->name, sizeof(e->name), name);
    rf_bus_local_post(s->local, &e->op, false);
}

static int look_at_members(sub *s)
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

static void arm_look(sub *s, int64_t in_ns)
{
    s->look_ns = in_ns;
    struct itimerspec t = {
        .it_value = {.tv_sec = in_ns / RF_NS_PER_S, .tv_nsec = in_ns % RF_NS_PER_S}};
    timerfd_settime(s->timer_fd, 0, &t, NULL);
}

/* ---- waiting ---- */

/* Turns what the descriptors say into news. */
static int read_news(sub *s)
{
    rf_bus_news news = {0};
    uint64_t count = 0;
    rf_bus_watch_read(s->watch_fd, &news);
    if (read(s->wake_fd, &count, sizeof(count)) > 0) {
        s->news_records = true;
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

static int step(sub *s, rf_bus_message **ret)
{
    int err = read_news(s);
    if (err == 0 && s->news_group) {
        err = refresh(s);
    }
    if (err == 0 && s->n_ahead == 0 && s->news_records) {
        err = fill(s);
    }
    held *h = err == 0 ? take_ahead(s) : NULL;
    if (h == NULL) {
        return err < 0 ? err : -EAGAIN;
    }
    *ret = &h->box.message;
    return 0;
}

static void wait_for_news(const sub *s, int64_t at_ns)
{
    int64_t left_ns = at_ns == RF_NEVER_NS ? RF_NEVER_NS : RF_MAX(at_ns - rf_time_ns(), 0);
    struct timespec ts = {.tv_sec = left_ns / RF_NS_PER_S, .tv_nsec = left_ns % RF_NS_PER_S};
    struct pollfd p = {.fd = s->epoll_fd, .events = POLLIN};
    ppoll(&p, 1, at_ns == RF_NEVER_NS ? NULL : &ts, NULL);
}

int rf_bus_local_next(void *self, rf_bus_message **ret, int64_t at_ns)
{
    sub *s = self;
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
    const sub *s = self;
    return s->epoll_fd;
}

/* ---- committing ---- */

static int commit_slot(rf_bus_local *local, sub *s, slot *sl)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_OFFSET_SET, s->member.group, sl->part,
                                    sl->stored, s->member.id, sl->generation);
    int err = rf_bus_db_run(local->db, stmt);
    if (err == 0) {
        s->refused |= rf_bus_db_changes(local->db) == 0;
        sl->dirty = false;
    }
    return err;
}

static int commit_run(rf_bus_local *local, rf_bus_op *op)
{
    sub *s = (sub *)op;
    int err = 0;
    pthread_mutex_lock(&s->mutex);
    s->n_taken = s->n_stored;
    for (uint32_t i = 0; err == 0 && i < s->n_slots; i++) {
        err = s->slots[i].dirty ? commit_slot(local, s, &s->slots[i]) : 0;
    }
    pthread_mutex_unlock(&s->mutex);
    return err;
}

/* After a failure the offsets stay stored in memory, and the next commit writes them again. */
static void commit_done(rf_bus_local *local, rf_bus_op *op, int err)
{
    (void)local;
    sub *s = (sub *)op;
    pthread_mutex_lock(&s->mutex);
    s->n_committed = s->n_taken;
    s->commit_err = err;
    s->commit_waits = s->n_stored > s->n_taken && err == 0;
    bool again = s->commit_waits;
    for (uint32_t i = 0; err < 0 && i < s->n_slots; i++) {
        s->slots[i].dirty = s->slots[i].owned && s->slots[i].stored > 0;
    }
    pthread_cond_broadcast(&s->committed);
    pthread_mutex_unlock(&s->mutex);
    if (again) {
        rf_bus_local_post(s->local, &s->commit_op, true);
    }
}

int rf_bus_local_commit(void *self, const rf_bus_message *message)
{
    sub *s = self;
    const held *h = (const held *)message;
    pthread_mutex_lock(&s->mutex);
    slot *sl = &s->slots[h->slot];
    bool ours = sl->owned && sl->generation == h->generation;
    bool post = false;
    if (ours && s->grouped) {
        sl->stored = RF_MAX(sl->stored, message->offset + 1);
        sl->dirty = true;
        s->n_stored++;
        post = !s->commit_waits;
        s->commit_waits = true;
    }
    pthread_mutex_unlock(&s->mutex);
    if (post) {
        rf_bus_local_post(s->local, &s->commit_op, true);
    }
    return ours ? 0 : -ESTALE;
}

int rf_bus_local_commit_wait(void *self, int64_t at_ns)
{
    sub *s = self;
    int err = 0;
    rf_bus_local_hurry(s->local);
    pthread_mutex_lock(&s->mutex);
    uint64_t until = s->n_stored;
    while (s->n_committed < until && s->commit_waits && err == 0) {
        err = rf_time_wait_until(&s->committed, &s->mutex, at_ns);
    }
    if (s->n_committed >= until || !s->commit_waits) {
        err = s->commit_err < 0 ? s->commit_err : s->refused ? -ESTALE : 0;
        s->refused = false;
    }
    pthread_mutex_unlock(&s->mutex);
    return err;
}

/* ---- pausing, telling ---- */

int rf_bus_local_pause(void *self, const char *topic, int partition, bool paused)
{
    sub *s = self;
    bool found = topic == NULL;
    pthread_mutex_lock(&s->mutex);
    s->paused_all = topic == NULL ? paused : s->paused_all;
    for (uint32_t i = 0; i < s->n_slots; i++) {
        slot *sl = &s->slots[i];
        if (topic == NULL || (strcmp(s->topics[sl->topic], topic) == 0 &&
                              (partition < 0 || sl->partition == (uint32_t)partition))) {
            found = true;
            sl->paused = paused;
            if (paused) {
                drop_ahead(s, sl);
            }
        }
    }
    pthread_mutex_unlock(&s->mutex);
    if (!paused) {
        uint64_t one = 1;
        ssize_t n = write(s->wake_fd, &one, sizeof(one));
        (void)n; /* a full counter wakes as well */
    }
    return found ? 0 : -ENOENT;
}

size_t rf_bus_local_assignment(void *self, rf_bus_partition *out, size_t max)
{
    sub *s = self;
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
    sub *s;
    const rf_bus_sub_config *config;
    int64_t topic_ids[RF_BUS_MAX_TOPICS];
    int refused;
} join_call;

/* Called again from the start when a transaction before it failed. */
static int add_slots(rf_bus_local *local, sub *s, size_t topic, const rf_bus_topic_row *row)
{
    s->slots = rf_grow(s->slots, s->n_slots + row->n_parts, sizeof(slot));
    for (uint32_t p = 0; p < row->n_parts; p++) {
        slot *sl = &s->slots[s->n_slots++];
        *sl = (slot){.part = row->first_part + p, .topic = topic, .partition = p};
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

static int join_run(rf_bus_local *local, void *arg)
{
    join_call *c = arg;
    sub *s = c->s;
    rf_bus_topic_row *rows[RF_BUS_MAX_TOPICS];
    int err = 0;
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
    const sub *s = arg;
    return rf_bus_local_leave(local, s->member.group, s->member.name);
}

static int epoll_add(const sub *s, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_fds(sub *s)
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

static int open_watch(sub *s, const join_call *c)
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

static int join(sub *s, const rf_bus_sub_config *config)
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

static sub *sub_new(rf_bus_local *local, const rf_bus_sub_config *config)
{
    sub *s = RF_NEW(sub);
    s->commit_op = (rf_bus_op){.run = commit_run, .done = commit_done};
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

static void sub_free(sub *s)
{
    for (uint32_t i = 0; i < s->n_slots; i++) {
        drop_ahead(s, &s->slots[i]);
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
    sub *s = sub_new(local, config);
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
    sub *s = self;
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
