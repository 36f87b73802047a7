#include "jam_heap.h"

#include <errno.h>
#include <malloc.h>

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static __thread int64_t n_calls __attribute__((tls_model("initial-exec")));

int64_t jam_heap_calls(void)
{
    return n_calls;
}

#if !SANITIZED

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *p);

void *malloc(size_t size)
{
    n_calls++;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    n_calls++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    n_calls++;
    return __libc_realloc(p, size);
}

void *memalign(size_t alignment, size_t size)
{
    n_calls++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    n_calls++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    n_calls++;
    void *p = __libc_memalign(alignment, size);
    if (p == NULL) {
        return ENOMEM;
    }
    *ret = p;
    return 0;
}

void free(void *p)
{
    n_calls += p != NULL;
    __libc_free(p);
}

#endif
