/*
 * cli_rpc.h - API keys and dead letters of a platform on this machine, over the job service's own
 * socket.
 * The only place of the command line that knows generated messages.
 */
#ifndef CLI_RPC_H
#define CLI_RPC_H

#include "rf_base.h"
#include "rf_status.h"

#include <jansson.h>

typedef struct cli_rpc cli_rpc;

/* cli_rpc_open connects to <data_dir>/run/job.sock. Returns 0 or negative errno. */
int cli_rpc_open(const char *data_dir, cli_rpc **ret) RF_MUST_USE;
cli_rpc *cli_rpc_close(cli_rpc *r);

/* Each call waits at most 10 s; on failure it returns negative errno and st says why. */

/* cli_rpc_report prints why a call failed and returns the exit code of cli.h; CLI_OK for err 0. */
int cli_rpc_report(int err, const rf_status *st);

/* cli_rpc_create_key makes a key of an application (made when it does not exist); rps and burst of
 * 0 mean the defaults, as no scopes do. *ret_secret is the key itself, shown only now; the caller
 * frees. */
int cli_rpc_create_key(cli_rpc *r, const char *application, uint32_t rps, uint32_t burst,
                       const char *const *scopes, size_t n_scopes, char **ret_secret,
                       rf_status *st) RF_MUST_USE;

/* cli_rpc_list_keys gives an array of objects: id, application, prefix, createdAt, revokedAt, ...
 */
int cli_rpc_list_keys(cli_rpc *r, json_t **ret, rf_status *st) RF_MUST_USE;

int cli_rpc_revoke_key(cli_rpc *r, const char *id, rf_status *st) RF_MUST_USE;

/* cli_rpc_rotate_key makes a successor; the old key goes on for overlap_seconds. */
int cli_rpc_rotate_key(cli_rpc *r, const char *id, uint32_t overlap_seconds, char **ret_secret,
                       rf_status *st) RF_MUST_USE;

/* Of an application; -1 leaves one as it is. */
typedef struct cli_app_limits {
    int64_t concurrency; /* jobs that run at once; 0: the setting job.concurrency */
    int64_t weight;
    int64_t per_day; /* jobs that may be made a day (UTC); 0: any number */
} cli_app_limits;

/* cli_rpc_limit_application sets them. *ret has concurrency, weight, per-day, queued, running and
 * today (jobs made). */
int cli_rpc_limit_application(cli_rpc *r, const char *application, const cli_app_limits *limits,
                              json_t **ret, rf_status *st) RF_MUST_USE;

/* Which dead letters, of all applications; those of from_ms <= t < to_ms. */
typedef struct cli_dead_range {
    const char *workflow; /* slug; NULL: any */
    int64_t from_ms;
    int64_t to_ms; /* 0: no end */
} cli_dead_range;

/* cli_rpc_list_dead gives an array of objects: id, application, name, workflow, code, message,
 * attempts, at; newest first. cli_rpc_redrive_dead makes new jobs of the whole range. */
int cli_rpc_list_dead(cli_rpc *r, const cli_dead_range *range, uint32_t page, uint32_t size,
                      json_t **ret, rf_status *st) RF_MUST_USE;
int cli_rpc_redrive_dead(cli_rpc *r, const cli_dead_range *range, uint64_t *ret_redriven,
                         uint64_t *ret_left, rf_status *st) RF_MUST_USE;

#endif
