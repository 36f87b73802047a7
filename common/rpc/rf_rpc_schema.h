/*
 * rf_rpc_schema.h - the types of a FileDescriptorSet, resolved. Internal to common/rpc: the JSON
 * mapping and the describing of servers stand on it. Read-only once made; any thread.
 */
#ifndef RF_RPC_SCHEMA_H
#define RF_RPC_SCHEMA_H

#include "rf_base.h"
#include "rf_rpc_json.h"
#include "rf_rpc_wire.h"

/* FieldDescriptorProto.Type */
typedef enum rf_rpc_type {
    RF_TYPE_DOUBLE = 1,
    RF_TYPE_FLOAT = 2,
    RF_TYPE_INT64 = 3,
    RF_TYPE_UINT64 = 4,
    RF_TYPE_INT32 = 5,
    RF_TYPE_FIXED64 = 6,
    RF_TYPE_FIXED32 = 7,
    RF_TYPE_BOOL = 8,
    RF_TYPE_STRING = 9,
    RF_TYPE_GROUP = 10,
    RF_TYPE_MESSAGE = 11,
    RF_TYPE_BYTES = 12,
    RF_TYPE_UINT32 = 13,
    RF_TYPE_ENUM = 14,
    RF_TYPE_SFIXED32 = 15,
    RF_TYPE_SFIXED64 = 16,
    RF_TYPE_SINT32 = 17,
    RF_TYPE_SINT64 = 18,
} rf_rpc_type;

/* Messages with a JSON form of their own. */
typedef enum rf_rpc_special {
    RF_SPECIAL_NONE,
    RF_SPECIAL_JSON,
    RF_SPECIAL_OPTIONAL_STRING,
    RF_SPECIAL_TIME,
} rf_rpc_special;

typedef struct rf_rpc_message_type rf_rpc_message_type;
typedef struct rf_rpc_enum_type rf_rpc_enum_type;

typedef struct rf_rpc_field_type {
    char *name;      /* as in the .proto file */
    char *json_name; /* lowerCamelCase */
    char *full_name; /* "job.v1.Job.attempts" */
    uint32_t number;
    rf_rpc_type type;
    bool repeated;
    int oneof; /* index, -1 when in none */
    char *type_name;
    const rf_rpc_message_type *message;  /* of MESSAGE */
    const rf_rpc_enum_type *enumeration; /* of ENUM */
} rf_rpc_field_type;

struct rf_rpc_message_type {
    char *name; /* full */
    rf_rpc_special special;
    rf_rpc_field_type *fields; /* in the order of the file */
    size_t n_fields;
    size_t n_oneofs;
};

typedef struct rf_rpc_enum_value {
    char *name;
    int32_t number;
} rf_rpc_enum_value;

struct rf_rpc_enum_type {
    char *name; /* full */
    rf_rpc_enum_value *values;
    size_t n_values;
};

typedef struct rf_rpc_method_type {
    char *name; /* full: "job.v1.JobService/CreateJob" */
    char *input, *output;
    rf_rpc_kind kind;
    bool idempotent;
} rf_rpc_method_type;

struct rf_rpc_schema {
    rf_rpc_message_type *messages; /* sorted by name */
    size_t n_messages;
    rf_rpc_enum_type *enums; /* sorted by name */
    size_t n_enums;
    rf_rpc_method_type *methods; /* in the order of the files */
    size_t n_methods;
};

const rf_rpc_message_type *rf_rpc_schema_message(const rf_rpc_schema *s, const char *name);
const rf_rpc_enum_type *rf_rpc_schema_enum(const rf_rpc_schema *s, const char *name);
const rf_rpc_method_type *rf_rpc_schema_method(const rf_rpc_schema *s, const char *name);
const rf_rpc_field_type *rf_rpc_field_by_number(const rf_rpc_message_type *m, uint32_t number);

/* rf_rpc_wire_type_of tells how one value of a type stands on the wire. */
rf_rpc_wire_type rf_rpc_wire_type_of(rf_rpc_type type);

#endif
