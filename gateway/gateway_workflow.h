/*
 * gateway_workflow.h - handlers of the workflows that applications post (spec jobs.md section 6).
 */
#ifndef GATEWAY_WORKFLOW_H
#define GATEWAY_WORKFLOW_H

#include "gateway_exchange.h"

void gateway_workflow_add(gateway_exchange *ex);
void gateway_workflow_delete(gateway_exchange *ex);

#endif
