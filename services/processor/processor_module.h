/*
 * processor_module.h - what a module is: a named, versioned function from input ports to output
 * ports.
 *
 * A module with isolation "child" runs in a fresh reflection-module process under the sandbox: it
 * sees its inputs' descriptors and nothing else, may use memory up to the limit, and ends with the
 * step. A module with isolation "inline" runs on the worker's own thread: it must be pure
 * bookkeeping, never look into foreign bytes, and return at once. A module with isolation "remote"
 * is done by another service: it has no run(), and the worker's host knows whom to call
 * (processor_host.h).
 *
 * run() is called once, on one thread. It reads call->in (in the order of the in ports, type
 * PROCESSOR_NONE when a port is not fed) and fills call->out (PROCESSOR_VALUE_NONE before).
 * It returns 0, or
 *   -EBADMSG    the input is at fault; call->message is shown to the client ("" for the default)
 *   -ECANCELED  cancelled() said so
 *   other       negative errno: the step failed, and the job is retried.
 * Outputs set before a failure are freed by the caller.
 */
#ifndef PROCESSOR_MODULE_H
#define PROCESSOR_MODULE_H

#include "processor_value.h"

#define PROCESSOR_MODULE_ABI 1
#define PROCESSOR_MAX_PORTS 8
#define PROCESSOR_MESSAGE_MAX 128

typedef enum processor_isolation {
    PROCESSOR_CHILD,
    PROCESSOR_INLINE,
    PROCESSOR_REMOTE,
} processor_isolation;

typedef struct processor_port {
    const char *name;
    processor_type type;
    bool required; /* inputs only */
} processor_port;

typedef struct processor_call processor_call;
struct processor_call {
    const processor_value *in;
    processor_value *out;
    char message[PROCESSOR_MESSAGE_MAX];

    /* progress tells how much is done, 0-100; falling values are ignored. Cheap: call it often.
     * Returns true when the step was cancelled: stop then with -ECANCELED. */
    bool (*progress)(processor_call *call, double percent);
    void *host; /* of whoever runs the module */
};

typedef struct processor_module {
    uint32_t abi;     /* PROCESSOR_MODULE_ABI of the module's build; others are refused */
    const char *name; /* as in workflow documents */
    uint32_t version; /* raised when equal input may give other output */
    processor_isolation isolation;
    const processor_port *in;
    size_t n_in; /* at most PROCESSOR_MAX_PORTS */
    const processor_port *out;
    size_t n_out;
    int (*run)(processor_call *call); /* NULL: decode, which common/media runs in its own child, and
                                         remote modules */
} processor_module;

/* processor_module_find returns the module of a name, NULL when there is none. */
const processor_module *processor_module_find(const char *name);

/* processor_module_table lists all modules. */
const processor_module *const *processor_module_table(size_t *ret_n);

/* processor_port_find returns the index of a port, -ENOENT when there is none. */
int processor_port_find(const processor_port *ports, size_t n, const char *name);

#endif
