#include "cli_rpc.h"

#include "rf_rpc_blocking.h"
#include "rf_time.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#define CALL_TIMEOUT_MS 10000

struct cli_rpc {
    rf_rpc_channel *channel;
};

int cli_rpc_open(const char *data_dir, cli_rpc **ret)
{
    RF_CLEANUP(rf_cleanup_free) char *target = rf_asprintf("ipc://%s/run/job.sock", data_dir);
    const rf_rpc_channel_config config = {.target = target, .timeout_ms = CALL_TIMEOUT_MS};
    cli_rpc *r = RF_NEW(cli_rpc);
    int err = rf_rpc_channel_open(&config, &r->channel);
    if (err < 0) {
        free(r);
        return err;
    }
    *ret = r;
    return 0;
}

cli_rpc *cli_rpc_close(cli_rpc *r)
{
    if (r != NULL) {
        rf_rpc_channel_close(r->channel);
        free(r);
    }
    return NULL;
}

static int invoke(cli_rpc *r, const rf_rpc_method *method, const void *request, void *ret_reply,
                  rf_status *st)
{
    return rf_rpc_invoke(r->channel, method, NULL, request, ret_reply, st);
}

int cli_rpc_create_key(cli_rpc *r, const char *application, uint32_t rps, uint32_t burst,
                       char **ret_secret, rf_status *st)
{
    Job__V1__CreateKeyRequest request = JOB__V1__CREATE_KEY_REQUEST__INIT;
    request.application = (char *)application;
    request.requests_per_second = rps;
    request.burst = burst;
    Job__V1__CreateKeyResponse *reply = NULL;
    int err = invoke(r, JOB_V1_KEY_SERVICE_CREATE_KEY, &request, &reply, st);
    if (err == 0) {
        *ret_secret = rf_strdup(reply->secret);
        rf_rpc_message_free(reply);
    }
    return err;
}

static json_t *moment(const Rpc__V1__Time *time)
{
    char iso[RF_ISO_LEN];
    return time == NULL ? json_null() : json_string(rf_time_iso(time->wall_ms, iso));
}

static json_t *key_json(const Job__V1__ApiKey *key)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:o}", "id", key->id, "applicationId",
                     key->application_id, "application", key->application, "prefix", key->prefix,
                     "requestsPerSecond", (int)key->requests_per_second, "burst", (int)key->burst,
                     "createdAt", moment(key->created_at), "revokedAt", moment(key->revoked_at));
}

int cli_rpc_list_keys(cli_rpc *r, json_t **ret, rf_status *st)
{
    Job__V1__ListKeysRequest request = JOB__V1__LIST_KEYS_REQUEST__INIT;
    Job__V1__ListKeysResponse *reply = NULL;
    int err = invoke(r, JOB_V1_KEY_SERVICE_LIST_KEYS, &request, &reply, st);
    if (err == 0) {
        *ret = json_array();
        for (size_t i = 0; i < reply->n_keys; i++) {
            json_array_append_new(*ret, key_json(reply->keys[i]));
        }
        rf_rpc_message_free(reply);
    }
    return err;
}

int cli_rpc_revoke_key(cli_rpc *r, const char *id, rf_status *st)
{
    Job__V1__RevokeKeyRequest request = JOB__V1__REVOKE_KEY_REQUEST__INIT;
    request.id = (char *)id;
    Job__V1__ApiKey *reply = NULL;
    int err = invoke(r, JOB_V1_KEY_SERVICE_REVOKE_KEY, &request, &reply, st);
    if (err == 0) {
        rf_rpc_message_free(reply);
    }
    return err;
}

int cli_rpc_rotate_key(cli_rpc *r, const char *id, uint32_t overlap_seconds, char **ret_secret,
                       rf_status *st)
{
    Job__V1__RotateKeyRequest request = JOB__V1__ROTATE_KEY_REQUEST__INIT;
    request.id = (char *)id;
    request.overlap_seconds = overlap_seconds;
    Job__V1__CreateKeyResponse *reply = NULL;
    int err = invoke(r, JOB_V1_KEY_SERVICE_ROTATE_KEY, &request, &reply, st);
    if (err == 0) {
        *ret_secret = rf_strdup(reply->secret);
        rf_rpc_message_free(reply);
    }
    return err;
}
