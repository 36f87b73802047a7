/*
 * rf_store_dir.h - inside the directory backend.
 *
 *     PATH/<key>        an object
 *     PATH/.tmp/<uuid>  a put in progress; its writer holds a flock on it, so that what a crash
 * left is told from what another process is writing
 */
#ifndef RF_STORE_DIR_H
#define RF_STORE_DIR_H

#include "rf_store_backend.h"

#include <sys/stat.h>

typedef struct rf_store_sync rf_store_sync;

typedef struct rf_store_dir {
    int root_fd;
    int temp_fd;
    rf_store_sync *sync;
} rf_store_dir;

/* rf_store_dir_open_at opens path below the root, through no symbolic link and never outside.
 * Returns a descriptor or negative errno; a file in place of a directory is -ENOENT. */
int rf_store_dir_open_at(const rf_store_dir *dir, const char *path, int flags);

/* rf_store_dir_error gives the errno its meaning in rf_store.h. */
int rf_store_dir_error(int err);

void rf_store_dir_info(const struct stat *st, rf_store_info *ret);

/* ---- rf_store_dir_list.c ---- */

int rf_store_dir_list(void *store, const char *prefix, rf_store_list_fn fn, void *user);

/* ---- rf_store_dir_sync.c: fsync of directories, one for all who wait for the same ---- */

rf_store_sync *rf_store_sync_new(void);
rf_store_sync *rf_store_sync_free(rf_store_sync *sync);

/* rf_store_sync_dir returns when an fsync that began after this call has ended: 0 or its errno. */
int rf_store_sync_dir(rf_store_sync *sync, int dir_fd);

#endif
