/*
 * recorder_logfile.h - one file of the journal, <dir>/journal-<16 hex digits>.log; README.md has
 * the layout. A file is used by one thread at a time, but for _sync, which may run beside _write.
 */
#ifndef RECORDER_LOGFILE_H
#define RECORDER_LOGFILE_H

#include "recorder_record.h"

typedef struct recorder_logfile {
    struct recorder_logfile *next; /* of whoever holds it */
    uint64_t number;
    char *path;
    int fd;
    int64_t end;   /* bytes written */
    int64_t room;  /* bytes set aside, 0: none */
    int64_t paved; /* zeros have been written up to here */
} recorder_logfile;

/* recorder_logfile_create makes file `number` with its header: under a temporary name, synced,
 * renamed, its directory synced. room (bytes, 0: none) is set aside in it where the file system
 * can; -ENOSPC when there is not so much. Returns 0 or a negative errno; nothing is left behind
 * then. */
int recorder_logfile_create(const char *dir, uint64_t number, int64_t room, recorder_logfile **ret);

/* recorder_logfile_free closes it and leaves it on disk. */
recorder_logfile *recorder_logfile_free(recorder_logfile *f);

/* recorder_logfile_write appends; 0 or a negative errno, and then the next write begins at the same
 * place. */
int recorder_logfile_write(recorder_logfile *f, const void *data, size_t len);

/* recorder_logfile_sync: 0 once everything written before is on disk. After a failure nothing may
 * be concluded from a later success. */
int recorder_logfile_sync(recorder_logfile *f);

/* recorder_logfile_list gives the numbers of the files in dir, rising; the caller frees. Leftovers
 * of recorder_logfile_create are removed. */
int recorder_logfile_list(const char *dir, uint64_t **ret, size_t *ret_n);

/* recorder_logfile_remove takes file `number` away; a missing one is success. */
int recorder_logfile_remove(const char *dir, uint64_t number);

/* recorder_dir_sync makes names in dir durable; recorder_dir_sync_of those beside path. */
int recorder_dir_sync(const char *dir);
int recorder_dir_sync_of(const char *path);

/* recorder_dir_is_same: both paths are of one folder. */
bool recorder_dir_is_same(const char *a, const char *b);

/* ---- reading ---- */

/* recorder_logfile_open opens file `number` to read; a descriptor or a negative errno. _resync has
 * all that it says on disk, also what a process that has died had not synced. */
int recorder_logfile_open(const char *dir, uint64_t number);
int recorder_logfile_resync(const char *dir, uint64_t number);

typedef struct recorder_logreader recorder_logreader;

/* recorder_logreader_open begins with the first record. -EBADMSG: the header is damaged, -EPROTO:
 * of a later version. */
int recorder_logreader_open(const char *dir, uint64_t number, recorder_logreader **ret);
recorder_logreader *recorder_logreader_free(recorder_logreader *r);

/* recorder_logreader_next: 1 and the next record, whose data lives until the next call; 0 at the
 * end; -EBADMSG where the bytes are damaged or cut off, -EPROTO as recorder_record_parse, or the
 * negative errno of a read. */
int recorder_logreader_next(recorder_logreader *r, recorder_record *ret);

/* recorder_logreader_end: the byte of the file behind the last record given. */
int64_t recorder_logreader_end(const recorder_logreader *r);

/* recorder_logreader_rest: how many bytes from where reading stopped to the last one that is not 0.
 */
int64_t recorder_logreader_rest(recorder_logreader *r);

#endif
