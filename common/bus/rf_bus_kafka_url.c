#include "rf_bus_kafka_url.h"

#include "rf_buf.h"
#include "rf_file.h"
#include "rf_log.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REPLICATION 32

int rf_bus_kafka_url_refuse(const char *name, const char *why)
{
    RF_CLEANUP(rf_cleanup_free)
    char *what = rf_asprintf("%s%s%s", name, name[0] != '\0' ? ": " : "", why);
    RF_LOG_ERROR("bus URL refused", RF_STR("setting", "bus.url"), RF_STR("why", what));
    return -EINVAL;
}

/* ---- one property ---- */

static const char *const held[] = {
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "transactional.id",
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "partition.assignment.strategy",
    "partitioner",
    "enable.partition.eof",
    "allow.auto.create.topics",
    "plugin.library.paths",
};

static bool is_held(const char *name)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(held); i++) {
        if (strcmp(held[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool number_in(const char *text, long least, long most, long *ret)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);
    bool ok = isdigit((unsigned char)text[0]) && *end == '\0' && n >= least && n <= most;
    *ret = ok ? n : 0;
    return ok;
}

static void keep(char **to, const char *value)
{
    free(*to);
    *to = rf_strdup(value);
}

static int set_replication(rf_bus_kafka_url *u, const char *name, const char *value)
{
    long n = 0;
    if (!number_in(value, 1, MAX_REPLICATION, &n)) {
        return rf_bus_kafka_url_refuse(name, "not a number from 1 to 32");
    }
    if (strcmp(name, "replication.factor") == 0) {
        u->replication = (int)n;
    } else {
        keep(&u->min_in_sync, value);
    }
    return 0;
}

static int add_property(rf_bus_kafka_url *u, const char *name, const char *value)
{
    if (is_held(name)) {
        return rf_bus_kafka_url_refuse(name, "the bus's promises rest on it, it cannot be set");
    }
    if (strcmp(name, "replication.factor") == 0 || strcmp(name, "min.insync.replicas") == 0) {
        return set_replication(u, name, value);
    }
    if (strcmp(name, "group.instance.id") == 0) {
        keep(&u->group_instance_id, value);
        return 0;
    }
    if (u->n_properties == RF_BUS_KAFKA_MAX_PROPERTIES) {
        return rf_bus_kafka_url_refuse(name, "more than 64 properties");
    }
    u->properties[u->n_properties++] = (rf_bus_kafka_property){rf_strdup(name), rf_strdup(value)};
    return 0;
}

/* ---- the file ---- */

static char *trim(char *s)
{
    s += strspn(s, " \t\r");
    for (size_t n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]) != NULL; n--) {
        s[n - 1] = '\0';
    }
    return s;
}

static int read_line(rf_bus_kafka_url *u, char *line)
{
    char *name = trim(line);
    char *equals = strchr(name, '=');
    if (name[0] == '\0' || name[0] == '#') {
        return 0;
    }
    if (equals == NULL || equals == name) {
        return rf_bus_kafka_url_refuse("properties.file", "a line is not name=value");
    }
    *equals = '\0';
    name = trim(name);
    return strcmp(name, "properties.file") == 0
               ? rf_bus_kafka_url_refuse(name, "a file of properties names no other")
               : add_property(u, name, trim(equals + 1));
}

static int read_properties(rf_bus_kafka_url *u, const char *path)
{
    rf_buf text;
    rf_buf_init(&text, RF_BUS_KAFKA_MAX_FILE);
    int err = rf_file_read(path, &text);
    if (err < 0) {
        (void)rf_bus_kafka_url_refuse("properties.file", strerror(-err));
    }
    RF_CLEANUP(rf_cleanup_free) char *copy = rf_strdup(err == 0 ? rf_buf_str(&text) : "");
    rf_buf_done(&text);
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); err == 0 && line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        err = read_line(u, line);
    }
    return err;
}

/* ---- the URL ---- */

static int hex(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* Replaces %XX in place; false for a % without two digits, or a zero byte. */
static bool decode(char *s)
{
    char *to = s;
    for (; *s != '\0'; s++) {
        *to = *s;
        if (*s == '%') {
            int high = hex(s[1]);
            int low = high < 0 ? -1 : hex(s[2]);
            if (low < 0 || high + low == 0) {
                return false;
            }
            *to = (char)(high << 4 | low);
            s += 2;
        }
        to++;
    }
    *to = '\0';
    return true;
}

static int read_query(rf_bus_kafka_url *u, char *query)
{
    int err = 0;
    char *rest = NULL;
    for (char *item = strtok_r(query, "&", &rest); err == 0 && item != NULL;
         item = strtok_r(NULL, "&", &rest)) {
        char *equals = strchr(item, '=');
        if (equals == NULL || equals == item) {
            return rf_bus_kafka_url_refuse("", "what follows ? is name=value&name=value");
        }
        *equals = '\0';
        if (!decode(equals + 1)) {
            return rf_bus_kafka_url_refuse(
                item, "% is followed by two hexadecimal digits, and not by 00");
        }
        err = strcmp(item, "properties.file") == 0 ? read_properties(u, equals + 1)
                                                   : add_property(u, item, equals + 1);
    }
    return err;
}

static bool broker_valid(const char *broker, size_t len)
{
    const char *colon = memrchr(broker, ':', len);
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - broker);
    long port = 0;
    char text[8] = {0};
    if (host_len == 0 || len - host_len - 1 >= sizeof(text)) {
        return false;
    }
    memcpy(text, colon + 1, len - host_len - 1);
    return strspn(broker, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:") >=
               len &&
           number_in(text, 1, UINT16_MAX, &port);
}

static bool brokers_valid(const char *brokers)
{
    for (;;) {
        size_t len = strcspn(brokers, ",");
        if (!broker_valid(brokers, len)) {
            return false;
        }
        if (brokers[len] == '\0') {
            return true;
        }
        brokers += len + 1;
    }
}

int rf_bus_kafka_url_parse(const char *address, rf_bus_kafka_url *ret)
{
    *ret = (rf_bus_kafka_url){.replication = -1};
    if (strncmp(address, "//", 2) != 0) {
        return rf_bus_kafka_url_refuse("",
                                       "it is kafka://host:port[,host:port...][?name=value&...]");
    }
    RF_CLEANUP(rf_cleanup_free) char *copy = rf_strdup(address + 2);
    char *query = strchr(copy, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    if (!brokers_valid(copy)) {
        return rf_bus_kafka_url_refuse("", "brokers are host:port[,host:port...]");
    }
    keep(&ret->brokers, copy);
    return query == NULL ? 0 : read_query(ret, query);
}

void rf_bus_kafka_url_done(rf_bus_kafka_url *u)
{
    for (size_t i = 0; i < u->n_properties; i++) {
        free(u->properties[i].name);
        free(u->properties[i].value);
    }
    free(u->brokers);
    free(u->min_in_sync);
    free(u->group_instance_id);
    *u = (rf_bus_kafka_url){0};
}
