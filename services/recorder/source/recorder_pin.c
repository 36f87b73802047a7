#include "recorder_pin.h"

#include <stdatomic.h>

typedef __typeof__(pa_stream_connect_record) *connect_fn;

static _Atomic(connect_fn) next_connect;

void recorder_pin_init(const recorder_lib *lib)
{
    atomic_store(&next_connect, lib->pa_stream_connect_record);
}

/* Stands before libpulse's own. */
__attribute__((visibility("default"))) int pa_stream_connect_record(pa_stream *stream,
                                                                    const char *source,
                                                                    const pa_buffer_attr *attr,
                                                                    pa_stream_flags_t flags)
{
    connect_fn fn = atomic_load(&next_connect);
    if (fn == NULL) {
        return -PA_ERR_BADSTATE;
    }
    return fn(stream, source, attr, flags | PA_STREAM_DONT_MOVE);
}
