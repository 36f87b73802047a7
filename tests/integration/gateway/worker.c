#include "worker.h"

#include "fixture.h"
#include "rf_rpc.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* The reply is the caller's. */
static void *call(const rf_rpc_method *method, const ProtobufCMessage *request)
{
    char target[128];
    rf_rpc_channel *channel = NULL;
    ProtobufCMessage *reply = NULL;
    rf_status st;
    snprintf(target, sizeof(target), "ipc://%s/run/job.sock", fix.dir);
    const rf_rpc_channel_config config = {.target = target};
    cr_assert_eq(rf_rpc_channel_open(&config, &channel), 0);
    cr_assert_eq(rf_rpc_invoke(channel, method, NULL, request, &reply, &st), 0, "%s", st.message);
    rf_rpc_channel_close(channel);
    return reply;
}

uint64_t worker_claim(char id[RF_UUID_LEN])
{
    Job__V1__ClaimRequest r = JOB__V1__CLAIM_REQUEST__INIT;
    r.worker_id = (char *)"w";
    r.pool = (char *)"cpu";
    r.max_jobs = 1;
    Job__V1__ClaimResponse *reply = call(JOB_V1_WORKER_SERVICE_CLAIM, &r.base);
    cr_assert_eq(reply->n_claims, 1);
    rf_copy_str(id, RF_UUID_LEN, reply->claims[0]->job_id);
    uint64_t fence = reply->claims[0]->fence;
    rf_rpc_message_free(reply);
    return fence;
}

void worker_beat(const char *id, uint64_t fence, const char *step, uint32_t percent)
{
    Job__V1__LeaseState lease = JOB__V1__LEASE_STATE__INIT;
    Job__V1__LeaseState *leases = &lease;
    Job__V1__HeartbeatRequest r = JOB__V1__HEARTBEAT_REQUEST__INIT;
    lease.job_id = (char *)(uintptr_t)id;
    lease.fence = fence;
    lease.step = (char *)(uintptr_t)step;
    lease.percent = percent;
    r.worker_id = (char *)"w";
    r.pool = (char *)"cpu";
    r.leases = &leases;
    r.n_leases = 1;
    rf_rpc_message_free(call(JOB_V1_WORKER_SERVICE_HEARTBEAT, &r.base));
}

void worker_finish(const char *id, uint64_t fence, const char *output)
{
    Job__V1__JobResult result = JOB__V1__JOB_RESULT__INIT;
    Job__V1__JobResult *results = &result;
    Job__V1__Success success = JOB__V1__SUCCESS__INIT;
    Job__V1__Finish item = JOB__V1__FINISH__INIT;
    Job__V1__Finish *items = &item;
    Job__V1__FinishRequest r = JOB__V1__FINISH_REQUEST__INIT;
    result.output = (char *)(uintptr_t)output;
    result.value_case = JOB__V1__JOB_RESULT__VALUE_TEXT;
    result.text = (char *)"text";
    success.results = &results;
    success.n_results = 1;
    item.job_id = (char *)(uintptr_t)id;
    item.fence = fence;
    item.outcome_case = JOB__V1__FINISH__OUTCOME_SUCCESS;
    item.success = &success;
    r.worker_id = (char *)"w";
    r.items = &items;
    r.n_items = 1;
    Job__V1__FinishResponse *reply = call(JOB_V1_WORKER_SERVICE_FINISH, &r.base);
    cr_assert(reply->results[0]->accepted);
    rf_rpc_message_free(reply);
}

void worker_revoke(const char *application)
{
    Job__V1__ListKeysRequest list = JOB__V1__LIST_KEYS_REQUEST__INIT;
    Job__V1__ListKeysResponse *keys = call(JOB_V1_KEY_SERVICE_LIST_KEYS, &list.base);
    for (size_t i = 0; i < keys->n_keys; i++) {
        if (strcmp(keys->keys[i]->application, application) == 0) {
            Job__V1__RevokeKeyRequest r = JOB__V1__REVOKE_KEY_REQUEST__INIT;
            r.id = keys->keys[i]->id;
            rf_rpc_message_free(call(JOB_V1_KEY_SERVICE_REVOKE_KEY, &r.base));
        }
    }
    rf_rpc_message_free(keys);
}

void worker_allow_a_day(const char *application, uint32_t per_day)
{
    Job__V1__LimitApplicationRequest r = JOB__V1__LIMIT_APPLICATION_REQUEST__INIT;
    r.application = (char *)(uintptr_t)application;
    r.set_per_day = true;
    r.per_day = per_day;
    rf_rpc_message_free(call(JOB_V1_KEY_SERVICE_LIMIT_APPLICATION, &r.base));
}
