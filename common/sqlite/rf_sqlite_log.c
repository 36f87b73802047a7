#include "rf_sqlite_log.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FRAME_HEADER 24  /* bytes before each page of the log, and nothing else has this length */
#define PIECE_MAX 131071 /* bytes that the VFS below hands to the kernel at once */
#define WRITE_LOCK 0     /* among the locks of the index; its holder alone writes to the log */

/* What stands behind the VFS's own file. The methods are those of the VFS below, called with the
 * same file, but for the few that replace them. A connection's files are its thread's alone. */
typedef struct log_file {
    const sqlite3_io_methods *below;
    sqlite3_io_methods methods;
    sqlite3_file *log; /* of a database: its log, NULL while it has none open */
    sqlite3_file *db;  /* of a log: its database */

    /* Of a log: bytes that are not in the file yet. */
    uint8_t *bytes; /* of PIECE_MAX */
    int n;
    sqlite3_int64 at;
    bool commits; /* the page that comes next ends a commit */
} log_file;

static sqlite3_vfs layer;
static sqlite3_vfs *below;

/* sqlite3_file and what stands behind it are aligned to 8 bytes. */
static int own_size(void)
{
    return (below->szOsFile + 7) & ~7;
}

static log_file *of(sqlite3_file *file)
{
    return (log_file *)(void *)((uint8_t *)file + own_size());
}

/* Writes what was gathered. What could not be written is kept, and tried again before anything else
 * is done to the file: SQLite counts on it until it gives the transaction up. */
static int flush(sqlite3_file *file)
{
    log_file *log = of(file);
    int code = log->n == 0 ? SQLITE_OK : log->below->xWrite(file, log->bytes, log->n, log->at);
    if (code == SQLITE_OK) {
        log->n = 0;
    }
    return code;
}

/* At the end of a transaction: what could not be written by now was refused. */
static void settle(sqlite3_file *file)
{
    (void)flush(file);
    of(file)->n = 0;
    of(file)->commits = false;
}

/* ---- of a log ---- */

static int gather(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    log_file *log = of(file);
    bool follows = at == log->at + log->n && n <= PIECE_MAX - log->n;
    int code = follows ? SQLITE_OK : flush(file);
    if (code != SQLITE_OK) {
        return code;
    }
    if (log->bytes == NULL) {
        log->bytes = sqlite3_malloc(PIECE_MAX);
    }
    if (log->bytes == NULL || n > PIECE_MAX) {
        return log->below->xWrite(file, data, n, at);
    }
    log->at = log->n == 0 ? at : log->at;
    memcpy(log->bytes + log->n, data, (size_t)n);
    log->n += n;
    return SQLITE_OK;
}

/* A commit's last header has the size of the database in bytes 4 to 7, all others have zero. */
static bool ends_commit(const uint8_t *header)
{
    return (header[4] | header[5] | header[6] | header[7]) != 0;
}

static int on_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    log_file *log = of(file);
    int code = gather(file, data, n, at);
    bool whole = log->commits && n != FRAME_HEADER;
    log->commits = n == FRAME_HEADER && ends_commit(data);
    return code == SQLITE_OK && whole ? flush(file) : code;
}

static int on_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
    log_file *log = of(file);
    bool apart = at + n <= log->at || at >= log->at + log->n;
    int code = apart ? SQLITE_OK : flush(file);
    return code == SQLITE_OK ? log->below->xRead(file, data, n, at) : code;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = flush(file);
    return code == SQLITE_OK ? of(file)->below->xTruncate(file, size) : code;
}

static int on_sync(sqlite3_file *file, int flags)
{
    int code = flush(file);
    return code == SQLITE_OK ? of(file)->below->xSync(file, flags) : code;
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = flush(file);
    return code == SQLITE_OK ? of(file)->below->xFileSize(file, size) : code;
}

static int on_close(sqlite3_file *file)
{
    log_file *log = of(file);
    settle(file);
    sqlite3_free(log->bytes);
    if (log->db != NULL) {
        of(log->db)->log = NULL;
    }
    return log->below->xClose(file);
}

/* ---- of a database ---- */

/* Nothing of this transaction may reach the log once another may write to it. */
static int on_shm_lock(sqlite3_file *file, int first, int n, int flags)
{
    log_file *db = of(file);
    if (db->log != NULL && first == WRITE_LOCK && (flags & SQLITE_SHM_UNLOCK) != 0) {
        settle(db->log);
    }
    return db->below->xShmLock(file, first, n, flags);
}

/* ---- opening ---- */

static void take_log(sqlite3_file *file, const char *name)
{
    log_file *log = of(file);
    log->methods.xWrite = on_write;
    log->methods.xRead = on_read;
    log->methods.xTruncate = on_truncate;
    log->methods.xSync = on_sync;
    log->methods.xFileSize = on_size;
    log->methods.xClose = on_close;
    log->db = sqlite3_database_file_object(name);
    of(log->db)->log = file;
}

static void take_database(sqlite3_file *file)
{
    of(file)->methods.xShmLock = on_shm_lock;
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    int code = below->xOpen(below, name, file, flags, out);
    *of(file) = (log_file){.below = file->pMethods};
    bool taken = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) != 0;
    if (code != SQLITE_OK || !taken) {
        return code;
    }
    of(file)->methods = *file->pMethods;
    if ((flags & SQLITE_OPEN_WAL) != 0) {
        take_log(file, name);
    } else {
        take_database(file);
    }
    file->pMethods = &of(file)->methods;
    return SQLITE_OK;
}

const char *rf_sqlite_log_vfs(void)
{
    below = sqlite3_vfs_find(NULL);
    if (below == NULL) {
        return NULL;
    }
    layer = *below;
    layer.zName = "rf_sqlite_log";
    layer.szOsFile = own_size() + (int)sizeof(log_file);
    layer.xOpen = on_open;
    return sqlite3_vfs_register(&layer, 0) == SQLITE_OK ? layer.zName : NULL;
}
