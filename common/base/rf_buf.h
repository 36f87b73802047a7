/*
 * rf_buf.h - growable bytes with a stated maximum.
 * A buffer is owned by one thread at a time. A failed append leaves the contents as they were and
 * marks the buffer, so that a chain of appends can be checked once at its end with rf_buf_error.
 */
#ifndef RF_BUF_H
#define RF_BUF_H

#include "rf_base.h"

typedef struct rf_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max; /* bytes; an append beyond it fails with -ENOSPC */
    int err;
} rf_buf;

/* rf_buf_init makes an empty buffer that holds at most max bytes; nothing is allocated yet. */
void rf_buf_init(rf_buf *b, size_t max);

/* rf_buf_done frees the bytes; the buffer may be initialised again. */
void rf_buf_done(rf_buf *b);

/* rf_buf_clear forgets contents and error, keeps the memory. */
void rf_buf_clear(rf_buf *b);

/* Appends return 0, -ENOSPC above the maximum, or -ENOMEM. */
int rf_buf_append(rf_buf *b, const void *data, size_t len);
int rf_buf_append_str(rf_buf *b, const char *s);
int rf_buf_append_char(rf_buf *b, char c);
int rf_buf_printf(rf_buf *b, const char *fmt, ...) RF_PRINTF(2, 3);

/* rf_buf_reserve makes room for len more bytes and returns where they go, NULL when it cannot;
 * rf_buf_added then counts those really written. */
void *rf_buf_reserve(rf_buf *b, size_t len) RF_MUST_USE;
void rf_buf_added(rf_buf *b, size_t len);

/* rf_buf_consume drops len bytes from the front. */
void rf_buf_consume(rf_buf *b, size_t len);

/* rf_buf_str terminates the bytes and returns them as a string that lives until the next append. */
const char *rf_buf_str(rf_buf *b);

/* rf_buf_steal hands the bytes over (terminated; the caller frees) and leaves an empty buffer. */
char *rf_buf_steal(rf_buf *b) RF_MUST_USE;

/* rf_buf_error returns the first append error since init or clear, 0 when there was none. */
int rf_buf_error(const rf_buf *b);

#endif
