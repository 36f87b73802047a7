/*
 * rf_sqlite.h - how SQLite is opened here, whoever uses it.
 */
#ifndef RF_SQLITE_H
#define RF_SQLITE_H

#include <sqlite3.h>

/* rf_sqlite_open opens the database at path, made when missing, for use by one thread at a time.
 * SQLite counts no memory, for which it would take a lock at each allocation, and writes zeros over
 * what was deleted only where that costs no write (Debian's writes freed pages as well).
 * Returns SQLite's code. *ret, which the caller closes, may be set on failure, too, for
 * sqlite3_errmsg. Any thread may call. */
int rf_sqlite_open(const char *path, sqlite3 **ret);

#endif
