#include "rf_bus_kafka_sub.h"

#include <string.h>

static void box_free(rf_bus_box *box)
{
    free(box);
}

/* The first headers, as many as a record of ours may have; they point into the message. */
static size_t read_headers(const rd_kafka_message_t *m, rf_bus_header out[RF_BUS_MAX_HEADERS],
                           size_t *ret_size)
{
    rd_kafka_headers_t *headers = NULL;
    size_t n = 0;
    *ret_size = 0;
    if (rd_kafka_message_headers(m, &headers) != 0) {
        return 0;
    }
    while (n < RF_BUS_MAX_HEADERS) {
        rf_bus_header *h = &out[n];
        if (rd_kafka_header_get_all(headers, n, &h->name, &h->value, &h->value_len) != 0) {
            break;
        }
        *ret_size += strlen(h->name) + 1 + h->value_len;
        n++;
    }
    return n;
}

static const void *put_bytes(char **to, const void *from, size_t len)
{
    char *at = *to;
    if (len > 0) {
        memcpy(at, from, len);
    }
    *to += len;
    return at;
}

rf_bus_kafka_held *rf_bus_kafka_copy(const rd_kafka_message_t *m)
{
    rf_bus_header headers[RF_BUS_MAX_HEADERS];
    size_t headers_size = 0;
    size_t n_headers = read_headers(m, headers, &headers_size);
    const char *topic = rd_kafka_topic_name(m->rkt);
    size_t topic_size = strlen(topic) + 1;
    size_t size = sizeof(rf_bus_kafka_held) + n_headers * sizeof(rf_bus_header) + headers_size +
                  topic_size + m->key_len + m->len;
    rf_bus_kafka_held *h = rf_grow(NULL, size, 1); /* not zeroed: bytes are about to fill it */
    *h = (rf_bus_kafka_held){.box.free = box_free};
    char *bytes = (char *)&h->headers[n_headers];
    rf_bus_message *to = &h->box.message;
    for (size_t i = 0; i < n_headers; i++) {
        h->headers[i].name = put_bytes(&bytes, headers[i].name, strlen(headers[i].name) + 1);
        h->headers[i].value = put_bytes(&bytes, headers[i].value, headers[i].value_len);
        h->headers[i].value_len = headers[i].value_len;
    }
    *to = (rf_bus_message){.partition = (uint32_t)m->partition,
                           .offset = m->offset,
                           .at_ms = rd_kafka_message_timestamp(m, NULL),
                           .key_len = m->key_len,
                           .value_len = m->len,
                           .headers = h->headers,
                           .n_headers = n_headers};
    to->topic = put_bytes(&bytes, topic, topic_size);
    to->key = m->key == NULL ? NULL : put_bytes(&bytes, m->key, m->key_len);
    to->value = put_bytes(&bytes, m->payload, m->len);
    return h;
}
