/*
 * sqlite_fixture.h - databases in a folder of their own, opened as the platform does and as SQLite
 * does by itself, and work on them that is the same each time. One thread.
 */
#ifndef SQLITE_FIXTURE_H
#define SQLITE_FIXTURE_H

#include "rf_base.h"

#include <sqlite3.h>

/* sqlite_fixture_open makes the folder, _close removes it with its files. */
void sqlite_fixture_open(void);
void sqlite_fixture_close(void);

/* sqlite_fixture_path is that of a file in the folder; the caller frees it. */
char *sqlite_fixture_path(const char *name);

/* db_ours opens a database with rf_sqlite_open, db_plain with SQLite's own VFS: WAL with
 * synchronous=FULL, a cache of so few pages that larger transactions write to the log before their
 * end, no checkpoints, and the table t(id, text). */
sqlite3 *db_ours(const char *name);
sqlite3 *db_plain(const char *name);

/* db_run runs SQL that must work; db_try returns SQLite's code. */
void db_run(sqlite3 *db, const char *sql);
int db_try(sqlite3 *db, const char *sql);

/* db_fill puts n rows of some hundred bytes behind those that are there, a few of them through
 * other rows; db_number asks for one integer; db_digest is of all rows. */
int db_fill(sqlite3 *db, int n);
int64_t db_number(sqlite3 *db, const char *sql);
int64_t db_digest(sqlite3 *db);

/* db_check: the file is whole. */
void db_check(sqlite3 *db);

#endif
