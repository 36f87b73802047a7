#include "rf_buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rf_buf_init(rf_buf *b, size_t max)
{
    *b = (rf_buf){.max = max};
}

void rf_buf_done(rf_buf *b)
{
    free(b->data);
    *b = (rf_buf){.max = b->max};
}

void rf_buf_clear(rf_buf *b)
{
    b->len = 0;
    b->err = 0;
}

/* Makes room for extra bytes and a terminator. */
static int make_room(rf_buf *b, size_t extra)
{
    if (extra > b->max - b->len) {
        b->err = b->err != 0 ? b->err : -ENOSPC;
        return -ENOSPC;
    }
    size_t need = b->len + extra + 1;
    if (need <= b->cap) {
        return 0;
    }
    size_t cap = RF_MAX(need, b->cap + b->cap / 2);
    cap = RF_MAX(cap, (size_t)64);
    uint8_t *data = realloc(b->data, cap);
    if (data == NULL) {
        b->err = b->err != 0 ? b->err : -ENOMEM;
        return -ENOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

int rf_buf_append(rf_buf *b, const void *data, size_t len)
{
    int err = make_room(b, len);
    if (err < 0) {
        return err;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
    return 0;
}

int rf_buf_append_str(rf_buf *b, const char *s)
{
    return rf_buf_append(b, s, strlen(s));
}

int rf_buf_append_char(rf_buf *b, char c)
{
    return rf_buf_append(b, &c, 1);
}

int rf_buf_printf(rf_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        return -EINVAL;
    }
    int err = make_room(b, (size_t)n);
    if (err < 0) {
        return err;
    }
    va_start(args, fmt);
    vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
    return 0;
}

void *rf_buf_reserve(rf_buf *b, size_t len)
{
    return make_room(b, len) < 0 ? NULL : b->data + b->len;
}

void rf_buf_added(rf_buf *b, size_t len)
{
    b->len += len;
}

void rf_buf_consume(rf_buf *b, size_t len)
{
    b->len -= len;
    if (b->len > 0) {
        memmove(b->data, b->data + len, b->len);
    }
}

const char *rf_buf_str(rf_buf *b)
{
    if (b->data == NULL) {
        return "";
    }
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

char *rf_buf_steal(rf_buf *b)
{
    if (b->data == NULL) {
        return rf_strdup("");
    }
    b->data[b->len] = '\0';
    char *data = (char *)b->data;
    rf_buf_init(b, b->max);
    return data;
}

int rf_buf_error(const rf_buf *b)
{
    return b->err;
}
