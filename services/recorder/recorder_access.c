#include "recorder_access.h"

#include "rf_scope.h"

recorder_code recorder_access_devices(const recorder_caller *caller, recorder_error *error)
{
    return rf_scope_has(caller->scopes, RF_SCOPE_RECORDER_DEVICE)
               ? RECORDER_OK
               : recorder_fail(error, RECORDER_FORBIDDEN, "devices need the scope %s",
                               RF_SCOPE_RECORDER_DEVICE);
}
