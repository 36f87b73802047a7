/*
 * rf_bus_topics.h - every topic of the project: name, key, value, readers, partitions.
 * Values are protobuf (proto/reflection/.../events.proto) of at most RF_TOPIC_VALUE_MAX bytes:
 * references only, no parameters, URLs, keys, names or media.
 */
#ifndef RF_BUS_TOPICS_H
#define RF_BUS_TOPICS_H

#include "rf_bus.h"

#define RF_TOPIC_VALUE_MAX 1024

/* Key: job id. Value: job.v1.JobReady, a hint; the worker claims in the store. Read by the workers
 * of the pool (cpu, gpu, t2v, jam), one group a pool, named like the topic. */
#define RF_TOPIC_JOB_READY "reflection.job.ready." /* followed by the pool */
#define RF_TOPIC_JOB_READY_CPU RF_TOPIC_JOB_READY "cpu"
#define RF_TOPIC_JOB_READY_GPU RF_TOPIC_JOB_READY "gpu"
#define RF_TOPIC_JOB_READY_T2V RF_TOPIC_JOB_READY "t2v"
#define RF_TOPIC_JOB_READY_JAM RF_TOPIC_JOB_READY "jam"

/* Key: job id. Value: job.v1.JobEvent. Read by every gateway (no group) and by webhooks. */
#define RF_TOPIC_JOB_EVENTS "reflection.job.events"

/* Key: job id when known. Value: job.v1.DeadLetter, for operators. */
#define RF_TOPIC_JOB_DLQ "reflection.job.dlq"

/* Key: recording id. Value: RecordingEvent. Read by anyone; workflows can start on it. */
#define RF_TOPIC_RECORDINGS "reflection.recordings"

typedef struct rf_topic {
    const char *name;
    const char *key;
    unsigned n_partitions; /* fixed for the life of a topic: bounds the members that share it */
} rf_topic;

/* clang-format off */
static const rf_topic rf_topics[] = {
    {RF_TOPIC_JOB_READY_CPU, "job id",       16},
    {RF_TOPIC_JOB_READY_GPU, "job id",       16},
    {RF_TOPIC_JOB_READY_T2V, "job id",       16},
    {RF_TOPIC_JOB_READY_JAM, "job id",       16},
    {RF_TOPIC_JOB_EVENTS,    "job id",       16},
    {RF_TOPIC_JOB_DLQ,       "job id",       1},
    {RF_TOPIC_RECORDINGS,    "recording id", 8},
};
/* clang-format on */
#define RF_N_TOPICS (sizeof(rf_topics) / sizeof(rf_topics[0]))

/* rf_bus_topics_make makes every topic of the table that does not exist, before a first use could
 * make it with another number of partitions. Returns 0 or what rf_bus_topic says. */
int rf_bus_topics_make(rf_bus *bus) RF_MUST_USE;

#endif
