/*
 * rf_probes.h - the internal HTTP port of a service: /healthz, /readyz, /metrics.
 * It runs on a thread of its own, so that liveness answers while the service is busy.
 */
#ifndef RF_PROBES_H
#define RF_PROBES_H

#include "rf_base.h"

typedef struct rf_probes rf_probes;

/* rf_probes_start listens on "host:port" (port 0 picks a free one). Returns 0, -EINVAL for a bad
 * address, or the errno of bind. */
int rf_probes_start(const char *listen, rf_probes **ret);
rf_probes *rf_probes_stop(rf_probes *p);

/* rf_probes_url is "http://host:port" with the real port. */
const char *rf_probes_url(const rf_probes *p);

/* rf_probes_set_ready decides what /readyz answers: 200, or 503 with the reason. Any thread. */
void rf_probes_set_ready(rf_probes *p, bool ready, const char *why);

#endif
