#include "rf_service_rows.h"

static char *place(const rf_service *service, const char *setting, const char *scheme,
                   const char *relative)
{
    if (setting[0] != '\0') {
        return rf_strdup(setting);
    }
    RF_CLEANUP(rf_cleanup_free) char *path = rf_service_path(service, relative);
    return path != NULL ? rf_asprintf("%s%s", scheme, path) : NULL;
}

char *rf_service_signing_keys(const rf_service *service, const char *setting)
{
    return place(service, setting, "", "secrets/signing.keys");
}

char *rf_service_store_url(const rf_service *service, const char *setting)
{
    return place(service, setting, "dir:", "objects");
}

char *rf_service_bus_url(const rf_service *service, const char *setting)
{
    return place(service, setting, "local:", "bus");
}
