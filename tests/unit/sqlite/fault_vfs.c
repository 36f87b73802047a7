#include "fault_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

typedef struct fault_file {
    sqlite3_file base;
    sqlite3_file real[]; /* of the VFS below */
} fault_file;

static sqlite3_vfs layer;
static sqlite3_vfs *below;
static _Atomic(unsigned) steps;
static _Atomic(unsigned) fault_at;
static _Atomic(fault_kind) fault;

void fault_vfs_arm(fault_kind kind, unsigned at)
{
    steps = 0;
    fault_at = at;
    fault = kind;
}

unsigned fault_vfs_steps(void)
{
    return steps;
}

/* The fault that this step meets. */
static fault_kind step(void)
{
    unsigned now = atomic_fetch_add(&steps, 1) + 1;
    return fault != FAULT_NONE && now >= fault_at ? fault : FAULT_NONE;
}

static int outcome(fault_kind kind, int error)
{
    if (kind == FAULT_KILL) {
        kill(getpid(), SIGKILL);
        pause();
    }
    return kind == FAULT_NONE ? SQLITE_OK : error;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((fault_file *)file)->real;
}

static int on_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int on_read(sqlite3_file *file, void *data, int n, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), data, n, offset);
}

static int on_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset)
{
    fault_kind kind = step();
    if (kind == FAULT_KILL) {
        (void)real_of(file)->pMethods->xWrite(real_of(file), data, n / 2, offset);
    }
    int code = outcome(kind, kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE);
    return code != SQLITE_OK ? code
                             : real_of(file)->pMethods->xWrite(real_of(file), data, n, offset);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = outcome(step(), SQLITE_IOERR_TRUNCATE);
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

/* Counted, not made: what a process wrote outlives it, and the machine does not crash here. */
static int on_sync(sqlite3_file *file, int flags)
{
    fault_kind kind = step();
    (void)file;
    (void)flags;
    return outcome(kind == FAULT_FULL ? FAULT_NONE : kind, SQLITE_IOERR_FSYNC);
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int on_lock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int on_unlock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int on_check_lock(sqlite3_file *file, int *reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int on_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int on_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int on_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no memory-mapped reads */
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_traits,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    file->pMethods = NULL;
    int code = below->xOpen(below, name, real_of(file), flags, out);
    if (code == SQLITE_OK) {
        file->pMethods = &methods;
    }
    return code;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    int code = outcome(step(), SQLITE_IOERR_DELETE);
    return code != SQLITE_OK ? code : below->xDelete(below, name, sync_dir);
}

void fault_vfs_install(void)
{
    below = sqlite3_vfs_find(NULL);
    layer = *below;
    layer.zName = "fault";
    layer.szOsFile = (int)sizeof(fault_file) + below->szOsFile;
    layer.xOpen = on_open;
    layer.xDelete = on_delete;
    sqlite3_vfs_register(&layer, 1);
}
