/* The binary header of /ws/recorder. */
#include "recorder_frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(recorder_frames, section_8_a_header_is_16_bytes_little_endian)
{
    uint8_t head[RECORDER_FRAME_HEAD];
    static const uint8_t want[] = {2, 3, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12,
                                   8, 7, 6,    5,    4,    3,    2,    1};
    const recorder_frame frame = {.type = 2,
                                  .flags = 3,
                                  .stream_id = 0x1234,
                                  .n_frames = 0x12345678,
                                  .first_frame = 0x0102030405060708};
    recorder_frame_pack(&frame, head);
    cr_expect_eq(memcmp(head, want, sizeof(want)), 0);
}

Test(recorder_frames, section_8_what_is_packed_is_parsed_and_nothing_else)
{
    uint8_t bytes[RECORDER_FRAME_MAX_BYTES + 1] = {0};
    recorder_frame got;
    const recorder_frame frame = {
        .type = 1, .stream_id = 7, .n_frames = 2, .first_frame = UINT64_MAX, .flags = 7};
    recorder_frame_pack(&frame, bytes);
    cr_assert_eq(recorder_frame_parse(bytes, 20, &got), 0);
    cr_expect_eq(got.stream_id, 7);
    cr_expect_eq(got.n_frames, 2);
    cr_expect_eq(got.first_frame, UINT64_MAX);
    cr_expect_eq(got.len, 4);
    cr_expect_eq(got.payload, bytes + 16);
    cr_expect_eq(recorder_frame_parse(bytes, 16, &got), 0, "a payload may be empty");
    cr_expect_eq(recorder_frame_parse(bytes, RECORDER_FRAME_MAX_BYTES, &got), 0);
    cr_expect_eq(recorder_frame_parse(bytes, sizeof(bytes), &got), -EMSGSIZE);
    cr_expect_eq(recorder_frame_parse(bytes, 15, &got), -EBADMSG);
    bytes[1] = 8;
    cr_expect_eq(recorder_frame_parse(bytes, 20, &got), -EBADMSG, "a flag that is none");
    bytes[1] = 0;
    bytes[0] = 2;
    cr_expect_eq(recorder_frame_parse(bytes, 20, &got), -EBADMSG, "a client only publishes");
}
