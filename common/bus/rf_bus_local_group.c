#include "rf_bus_local.h"

#include "rf_id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- locks: who lives ---- */

static void lock_path(const char *name, char path[64])
{
    snprintf(path, 64, "members/%s", name);
}

static int lock_member(const rf_bus_local *local, const char *name)
{
    char path[64];
    lock_path(name, path);
    RF_CLEANUP(rf_cleanup_close)
    int fd = openat(local->dir_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return -errno;
    }
    int locked = fd;
    fd = -1;
    return locked;
}

bool rf_bus_local_dead(const rf_bus_local *local, const char *name)
{
    char path[64];
    lock_path(name, path);
    /* Read-only, because the closing of a descriptor that can write is what wakes the others. */
    RF_CLEANUP(rf_cleanup_close) int fd = openat(local->dir_fd, path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno == ENOENT : flock(fd, LOCK_SH | LOCK_NB) == 0;
}

static void unlink_lock(const rf_bus_local *local, const char *name)
{
    char path[64];
    lock_path(name, path);
    unlinkat(local->dir_fd, path, 0);
}

void rf_bus_local_sweep_locks(const rf_bus_local *local)
{
    int fd = openat(local->dir_fd, "members", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        rf_close(&fd);
        return;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (rf_uuid4_valid(e->d_name) && rf_bus_local_dead(local, e->d_name)) {
            unlink_lock(local, e->d_name);
        }
    }
    closedir(dir);
}

/* ---- ownership ---- */

/* The members that read one topic, and what they own of it and of the topics before. */
typedef struct share {
    int64_t member;
    uint32_t n_here;
    uint32_t n_total;
} share;

typedef struct shares {
    share all[RF_BUS_MAX_MEMBERS]; /* every member of the group, sorted by member */
    size_t n;
    share *here[RF_BUS_MAX_MEMBERS]; /* those that read the topic in hand */
    size_t n_here;
} shares;

static share *find_share(const shares *s, int64_t member)
{
    for (size_t i = 0; i < s->n_here; i++) {
        if (s->here[i]->member == member) {
            return s->here[i];
        }
    }
    return NULL;
}

static share *least_loaded(const shares *s)
{
    share *best = s->here[0];
    for (size_t i = 1; i < s->n_here; i++) {
        share *x = s->here[i];
        if (x->n_here < best->n_here || (x->n_here == best->n_here && x->n_total < best->n_total)) {
            best = x;
        }
    }
    return best;
}

static void give(share *s)
{
    s->n_here++;
    s->n_total++;
}

/* Shares n partitions out: none owns more than one above another, and who owned a partition keeps
 * it where that allows. owners holds member ids, 0 for none, and is rewritten. */
static void share_out(shares *s, int64_t *owners, uint32_t n)
{
    uint32_t base = n / (uint32_t)s->n_here;
    uint32_t n_above = n % (uint32_t)s->n_here; /* members that may have base + 1 */
    for (uint32_t p = 0; p < n; p++) {
        share *keeper = owners[p] == 0 ? NULL : find_share(s, owners[p]);
        bool above = keeper != NULL && keeper->n_here == base;
        if (keeper == NULL || keeper->n_here > base || (above && n_above == 0)) {
            owners[p] = 0;
            continue;
        }
        n_above -= above ? 1 : 0;
        give(keeper);
    }
    for (uint32_t p = 0; p < n; p++) {
        if (owners[p] == 0) {
            share *taker = least_loaded(s);
            owners[p] = taker->member;
            give(taker);
        }
    }
}

static int load_members(rf_bus_local *local, int64_t group, shares *s)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_MEMBER_LIST, group);
    int row = 0;
    while ((row = rf_bus_db_step(local->db, stmt)) > 0 && s->n < RF_BUS_MAX_MEMBERS) {
        s->all[s->n++] = (share){.member = sqlite3_column_int64(stmt, 0)};
    }
    sqlite3_reset(stmt);
    return RF_MIN(row, 0);
}

static int load_readers(rf_bus_local *local, int64_t group, int64_t topic, shares *s)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_READS_MEMBERS, group, topic);
    int row = 0;
    s->n_here = 0;
    while ((row = rf_bus_db_step(local->db, stmt)) > 0) {
        for (size_t i = 0; i < s->n; i++) {
            if (s->all[i].member == sqlite3_column_int64(stmt, 0)) {
                s->all[i].n_here = 0;
                s->here[s->n_here++] = &s->all[i];
            }
        }
    }
    return row;
}

static int load_owners(rf_bus_local *local, int64_t group, int64_t first, uint32_t n,
                       int64_t *owners)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_OWNER_RANGE, group, first, first + n);
    int row = 0;
    while ((row = rf_bus_db_step(local->db, stmt)) > 0) {
        owners[sqlite3_column_int64(stmt, 0) - first] = sqlite3_column_int64(stmt, 1);
    }
    return row;
}

typedef struct topic_range {
    int64_t topic;
    int64_t first;
    uint32_t n;
} topic_range;

static int share_topic(rf_bus_local *local, int64_t group, int64_t generation, topic_range range,
                       shares *s)
{
    int64_t before[RF_BUS_MAX_PARTITIONS] = {0};
    int64_t after[RF_BUS_MAX_PARTITIONS];
    int err = load_readers(local, group, range.topic, s);
    err = err < 0 ? err : load_owners(local, group, range.first, range.n, before);
    if (err < 0 || s->n_here == 0) {
        return err;
    }
    memcpy(after, before, sizeof(after));
    share_out(s, after, range.n);
    for (uint32_t p = 0; err == 0 && p < range.n; p++) {
        if (after[p] != before[p]) {
            err = rf_bus_db_run(local->db, RF_BUS_ASK(local->db, RF_BUS_SQL_OWNER_SET, group,
                                                      range.first + p, after[p], generation));
        }
    }
    return err;
}

static int load_topics(rf_bus_local *local, int64_t group, topic_range *ranges, size_t max,
                       size_t *ret_n)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_READS_TOPICS, group);
    int row = 0;
    size_t n = 0;
    while ((row = rf_bus_db_step(local->db, stmt)) > 0 && n < max) {
        ranges[n++] = (topic_range){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                                    (uint32_t)sqlite3_column_int64(stmt, 2)};
    }
    sqlite3_reset(stmt);
    *ret_n = n;
    return row > 0 ? -E2BIG : row;
}

static int next_generation(rf_bus_local *local, int64_t group, int64_t *ret)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_GROUP_NEXT, group);
    int row = rf_bus_db_step(local->db, stmt);
    *ret = row > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    int end = row > 0 ? rf_bus_db_step(local->db, stmt) : row;
    return RF_MIN(end, 0);
}

static void touch_group(rf_bus_local *local, int64_t group)
{
    for (size_t i = 0; i < local->n_touched_groups; i++) {
        if (local->touched_groups[i] == group) {
            return;
        }
    }
    if (local->n_touched_groups < RF_ARRAY_LEN(local->touched_groups)) {
        local->touched_groups[local->n_touched_groups++] = group;
    }
}

static int rebalance(rf_bus_local *local, int64_t group)
{
    RF_CLEANUP(rf_cleanup_free) shares *s = RF_NEW(shares);
    topic_range ranges[RF_BUS_MAX_GROUP_TOPICS];
    size_t n = 0;
    int64_t generation = 0;
    int err = next_generation(local, group, &generation);
    err = err == 0 ? rf_bus_db_run(local->db, RF_BUS_ASK(local->db, RF_BUS_SQL_OWNER_DROP, group))
                   : err;
    err = err == 0 ? load_members(local, group, s) : err;
    err = err == 0 ? load_topics(local, group, ranges, RF_ARRAY_LEN(ranges), &n) : err;
    for (size_t i = 0; err == 0 && i < n; i++) {
        err = share_topic(local, group, generation, ranges[i], s);
    }
    touch_group(local, group);
    return err;
}

/* ---- coming and going ---- */

static int find_group(rf_bus_local *local, const char *name, int64_t *ret)
{
    sqlite3_stmt *stmt = rf_bus_db_ask(local->db, RF_BUS_SQL_GROUP_FIND, 0, NULL);
    rf_bus_db_name(stmt, 1, name);
    int row = rf_bus_db_step(local->db, stmt);
    if (row > 0) {
        *ret = sqlite3_column_int64(stmt, 0);
        sqlite3_reset(stmt);
        return 0;
    }
    if (row < 0) {
        return row;
    }
    stmt = rf_bus_db_ask(local->db, RF_BUS_SQL_GROUP_ADD, 0, NULL);
    rf_bus_db_name(stmt, 1, name);
    int err = rf_bus_db_run(local->db, stmt);
    *ret = rf_bus_db_id(local->db);
    return err;
}

/* A group that starts at the end fixes its first offsets now, so that records produced between this
 * and the first read are seen. */
static int fix_offsets(rf_bus_local *local, int64_t group, rf_bus_topic_row *topic)
{
    for (uint32_t p = 0; p < topic->n_parts; p++) {
        int64_t next = 0;
        int err = rf_bus_local_part_next(local, topic, p, &next);
        if (err == 0) {
            err = rf_bus_db_run(local->db, RF_BUS_ASK(local->db, RF_BUS_SQL_OFFSET_FIRST, group,
                                                      topic->first_part + p, next));
        }
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* A transaction that is tried again makes another member. */
static int add_member(rf_bus_local *local, rf_bus_member *m)
{
    if (m->lock_fd >= 0) {
        unlink_lock(local, m->name);
        rf_close(&m->lock_fd);
    }
    rf_uuid4(m->name);
    m->lock_fd = lock_member(local, m->name);
    if (m->lock_fd < 0) {
        return m->lock_fd;
    }
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_MEMBER_ADD, m->group);
    rf_bus_db_name(stmt, 2, m->name);
    int err = rf_bus_db_run(local->db, stmt);
    m->id = rf_bus_db_id(local->db);
    return err;
}

/* Members that died while nobody looked make room. */
static int drop_dead(rf_bus_local *local, int64_t group, size_t *ret_living)
{
    char dead[RF_BUS_MAX_MEMBERS][RF_BUS_NAME_LEN];
    size_t n_dead = 0;
    size_t n = 0;
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_MEMBER_LIST, group);
    int row = 0;
    while ((row = rf_bus_db_step(local->db, stmt)) > 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 1);
        if (n_dead < RF_BUS_MAX_MEMBERS && rf_bus_local_dead(local, name)) {
            rf_copy_str(dead[n_dead++], RF_BUS_NAME_LEN, name);
        }
        n++;
    }
    for (size_t i = 0; row == 0 && i < n_dead; i++) {
        stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_MEMBER_DROP, group);
        rf_bus_db_name(stmt, 2, dead[i]);
        row = rf_bus_db_run(local->db, stmt);
        unlink_lock(local, dead[i]);
    }
    *ret_living = n - n_dead;
    return row;
}

int rf_bus_local_join(rf_bus_local *local, const char *group, rf_bus_topic_row *const *topics,
                      size_t n_topics, rf_bus_start start, rf_bus_member *member, int *ret_refused)
{
    size_t n_living = 0;
    int err = find_group(local, group, &member->group);
    err = err == 0 ? drop_dead(local, member->group, &n_living) : err;
    if (err == 0 && n_living >= RF_BUS_MAX_MEMBERS) {
        *ret_refused = -EUSERS;
        return 0;
    }
    err = err == 0 ? add_member(local, member) : err;
    for (size_t i = 0; err == 0 && i < n_topics; i++) {
        err = rf_bus_db_run(local->db,
                            RF_BUS_ASK(local->db, RF_BUS_SQL_READS_ADD, member->id, topics[i]->id));
        if (err == 0 && start == RF_BUS_LATEST) {
            err = fix_offsets(local, member->group, topics[i]);
        }
    }
    return err == 0 ? rebalance(local, member->group) : err;
}

int rf_bus_local_leave(rf_bus_local *local, int64_t group, const char *name, bool *ret_was_there)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_MEMBER_DROP, group);
    rf_bus_db_name(stmt, 2, name);
    int err = rf_bus_db_run(local->db, stmt);
    *ret_was_there = err == 0 && rf_bus_db_changes(local->db) > 0;
    unlink_lock(local, name);
    return *ret_was_there ? rebalance(local, group) : err;
}
