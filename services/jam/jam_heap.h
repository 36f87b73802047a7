/*
 * jam_heap.h - counts the heap calls of a thread, so that the service can tell that its render path
 * makes none. The program's malloc and its like are ours and pass on to the C library's. Any
 * thread.
 */
#ifndef JAM_HEAP_H
#define JAM_HEAP_H

#include "rf_base.h"

/* jam_heap_calls: of the calling thread since it began; always 0 under a sanitizer, which brings an
 * allocator of its own. */
int64_t jam_heap_calls(void);

#endif
