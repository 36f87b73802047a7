/*
 * rf_bus_check.h - whether a setting bus.url can be used, told before anything depends on it.
 */
#ifndef RF_BUS_CHECK_H
#define RF_BUS_CHECK_H

#include "rf_base.h"

/* rf_bus_check opens the bus, waiting some seconds for a broker, and makes the topics that are
 * missing. "" (the data directory) is not looked at. Returns 0, or an error after logging it with
 * the fields "setting" and "why". */
int rf_bus_check(const char *url) RF_MUST_USE;

#endif
