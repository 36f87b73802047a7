#include "job_arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE 2048
#define ALIGN _Alignof(max_align_t)

struct job_arena_block {
    job_arena_block *next;
    size_t used;
    size_t cap;
    _Alignas(max_align_t) uint8_t bytes[];
};

void job_arena_done(job_arena *a)
{
    while (a->blocks != NULL) {
        job_arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

static job_arena_block *add_block(job_arena *a, size_t size)
{
    size_t cap = RF_MAX(size, (size_t)BLOCK_SIZE);
    if (cap > SIZE_MAX - sizeof(job_arena_block)) {
        abort();
    }
    job_arena_block *block = rf_alloc(sizeof(*block) + cap);
    block->cap = cap;
    block->next = a->blocks;
    a->blocks = block;
    return block;
}

void *job_arena_alloc(job_arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGN) {
        abort();
    }
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    job_arena_block *block = a->blocks;
    if (block == NULL || block->cap - block->used < size) {
        block = add_block(a, size);
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

void *job_arena_array(job_arena *a, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) {
        abort();
    }
    return job_arena_alloc(a, total);
}

char *job_arena_strn(job_arena *a, const char *s, size_t n)
{
    char *copy = job_arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    return copy;
}

char *job_arena_str(job_arena *a, const char *s)
{
    return s == NULL ? NULL : job_arena_strn(a, s, strlen(s));
}

char *job_arena_printf(job_arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = NULL;
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0) {
        abort();
    }
    char *copy = job_arena_strn(a, text, (size_t)len);
    free(text);
    return copy;
}
