#include "rf_bus_local_db.h"

#include "rf_bus_local_chunk.h"
#include "rf_sqlite.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SCHEMA_VERSION 2
#define BUSY_MS 10000 /* the write lock file keeps writers apart; this covers recovery */

#define PAGE_BYTES 4096
#define WAL_LONG ((16 << 20) / PAGE_BYTES) /* pages */
#define WAL_MOST ((64 << 20) / PAGE_BYTES)
#define WAL_TRIES 500 /* of a writer that waits for another's copying */
#define WAL_AGAIN_NS 2000000

struct rf_bus_db {
    sqlite3 *sql;
    sqlite3_stmt *stmts[RF_BUS_N_SQL];
    void (*wal_is_long)(void *user);
    void *user;
};

#define CREATE_LOG                                                                                 \
    "CREATE TABLE log(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, bytes INTEGER NOT NULL,"         \
    " at_ms INTEGER NOT NULL, chunk BLOB NOT NULL) STRICT;"

static const char schema[] =
    "CREATE TABLE topic(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " first_part INTEGER NOT NULL, n_parts INTEGER NOT NULL) STRICT;"
    "CREATE TABLE part(id INTEGER PRIMARY KEY, next INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " first INTEGER NOT NULL DEFAULT 0, cut INTEGER NOT NULL DEFAULT 0) STRICT;" CREATE_LOG
    "CREATE TABLE grp(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " generation INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE grp_offset(grp INTEGER NOT NULL, part INTEGER NOT NULL, next INTEGER NOT NULL,"
    " PRIMARY KEY(grp, part)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE member(id INTEGER PRIMARY KEY AUTOINCREMENT, grp INTEGER NOT NULL,"
    " name TEXT NOT NULL) STRICT;"
    "CREATE INDEX member_grp ON member(grp);"
    "CREATE TABLE reads(member INTEGER NOT NULL REFERENCES member(id) ON DELETE CASCADE,"
    " topic INTEGER NOT NULL, PRIMARY KEY(member, topic)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE owner(grp INTEGER NOT NULL, part INTEGER NOT NULL, member INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, PRIMARY KEY(grp, part)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version=2;";

/* In version 1 each record was a row. */
static const char upgrade[] =
    "ALTER TABLE log RENAME TO old_log;" CREATE_LOG
    "ALTER TABLE part ADD COLUMN first INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE part ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;"
    "UPDATE part SET first=COALESCE((SELECT MIN(o.id) - (part.id << 40) FROM old_log o"
    " WHERE o.id>=part.id << 40 AND o.id<(part.id + 1) << 40), next);"
    "INSERT INTO log SELECT id, 1, COALESCE(length(key), 0) + length(value) + length(headers),"
    " at_ms, chunk(key, value, headers) FROM old_log ORDER BY id;"
    "DROP TABLE old_log;"
    "PRAGMA user_version=2;";

static const char *const texts[RF_BUS_N_SQL] = {
    [RF_BUS_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [RF_BUS_SQL_COMMIT] = "COMMIT",
    [RF_BUS_SQL_TOPIC_FIND] = "SELECT id, first_part, n_parts FROM topic WHERE name=?1",
    [RF_BUS_SQL_TOPIC_ADD] = "INSERT INTO topic(name, first_part, n_parts) VALUES(?1, ?2, ?3)",
    [RF_BUS_SQL_TOPIC_COUNT] = "SELECT COUNT(*) FROM topic",
    [RF_BUS_SQL_PART_LAST] = "SELECT COALESCE(MAX(id), 0) FROM part",
    [RF_BUS_SQL_PART_ADD] = "INSERT INTO part(id, next, bytes) VALUES(?1, 0, 0)",
    [RF_BUS_SQL_PART_GET] = "SELECT next, bytes, first, cut FROM part WHERE id=?1",
    [RF_BUS_SQL_PART_SET] = "UPDATE part SET next=?2, bytes=?3, first=?4, cut=?5 WHERE id=?1",
    [RF_BUS_SQL_LOG_ADD] = "INSERT INTO log(id, n, bytes, at_ms, chunk) VALUES(?1, ?2, ?3, ?4, ?5)",
    [RF_BUS_SQL_LOG_READ] =
        "SELECT l.id, l.at_ms, p.first, l.chunk FROM part p JOIN log l ON l.id>=COALESCE("
        "(SELECT id FROM log WHERE id>=?2 AND id<=?3 ORDER BY id DESC LIMIT 1), ?3) AND l.id<?4"
        " AND l.id + l.n>MAX(?3, ?2 + p.first) WHERE p.id=?1 ORDER BY l.id",
    [RF_BUS_SQL_LOG_OLDEST] =
        "SELECT id, at_ms, n, bytes FROM log WHERE id>=?1 AND id<?2 ORDER BY id LIMIT ?3",
    [RF_BUS_SQL_LOG_CHUNK] = "SELECT chunk FROM log WHERE id=?1",
    [RF_BUS_SQL_LOG_DROP] = "DELETE FROM log WHERE id>=?1 AND id<?2",
    [RF_BUS_SQL_GROUP_FIND] = "SELECT id, generation FROM grp WHERE name=?1",
    [RF_BUS_SQL_GROUP_ADD] = "INSERT INTO grp(name) VALUES(?1)",
    [RF_BUS_SQL_GROUP_NEXT] =
        "UPDATE grp SET generation=generation+1 WHERE id=?1 RETURNING generation",
    [RF_BUS_SQL_OFFSET_GET] = "SELECT next FROM grp_offset WHERE grp=?1 AND part=?2",
    [RF_BUS_SQL_OFFSET_FIRST] =
        "INSERT INTO grp_offset(grp, part, next) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [RF_BUS_SQL_OFFSET_SET] =
        "INSERT INTO grp_offset(grp, part, next) SELECT ?1, ?2, ?3 WHERE EXISTS(SELECT 1 FROM owner"
        " WHERE grp=?1 AND part=?2 AND member=?4 AND generation=?5)"
        " ON CONFLICT DO UPDATE SET next=MAX(next, excluded.next)",
    [RF_BUS_SQL_MEMBER_ADD] = "INSERT INTO member(grp, name) VALUES(?1, ?2)",
    [RF_BUS_SQL_MEMBER_DROP] = "DELETE FROM member WHERE grp=?1 AND name=?2",
    [RF_BUS_SQL_MEMBER_LIST] = "SELECT id, name FROM member WHERE grp=?1 ORDER BY id",
    [RF_BUS_SQL_MEMBER_COUNT] = "SELECT 1 FROM member WHERE id=?1",
    [RF_BUS_SQL_READS_ADD] = "INSERT INTO reads(member, topic) VALUES(?1, ?2)",
    [RF_BUS_SQL_READS_TOPICS] =
        "SELECT DISTINCT t.id, t.first_part, t.n_parts FROM member m JOIN reads r ON r.member=m.id"
        " JOIN topic t ON t.id=r.topic WHERE m.grp=?1 ORDER BY t.id",
    [RF_BUS_SQL_READS_MEMBERS] =
        "SELECT m.id FROM member m JOIN reads r ON r.member=m.id AND r.topic=?2"
        " WHERE m.grp=?1 ORDER BY m.id",
    [RF_BUS_SQL_OWNER_RANGE] =
        "SELECT part, member FROM owner WHERE grp=?1 AND part>=?2 AND part<?3",
    [RF_BUS_SQL_OWNER_SET] =
        "INSERT OR REPLACE INTO owner(grp, part, member, generation) VALUES(?1, ?2, ?3, ?4)",
    [RF_BUS_SQL_OWNER_DROP] =
        "DELETE FROM owner WHERE grp=?1 AND member NOT IN (SELECT id FROM member WHERE grp=?1)",
    [RF_BUS_SQL_OWNER_MINE] =
        "SELECT o.part, o.generation, COALESCE(g.next, 0) FROM owner o"
        " LEFT JOIN grp_offset g ON g.grp=o.grp AND g.part=o.part WHERE o.grp=?1 AND o.member=?2",
};

static int map_error(sqlite3 *sql, int rc)
{
    int os = sqlite3_system_errno(sql);
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_ERROR: /* other tables than a log has */
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_CORRUPT: /* of a damaged page, and of one that could not be read this time */
        return -EIO;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EAGAIN;
    case SQLITE_CANTOPEN:
        return os != 0 ? -os : -EIO;
    default:
        return os == ENOSPC || os == EDQUOT ? -ENOSPC : -EIO;
    }
}

static int exec(sqlite3 *sql, const char *text)
{
    int rc = sqlite3_exec(sql, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : map_error(sql, rc);
}

static int open_sql(const char *path, sqlite3 **ret)
{
    sqlite3 *sql = NULL;
    int rc = rf_sqlite_open(path, &sql);
    int err = rc == SQLITE_OK ? 0 : sql == NULL ? -ENOMEM : map_error(sql, rc);
    if (err == 0) {
        sqlite3_busy_timeout(sql, BUSY_MS);
        sqlite3_extended_result_codes(sql, 1);
        err = exec(sql, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                        "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;"
                        "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;");
    }
    if (err < 0) {
        sqlite3_close(sql);
        return err;
    }
    *ret = sql;
    return 0;
}

static int read_version(sqlite3 *sql, int *ret)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(sql, "PRAGMA user_version", -1, &stmt, NULL);
    rc = rc == SQLITE_OK ? sqlite3_step(stmt) : rc;
    if (rc == SQLITE_ROW) {
        *ret = sqlite3_column_int(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : map_error(sql, rc);
}

static void value_of(sqlite3_value *value, const void **ret, size_t *ret_len)
{
    *ret_len = (size_t)sqlite3_value_bytes(value);
    *ret = sqlite3_value_blob(value);
}

/* SQL's chunk(key, value, headers): a record as a chunk of its own. */
static void chunk_of(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    rf_bus_chunk_record r;
    value_of(values[0], &r.key, &r.key_len);
    value_of(values[1], &r.value, &r.value_len);
    value_of(values[2], &r.headers, &r.headers_len);
    if (r.key == NULL && sqlite3_value_type(values[0]) != SQLITE_NULL) {
        r.key = ""; /* an empty one */
    }
    size_t size = RF_BUS_CHUNK_LENGTHS + rf_bus_chunk_payload(&r);
    uint8_t *bytes = rf_alloc(size);
    rf_bus_chunk_put(bytes, &r);
    sqlite3_result_blob64(context, bytes, size, free);
}

/* Runs a text in a transaction of its own; what fails leaves nothing. */
static int exec_whole(sqlite3 *sql, const char *text)
{
    int err = exec(sql, "BEGIN IMMEDIATE");
    err = err == 0 ? exec(sql, text) : err;
    return err == 0 ? exec(sql, "COMMIT") : err;
}

static int bring_up_to_date(sqlite3 *sql)
{
    int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int rc = sqlite3_create_function(sql, "chunk", 3, flags, NULL, chunk_of, NULL, NULL);
    return rc == SQLITE_OK ? exec_whole(sql, upgrade) : map_error(sql, rc);
}

int rf_bus_db_create(const char *path)
{
    sqlite3 *sql = NULL;
    int err = open_sql(path, &sql);
    if (err < 0) {
        return err;
    }
    int version = 0;
    err = read_version(sql, &version);
    if (err == 0 && version != SCHEMA_VERSION) {
        err = version == 0   ? exec_whole(sql, schema)
              : version == 1 ? bring_up_to_date(sql)
                             : -EBADMSG;
    }
    sqlite3_close(sql);
    return err;
}

int rf_bus_db_open(const char *path, rf_bus_db **ret)
{
    rf_bus_db *db = RF_NEW(rf_bus_db);
    int err = open_sql(path, &db->sql);
    for (size_t i = 0; err == 0 && i < RF_BUS_N_SQL; i++) {
        int rc = sqlite3_prepare_v3(db->sql, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &db->stmts[i],
                                    NULL);
        err = rc == SQLITE_OK ? 0 : map_error(db->sql, rc);
    }
    if (err < 0) {
        rf_bus_db_close(db);
        return err;
    }
    *ret = db;
    return 0;
}

rf_bus_db *rf_bus_db_close(rf_bus_db *db)
{
    if (db != NULL) {
        for (size_t i = 0; i < RF_BUS_N_SQL; i++) {
            sqlite3_finalize(db->stmts[i]);
        }
        sqlite3_close(db->sql);
        free(db);
    }
    return NULL;
}

/* Whether another connection is at it. */
static bool is_under_way(int rc)
{
    return (rc & 0xff) == SQLITE_BUSY;
}

static int copy_back(const rf_bus_db *db)
{
    return sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int rf_bus_db_checkpoint(rf_bus_db *db)
{
    int rc = copy_back(db);
    return rc == SQLITE_OK || is_under_way(rc) ? 0 : map_error(db->sql, rc);
}

/* What others are copying ends before what was written since, so they are waited for; nobody does
 * so without end. */
static void copy_all_back(const rf_bus_db *db)
{
    const struct timespec again = {.tv_nsec = WAL_AGAIN_NS};
    for (int i = 0; i < WAL_TRIES && is_under_way(copy_back(db)); i++) {
        nanosleep(&again, NULL);
    }
}

static int after_commit(void *user, sqlite3 *sql, const char *schema_name, int n_pages)
{
    const rf_bus_db *db = user;
    (void)sql, (void)schema_name;
    if (n_pages >= WAL_LONG) {
        db->wal_is_long(db->user);
    }
    if (n_pages >= WAL_MOST) {
        copy_all_back(db); /* the commit stands whatever becomes of it */
    }
    return SQLITE_OK;
}

void rf_bus_db_watch_wal(rf_bus_db *db, void (*is_long)(void *user), void *user)
{
    db->wal_is_long = is_long;
    db->user = user;
    sqlite3_wal_hook(db->sql, after_commit, db);
}

int rf_bus_db_begin(rf_bus_db *db)
{
    return rf_bus_db_run(db, rf_bus_db_ask(db, RF_BUS_SQL_BEGIN, 0, NULL));
}

int rf_bus_db_commit(rf_bus_db *db)
{
    return rf_bus_db_run(db, rf_bus_db_ask(db, RF_BUS_SQL_COMMIT, 0, NULL));
}

void rf_bus_db_rollback(rf_bus_db *db)
{
    for (size_t i = 0; i < RF_BUS_N_SQL; i++) {
        sqlite3_reset(db->stmts[i]);
    }
    if (!sqlite3_get_autocommit(db->sql)) {
        exec(db->sql, "ROLLBACK");
    }
}

sqlite3_stmt *rf_bus_db_ask(rf_bus_db *db, rf_bus_sql sql, size_t n, const int64_t *values)
{
    sqlite3_stmt *stmt = db->stmts[sql];
    sqlite3_reset(stmt);
    for (size_t i = 0; i < n; i++) {
        sqlite3_bind_int64(stmt, (int)i + 1, values[i]);
    }
    return stmt;
}

void rf_bus_db_name(sqlite3_stmt *stmt, int parameter, const char *text)
{
    sqlite3_bind_text(stmt, parameter, text, -1, SQLITE_STATIC);
}

int rf_bus_db_step(rf_bus_db *db, sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        return 1;
    }
    int err = rc == SQLITE_DONE ? 0 : map_error(db->sql, rc);
    sqlite3_reset(stmt);
    return err;
}

int rf_bus_db_run(rf_bus_db *db, sqlite3_stmt *stmt)
{
    int err = rf_bus_db_step(db, stmt);
    sqlite3_reset(stmt);
    return err < 0 ? err : 0;
}

int64_t rf_bus_db_id(rf_bus_db *db)
{
    return sqlite3_last_insert_rowid(db->sql);
}

int64_t rf_bus_db_changes(rf_bus_db *db)
{
    return sqlite3_changes64(db->sql);
}
