#include "rf_sqlite.h"

#include "rf_sqlite_log.h"

#include <pthread.h>
#include <stddef.h>

static const char *vfs; /* NULL: SQLite's own */

/* Without effect when somebody else has initialised SQLite before. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    vfs = rf_sqlite_log_vfs();
}

int rf_sqlite_open(const char *path, sqlite3 **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    pthread_once(&once, configure);
    int code = sqlite3_open_v2(path, ret, flags, vfs);
    return code == SQLITE_OK ? sqlite3_exec(*ret, "PRAGMA secure_delete=FAST", NULL, NULL, NULL)
                             : code;
}
