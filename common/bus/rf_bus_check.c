#include "rf_bus_check.h"

#include "rf_bus_topics.h"
#include "rf_log.h"

#include <errno.h>
#include <string.h>

#define WAIT_MS 5000

static int complain(int err, const char *why)
{
    RF_LOG_ERROR("bus cannot be used", RF_STR("setting", "bus.url"), RF_STR("why", why));
    return err;
}

static const char *why_no_topics(int err)
{
    switch (err) {
    case -EACCES:
        return "topics cannot be made, and are not there: the user may not";
    case -EPERM:
        return "topics cannot be made, and are not there: a policy of the cluster forbids it";
    case -EINVAL:
        return "topics cannot be made: replication.factor, min.insync.replicas or the number of "
               "partitions does not fit the cluster";
    case -ETIMEDOUT:
        return "topics cannot be made: the brokers answer, but not in time";
    default:
        return strerror(-err);
    }
}

/* A backend that knows more has logged it before. */
int rf_bus_check(const char *url)
{
    rf_bus *bus = NULL;
    const rf_bus_config config = {.url = url, .wait_ms = WAIT_MS};
    if (url[0] == '\0') {
        return 0;
    }
    int err = rf_bus_open(&config, &bus);
    if (err < 0) {
        return complain(err, err == -EINVAL ? "it is neither local:DIR nor kafka://HOST:PORT,..."
                                            : strerror(-err));
    }
    err = rf_bus_topics_make(bus);
    rf_bus_close(bus);
    return err < 0 ? complain(err, why_no_topics(err)) : 0;
}
