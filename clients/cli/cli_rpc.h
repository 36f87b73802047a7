/*
 * cli_rpc.h - the API keys of a platform on this machine, over the job service's own socket.
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

/* cli_rpc_create_key makes a key of an application (made when it does not exist); rps and burst of
 * 0 mean the defaults. *ret_secret is the key itself, shown only now; the caller frees. */
int cli_rpc_create_key(cli_rpc *r, const char *application, uint32_t rps, uint32_t burst,
                       char **ret_secret, rf_status *st) RF_MUST_USE;

/* cli_rpc_list_keys gives an array of objects: id, application, prefix, createdAt, revokedAt, ...
 */
int cli_rpc_list_keys(cli_rpc *r, json_t **ret, rf_status *st) RF_MUST_USE;

int cli_rpc_revoke_key(cli_rpc *r, const char *id, rf_status *st) RF_MUST_USE;

/* cli_rpc_rotate_key makes a successor; the old key goes on for overlap_seconds. */
int cli_rpc_rotate_key(cli_rpc *r, const char *id, uint32_t overlap_seconds, char **ret_secret,
                       rf_status *st) RF_MUST_USE;

#endif
