/*
 * rf_rpc_scan.h - JSON text (RFC 8259), token by token, strictly. Internal to common/rpc. A scanner
 * is the text that is left; functions move it past what they read and leave it where it was on
 * failure, so that the caller can say where.
 */
#ifndef RF_RPC_SCAN_H
#define RF_RPC_SCAN_H

#include "rf_base.h"
#include "rf_buf.h"

typedef struct rf_rpc_scan {
    const char *at;
    const char *end;
} rf_rpc_scan;

/* rf_rpc_scan_peek skips white space and returns the next character, 0 at the end. */
char rf_rpc_scan_peek(rf_rpc_scan *s);

/* rf_rpc_scan_take skips white space and takes the character if it comes next. */
bool rf_rpc_scan_take(rf_rpc_scan *s, char c);

/* rf_rpc_scan_word takes true, false or null. */
bool rf_rpc_scan_word(rf_rpc_scan *s, const char *word);

/* rf_rpc_scan_string appends the decoded string to out. 0, -EBADMSG (syntax), -EILSEQ (UTF-8, or a
 * lone surrogate), -ENOSPC above out's maximum. */
int rf_rpc_scan_string(rf_rpc_scan *s, rf_buf *out);

/* rf_rpc_scan_number takes a number and gives its text. 0 or -EBADMSG. */
int rf_rpc_scan_number(rf_rpc_scan *s, const char **ret, size_t *ret_len);

/* rf_rpc_whole_number writes the whole number that the JSON number text names ("-5", "1.50e2") in
 * plain digits. 0; -EBADMSG when text is no JSON number, -EINVAL when that is not whole, -ERANGE
 * when out cannot hold it. */
#define RF_RPC_WHOLE_MAX 64
int rf_rpc_whole_number(const char *text, char out[RF_RPC_WHOLE_MAX]);

/* rf_rpc_scan_skip takes one whole value of any kind, at most depth levels deep, and gives its text
 * as it stands. 0, -EBADMSG, -EILSEQ, -E2BIG (depth). */
int rf_rpc_scan_skip(rf_rpc_scan *s, size_t depth, const char **ret, size_t *ret_len);

#endif
