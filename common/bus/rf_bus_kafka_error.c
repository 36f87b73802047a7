#include "rf_bus_kafka.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define LEVEL_WARNING 4 /* syslog's */

static const struct {
    rd_kafka_resp_err_t from;
    int to;
} errors[] = {
    {RD_KAFKA_RESP_ERR__TRANSPORT, -ECONNREFUSED},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, -ECONNREFUSED},
    {RD_KAFKA_RESP_ERR__RESOLVE, -EHOSTUNREACH},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, -EACCES},
    {RD_KAFKA_RESP_ERR__SSL, -EPROTO},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, -ETIMEDOUT},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, -ETIMEDOUT},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, -ETIMEDOUT},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, -ETIMEDOUT},
    {RD_KAFKA_RESP_ERR__QUEUE_FULL, -EAGAIN},
    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, -ECANCELED},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, -ECANCELED},
    {RD_KAFKA_RESP_ERR__DESTROY, -ECANCELED},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, -EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, -EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, -EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, -EINVAL},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, -EPERM},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, -EMSGSIZE},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, -ENOENT},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, -ENOENT},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, -ENOENT},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, -EACCES},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, -EACCES},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, -EACCES},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, -EACCES},
    {RD_KAFKA_RESP_ERR__STATE, -ESTALE},
    {RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, -ESTALE},
    {RD_KAFKA_RESP_ERR__FENCED, -ESTALE},
    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, -ESTALE},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, -ESTALE},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, -ESTALE},
    {RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, -EUSERS},
};

rf_bus_error rf_bus_kafka_error(rd_kafka_resp_err_t err)
{
    int to = -EIO;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) { /* of each record delivered */
        return (rf_bus_error){0};
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(errors); i++) {
        if (errors[i].from == err) {
            to = errors[i].to;
        }
    }
    bool fatal = err == RD_KAFKA_RESP_ERR__FATAL;
    /* Too few brokers live for the replicas; more may come. */
    bool may_heal = err == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR;
    bool final = to == -EACCES || to == -EINVAL || to == -EPERM || to == -EMSGSIZE ||
                 to == -ECANCELED || to == -EPROTO;
    return (rf_bus_error){
        .err = to, .fatal = fatal, .retriable = to < 0 && !fatal && (!final || may_heal)};
}

int rf_bus_kafka_errno(rd_kafka_error_t *error)
{
    int err = error == NULL ? 0 : rf_bus_kafka_error(rd_kafka_error_code(error)).err;
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    return err;
}

int rf_bus_kafka_ms(int64_t at_ns)
{
    int64_t left_ns = at_ns == RF_NEVER_NS ? RF_NS_PER_S : at_ns - rf_time_ns();
    int64_t left_ms = (RF_MAX(left_ns, 0) + RF_NS_PER_MS - 1) / RF_NS_PER_MS;
    return (int)RF_MIN(left_ms, 1000);
}

void rf_bus_kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    /* One set of properties serves producers and consumers: each would warn of the other's. */
    if (strcmp(facility, "CONFWARN") == 0) {
        return;
    }
    if (level <= LEVEL_WARNING) {
        RF_LOG_WARN("kafka", RF_STR("about", facility), RF_STR("what", text));
    } else {
        RF_LOG_DEBUG("kafka", RF_STR("about", facility), RF_STR("what", text));
    }
}
