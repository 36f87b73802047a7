/*
 * job_arena.h - memory that is freed all at once: the strings and arrays of one operation.
 * Owned by one thread at a time. Allocation aborts when there is no memory (sizes are bounded by
 * the limits of requests and rows).
 */
#ifndef JOB_ARENA_H
#define JOB_ARENA_H

#include "rf_base.h"

typedef struct job_arena_block job_arena_block;

/* Zeroed memory is an empty arena. */
typedef struct job_arena {
    job_arena_block *blocks;
} job_arena;

/* job_arena_done frees everything; the arena is empty again. */
void job_arena_done(job_arena *a);

/* job_arena_alloc returns zeroed memory, aligned for any type, that lives until done. */
void *job_arena_alloc(job_arena *a, size_t size) RF_MUST_USE;

/* job_arena_array is job_arena_alloc for n elements; overflow aborts. */
void *job_arena_array(job_arena *a, size_t n, size_t size) RF_MUST_USE;

/* job_arena_str copies a string (NULL gives NULL), job_arena_strn its first n bytes, terminated. */
char *job_arena_str(job_arena *a, const char *s) RF_MUST_USE;
char *job_arena_strn(job_arena *a, const char *s, size_t n) RF_MUST_USE;

/* job_arena_printf formats into the arena. */
char *job_arena_printf(job_arena *a, const char *fmt, ...) RF_PRINTF(2, 3) RF_MUST_USE;

#endif
