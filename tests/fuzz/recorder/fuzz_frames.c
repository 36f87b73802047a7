/* A binary message of /ws/recorder: what is parsed packs to the same header. */
#include "recorder_frame.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recorder_frame frame;
    uint8_t head[RECORDER_FRAME_HEAD];
    if (recorder_frame_parse(data, size, &frame) < 0) {
        return 0;
    }
    recorder_frame_pack(&frame, head);
    if (memcmp(head, data, sizeof(head)) != 0 || frame.payload != data + sizeof(head) ||
        frame.len != size - sizeof(head)) {
        abort();
    }
    return 0;
}
