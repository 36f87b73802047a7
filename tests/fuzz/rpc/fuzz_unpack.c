/* Unpacking every message type of the project: the first byte picks the type. What is accepted must
 * survive packing and unpacking again. */
#include "rf_rpc_call.h"
#include "rf_rpc_table.h"

#include "rf_base.h"

#include <reflection/job/v1/events.rpc.h>
#include <reflection/job/v1/job.rpc.h>
#include <reflection/rpc/v1/rpc.rpc.h>

static const ProtobufCMessageDescriptor *type_of(uint8_t choice)
{
    static const ProtobufCMessageDescriptor *const more[] = {&job__v1__job_ready__descriptor,
                                                             &job__v1__job_event__descriptor,
                                                             &job__v1__dead_letter__descriptor};
    static const rf_rpc_service *const services[] = {&job_v1_job_service, &job_v1_worker_service,
                                                     &job_v1_key_service, &rpc_v1_health,
                                                     &rpc_v1_describe};
    size_t n = choice;
    for (;;) {
        for (size_t i = 0; i < RF_ARRAY_LEN(services); i++) {
            if (n < 2 * services[i]->n_methods) {
                const rf_rpc_method *m = &services[i]->methods[n / 2];
                return n % 2 == 0 ? m->input : m->output;
            }
            n -= 2 * services[i]->n_methods;
        }
        if (n < RF_ARRAY_LEN(more)) {
            return more[n];
        }
        n -= RF_ARRAY_LEN(more);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ProtobufCMessage *m = NULL;
    if (size == 0 || rf_rpc_unpack(type_of(data[0]), data + 1, size - 1, &m) != 0) {
        return 0;
    }
    size_t len = protobuf_c_message_get_packed_size(m);
    uint8_t *packed = (uint8_t *)malloc(len + 1);
    ProtobufCMessage *again = NULL;
    if (packed == NULL || protobuf_c_message_pack(m, packed) != len ||
        rf_rpc_unpack(m->descriptor, packed, len, &again) != 0) {
        abort();
    }
    (void)rf_rpc_message_free(again);
    (void)rf_rpc_message_free(m);
    free(packed);
    return 0;
}
