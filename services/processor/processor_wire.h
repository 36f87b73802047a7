/*
 * processor_wire.h - what a worker and a module's child say to each other: one task to the child,
 * then progress and one end from it. Both are of one build, so numbers are in native order; every
 * length and index is checked all the same, because the child's bytes are hostile.
 *
 *   task   u32 magic, string module, u8 n_in, n_in * value, u8 n_out, n_out * i8 fd
 *   value  u8 type, i8 fd, u64 size, u32 rate, u32 channels, u64 frames, u32 bits, string text
 *   reply  u8 1, u8 percent
 *          u8 2, i32 err, string message, u8 n_out, n_out * value
 *   string u32 length, bytes (no terminator, no NUL inside)
 *
 * fd is the place of a descriptor in the list that travels with the task, -1 for none.
 */
#ifndef PROCESSOR_WIRE_H
#define PROCESSOR_WIRE_H

#include "processor_module.h"
#include "rf_buf.h"

#define PROCESSOR_WIRE_MAX 65536
#define PROCESSOR_WIRE_FDS 8

/* processor_wire_task appends a task and fills fds in its order: inputs, then outputs with a
 * descriptor. Returns 0, -ENOSPC when it does not fit, -E2BIG with too many descriptors. */
int processor_wire_task(const processor_module *module, const processor_value *in,
                        const processor_value *out, rf_buf *ret, int fds[PROCESSOR_WIRE_FDS],
                        size_t *ret_n_fds);

/* processor_wire_read_task is the other side: fills in and out (each PROCESSOR_MAX_PORTS long),
 * whose descriptors are borrowed from fds and whose texts are the caller's. Returns 0, or -EBADMSG
 * with nothing to free. */
int processor_wire_read_task(const void *data, size_t len, const int *fds, size_t n_fds,
                             const processor_module **ret_module, processor_value *in,
                             processor_value *out);

int processor_wire_progress(unsigned percent, rf_buf *ret);
int processor_wire_end(int err, const char *message, const processor_value *out, size_t n_out,
                       rf_buf *ret);

typedef struct processor_reply {
    bool is_end;
    unsigned percent;
    int err;
    char message[PROCESSOR_MESSAGE_MAX];
} processor_reply;

/* processor_wire_read_reply reads a reply to module. At the end of a success it completes out:
 * texts are set, and sizes of those that have a descriptor. Types are the module's, whatever the
 * child says. Returns 0 or -EBADMSG. */
int processor_wire_read_reply(const void *data, size_t len, const processor_module *module,
                              processor_reply *ret, processor_value *out);

#endif
