#include "recorder_frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define FLAGS (RECORDER_FRAME_GAP_BEFORE | RECORDER_FRAME_LAST | RECORDER_FRAME_HAS_FILL)

void recorder_frame_pack(const recorder_frame *frame, uint8_t ret[RECORDER_FRAME_HEAD])
{
    uint16_t id = htole16(frame->stream_id);
    uint32_t n = htole32(frame->n_frames);
    uint64_t first = htole64(frame->first_frame);
    ret[0] = frame->type;
    ret[1] = frame->flags;
    memcpy(ret + 2, &id, sizeof(id));
    memcpy(ret + 4, &n, sizeof(n));
    memcpy(ret + 8, &first, sizeof(first));
}

int recorder_frame_parse(const void *data, size_t len, recorder_frame *ret)
{
    const uint8_t *at = data;
    uint16_t id;
    uint32_t n;
    uint64_t first;
    if (len > RECORDER_FRAME_MAX_BYTES) {
        return -EMSGSIZE;
    }
    if (len < RECORDER_FRAME_HEAD || at[0] != RECORDER_FRAME_PUBLISH || (at[1] & ~FLAGS) != 0) {
        return -EBADMSG;
    }
    memcpy(&id, at + 2, sizeof(id));
    memcpy(&n, at + 4, sizeof(n));
    memcpy(&first, at + 8, sizeof(first));
    *ret = (recorder_frame){.type = at[0],
                            .flags = at[1],
                            .stream_id = le16toh(id),
                            .n_frames = le32toh(n),
                            .first_frame = le64toh(first),
                            .payload = at + RECORDER_FRAME_HEAD,
                            .len = len - RECORDER_FRAME_HEAD};
    return 0;
}
