/*
 * rf_rpc_json_value.h - the JSON values that stand for one field of the wire, for
 * rf_rpc_json_decode.c. A decoder belongs to one thread. Functions return 0 or negative errno and
 * then tell the status where and why. Internal to common/rpc.
 */
#ifndef RF_RPC_JSON_VALUE_H
#define RF_RPC_JSON_VALUE_H

#include "rf_rpc_path.h"
#include "rf_rpc_scan.h"
#include "rf_rpc_schema.h"
#include "rf_rpc_wire.h"

typedef struct rf_rpc_decoder {
    rf_rpc_scan scan;
    rf_rpc_path path; /* of the field in hand */
    rf_status *st;
    size_t max; /* bytes of any buffer */
} rf_rpc_decoder;

/* Tell what is wrong with the field in hand: what does not fit, or the error of a scan. */
int rf_rpc_decoder_fail(rf_rpc_decoder *d, const char *what);
int rf_rpc_decoder_fail_scan(rf_rpc_decoder *d, int err, const char *expected);

/* rf_rpc_take_text initialises out and reads a JSON string into it; done already after an error. */
int rf_rpc_take_text(rf_rpc_decoder *d, rf_buf *out, const char *expected);

/* Read a string or base64 and append the field to out. */
int rf_rpc_take_string(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out);
int rf_rpc_take_bytes(rf_rpc_decoder *d, const rf_rpc_field_type *f, rf_buf *out);

/* rf_rpc_take_scalar reads a number, truth or enum: the value as it stands on the wire. */
int rf_rpc_take_scalar(rf_rpc_decoder *d, const rf_rpc_field_type *f, uint64_t *ret);

/* rf_rpc_put_scalar appends such a value, without its tag. */
void rf_rpc_put_scalar(const rf_rpc_field_type *f, uint64_t value, rf_buf *out);

#endif
