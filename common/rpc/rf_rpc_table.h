/*
 * rf_rpc_table.h - what the build makes of a .proto file: its services, their methods and its
 * schema. rf_rpc_gen writes one constant object per service into <stem>.rpc.c, so that
 *
 *     #include <reflection/job/v1/job.rpc.h>
 *     job_v1_job_service                      the rf_rpc_service "job.v1.JobService"
 *     JOB_V1_JOB_SERVICE_CREATE_JOB           const rf_rpc_method * "job.v1.JobService/CreateJob"
 *     reflection_job_v1_job_file              the rf_rpc_file with the schema of job.proto
 *
 * Everything here is constant data: any thread may read it.
 */
#ifndef RF_RPC_TABLE_H
#define RF_RPC_TABLE_H

#include <google/protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit 0: the server sends a stream; bit 1: the client does. */
typedef enum rf_rpc_kind {
    RF_RPC_UNARY = 0,
    RF_RPC_SERVER_STREAM = 1,
    RF_RPC_CLIENT_STREAM = 2,
    RF_RPC_BIDI = 3,
} rf_rpc_kind;

typedef struct rf_rpc_method {
    const char *name; /* full: "job.v1.JobService/CreateJob" */
    rf_rpc_kind kind;
    bool idempotent; /* idempotency_level is NO_SIDE_EFFECTS or IDEMPOTENT: may be retried */
    const ProtobufCMessageDescriptor *input;
    const ProtobufCMessageDescriptor *output;
} rf_rpc_method;

typedef struct rf_rpc_file {
    const char *name;   /* "reflection/job/v1/job.proto" */
    const uint8_t *set; /* serialised google.protobuf.FileDescriptorSet, imports included */
    size_t set_len;
} rf_rpc_file;

typedef struct rf_rpc_service {
    const char *name; /* full: "job.v1.JobService" */
    const rf_rpc_method *methods;
    size_t n_methods;
    const rf_rpc_file *file;
} rf_rpc_service;

/* rf_rpc_service_method finds a method by its short name ("CreateJob"), NULL when there is none. */
const rf_rpc_method *rf_rpc_service_method(const rf_rpc_service *service, const char *name);

#endif
