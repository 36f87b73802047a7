#include "rf_bus_local.h"

#include "rf_bus_local_chunk.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define MAX_TOPICS 1024         /* of one log */
#define CHUNK_BYTES (64u << 10) /* in one row, unless a single record is larger */

/* ---- topics ---- */

static rf_bus_topic_row *cached_topic(rf_bus_local *local, const char *name)
{
    if (local->last_topic != NULL && strcmp(local->last_topic->name, name) == 0) {
        return local->last_topic;
    }
    for (size_t i = 0; i < local->n_topics; i++) {
        if (strcmp(local->topics[i]->name, name) == 0) {
            return local->last_topic = local->topics[i];
        }
    }
    return NULL;
}

static int cache_topic(rf_bus_local *local, const char *name, int64_t id, int64_t first_part,
                       int64_t n_parts, rf_bus_topic_row **ret)
{
    int wake_fd = rf_bus_local_wake_open(local, 't', id);
    if (wake_fd < 0) {
        return wake_fd;
    }
    rf_bus_topic_row *t = RF_NEW(rf_bus_topic_row);
    rf_copy_str(t->name, sizeof(t->name), name);
    t->id = id;
    t->first_part = first_part;
    t->n_parts = (uint32_t)n_parts;
    t->wake_fd = wake_fd;
    t->parts = RF_NEW_ARRAY(rf_bus_part, t->n_parts);
    local->topics = rf_grow(local->topics, local->n_topics + 1, sizeof(*local->topics));
    local->topics[local->n_topics++] = t;
    *ret = t;
    return 0;
}

static int add_parts(rf_bus_local *local, uint32_t n_parts, int64_t *ret_first)
{
    sqlite3_stmt *stmt = rf_bus_db_ask(local->db, RF_BUS_SQL_PART_LAST, 0, NULL);
    int err = rf_bus_db_step(local->db, stmt);
    if (err < 0) {
        return err;
    }
    *ret_first = sqlite3_column_int64(stmt, 0) + 1;
    sqlite3_reset(stmt);
    for (uint32_t i = 0; i < n_parts; i++) {
        stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_PART_ADD, *ret_first + i);
        err = rf_bus_db_run(local->db, stmt);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int check_room(rf_bus_local *local)
{
    sqlite3_stmt *stmt = rf_bus_db_ask(local->db, RF_BUS_SQL_TOPIC_COUNT, 0, NULL);
    int row = rf_bus_db_step(local->db, stmt);
    bool full = row > 0 && sqlite3_column_int64(stmt, 0) >= MAX_TOPICS;
    sqlite3_reset(stmt);
    return full ? -EOVERFLOW : RF_MIN(row, 0);
}

static int add_topic(rf_bus_local *local, const char *name, uint32_t n_parts,
                     rf_bus_topic_row **ret)
{
    int64_t first = 0;
    int err = check_room(local);
    err = err == 0 ? add_parts(local, n_parts, &first) : err;
    if (err < 0) {
        return err;
    }
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_TOPIC_ADD, 0, first, n_parts);
    rf_bus_db_name(stmt, 1, name);
    err = rf_bus_db_run(local->db, stmt);
    return err < 0 ? err : cache_topic(local, name, rf_bus_db_id(local->db), first, n_parts, ret);
}

int rf_bus_local_topic(rf_bus_local *local, const char *name, uint32_t n_parts,
                       rf_bus_topic_row **ret)
{
    *ret = cached_topic(local, name);
    if (*ret != NULL) {
        return 0;
    }
    sqlite3_stmt *stmt = rf_bus_db_ask(local->db, RF_BUS_SQL_TOPIC_FIND, 0, NULL);
    rf_bus_db_name(stmt, 1, name);
    int row = rf_bus_db_step(local->db, stmt);
    if (row <= 0) {
        return row < 0 ? row : add_topic(local, name, n_parts, ret);
    }
    int err = cache_topic(local, name, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                          sqlite3_column_int64(stmt, 2), ret);
    sqlite3_reset(stmt);
    return err;
}

void rf_bus_local_forget(rf_bus_local *local)
{
    for (size_t i = 0; i < local->n_topics; i++) {
        rf_close(&local->topics[i]->wake_fd);
        free(local->topics[i]->parts);
        free(local->topics[i]);
    }
    free(local->topics);
    local->topics = NULL;
    local->n_topics = 0;
    local->last_topic = NULL;
}

/* ---- appending ---- */

int rf_bus_local_part_load(rf_bus_local *local, int64_t part_id, rf_bus_part *part)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_PART_GET, part_id);
    int row = rf_bus_db_step(local->db, stmt);
    if (row <= 0) {
        return row < 0 ? row : -EBADMSG;
    }
    part->next = sqlite3_column_int64(stmt, 0);
    part->bytes = sqlite3_column_int64(stmt, 1);
    part->first = sqlite3_column_int64(stmt, 2);
    part->cut = sqlite3_column_int64(stmt, 3);
    part->loaded = true;
    sqlite3_reset(stmt);
    return 0;
}

int rf_bus_local_part_store(rf_bus_local *local, int64_t part_id, const rf_bus_part *part)
{
    return rf_bus_db_run(local->db, RF_BUS_ASK(local->db, RF_BUS_SQL_PART_SET, part_id, part->next,
                                               part->bytes, part->first, part->cut));
}

static int load_part(rf_bus_local *local, rf_bus_topic_row *topic, uint32_t partition)
{
    rf_bus_part *part = &topic->parts[partition];
    topic->used = true;
    return part->loaded ? 0 : rf_bus_local_part_load(local, topic->first_part + partition, part);
}

int rf_bus_local_part_next(rf_bus_local *local, rf_bus_topic_row *topic, uint32_t partition,
                           int64_t *ret)
{
    int err = load_part(local, topic, partition);
    if (err == 0) {
        *ret = topic->parts[partition].next;
    }
    return err;
}

/* FNV-1a (Fowler, Noll, Vo), folded: equal keys meet in one partition. */
static uint32_t hash_key(const uint8_t *key, size_t len)
{
    uint64_t h = 14695981039346656037ULL;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ key[i]) * 1099511628211ULL;
    }
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t choose_partition(rf_bus_topic_row *topic, const rf_bus_record *r)
{
    return (r->key != NULL ? hash_key(r->key, r->key_len) : topic->turn++) % topic->n_parts;
}

/* ---- chunks ---- */

static void chunk_drop(rf_bus_local *local, rf_bus_chunk *chunk)
{
    if (chunk->size == CHUNK_BYTES && local->n_spare < RF_BUS_SPARE) {
        local->spare[local->n_spare++] = chunk->bytes;
    } else {
        free(chunk->bytes);
    }
    *chunk = (rf_bus_chunk){0};
}

static int chunk_write(rf_bus_local *local, int64_t part_id, rf_bus_chunk *chunk)
{
    if (chunk->n == 0) {
        return 0;
    }
    sqlite3_stmt *stmt =
        RF_BUS_ASK(local->db, RF_BUS_SQL_LOG_ADD, RF_BUS_ROW(part_id, chunk->first), chunk->n,
                   chunk->payload, rf_time_wall_ms());
    sqlite3_bind_blob64(stmt, 5, chunk->bytes, chunk->len, SQLITE_STATIC);
    int err = rf_bus_db_run(local->db, stmt);
    chunk_drop(local, chunk);
    return err;
}

/* A chunk is as large as CHUNK_BYTES, or as its only record. */
static uint8_t *chunk_room(rf_bus_local *local, rf_bus_chunk *chunk, size_t len)
{
    if (chunk->bytes == NULL) {
        chunk->size = RF_MAX(len, (size_t)CHUNK_BYTES);
        chunk->bytes = len <= CHUNK_BYTES && local->n_spare > 0 ? local->spare[--local->n_spare]
                                                                : rf_grow(NULL, chunk->size, 1);
    }
    uint8_t *at = chunk->bytes + chunk->len;
    chunk->len += len;
    return at;
}

static int chunk_add(rf_bus_local *local, int64_t part_id, rf_bus_part *part,
                     const rf_bus_chunk_record *r)
{
    rf_bus_chunk *chunk = &part->chunk;
    size_t payload = rf_bus_chunk_payload(r);
    size_t len = RF_BUS_CHUNK_LENGTHS + payload;
    int err = chunk->len + len > CHUNK_BYTES ? chunk_write(local, part_id, chunk) : 0;
    if (err < 0) {
        return err;
    }
    chunk->first = chunk->n == 0 ? part->next : chunk->first;
    rf_bus_chunk_put(chunk_room(local, chunk, len), r);
    chunk->n++;
    chunk->payload += (int64_t)payload;
    part->next++;
    part->bytes += (int64_t)payload;
    part->dirty = true;
    return 0;
}

int rf_bus_local_append(rf_bus_local *local, rf_bus_topic_row *topic, const rf_bus_record *r,
                        const void *headers, size_t headers_len, uint32_t *ret_partition,
                        int64_t *ret_offset)
{
    uint32_t partition = choose_partition(topic, r);
    rf_bus_part *part = &topic->parts[partition];
    int err = load_part(local, topic, partition);
    if (err < 0) {
        return err;
    }
    const rf_bus_chunk_record record = {r->key,       r->key_len, r->value,
                                        r->value_len, headers,    headers_len};
    *ret_partition = partition;
    *ret_offset = part->next;
    topic->touched = true;
    return chunk_add(local, topic->first_part + partition, part, &record);
}

/* ---- ending a transaction ---- */

static int seal_part(rf_bus_local *local, const rf_bus_topic_row *topic, uint32_t partition)
{
    rf_bus_part *part = &topic->parts[partition];
    int64_t id = topic->first_part + partition;
    int err = chunk_write(local, id, &part->chunk);
    bool more = part->bytes > local->config.retention_bytes;
    while (err == 0 && more) {
        err = rf_bus_local_trim_part(local, id, 0, local->config.retention_bytes, part, &more);
    }
    return err < 0 ? err : rf_bus_local_part_store(local, id, part);
}

int rf_bus_local_seal(rf_bus_local *local)
{
    for (size_t i = 0; i < local->n_topics; i++) {
        const rf_bus_topic_row *topic = local->topics[i];
        for (uint32_t p = 0; topic->touched && p < topic->n_parts; p++) {
            int err = topic->parts[p].dirty ? seal_part(local, topic, p) : 0;
            if (err < 0) {
                return err;
            }
        }
    }
    return 0;
}

static void forget_parts(rf_bus_local *local, rf_bus_topic_row *topic)
{
    for (uint32_t p = 0; topic->used && p < topic->n_parts; p++) {
        chunk_drop(local, &topic->parts[p].chunk);
        topic->parts[p] = (rf_bus_part){0};
    }
    topic->used = false;
}

void rf_bus_local_reset(rf_bus_local *local, bool committed)
{
    for (size_t i = 0; i < local->n_topics; i++) {
        rf_bus_topic_row *topic = local->topics[i];
        if (committed && topic->touched) {
            rf_bus_local_wake(topic->wake_fd);
        }
        topic->touched = false;
        forget_parts(local, topic);
    }
    if (!committed) {
        rf_bus_local_forget(local); /* some may have been made by the transaction */
    }
}

/* ---- lag ---- */

static int part_lag(rf_bus_db *db, int64_t group, int64_t part, int64_t *lag)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(db, RF_BUS_SQL_PART_GET, part);
    int row = rf_bus_db_step(db, stmt);
    int64_t next = row > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    int64_t first = row > 0 ? sqlite3_column_int64(stmt, 2) : 0;
    sqlite3_reset(stmt);
    if (row < 0) {
        return row;
    }
    stmt = RF_BUS_ASK(db, RF_BUS_SQL_OFFSET_GET, group, part);
    row = rf_bus_db_step(db, stmt);
    int64_t committed = row > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    *lag += next - RF_MIN(next, RF_MAX(first, committed));
    return RF_MIN(row, 0);
}

static int lag_of(rf_bus_db *db, const char *group, const char *topic, int64_t *ret)
{
    sqlite3_stmt *stmt = rf_bus_db_ask(db, RF_BUS_SQL_TOPIC_FIND, 0, NULL);
    rf_bus_db_name(stmt, 1, topic);
    int row = rf_bus_db_step(db, stmt);
    if (row <= 0) {
        return row < 0 ? row : -ENOENT;
    }
    int64_t first = sqlite3_column_int64(stmt, 1);
    int64_t n = sqlite3_column_int64(stmt, 2);
    sqlite3_reset(stmt);
    stmt = rf_bus_db_ask(db, RF_BUS_SQL_GROUP_FIND, 0, NULL);
    rf_bus_db_name(stmt, 1, group);
    row = rf_bus_db_step(db, stmt);
    int64_t id = row > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    int64_t lag = 0;
    int err = RF_MIN(row, 0);
    for (int64_t p = first; err == 0 && p < first + n; p++) {
        err = part_lag(db, id, p, &lag);
    }
    if (err == 0) {
        *ret = lag;
    }
    return err;
}

int rf_bus_local_lag(void *bus, const char *group, const char *topic, int64_t *ret)
{
    rf_bus_local *local = bus;
    pthread_mutex_lock(&local->reader_mutex);
    int err = lag_of(local->reader, group, topic, ret);
    pthread_mutex_unlock(&local->reader_mutex);
    return err;
}
