/*
 * recorder_access.h - what a caller may do beyond calls on its own sessions (S5). Pure.
 */
#ifndef RECORDER_ACCESS_H
#define RECORDER_ACCESS_H

#include "recorder_error.h"

/* Who calls, as the call's metadata say. Pointers are lent. */
typedef struct recorder_caller {
    const char *tenant;
    const char *scopes; /* rf_scope.h */
} recorder_caller;

/* recorder_access_devices: OK where the caller may list and record devices, else FORBIDDEN. */
recorder_code recorder_access_devices(const recorder_caller *caller, recorder_error *error);

#endif
