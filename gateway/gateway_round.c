#include "gateway_round.h"

#include "rf_time.h"

#include <sched.h>
#include <string.h>

#define HELD_MAX_BYTES 4096

void gateway_round_end(void *user)
{
    gateway_loop *l = user;
    gateway_conn *c = l->held.first;
    bool many = c != l->held.last;
    l->held.first = NULL;
    l->held.last = NULL;
    while (c != NULL) {
        gateway_conn *next = c->next_held;
        gateway_conn_leave(c);
        c = next;
    }
    l->n_held_bytes = 0;
    if (many) {
        sched_yield(); /* who got the answers runs first, where processors are few: more requests
                        * are ready at once then */
    }
}

static bool may_wait(const gateway_conn *c)
{
    const gateway_loop *l = c->loop;
    return c->state == GATEWAY_CONN_HEAD && !c->closing && c->out.len == 0 && l->tx_len > 0 &&
           l->tx_len <= HELD_MAX_BYTES && l->tx_len <= sizeof(l->held_bytes) - l->n_held_bytes;
}

bool gateway_round_hold(gateway_conn *c)
{
    gateway_loop *l = c->loop;
    if (!may_wait(c)) {
        return false;
    }
    c->held = l->held_bytes + l->n_held_bytes;
    c->held_len = l->tx_len;
    memcpy(l->held_bytes + l->n_held_bytes, l->tx, l->tx_len);
    l->n_held_bytes += l->tx_len;
    l->tx_len = 0;
    c->next_held = NULL;
    if (l->held.first == NULL) {
        l->held.first = c;
    } else {
        l->held.last->next_held = c;
    }
    l->held.last = c;
    return true;
}
