/*
 * rf_base.h - what every file of the project may use: attributes, cleanup, small allocations.
 * No state, no threads; everything here is safe to call from anywhere.
 */
#ifndef RF_BASE_H
#define RF_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define RF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define RF_MUST_USE __attribute__((warn_unused_result))
#define RF_NORETURN __attribute__((noreturn))
#define RF_UNUSED __attribute__((unused))
#define RF_CLEANUP(fn) __attribute__((cleanup(fn)))
#define RF_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The smaller and the larger of two numbers; each argument is evaluated once. Not for constant
 * expressions. The counter keeps the names of nested uses apart. */
#define RF_MIN(a, b) RF_PICK_(a, <, b, __COUNTER__)
#define RF_MAX(a, b) RF_PICK_(a, >, b, __COUNTER__)
#define RF_PICK_(a, op, b, n) RF_PICK_NAMED_(a, op, b, n)
#define RF_PICK_NAMED_(a, op, b, n)                                                                \
    __extension__({                                                                                \
        const __typeof__(a) left_##n = (a);                                                        \
        const __typeof__(b) right_##n = (b);                                                       \
        left_##n op right_##n ? left_##n : right_##n;                                              \
    })

/* Hands a pointer over: evaluates to it and leaves NULL behind, so that its cleanup does nothing.
 */
#define RF_STEAL(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) stolen_ = (p);                                                               \
        (p) = NULL;                                                                                \
        stolen_;                                                                                   \
    })

/* Declares rf_cleanup_<name>(type **), for `RF_CLEANUP(rf_cleanup_x) x *p = NULL;`. */
#define RF_DEFINE_CLEANUP(type, name, fn)                                                          \
    static inline void rf_cleanup_##name(type **p)                                                 \
    {                                                                                              \
        if (*p != NULL) {                                                                          \
            fn(*p);                                                                                \
        }                                                                                          \
    }

/* rf_alloc returns zeroed memory for small fixed needs and aborts the process when there is none.
 */
void *rf_alloc(size_t size) RF_MUST_USE;
#define RF_NEW(type) ((type *)rf_alloc(sizeof(type)))
#define RF_NEW_ARRAY(type, n) ((type *)rf_alloc_array((n), sizeof(type)))

/* rf_alloc_array is rf_alloc for n elements; overflow of n * size aborts too. */
void *rf_alloc_array(size_t n, size_t size) RF_MUST_USE;

/* rf_grow resizes an array to n elements, aborts on failure; new elements are not zeroed. */
void *rf_grow(void *ptr, size_t n, size_t size) RF_MUST_USE;

/* rf_make_room is rf_grow of an array that has room for *cap elements, where it has none for the
 * n-th: the room doubles. */
void *rf_make_room(void *ptr, size_t n, size_t *cap, size_t size) RF_MUST_USE;

/* rf_strdup and rf_strndup copy a string, abort on failure; NULL gives NULL. */
char *rf_strdup(const char *s) RF_MUST_USE;
char *rf_strndup(const char *s, size_t n) RF_MUST_USE;

/* rf_asprintf formats into fresh memory that the caller frees; aborts on failure. */
char *rf_asprintf(const char *fmt, ...) RF_PRINTF(1, 2) RF_MUST_USE;

/* rf_copy_str copies src to dst of dst_size bytes, always terminated. Returns 0 or -ENOSPC (cut).
 */
int rf_copy_str(char *dst, size_t dst_size, const char *src);

/* Cleanup functions for locals. */
void rf_cleanup_free(void *pp); /* char *, void *, any heap pointer */
void rf_cleanup_close(int *fd); /* closes fd >= 0 */

/* rf_close closes *fd when it is >= 0 and sets it to -1; errno is kept. */
void rf_close(int *fd);

/* rf_utf8_valid: strict UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF.
 */
bool rf_utf8_valid(const void *data, size_t len);

/* rf_parse_i64 and rf_parse_f64 read a whole string; -EINVAL when it is not a number, -ERANGE when
 * it does not fit. *ret is written on success only. */
int rf_parse_i64(const char *s, int64_t *ret) RF_MUST_USE;
int rf_parse_f64(const char *s, double *ret) RF_MUST_USE;

#endif
