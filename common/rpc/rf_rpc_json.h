/*
 * rf_rpc_json.h - proto3 JSON (protobuf.dev, "ProtoJSON") by descriptors: packed bytes <-> text,
 * for any message of a schema, without generated code.
 *
 * Names are lowerCamelCase (the original names are accepted on input too), enums are names, 64-bit
 * integers strings, bytes base64. Types of rpc.v1 are special: Json is embedded as it stands,
 * OptionalString is a string or null, Time is "YYYY-MM-DDTHH:MM:SS.mmmZ" or null. A schema is
 * read-only after rf_rpc_schema_new: any thread may use it.
 */
#ifndef RF_RPC_JSON_H
#define RF_RPC_JSON_H

#include "rf_base.h"
#include "rf_buf.h"
#include "rf_rpc_table.h"
#include "rf_status.h"

typedef struct rf_rpc_schema rf_rpc_schema;

/* rf_rpc_schema_new reads a serialised google.protobuf.FileDescriptorSet (copied). -EBADMSG when it
 * is malformed, -ENOENT when a type it names is missing, -E2BIG above 4 MiB or 16384 types. */
int rf_rpc_schema_new(const void *set, size_t len, rf_rpc_schema **ret) RF_MUST_USE;
rf_rpc_schema *rf_rpc_schema_free(rf_rpc_schema *schema);

/* How messages become text; all zero is plain proto3 JSON. */
typedef struct rf_rpc_json_options {
    /* Fields without a value appear too: messages as null, lists as [], scalars as their default.
     */
    bool emit_unset;
    /* With emit_unset: full names of fields ("job.v1.Job.attempts") that are left out all the same
     * when unset; ends with NULL. */
    const char *const *omit_unset;
    bool numbers;     /* 64-bit integers as numbers */
    bool proto_names; /* names as in the .proto file */
    bool indent;      /* two spaces a level, for people */
    size_t max_depth; /* nested messages and JSON values [64] */
} rf_rpc_json_options;

/* rf_rpc_json_encode appends the JSON text of the packed message of type ("job.v1.Job"). options
 * may be NULL. On failure out is as before and *st names the field path: INVALID_ARGUMENT for
 * malformed bytes or text, RESOURCE_EXHAUSTED above depth or out's maximum, NOT_FOUND for an
 * unknown type. Returns 0 or the negative errno of *st. */
int rf_rpc_json_encode(const rf_rpc_schema *schema, const char *type, const void *data, size_t len,
                       const rf_rpc_json_options *options, rf_buf *out, rf_status *st);

/* rf_rpc_json_decode appends the packed message that the JSON object text says. Unknown and double
 * keys, wrong types and out-of-range numbers are INVALID_ARGUMENT and named by path, such as
 * "params.name: expected a string". options may be NULL; of them max_depth counts. */
int rf_rpc_json_decode(const rf_rpc_schema *schema, const char *type, const char *text, size_t len,
                       const rf_rpc_json_options *options, rf_buf *out, rf_status *st);

#endif
