#include "rf_cut.h"

#include "rf_cut_impl.h"

#include <errno.h>

int rf_cut(rf_media_format format, const rf_cut_file *file, int64_t first, int64_t n, rf_buf *out,
           int64_t *ret_lead)
{
    switch (format) {
    case RF_FORMAT_MP3:
        return rf_cut_mp3(file, first, n, out, ret_lead);
    case RF_FORMAT_OPUS:
        return rf_cut_opus(file, first, n, out, ret_lead);
    default:
        return -EINVAL;
    }
}
