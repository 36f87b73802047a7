#include "processor_events.h"

#include "rf_bus_topics.h"
#include "rf_rpc_call.h"

#include <errno.h>
#include <reflection/job/v1/events.pb-c.h>

int processor_events_ready(const rf_bus_message *message, char job_id[RF_UUID_LEN])
{
    ProtobufCMessage *unpacked = NULL;
    if (message->value_len > RF_TOPIC_VALUE_MAX ||
        rf_rpc_unpack(&job__v1__job_ready__descriptor, message->value, message->value_len,
                      &unpacked) < 0) {
        return -EBADMSG;
    }
    const Job__V1__JobReady *ready = (const Job__V1__JobReady *)unpacked;
    bool is_valid = rf_uuid4_valid(ready->job_id);
    if (is_valid) {
        rf_copy_str(job_id, RF_UUID_LEN, ready->job_id);
    }
    rf_rpc_message_free(unpacked);
    return is_valid ? 0 : -EBADMSG;
}

int processor_events_dead_letter(rf_bus *bus, const rf_bus_message *message, const char *reason,
                                 rf_bus_delivery_fn fn, void *user)
{
    uint8_t packed[RF_TOPIC_VALUE_MAX];
    Job__V1__DeadLetter letter = JOB__V1__DEAD_LETTER__INIT;
    letter.topic = (char *)(uintptr_t)message->topic;
    letter.partition = message->partition;
    letter.offset = (uint64_t)message->offset;
    letter.reason = (char *)(uintptr_t)reason;
    if (job__v1__dead_letter__get_packed_size(&letter) > sizeof(packed)) {
        return -EMSGSIZE;
    }
    const rf_bus_record record = {.topic = RF_TOPIC_JOB_DLQ,
                                  .value = packed,
                                  .value_len = job__v1__dead_letter__pack(&letter, packed)};
    return rf_bus_produce(bus, &record, fn, user, 0);
}
