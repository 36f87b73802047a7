/*
 * rf_store_dir.h - inside the directory backend.
 *
 *     PATH/<key>               an object
 *     PATH/<dir>/.<last>.<id>  the metadata of PATH/<dir>/<last>, as long as that has this id: its
 *                              time of change in ns, never a whole ms for an object with metadata
 *     PATH/.tmp/<uuid>         a put in progress
 *
 * A writer holds a flock on each of its files until the put is freed, so that what a crash left is
 * told from what another process is writing. No name of ours can be a key: it begins with ".".
 */
#ifndef RF_STORE_DIR_H
#define RF_STORE_DIR_H

#include "rf_file.h"
#include "rf_id.h"
#include "rf_store_backend.h"
#include "rf_store_meta.h"
#include "rf_time.h"

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

/* rf_store_dir_remove_parents removes the directories of key that have become empty. */
void rf_store_dir_remove_parents(const rf_store_dir *dir, const char *key);

/* ---- rf_store_dir_temp.c: files that have no name yet ---- */

typedef struct rf_store_temp {
    char name[RF_UUID_LEN];
    int fd;
    bool there; /* under that name in temp_fd's directory */
} rf_store_temp;

/* rf_store_temp_open makes a file of its own, locked. 0 or negative errno. */
int rf_store_temp_open(int temp_fd, rf_store_temp *ret);

/* rf_store_temp_name moves it to name in dir_fd (renameat2 with flags). 0 or negative errno. */
int rf_store_temp_name(rf_store_temp *temp, int temp_fd, int dir_fd, const char *name,
                       unsigned flags);

/* rf_store_temp_done removes what has no name yet, and lets go. Half-built is fine with fd -1. */
void rf_store_temp_done(rf_store_temp *temp, int temp_fd);

/* rf_store_temp_sweep removes the files that no living writer holds. */
int rf_store_temp_sweep(int temp_fd);

/* ---- rf_store_dir_meta.c: metadata beside objects ---- */

/* rf_store_meta_id gives the id of a file, 0 when it has no metadata. */
uint64_t rf_store_meta_id(const struct stat *st);

/* rf_store_meta_read appends the metadata of the object of that id. -ENOENT: there is none. */
int rf_store_meta_read(const rf_store_dir *dir, const char *key, uint64_t id, rf_buf *out);

/* rf_store_meta_sweep removes the file when it is metadata whose object is gone and whose writer
 * is dead; says whether it did. */
bool rf_store_meta_sweep(int parent_fd, const char *name);

/* ---- rf_store_dir_list.c ---- */

int rf_store_dir_list(void *store, const char *prefix, rf_store_list_fn fn, void *user);

/* ---- rf_store_dir_sync.c: fsync of directories, one for all who wait for the same ---- */

rf_store_sync *rf_store_sync_new(void);
rf_store_sync *rf_store_sync_free(rf_store_sync *sync);

/* rf_store_sync_dir returns when an fsync that began after this call has ended: 0 or its errno. */
int rf_store_sync_dir(rf_store_sync *sync, int dir_fd);

#endif
