#include "gateway_static.h"

#include "gateway_answer.h"
#include "gateway_rpc.h"

#include <string.h>

#define HEALTH_BEGIN "{\"status\":\"ok\",\"service\":\"gateway\",\"padding\":\""
#define HEALTH_END "\"}"
#define DOTS50 ".................................................."

/* Cut to GATEWAY_HEALTH_BYTES minus HEALTH_END. */
static const char health_text[] = HEALTH_BEGIN DOTS50 DOTS50 DOTS50 DOTS50;

void gateway_static_healthz(gateway_exchange *ex)
{
    char body[GATEWAY_HEALTH_BYTES];
    const size_t end = sizeof(HEALTH_END) - 1;
    memcpy(body, health_text, sizeof(body) - end);
    memcpy(body + sizeof(body) - end, HEALTH_END, end);
    gateway_answer_json(ex, body, sizeof(body));
}

void gateway_static_readyz(gateway_exchange *ex)
{
    static const char ready[] = "{\"status\":\"ok\"}";
    if (ex->loop->draining) {
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "The gateway is shutting down.", 5);
    } else if (!gateway_rpc_ready(ex->gw->rpc)) {
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "The job service does not answer.", 5);
    } else {
        gateway_answer_json(ex, ready, sizeof(ready) - 1);
    }
}

void gateway_static_openapi(gateway_exchange *ex)
{
    gateway_answer_json(ex, ex->gw->openapi, ex->gw->openapi_len);
}
