/*
 * job.v1.JobService as the gateway sees it: workflows and the application.
 */
#include "gateway_rpc_internal.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

void gateway_rpc_list_workflows(gateway_exchange *ex, uint32_t page, uint32_t size,
                                gateway_reply_fn fn)
{
    Job__V1__ListWorkflowsRequest r = JOB__V1__LIST_WORKFLOWS_REQUEST__INIT;
    r.page = page;
    r.size = size;
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_add_workflow(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__AddWorkflowRequest r = JOB__V1__ADD_WORKFLOW_REQUEST__INIT;
    r.document_json = (char *)(uintptr_t)rf_buf_str(&ex->body);
    gateway_rpc_ask(ex, ex->gw->rpc->hasty, JOB_V1_JOB_SERVICE_ADD_WORKFLOW, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_delete_workflow(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__DeleteWorkflowRequest r = JOB__V1__DELETE_WORKFLOW_REQUEST__INIT;
    r.id = ex->id;
    gateway_rpc_ask(ex, ex->gw->rpc->hasty, JOB_V1_JOB_SERVICE_DELETE_WORKFLOW, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_get_application(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__GetApplicationRequest r = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_GET_APPLICATION, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_rotate_webhook_secret(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__RotateWebhookSecretRequest r = JOB__V1__ROTATE_WEBHOOK_SECRET_REQUEST__INIT;
    gateway_rpc_ask(ex, ex->gw->rpc->hasty, JOB_V1_JOB_SERVICE_ROTATE_WEBHOOK_SECRET, &r.base,
                    gateway_rpc_read_json, fn);
}
