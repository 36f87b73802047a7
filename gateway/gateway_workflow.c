#include "gateway_workflow.h"

#include "gateway_answer.h"
#include "gateway_job.h"
#include "gateway_json.h"
#include "gateway_rpc.h"

/* What the document must hold is the job service's to check. */
void gateway_workflow_add(gateway_exchange *ex)
{
    char why[256];
    json_t *root = gateway_json_parse(rf_buf_str(&ex->body), ex->body.len, why);
    if (root == NULL) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, why, 0);
    } else if (!json_is_object(root)) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, "The body must be a JSON object.", 0);
    } else {
        gateway_rpc_add_workflow(ex, gateway_job_on_reply);
    }
    json_decref(root);
}

void gateway_workflow_delete(gateway_exchange *ex)
{
    if (gateway_job_id_valid(ex)) {
        gateway_rpc_delete_workflow(ex, gateway_job_on_reply);
    }
}
