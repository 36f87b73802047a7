/*
 * reflection_fault.h - filling in a reflection_jam_fault, and small text. No state.
 */
#ifndef REFLECTION_FAULT_H
#define REFLECTION_FAULT_H

#include "reflection_jam.h"

#define REFLECTION_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define REFLECTION_LOCAL __attribute__((visibility("hidden")))

/* reflection_fail clears *fault, sets err (negative errno) and the text, and returns err. */
REFLECTION_LOCAL int reflection_fail(reflection_jam_fault *fault, int err, const char *fmt, ...)
    REFLECTION_PRINTF(3, 4);

/* reflection_copy copies as much of src (NULL is "") as fits, always terminated. */
REFLECTION_LOCAL void reflection_copy(char *dst, size_t size, const char *src);

/* reflection_now_ns is the monotonic clock; reflection_deadline_ns adds timeout_ms to it, -1 being
 * for ever. */
#define REFLECTION_NEVER_NS INT64_MAX
REFLECTION_LOCAL int64_t reflection_now_ns(void);
REFLECTION_LOCAL int64_t reflection_deadline_ns(int64_t timeout_ms);

#endif
