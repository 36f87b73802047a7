/*
 * processor_host.h - runs modules: inline ones at once, remote ones by the service they belong to,
 * the others in a sandboxed child each, and decode through common/media's own children. One child
 * serves one step and then ends.
 * A host is used by any number of threads at once.
 */
#ifndef PROCESSOR_HOST_H
#define PROCESSOR_HOST_H

#include "processor_module.h"
#include "rf_decode.h"

typedef struct processor_host processor_host;

typedef struct processor_host_config {
    uint32_t n_ready;        /* children made ahead, of each kind */
    uint32_t max_children;   /* of each kind */
    uint64_t memory_bytes;   /* address space of a module's child */
    uint64_t max_file_bytes; /* largest output of a module */
    uint64_t max_input_bytes;
    int64_t max_duration_s;                 /* of decoded audio */
    const struct processor_remote *remotes; /* copied */
    size_t n_remotes;                       /* at most PROCESSOR_MAX_REMOTES */
} processor_host_config;

#define PROCESSOR_MAX_REMOTES 4

/* One step to run. */
typedef struct processor_step_call {
    const processor_module *module;
    const processor_value *in; /* one per in port */
    processor_value *out;      /* one per out port, PROCESSOR_VALUE_NONE; filled on success */
    int cancel_fd;             /* readable to cancel; -1 for none */
    int64_t deadline_ns;       /* child or call are ended then; RF_NEVER_NS for none */
    void (*progress)(void *user, double percent); /* may be NULL */
    void *user;

    /* Answers. */
    char message[PROCESSOR_MESSAGE_MAX]; /* -EBADMSG: what the client reads, "" for the default */
    bool is_decoder_crash;
    bool is_too_long;
    bool is_too_large;
} processor_step_call;

/* A service that does the steps of one module. run is called by any number of threads and has the
 * contract of processor_host_run. */
typedef struct processor_remote {
    const char *module; /* static */
    int (*run)(void *self, processor_step_call *call);
    void *self; /* outlives the host */
} processor_remote;

/* processor_host_new starts the pools. Returns 0 or negative errno. */
int processor_host_new(const processor_host_config *config, processor_host **ret);

/* processor_host_free: no step may be running. Returns NULL. */
processor_host *processor_host_free(processor_host *host);

/* processor_host_run runs the step to its end. Returns 0, -EBADMSG (the input is at fault),
 * -ECANCELED, or another negative errno: the module failed, crashed or passed a limit. What went
 * wrong is logged and counted. */
int processor_host_run(processor_host *host, processor_step_call *call);

#endif
