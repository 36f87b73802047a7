/* Any bytes as records of a journal: the parser refuses them, or gives a record that packs into
 * these very bytes again. Of a registration: what it gives can be opened as a path. Because no
 * fuzzer finds a CRC, the checksum of every record is set right first in every other input. */
#include "recorder_crc.h"
#include "recorder_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void set_checksums(uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= RECORDER_RECORD_HEADER;) {
        size_t need = recorder_record_need(data + at);
        if (need == 0 || need > size - at) {
            return;
        }
        recorder_put_le(data + at, recorder_crc(0, data + at + 4, need - 4), 4);
        at += need;
    }
}

static void check_record(const uint8_t *data, size_t size, const recorder_record *r)
{
    uint8_t *again = malloc(size);
    expect(again != NULL && size == recorder_record_size(r->len));
    recorder_record_pack(r, again);
    /* The padding may have held anything; its checksum then differs too. */
    expect(memcmp(again + 4, data + 4, RECORDER_RECORD_HEADER - 4 + r->len) == 0);
    free(again);
    if (r->kind == RECORDER_RECORD_SESSION) {
        char path[RECORDER_PATH_MAX + 1];
        uint32_t frame_bytes;
        if (recorder_record_unpack_session(r, &frame_bytes, path) == 0) {
            expect(frame_bytes >= 1 && frame_bytes <= 64 && strlen(path) == r->len - 4);
        }
    }
}

static void parse_all(const uint8_t *data, size_t size)
{
    recorder_record r;
    ssize_t n;
    for (size_t at = 0; (n = recorder_record_parse(data + at, size - at, &r)) > 0;) {
        expect(recorder_record_check(&r) == 0 && r.seq > 0);
        check_record(data + at, (size_t)n, &r);
        at += (size_t)n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    expect(copy != NULL);
    memcpy(copy, data, size);
    if (size % 2 == 0) {
        set_checksums(copy, size);
    }
    parse_all(copy, size);
    free(copy);
    return 0;
}
