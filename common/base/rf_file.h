/*
 * rf_file.h - whole small files and directories. Blocking; any thread.
 */
#ifndef RF_FILE_H
#define RF_FILE_H

#include "rf_base.h"
#include "rf_buf.h"

#include <sys/types.h>

/* rf_file_read appends the file to out. Returns 0, -ENOSPC above the buffer's maximum, or the
 * negative errno of open and read. */
int rf_file_read(const char *path, rf_buf *out);

/* rf_file_sync makes the content and the name of a file durable. Returns 0, -ENOENT or the errno of
 * the sync. */
int rf_file_sync(const char *path) RF_MUST_USE;

/* rf_file_write_atomic replaces path by data: temporary file beside it, fsync, rename, fsync of the
 * directory. Returns 0 or negative errno; the old contents stay on failure. */
int rf_file_write_atomic(const char *path, const void *data, size_t len, mode_t mode);

/* rf_file_create_atomic makes path with its whole contents or, when the name is taken, fails with
 * -EEXIST and leaves the other's file alone: of several racing processes one wins. */
int rf_file_create_atomic(const char *path, const void *data, size_t len, mode_t mode);

/* rf_mkdirs makes path and its missing parents. Existing directories are success. */
int rf_mkdirs(const char *path, mode_t mode);

/* rf_write_all and rf_read_all move exactly len bytes; read gives -ENODATA at an early end. */
int rf_write_all(int fd, const void *data, size_t len);
int rf_read_all(int fd, void *data, size_t len);

/* rf_pwrite_all and rf_pread_all do so at a byte of the file, and leave its position alone. */
int rf_pwrite_all(int fd, const void *data, size_t len, int64_t at);
int rf_pread_all(int fd, void *data, size_t len, int64_t at);

/* rf_secret_load reads the secret at path (hex line of len bytes) or, when it is missing, makes one
 * of len random bytes with mode 0600. Safe against two processes starting at once. */
int rf_secret_load(const char *path, uint8_t *secret, size_t len);

#endif
