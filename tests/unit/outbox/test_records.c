/* The bytes of an outbox file: what was packed comes back, anything else is refused. */
#include "rf_outbox_record.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const rf_outbox_event full = {
    .route = RF_OUTBOX_HOOK,
    .id = "evt-1",
    .target = "https://example.org/hook?a=b",
    .owner = "tenant-7",
    .key = "k\0y",
    .key_len = 3,
    .body = "{\"x\":1}",
    .body_len = 7,
    .attempts = 3,
    .at_ms = 1790000000000,
    .due_ms = -1,
};

static rf_buf packed(rf_outbox_kind kind, bool more)
{
    rf_buf b;
    rf_buf_init(&b, RF_OUTBOX_MAX_RECORD);
    cr_assert_eq(rf_outbox_record_pack(kind, more, 0x1122334455667788, &full, &b), 0);
    return b;
}

Test(records, come_back_as_they_were_packed)
{
    rf_outbox_record r;
    rf_buf b = packed(RF_OUTBOX_ADD, true);
    cr_assert_eq(rf_outbox_record_unpack(b.data, b.len, &r), (long)b.len);
    cr_assert_eq(r.kind, RF_OUTBOX_ADD);
    cr_assert(r.more);
    cr_assert_eq(r.number, 0x1122334455667788);
    cr_assert_eq(r.event.route, RF_OUTBOX_HOOK);
    cr_assert_str_eq(r.event.id, full.id);
    cr_assert_str_eq(r.event.target, full.target);
    cr_assert_str_eq(r.event.owner, full.owner);
    cr_assert_eq(r.event.key_len, 3);
    cr_assert_eq(memcmp(r.event.key, full.key, 3), 0);
    cr_assert_eq(r.event.body_len, 7);
    cr_assert_eq(memcmp(r.event.body, full.body, 7), 0);
    cr_assert_eq(r.event.attempts, 3);
    cr_assert_eq(r.event.at_ms, full.at_ms);
    cr_assert_eq(r.event.due_ms, -1);
    rf_buf_done(&b);
    b = packed(RF_OUTBOX_STATE, false);
    cr_assert_eq(rf_outbox_record_unpack(b.data, b.len, &r), (long)b.len);
    cr_assert(r.kind == RF_OUTBOX_STATE && !r.more && r.event.attempts == 3);
    cr_assert_eq(r.event.due_ms, -1);
    rf_buf_done(&b);
    b = packed(RF_OUTBOX_DONE, false);
    cr_assert_eq(rf_outbox_record_unpack(b.data, b.len, &r), (long)b.len);
    cr_assert(r.kind == RF_OUTBOX_DONE && r.number == 0x1122334455667788);
    cr_assert_eq(rf_outbox_record_unpack(b.data, 0, &r), 0, "the end");
    rf_buf_done(&b);
}

Test(records, a_cut_one_is_refused_at_every_length)
{
    rf_outbox_record r;
    rf_buf b = packed(RF_OUTBOX_ADD, false);
    for (size_t len = 1; len < b.len; len++) {
        cr_assert_eq(rf_outbox_record_unpack(b.data, len, &r), -EBADMSG, "%zu bytes", len);
    }
    rf_buf_done(&b);
}

Test(records, any_flipped_bit_is_found)
{
    rf_outbox_record r;
    rf_buf b = packed(RF_OUTBOX_ADD, false);
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(rf_outbox_record_unpack(b.data, b.len, &r), -EBADMSG, "bit %zu", bit);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    rf_buf_done(&b);
}

Test(records, events_are_checked)
{
    static char long_text[70000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    struct {
        rf_outbox_event event;
        int err;
    } table[] = {
        {full, 0},       {full, -EINVAL},   {full, -EINVAL},   {full, -EINVAL},   {full, -EINVAL},
        {full, -EINVAL}, {full, -EMSGSIZE}, {full, -EMSGSIZE}, {full, -EMSGSIZE}, {full, -EMSGSIZE},
        {full, -EINVAL}, {full, -EINVAL},   {full, 0},
    };
    table[1].event.id = "";
    table[2].event.id = NULL;
    table[3].event.id = "a b";
    table[4].event.target = "http://a\nb";
    table[5].event.route = (rf_outbox_route)2;
    table[6].event.id = long_text;
    table[7].event.target = long_text;
    table[8].event.owner = long_text;
    table[9].event.body_len = RF_OUTBOX_MAX_HOOK + 1;
    table[10].event.route = RF_OUTBOX_BUS; /* a URL is no topic */
    table[11].event.route = RF_OUTBOX_BUS;
    table[11].event.target = ".topic";
    table[12].event.route = RF_OUTBOX_BUS;
    table[12].event.target = "reflection.recordings";
    table[12].event.body = long_text;
    table[12].event.body_len = RF_OUTBOX_MAX_BODY;
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        cr_assert_eq(rf_outbox_event_check(&table[i].event), table[i].err, "row %zu", i);
    }
}
