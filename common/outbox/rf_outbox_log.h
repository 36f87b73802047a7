/*
 * rf_outbox_log.h - the files of an outbox: written by one thread, read by any.
 *
 * A file is never written to again after a failure or a crash. Files go from the oldest on, once no
 * event that began in them is left: what a later file says about an event would be lost otherwise.
 */
#ifndef RF_OUTBOX_LOG_H
#define RF_OUTBOX_LOG_H

#include "rf_outbox_record.h"

#include <stdatomic.h>

typedef struct rf_outbox_file {
    uint64_t number;
    int fd;
    uint64_t size;
    uint64_t n_live;             /* events whose ADD lies here; guarded by the outbox's mutex */
    unsigned n_pins;             /* readers; likewise */
    struct rf_outbox_file *next; /* younger */
} rf_outbox_file;

typedef struct rf_outbox_log {
    int dir_fd;
    uint64_t rotate_bytes;
    rf_outbox_file *oldest;
    rf_outbox_file *newest; /* written to when is_open */
    bool is_open;
    atomic_uint_fast64_t n_bytes; /* of all files */
    atomic_size_t n_files;
} rf_outbox_log;

/* Called for each good record of a file, with its place. A non-zero value ends the recovery. */
typedef int (*rf_outbox_record_fn)(rf_outbox_file *file, uint64_t offset, size_t len,
                                   const rf_outbox_record *record, void *user);

/* rf_outbox_log_open locks the folder and calls fn for what its files hold, oldest first; *ret_torn
 * counts the files that end in something else than a record. Returns 0, -EBUSY, or negative errno.
 */
int rf_outbox_log_open(rf_outbox_log *log, const char *dir, uint64_t rotate_bytes,
                       rf_outbox_record_fn fn, void *user, uint64_t *ret_torn);
void rf_outbox_log_close(rf_outbox_log *log);

/* rf_outbox_log_write appends data and syncs it; after a failure it tries once more in a new file.
 * Tells where data begins. Returns 0 or negative errno: nothing of it counts. */
int rf_outbox_log_write(rf_outbox_log *log, const rf_buf *data, rf_outbox_file **ret_file,
                        uint64_t *ret_offset);

/* rf_outbox_log_read reads len bytes of a file. 0 or negative errno. */
int rf_outbox_log_read(const rf_outbox_file *file, uint64_t offset, void *data, size_t len);

/* rf_outbox_log_drop_oldest removes the oldest file. */
void rf_outbox_log_drop_oldest(rf_outbox_log *log);

#endif
