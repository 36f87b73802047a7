#include "reflection_fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int reflection_fail(reflection_jam_fault *fault, int err, const char *fmt, ...)
{
    va_list args;
    *fault = (reflection_jam_fault){.err = err};
    va_start(args, fmt);
    vsnprintf(fault->message, sizeof(fault->message), fmt, args);
    va_end(args);
    return err;
}

void reflection_copy(char *dst, size_t size, const char *src)
{
    size_t len = src == NULL ? 0 : strnlen(src, size - 1);
    if (len > 0) {
        memcpy(dst, src, len);
    }
    dst[len] = '\0';
}

int64_t reflection_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t reflection_deadline_ns(int64_t timeout_ms)
{
    int64_t now = reflection_now_ns();
    bool is_never = timeout_ms < 0 || timeout_ms > (REFLECTION_NEVER_NS - now) / 1000000;
    return is_never ? REFLECTION_NEVER_NS : now + timeout_ms * 1000000;
}
