/*
 * rf_bus_local_db.h - one SQLite connection to the log of a local bus and its prepared statements.
 * A connection is used by one thread at a time. Result codes of SQLite end here: everything returns
 * negative errno (-ENOSPC full, -EBADMSG not a log or damaged, -EROFS, -ENOMEM, else -EIO).
 */
#ifndef RF_BUS_LOCAL_DB_H
#define RF_BUS_LOCAL_DB_H

#include "rf_base.h"

#include <sqlite3.h>

/* The log's rows are chunks (rf_bus_local_chunk.h): records of one partition that became durable
 * together. A row's id is partition << RF_BUS_OFFSET_BITS | offset of its first record: appends go
 * to the end of a partition's range and reads are range scans of the table itself. Retention drops
 * records, part.first, and then rows: part.cut bytes of the oldest row are of records dropped. */
#define RF_BUS_OFFSET_BITS 40
#define RF_BUS_ROW(partition, offset) (((partition) << RF_BUS_OFFSET_BITS) + (offset))

/* The statements, with their parameters in order. "part" is a partition's row. */
typedef enum rf_bus_sql {
    RF_BUS_SQL_BEGIN, /* takes SQLite's write lock */
    RF_BUS_SQL_COMMIT,
    RF_BUS_SQL_TOPIC_FIND,   /* name -> id, first part, partitions */
    RF_BUS_SQL_TOPIC_ADD,    /* name, first part, partitions */
    RF_BUS_SQL_TOPIC_COUNT,  /* -> topics */
    RF_BUS_SQL_PART_LAST,    /* -> highest part */
    RF_BUS_SQL_PART_ADD,     /* part */
    RF_BUS_SQL_PART_GET,     /* part -> next offset, bytes, first offset, cut */
    RF_BUS_SQL_PART_SET,     /* part, next offset, bytes, first offset, cut */
    RF_BUS_SQL_LOG_ADD,      /* row, records, bytes, at, chunk */
    RF_BUS_SQL_LOG_READ,     /* part, its first row, row wanted, end row -> row, at, first, chunk */
    RF_BUS_SQL_LOG_OLDEST,   /* row, end row, limit -> row, at, records, bytes */
    RF_BUS_SQL_LOG_CHUNK,    /* row -> chunk */
    RF_BUS_SQL_LOG_DROP,     /* row, end row */
    RF_BUS_SQL_GROUP_FIND,   /* name -> id, generation */
    RF_BUS_SQL_GROUP_ADD,    /* name */
    RF_BUS_SQL_GROUP_NEXT,   /* group: raises the generation -> generation */
    RF_BUS_SQL_OFFSET_GET,   /* group, part -> offset */
    RF_BUS_SQL_OFFSET_FIRST, /* group, part, offset: unless there is one */
    RF_BUS_SQL_OFFSET_SET,   /* group, part, offset, member, generation: while it owns */
    RF_BUS_SQL_MEMBER_ADD,   /* group, name */
    RF_BUS_SQL_MEMBER_DROP,  /* group, name */
    RF_BUS_SQL_MEMBER_LIST,  /* group -> member, name */
    RF_BUS_SQL_MEMBER_COUNT, /* member -> 1 when it is there */
    RF_BUS_SQL_READS_ADD,    /* member, topic */
    RF_BUS_SQL_READS_TOPICS, /* group -> topic, first part, partitions */
    RF_BUS_SQL_READS_MEMBERS, /* group, topic -> member */
    RF_BUS_SQL_OWNER_RANGE,   /* group, part, end part -> part, member */
    RF_BUS_SQL_OWNER_SET,     /* group, part, member, generation */
    RF_BUS_SQL_OWNER_DROP,    /* group: what members gone left behind */
    RF_BUS_SQL_OWNER_MINE,    /* group, member -> part, generation, offset */
    RF_BUS_N_SQL,
} rf_bus_sql;

typedef struct rf_bus_db rf_bus_db;

/* rf_bus_db_create makes or checks the tables of the log at path, and brings one of the version
 * before up to date; the caller holds the write lock. */
int rf_bus_db_create(const char *path);

/* rf_bus_db_open opens a log made by rf_bus_db_create. */
int rf_bus_db_open(const char *path, rf_bus_db **ret);
rf_bus_db *rf_bus_db_close(rf_bus_db *db);

/* The write-ahead log is copied back by rf_bus_db_checkpoint, a call of any connection beside which
 * others read and write on. rf_bus_db_watch_wal calls is_long after each commit of db that leaves
 * the log longer than 16 MiB; above 64 MiB the commit copies it back itself, so that it ends. Other
 * connections copy nothing. */
int rf_bus_db_checkpoint(rf_bus_db *db);
void rf_bus_db_watch_wal(rf_bus_db *db, void (*is_long)(void *user), void *user);

/* A transaction: begin takes SQLite's write lock at once. */
int rf_bus_db_begin(rf_bus_db *db);
int rf_bus_db_commit(rf_bus_db *db);
void rf_bus_db_rollback(rf_bus_db *db);

/* rf_bus_db_ask resets a statement and binds integers from parameter 1. Never NULL once opened. */
sqlite3_stmt *rf_bus_db_ask(rf_bus_db *db, rf_bus_sql sql, size_t n, const int64_t *values);
#define RF_BUS_ASK(db, sql, ...)                                                                   \
    rf_bus_db_ask((db), (sql), sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t),           \
                  (const int64_t[]){__VA_ARGS__})

/* rf_bus_db_name binds a text that outlives the statement's use. */
void rf_bus_db_name(sqlite3_stmt *stmt, int parameter, const char *text);

/* rf_bus_db_step returns 1 for a row, 0 at the end (the statement is reset then), or an error. */
int rf_bus_db_step(rf_bus_db *db, sqlite3_stmt *stmt);

/* rf_bus_db_run steps a statement that gives no row; rf_bus_db_id is the last rowid inserted and
 * rf_bus_db_changes the rows changed by the last statement. */
int rf_bus_db_run(rf_bus_db *db, sqlite3_stmt *stmt);
int64_t rf_bus_db_id(rf_bus_db *db);
int64_t rf_bus_db_changes(rf_bus_db *db);

#endif
