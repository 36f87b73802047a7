/*
 * rf_sniff.h - what kind of audio file this is, judged by content, never by name.
 * Reads only; any thread.
 */
#ifndef RF_SNIFF_H
#define RF_SNIFF_H

#include "rf_media.h"

/* rf_sniff looks at the first bytes of a file (4 KiB decide everything but long ID3v2 tags). */
rf_media_format rf_sniff(const void *data, size_t len);

/* rf_sniff_fd does the same with pread, and looks behind an ID3v2 tag of any size. ret_offset (may
 * be NULL) is where the audio begins. Returns 0 (the format may be RF_FORMAT_UNKNOWN) or the
 * negative errno of pread. */
int rf_sniff_fd(int fd, rf_media_format *ret_format, int64_t *ret_offset) RF_MUST_USE;

#endif
