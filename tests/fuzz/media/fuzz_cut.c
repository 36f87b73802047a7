/* Ranges of MP3 and Opus files that may be anything. The first byte chooses the format, the next
 * two where the range begins. */
#include "rf_cut.h"

#include <errno.h>
#include <string.h>

#define HEAD 3
#define PIECE_MAX ((size_t)4 << 20)

typedef struct input {
    const uint8_t *data;
    size_t len;
} input;

static int read_input(void *user, int64_t offset, void *data, size_t len)
{
    const input *in = user;
    if (offset < 0 || (uint64_t)offset > in->len || len > in->len - (size_t)offset) {
        abort(); /* no more is asked for than the file has */
    }
    memcpy(data, in->data + offset, len);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    rf_buf piece;
    int64_t lead = 0;
    if (len < HEAD) {
        return 0;
    }
    input in = {data + HEAD, len - HEAD};
    const rf_cut_file file = {.size = (int64_t)in.len, .read = read_input, .user = &in};
    const rf_media_format format = data[0] % 2 == 0 ? RF_FORMAT_MP3 : RF_FORMAT_OPUS;
    const int64_t first = (data[1] | data[2] << 8) * INT64_C(4);
    rf_buf_init(&piece, PIECE_MAX);
    int err = rf_cut(format, &file, first, 4800, &piece, &lead);
    if ((err == 0 && (piece.len == 0 || lead < 0 || lead > first)) ||
        (err != 0 && err != -EBADMSG && err != -ENOSPC)) {
        abort();
    }
    rf_buf_done(&piece);
    return 0;
}
