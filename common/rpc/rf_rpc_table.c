#include "rf_rpc_table.h"

#include <string.h>

const rf_rpc_method *rf_rpc_service_method(const rf_rpc_service *service, const char *name)
{
    size_t prefix = strlen(service->name) + 1;
    for (size_t i = 0; i < service->n_methods; i++) {
        if (strcmp(service->methods[i].name + prefix, name) == 0) {
            return &service->methods[i];
        }
    }
    return NULL;
}
