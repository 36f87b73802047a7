#include "rf_service_fetch.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>

#define PORTS_MAX 64

static int wrong(const char *setting, const char *why)
{
    RF_LOG_ERROR("a setting is wrong", RF_STR("setting", setting), RF_STR("why", why));
    return -EINVAL;
}

int rf_service_fetch_check(const rf_service_fetch *settings, const char *environment)
{
    return settings->allow_loopback && strcmp(environment, "production") == 0
               ? wrong("fetch.allow_loopback", "only for tests, environment is production")
               : 0;
}

/* Whose list a text is of. */
static const char *setting_of(const rf_fetch_config *c, const char *text)
{
    for (size_t i = 0; i < c->n_override; i++) {
        if (c->override[i] == text) {
            return "fetch.override";
        }
    }
    for (size_t i = 0; i < c->n_hosts; i++) {
        if (c->hosts[i] == text) {
            return "fetch.hosts";
        }
    }
    return "fetch.deny";
}

int rf_service_fetch_open(const rf_service_fetch *settings, const rf_fetch_config *limits,
                          rf_fetch **ret)
{
    uint16_t ports[PORTS_MAX];
    const char *why = NULL;
    if (settings->ports.n == 0 || rf_list_ports(&settings->ports, ports, PORTS_MAX) < 0) {
        return wrong("fetch.ports", "not a list of ports");
    }
    rf_fetch_config config = limits != NULL ? *limits : (rf_fetch_config){.ports = NULL};
    config.ports = ports;
    config.n_ports = settings->ports.n;
    config.deny = (const char *const *)settings->deny.items;
    config.n_deny = settings->deny.n;
    config.allow_loopback = settings->allow_loopback;
    config.nat64 = settings->nat64;
    config.ca_file = settings->ca_file[0] == '\0' ? NULL : settings->ca_file;
    return rf_fetch_new(&config, ret, &why) < 0 ? wrong(setting_of(&config, why), why) : 0;
}
