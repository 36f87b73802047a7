#include "job_events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <reflection/job/v1/events.pb-c.h>

#include "rf_bus_topics.h"
#include "rf_time.h"

#define MESSAGE_ID_MAX 80
#define PRODUCE_WAIT_MS 1000

static int produce(rf_bus *bus, const char *topic, const char *job_id, const char *message_id,
                   const ProtobufCMessage *message, rf_bus_delivery_fn fn, void *user)
{
    uint8_t value[RF_TOPIC_VALUE_MAX];
    if (protobuf_c_message_get_packed_size(message) > sizeof(value)) {
        return -EMSGSIZE;
    }
    const rf_bus_header id = {
        .name = RF_BUS_MESSAGE_ID, .value = message_id, .value_len = strlen(message_id)};
    const rf_bus_record record = {.topic = topic,
                                  .key = job_id,
                                  .key_len = strlen(job_id),
                                  .value = value,
                                  .value_len = protobuf_c_message_pack(message, value),
                                  .headers = &id,
                                  .n_headers = 1};
    return rf_bus_produce(bus, &record, fn, user, rf_time_ns() + PRODUCE_WAIT_MS * RF_NS_PER_MS);
}

int job_events_ready(rf_bus *bus, const job_outbox_row *row, rf_bus_delivery_fn fn, void *user)
{
    char id[MESSAGE_ID_MAX];
    char topic[RF_BUS_MAX_TOPIC];
    snprintf(id, sizeof(id), "%s/%" PRId64, row->job_id, row->due_ms);
    snprintf(topic, sizeof(topic), RF_TOPIC_JOB_READY "%s", job_pool_name(row->pool));
    Job__V1__JobReady message = JOB__V1__JOB_READY__INIT;
    message.message_id = id;
    message.job_id = (char *)(uintptr_t)row->job_id;
    message.pool = (char *)(uintptr_t)job_pool_name(row->pool);
    return produce(bus, topic, row->job_id, id, &message.base, fn, user);
}

int job_events_changed(rf_bus *bus, const job_outbox_row *row, rf_bus_delivery_fn fn, void *user)
{
    char id[MESSAGE_ID_MAX];
    if (row->of == 0) {
        snprintf(id, sizeof(id), "%s/e%" PRId64, row->job_id, row->seq);
    } else {
        snprintf(id, sizeof(id), "%s/e%" PRId64 ".%" PRIu32, row->job_id, row->seq, row->at);
    }
    Job__V1__JobEvent message = JOB__V1__JOB_EVENT__INIT;
    message.message_id = id;
    message.job_id = (char *)(uintptr_t)row->job_id;
    message.attempt = row->fence;
    message.kind = (char *)(uintptr_t)row->message;
    return produce(bus, RF_TOPIC_JOB_EVENTS, row->job_id, id, &message.base, fn, user);
}

static int state_of(const char *kind, job_state *ret)
{
    static const struct {
        const char *kind;
        job_state state;
    } kinds[] = {{"queued", JOB_QUEUED},       {"started", JOB_STARTED}, {"progress", JOB_STARTED},
                 {"succeeded", JOB_SUCCEEDED}, {"failed", JOB_FAILED},   {"deleted", JOB_NONE}};
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        if (strcmp(kind, kinds[i].kind) == 0) {
            *ret = kinds[i].state;
            return 0;
        }
    }
    return -EBADMSG;
}

int job_events_read(const rf_bus_message *message, char id[RF_UUID_LEN], job_state *ret)
{
    Job__V1__JobEvent *m = job__v1__job_event__unpack(NULL, message->value_len, message->value);
    if (m == NULL) {
        return -EBADMSG;
    }
    int err = state_of(m->kind, ret);
    if (err == 0 && rf_copy_str(id, RF_UUID_LEN, m->job_id) < 0) {
        err = -EBADMSG;
    }
    job__v1__job_event__free_unpacked(m, NULL);
    return err;
}
