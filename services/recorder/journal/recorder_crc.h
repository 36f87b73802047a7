/*
 * recorder_crc.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4). Any thread; no state but a table
 * made once.
 */
#ifndef RECORDER_CRC_H
#define RECORDER_CRC_H

#include "rf_base.h"

/* recorder_crc of len bytes, going on from crc (0 to begin): of two parts as of the whole. Uses the
 * processor's instruction where there is one. */
uint32_t recorder_crc(uint32_t crc, const void *data, size_t len);

/* recorder_crc_portable: the same without that instruction. */
uint32_t recorder_crc_portable(uint32_t crc, const void *data, size_t len);

#endif
