/* Records of the journal as bytes (D5): round trips, and every damage is found. */
#include "recorder_crc.h"
#include "recorder_record.h"
#include "rf_id.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define BIG 4096

static recorder_record make(recorder_record_kind kind, const void *data, uint32_t len)
{
    recorder_record r = {.kind = kind,
                         .first_frame = 123456789012,
                         .n_frames = kind == RECORDER_RECORD_AUDIO ? RF_MAX(len / 2, 1u) : 0,
                         .len = len,
                         .data = data,
                         .seq = 42};
    memset(r.session, 7, sizeof(r.session));
    return r;
}

Test(records, D5_the_checksum_is_CRC_32C_of_RFC_3720)
{
    uint8_t bytes[32] = {0};
    cr_assert_eq(recorder_crc(0, bytes, 32), 0x8A9136AAu);
    memset(bytes, 0xFF, 32);
    cr_assert_eq(recorder_crc(0, bytes, 32), 0x62A8AB43u);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    cr_assert_eq(recorder_crc(0, bytes, 32), 0x46DD794Eu);
    cr_assert_eq(recorder_crc(0, "123456789", 9), 0xE3069283u);
    cr_assert_eq(recorder_crc_portable(0, "123456789", 9), 0xE3069283u);
}

Test(records, the_checksum_is_the_same_with_and_without_the_instruction_and_in_parts)
{
    uint8_t bytes[512];
    rf_random(bytes, sizeof(bytes));
    for (size_t from = 0; from < 16; from++) {
        for (size_t len = 0; len < 300; len++) {
            uint32_t crc = recorder_crc(0, bytes + from, len);
            cr_assert_eq(crc, recorder_crc_portable(0, bytes + from, len));
            uint32_t half = recorder_crc(0, bytes + from, len / 2);
            cr_assert_eq(crc, recorder_crc(half, bytes + from + len / 2, len - len / 2));
        }
    }
}

Test(records, D5_every_kind_and_length_comes_back_as_it_was)
{
    uint8_t data[BIG] = {0};
    uint8_t out[BIG + 2 * RECORDER_RECORD_HEADER];
    rf_random(data, sizeof(data));
    for (int kind = RECORDER_RECORD_AUDIO; kind <= RECORDER_RECORD_FLOOR; kind++) {
        for (uint32_t len = 0; len < 600; len += 2) {
            recorder_record r = make((recorder_record_kind)kind, data, len);
            recorder_record back;
            cr_assert_eq(recorder_record_check(&r), 0);
            recorder_record_pack(&r, out);
            size_t size = recorder_record_size(len);
            cr_assert_eq(size % 8, 0);
            cr_assert_eq(recorder_record_need(out), size);
            cr_assert_eq(recorder_record_parse(out, sizeof(out), &back), (ssize_t)size);
            cr_assert(back.kind == r.kind && back.first_frame == r.first_frame &&
                      back.n_frames == r.n_frames && back.len == len && back.seq == r.seq);
            cr_assert_eq(memcmp(back.session, r.session, RECORDER_SESSION_ID), 0);
            cr_assert_eq(memcmp(back.data, data, len), 0);
        }
    }
}

Test(records, D5_any_flipped_bit_and_any_missing_byte_is_found)
{
    uint8_t data[100] = {0};
    uint8_t out[160];
    recorder_record r = make(RECORDER_RECORD_AUDIO, data, sizeof(data));
    recorder_record back;
    rf_random(data, sizeof(data));
    recorder_record_pack(&r, out);
    size_t size = recorder_record_size(sizeof(data));
    for (size_t bit = 0; bit < 8 * size; bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_lt(recorder_record_parse(out, size, &back), 0, "bit %zu", bit);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 1; len < size; len++) {
        cr_assert_eq(recorder_record_parse(out, len, &back), -ENODATA);
    }
}

Test(records, D5_zeros_are_the_end_and_nothing_else_is)
{
    uint8_t zeros[256] = {0};
    recorder_record back;
    cr_assert_eq(recorder_record_parse(zeros, sizeof(zeros), &back), 0);
    cr_assert_eq(recorder_record_parse(zeros, 0, &back), 0);
    zeros[RECORDER_RECORD_HEADER - 1] = 1;
    cr_assert_eq(recorder_record_parse(zeros, sizeof(zeros), &back), -EBADMSG);
}

Test(records, a_record_of_a_later_version_is_told_from_a_damaged_one)
{
    uint8_t out[64];
    recorder_record r = make(RECORDER_RECORD_CHANGE, "x", 1);
    recorder_record back;
    const size_t places[] = {44, 45, 46}; /* kind, version, reserved */
    for (size_t i = 0; i < RF_ARRAY_LEN(places); i++) {
        recorder_record_pack(&r, out);
        out[places[i]] = 99;
        recorder_put_le(out, recorder_crc(0, out + 4, recorder_record_size(1) - 4), 4);
        cr_assert_eq(recorder_record_parse(out, sizeof(out), &back), -EPROTO);
    }
}

Test(records, what_cannot_be_a_record_is_refused)
{
    recorder_record r = make(RECORDER_RECORD_CHANGE, "x", 1);
    r.len = RECORDER_RECORD_MAX + 1;
    cr_assert_eq(recorder_record_check(&r), -EMSGSIZE);
    const recorder_record wrong[] = {
        {.kind = (recorder_record_kind)0},
        {.kind = (recorder_record_kind)(RECORDER_RECORD_FLOOR + 1)},
        {.kind = RECORDER_RECORD_AUDIO, .n_frames = 0},
        {.kind = RECORDER_RECORD_AUDIO, .n_frames = 2, .len = 3, .data = "abc"},
        {.kind = RECORDER_RECORD_AUDIO, .n_frames = 1, .first_frame = -1},
        {.kind = RECORDER_RECORD_AUDIO, .n_frames = 1, .first_frame = RECORDER_FRAME_MAX + 1},
        {.kind = RECORDER_RECORD_CHANGE, .len = 1, .data = NULL},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        cr_assert_eq(recorder_record_check(&wrong[i]), -EINVAL, "%zu", i);
    }
}

Test(records, a_registration_comes_back_and_a_wrong_one_is_refused)
{
    uint8_t payload[RECORDER_SESSION_MAX + 1] = {0};
    char path[RECORDER_PATH_MAX + 1];
    uint32_t frame_bytes;
    recorder_record r = make(RECORDER_RECORD_SESSION, payload, 0);
    r.len = recorder_record_pack_session(6, "/a/b.pcm", payload);
    cr_assert_eq(recorder_record_unpack_session(&r, &frame_bytes, path), 0);
    cr_assert_eq(frame_bytes, 6);
    cr_assert_str_eq(path, "/a/b.pcm");
    payload[5] = '\0';
    cr_assert_eq(recorder_record_unpack_session(&r, &frame_bytes, path), -EBADMSG);
    payload[0] = 65;
    payload[5] = 'a';
    cr_assert_eq(recorder_record_unpack_session(&r, &frame_bytes, path), -EBADMSG);
    payload[0] = 2;
    r.len = 4;
    cr_assert_eq(recorder_record_unpack_session(&r, &frame_bytes, path), -EBADMSG);
    r.len = RECORDER_SESSION_MAX + 1;
    cr_assert_eq(recorder_record_unpack_session(&r, &frame_bytes, path), -EBADMSG);
}
