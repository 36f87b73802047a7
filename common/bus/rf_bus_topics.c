#include "rf_bus_topics.h"

int rf_bus_topics_make(rf_bus *bus)
{
    int err = 0;
    for (size_t i = 0; i < RF_N_TOPICS && err == 0; i++) {
        err = rf_bus_topic(bus, rf_topics[i].name, rf_topics[i].n_partitions);
    }
    return err;
}
