/*
 * rf_service_check.h - what --check does (rf_service.h).
 */
#ifndef RF_SERVICE_CHECK_H
#define RF_SERVICE_CHECK_H

#include "rf_service.h"

/* rf_service_check asks the service's check and prints a line for each setting that it complained
 * of, the first complaint of each. Returns what check returned. */
int rf_service_check(const rf_service_def *def, const void *config);

#endif
