/*
 * rf_sqlite_log.h - a VFS that writes SQLite's write-ahead log in few, large pieces.
 *
 * SQLite writes each page of a commit to the log with two calls: a header of 24 bytes, then the
 * page. This VFS, over the default one, gathers them in memory and writes them, up to 128 KiB at
 * once, as soon as the commit is whole, so that nobody who learns of the commit reads what is not
 * in the file yet. The write's error is what SQLite is told of the commit, before it is synced.
 * Everything else is the default VFS's.
 */
#ifndef RF_SQLITE_LOG_H
#define RF_SQLITE_LOG_H

/* rf_sqlite_log_vfs registers the VFS over the one that is the default now, once in a process, and
 * returns its name; NULL: SQLite has no VFS. One thread, before others open databases with it. */
const char *rf_sqlite_log_vfs(void);

#endif
