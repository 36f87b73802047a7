/* What the journal holds, changes and snapshots: whatever the bytes are, they are refused or give
 * a change that packs to the same bytes and a take that keeps its own rules. First byte: which. */
#include "recorder_range.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_take(recorder_take *take)
{
    recorder_query query = {
        .from = {true, take->cleared}, .to = {false, recorder_take_ended_at(take)}, .clip = true};
    char key[RECORDER_KEY_SIZE];
    recorder_range r = recorder_range_resolve(take, &query);
    expect(r.code != RECORDER_OK || (r.first >= take->cleared && r.count <= take->frames));
    expect(take->covered <= take->frames && take->cleared <= take->frames && take->map.n > 0);
    recorder_take_key(take, key);
    expect(recorder_key_valid(key, strlen(key)));
}

/* Changes one after the other, each behind its length (u16). */
static void run_changes(const uint8_t *data, size_t size)
{
    recorder_take *take = recorder_take_new();
    while (size >= 2) {
        size_t len = (size_t)data[0] | (size_t)data[1] << 8;
        recorder_change change;
        len = RF_MIN(len, size - 2);
        if (recorder_change_unpack(data + 2, len, &change) == 0) {
            rf_buf out;
            rf_buf_init(&out, RECORDER_CHANGE_MAX);
            expect(recorder_change_pack(&change, &out) == 0);
            rf_buf_done(&out);
            change.seq = take->seq + 1;
            (void)recorder_take_apply(take, &change);
            (void)recorder_take_audio(take, take->frames, 4000);
        }
        data += 2 + len;
        size -= 2 + len;
    }
    if (take->seq > 0) {
        check_take(take);
    }
    recorder_take_free(take);
}

static void run_snapshot(const uint8_t *data, size_t size)
{
    recorder_take *take = NULL;
    rf_buf out;
    if (recorder_take_unpack(data, size, &take) < 0) {
        return;
    }
    check_take(take);
    rf_buf_init(&out, RECORDER_SNAPSHOT_MAX);
    recorder_take *again = NULL;
    expect(recorder_take_pack(take, &out) == 0);
    expect(recorder_take_unpack(out.data, out.len, &again) == 0);
    rf_buf_done(&out);
    recorder_take_free(again);
    recorder_take_free(take);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] % 2 == 0) {
        run_changes(data + 1, size - 1);
    } else {
        run_snapshot(data + 1, size - 1);
    }
    return 0;
}
