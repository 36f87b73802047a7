/* What a module's child says to the worker is hostile: any bytes, for every module. */
#include "processor_wire.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n;
    const processor_module *const *table = processor_module_table(&n);
    for (size_t i = 0; i < n; i++) {
        processor_reply reply;
        processor_value out[PROCESSOR_MAX_PORTS];
        for (size_t k = 0; k < PROCESSOR_MAX_PORTS; k++) {
            out[k] = PROCESSOR_VALUE_NONE;
        }
        int err = processor_wire_read_reply(data, size, table[i], &reply, out);
        for (size_t k = 0; k < PROCESSOR_MAX_PORTS; k++) {
            if (k >= table[i]->n_out && out[k].type != PROCESSOR_NONE) {
                __builtin_trap();
            }
            processor_value_done(&out[k]);
        }
        if (err == 0 && (reply.percent > 100 || reply.err > 0)) {
            __builtin_trap();
        }
    }
    return 0;
}
