#include "rf_base.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static RF_NORETURN void out_of_memory(size_t size)
{
    fprintf(stderr, "out of memory (%zu bytes)\n", size);
    abort();
}

void *rf_alloc(size_t size)
{
    void *p = calloc(1, size > 0 ? size : 1);
    if (p == NULL) {
        out_of_memory(size);
    }
    return p;
}

void *rf_alloc_array(size_t n, size_t size)
{
    void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);
    if (p == NULL) {
        out_of_memory(n);
    }
    return p;
}

void *rf_grow(void *ptr, size_t n, size_t size)
{
    void *p = reallocarray(ptr, n > 0 ? n : 1, size > 0 ? size : 1);
    if (p == NULL) {
        out_of_memory(n);
    }
    return p;
}

void *rf_make_room(void *ptr, size_t n, size_t *cap, size_t size)
{
    enum { FIRST = 8 };
    if (n <= *cap) {
        return ptr;
    }
    *cap = RF_MAX(RF_MAX(*cap * 2, n), (size_t)FIRST);
    return rf_grow(ptr, *cap, size);
}

char *rf_strdup(const char *s)
{
    return s == NULL ? NULL : rf_strndup(s, strlen(s));
}

char *rf_strndup(const char *s, size_t n)
{
    if (s == NULL) {
        return NULL;
    }
    size_t len = strnlen(s, n);
    char *copy = rf_alloc(len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *rf_asprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&s, fmt, args);
    va_end(args);
    if (len < 0) {
        out_of_memory(0);
    }
    return s;
}

int rf_copy_str(char *dst, size_t dst_size, const char *src)
{
    size_t len = strlen(src);
    size_t n = RF_MIN(len, dst_size - 1);
    memcpy(dst, src, n);
    dst[n] = '\0';
    return n == len ? 0 : -ENOSPC;
}

void rf_cleanup_free(void *pp)
{
    free(*(void **)pp);
}

void rf_cleanup_close(int *fd)
{
    rf_close(fd);
}

void rf_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
        *fd = -1;
    }
}

/* Length of the well-formed sequence at p, 0 when there is none. Table 3-7 of the Unicode standard.
 */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t len = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
                 : p[0] >= 0xE0 && p[0] <= 0xEF ? 3
                 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                : 0;
    if (len == 0 || left < len) {
        return 0;
    }
    uint8_t low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool rf_utf8_valid(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t i = 0;
    while (i < len) {
        uint64_t word;
        if (len - i >= sizeof(word)) {
            memcpy(&word, p + i, sizeof(word));
            if ((word & 0x8080808080808080u) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        size_t n = utf8_sequence(p + i, len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

int rf_parse_i64(const char *s, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (end == s || *end != '\0' || s[0] == ' ') {
        return -EINVAL;
    }
    if (errno == ERANGE) {
        return -ERANGE;
    }
    *ret = v;
    return 0;
}

int rf_parse_f64(const char *s, double *ret)
{
    char *end;
    errno = 0;
    double v = strtod(s, &end);
    if (end == s || *end != '\0' || s[0] == ' ' || isnan(v)) {
        return -EINVAL;
    }
    if (isinf(v)) {
        return -ERANGE;
    }
    *ret = v;
    return 0;
}
