/* rf_cut_impl.h - rf_cut of single formats. Private to common/media. */
#ifndef RF_CUT_IMPL_H
#define RF_CUT_IMPL_H

#include "rf_cut.h"

int rf_cut_mp3(const rf_cut_file *file, int64_t first, int64_t n, rf_buf *out, int64_t *ret_lead);
int rf_cut_opus(const rf_cut_file *file, int64_t first, int64_t n, rf_buf *out, int64_t *ret_lead);

#endif
