/*
 * job_op_hook.h - operations on webhooks: messages that wait in the outbox, the secrets that sign
 * them (spec jobs.md section 5). Included by job_op.h.
 */
#ifndef JOB_OP_HOOK_H
#define JOB_OP_HOOK_H

/* What a hook may want to hear of; bits. */
typedef enum job_hook_event {
    JOB_HOOK_STARTED = 1,
    JOB_HOOK_SUCCEEDED = 2,
    JOB_HOOK_FAILED = 4,
    JOB_HOOK_BATCH = 8,
} job_hook_event;
#define JOB_HOOK_DEFAULT (JOB_HOOK_SUCCEEDED | JOB_HOOK_FAILED)

/* Where a job's messages go. */
typedef struct job_hook {
    const char *url;  /* NULL: nowhere */
    const char *host; /* "name:port" as in the URL */
    unsigned events;
} job_hook;

/* A message in flight. */
typedef struct job_hook_message {
    const char *id; /* "<job id>/<type>": the same on every try */
    const char *type;
    const char *app; /* id of the application whose secrets sign */
    const char *job;
    job_state status;
    const char *batch_name; /* NULL: none */
    const char *metadata;   /* JSON */
    int64_t at_ms;          /* of the change */
    const char *url;
    const char *host;
    uint32_t attempts; /* made so far */
} job_hook_message;

#define JOB_HOOK_TAKE_MAX 64

/* Takes messages that are due, for lease_ms; whoever does not settle them by then may find them
 * taken by another. */
typedef struct job_op_hook_take {
    job_op op;
    const char *busy; /* " host host ": hosts that have as many in flight as they may */
    int64_t lease_ms;
    /* out */
    job_hook_message *messages;
    size_t n_messages;
    int64_t next_ms; /* when more may be due, INT64_MAX: none waits */
} job_op_hook_take;

/* Ends the flight of one: it goes, or is due again. */
typedef struct job_op_hook_settle {
    job_op op;
    const char *id;
    bool done;
    bool tried; /* one more attempt was made */
    int64_t due_ms;
} job_op_hook_settle;

/* A receiver said 410: forgets what waits for that URL, and that jobs send there. */
typedef struct job_op_hook_gone {
    job_op op;
    const char *app;
    const char *url;
} job_op_hook_gone;

#define JOB_HOOK_SECRETS_MAX 4

typedef struct job_op_hook_secrets {
    job_op op;
    const char *app;
    /* out; err: -ENOENT no such application, or none yet */
    const char *secrets[JOB_HOOK_SECRETS_MAX]; /* newest first */
    size_t n_secrets;
} job_op_hook_secrets;

/* Makes secret the application's; the one before signs on for overlap_ms. */
typedef struct job_op_hook_rotate {
    job_op op;
    const char *app;
    const char *secret;
    int64_t overlap_ms;
    /* out; err: -ENOENT */
    int64_t previous_until_ms; /* 0: there was none */
} job_op_hook_rotate;

#endif
