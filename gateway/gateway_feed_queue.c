#include "gateway_feed.h"

static void pop(gateway_feed_queue *q, gateway_feed *feed)
{
    gateway_feed_part *part = q->first;
    q->first = part->next;
    q->last = q->first == NULL ? NULL : q->last;
    q->at = 0;
    gateway_feed_part_free(part, feed);
}

void gateway_feed_push(gateway_feed_queue *queue, gateway_feed_part *part)
{
    part->next = NULL;
    if (queue->last != NULL) {
        queue->last->next = part;
    } else {
        queue->first = part;
    }
    queue->last = part;
}

const uint8_t *gateway_feed_due(gateway_feed_queue *queue, gateway_feed *feed, size_t *ret_len)
{
    while (queue->first != NULL && queue->at == queue->first->len) {
        pop(queue, feed);
    }
    if (queue->first == NULL) {
        return NULL;
    }
    *ret_len = queue->first->len - queue->at;
    return queue->first->data + queue->at;
}

void gateway_feed_sent(gateway_feed_queue *queue, size_t n)
{
    queue->at += n;
}

void gateway_feed_clear(gateway_feed_queue *queue, gateway_feed *feed)
{
    while (queue->first != NULL) {
        pop(queue, feed);
    }
}
