#include "cli_rpc.h"

#include "cli.h"

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

int cli_rpc_report(int err, const rf_status *st)
{
    if (err == 0) {
        return CLI_OK;
    }
    if (st->code == RF_UNAVAILABLE || st->code == RF_DEADLINE_EXCEEDED) {
        return cli_fail(CLI_UNREACHABLE,
                        "the job service does not answer (%s); start it with "
                        "`reflection up`, or name its data directory with --data",
                        st->message);
    }
    return cli_fail(CLI_FAILED, "%s", st->message);
}

int cli_rpc_create_key(cli_rpc *r, const char *application, uint32_t rps, uint32_t burst,
                       const char *const *scopes, size_t n_scopes, char **ret_secret, rf_status *st)
{
    Job__V1__CreateKeyRequest request = JOB__V1__CREATE_KEY_REQUEST__INIT;
    request.application = (char *)application;
    request.requests_per_second = rps;
    request.burst = burst;
    request.scopes = (char **)(uintptr_t)scopes;
    request.n_scopes = n_scopes;
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
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:o, s:o}", "id", key->id,
                     "applicationId", key->application_id, "application", key->application,
                     "prefix", key->prefix, "requestsPerSecond", (int)key->requests_per_second,
                     "burst", (int)key->burst, "scopes", key->scopes, "createdAt",
                     moment(key->created_at), "revokedAt", moment(key->revoked_at));
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

int cli_rpc_limit_application(cli_rpc *r, const char *application, const cli_app_limits *limits,
                              json_t **ret, rf_status *st)
{
    Job__V1__LimitApplicationRequest request = JOB__V1__LIMIT_APPLICATION_REQUEST__INIT;
    request.application = (char *)application;
    request.set_concurrency = limits->concurrency >= 0;
    request.concurrency = (uint32_t)RF_MAX(limits->concurrency, (int64_t)0);
    request.set_weight = limits->weight >= 0;
    request.weight = (uint32_t)RF_MAX(limits->weight, (int64_t)0);
    request.set_per_day = limits->per_day >= 0;
    request.per_day = (uint32_t)RF_MAX(limits->per_day, (int64_t)0);
    Job__V1__LimitApplicationResponse *reply = NULL;
    int err = invoke(r, JOB_V1_KEY_SERVICE_LIMIT_APPLICATION, &request, &reply, st);
    if (err == 0) {
        *ret = json_pack("{s:i, s:i, s:i, s:I, s:I, s:I}", "concurrency", (int)reply->concurrency,
                         "weight", (int)reply->weight, "per-day", (int)reply->per_day, "queued",
                         (json_int_t)reply->queued, "running", (json_int_t)reply->running, "today",
                         (json_int_t)reply->today);
        rf_rpc_message_free(reply);
    }
    return err;
}

/* ---- dead letters ---- */

/* A range as a message, which points into it. */
typedef struct range_message {
    Job__V1__DeadLetterRange range;
    Rpc__V1__Time from;
    Rpc__V1__Time to;
} range_message;

static Job__V1__DeadLetterRange *make_range(const cli_dead_range *range, range_message *m)
{
    job__v1__dead_letter_range__init(&m->range);
    rpc__v1__time__init(&m->from);
    rpc__v1__time__init(&m->to);
    m->from.wall_ms = range->from_ms;
    m->to.wall_ms = range->to_ms;
    m->range.workflow = (char *)(uintptr_t)(range->workflow != NULL ? range->workflow : "");
    m->range.from = &m->from;
    m->range.to = &m->to;
    return &m->range;
}

static json_t *letter_json(const Job__V1__DeadJob *d)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o}", "id", d->id, "application",
                     d->application, "name", d->name, "workflow", d->workflow, "code", d->code,
                     "message", d->message, "attempts", (int)d->attempts, "at", moment(d->at));
}

int cli_rpc_list_dead(cli_rpc *r, const cli_dead_range *range, uint32_t page, uint32_t size,
                      json_t **ret, rf_status *st)
{
    range_message m;
    Job__V1__ListDeadLettersRequest request = JOB__V1__LIST_DEAD_LETTERS_REQUEST__INIT;
    request.range = make_range(range, &m);
    request.page = page;
    request.size = size;
    Job__V1__ListDeadLettersResponse *reply = NULL;
    int err = invoke(r, JOB_V1_DEAD_LETTER_SERVICE_LIST_DEAD_LETTERS, &request, &reply, st);
    if (err == 0) {
        *ret = json_array();
        for (size_t i = 0; i < reply->n_letters; i++) {
            json_array_append_new(*ret, letter_json(reply->letters[i]));
        }
        rf_rpc_message_free(reply);
    }
    return err;
}

int cli_rpc_redrive_dead(cli_rpc *r, const cli_dead_range *range, uint64_t *ret_redriven,
                         uint64_t *ret_left, rf_status *st)
{
    range_message m;
    Job__V1__RedriveDeadLettersRequest request = JOB__V1__REDRIVE_DEAD_LETTERS_REQUEST__INIT;
    request.range = make_range(range, &m);
    *ret_redriven = *ret_left = 0;
    do {
        Job__V1__RedriveDeadLettersResponse *reply = NULL;
        int err = invoke(r, JOB_V1_DEAD_LETTER_SERVICE_REDRIVE_DEAD_LETTERS, &request, &reply, st);
        if (err < 0) {
            return err;
        }
        *ret_redriven += reply->redriven;
        *ret_left += reply->left;
        request.after = reply->next;
        rf_rpc_message_free(reply);
    } while (request.after != 0);
    return 0;
}
