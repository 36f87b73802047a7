/* Modules that only keep books. */
#include "processor_modules.h"

#include <errno.h>
#include <fcntl.h>

/* The file itself is passed on: same bytes, same object. */
int processor_copy_run(processor_call *call)
{
    processor_value *out = &call->out[0];
    int fd = fcntl(call->in[0].fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return -errno;
    }
    *out = PROCESSOR_VALUE_NONE;
    out->type = PROCESSOR_FILE;
    out->fd = fd;
    out->size = call->in[0].size;
    rf_copy_str(out->object_key, sizeof(out->object_key), call->in[0].object_key);
    return 0;
}

int processor_noop_run(processor_call *call)
{
    const char *text = call->in[0].text;
    call->out[0] = processor_value_text(PROCESSOR_STRING, text == NULL ? "" : text);
    return 0;
}
