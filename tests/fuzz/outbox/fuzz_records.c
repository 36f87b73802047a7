/* Any bytes as a file of the outbox. Once as they are, once with length and CRC made right, so that
 * payloads are reached; a record that is read packs to the same bytes. */
#include "rf_outbox_record.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void read_all(const uint8_t *data, size_t size)
{
    static rf_outbox_record r;
    size_t at = 0;
    for (long n = 1; n > 0; at += (size_t)n) {
        n = rf_outbox_record_unpack(data + at, size - at, &r);
        if (n <= 0) {
            return;
        }
        rf_buf again;
        rf_buf_init(&again, RF_OUTBOX_MAX_RECORD);
        check(r.kind != RF_OUTBOX_ADD || rf_outbox_event_check(&r.event) == 0);
        check(rf_outbox_record_pack(r.kind, r.more, r.number, &r.event, &again) == 0);
        check(again.len == (size_t)n && memcmp(again.data, data + at, again.len) == 0);
        rf_buf_done(&again);
    }
}

static void put_u32(uint8_t *at, size_t value)
{
    for (size_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_all(data, size);
    if (size >= RF_OUTBOX_HEADER) {
        uint8_t *copy = malloc(size);
        check(copy != NULL);
        memcpy(copy, data, size);
        memcpy(copy, "RFO1", 4);
        put_u32(copy + 4, size - RF_OUTBOX_HEADER);
        put_u32(copy + 8, (size_t)crc32(0, copy + 12, (uInt)(size - 12)));
        read_all(copy, size);
        free(copy);
    }
    return 0;
}
