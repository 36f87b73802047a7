/* The parent's reading of a child's answer. */
#include "rf_decode_wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const rf_decode_limits limits = RF_DECODE_LIMITS;
    rf_decode_reply reply;
    rf_media_error error;
    int err = rf_decode_reply_read(data, size, &limits, &reply, &error);
    if (err != rf_media_code_errno(error.code) || memchr(error.message, 0, 256) == NULL) {
        abort();
    }
    if (err == 0 && reply.n_frames * reply.n_channels * 4 > limits.max_pcm_bytes) {
        abort();
    }
    return 0;
}
