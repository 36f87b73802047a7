#include "gateway_seat.h"

#include "gateway_routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define ANONYMOUS "anonymous" /* all of them */

void gateway_seat_address(int fd, char out[GATEWAY_ADDRESS_MAX])
{
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(a);
    out[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&a, &len) < 0) {
        return;
    }
    if (a.ss_family == AF_INET) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, out, GATEWAY_ADDRESS_MAX);
    } else if (a.ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((struct sockaddr_in6 *)&a)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(v6);
        inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? v6->s6_addr + 12 : v6->s6_addr, out,
                  GATEWAY_ADDRESS_MAX);
    }
}

static bool count_anonymous(gateway_seat *seat, const gateway_socket_rules *rules)
{
    gateway_sockets *t = seat->gw->sockets;
    if (!gateway_sockets_take(t, seat->name, (size_t)rules->anonymous_per_address)) {
        return false;
    }
    if (!gateway_sockets_take(t, ANONYMOUS, (size_t)rules->anonymous_total)) {
        gateway_sockets_give(t, seat->name);
        return false;
    }
    return true;
}

static bool count(gateway_seat *seat, const gateway_exchange *ex)
{
    const gateway_socket_rules *rules = &seat->gw->config.sockets[ex->route->service];
    seat->anonymous = ex->caller.application_id[0] == '\0';
    snprintf(seat->name, sizeof(seat->name), "%c%s", seat->anonymous ? '@' : '#',
             seat->anonymous ? seat->address : ex->caller.key_id);
    return seat->anonymous
               ? count_anonymous(seat, rules)
               : gateway_sockets_take(seat->gw->sockets, seat->name, (size_t)rules->per_key);
}

int gateway_seat_take(gateway_seat *seat, const gateway_exchange *ex)
{
    gateway *gw = ex->gw;
    int err = 0;
    seat->gw = gw;
    gateway_seat_address(ex->conn->fd, seat->address);
    if (atomic_fetch_add(&gw->n_sockets, 1) >= gw->config.sockets_max) {
        err = -ENFILE;
    } else if (!count(seat, ex)) {
        err = -EMFILE;
    }
    if (err < 0) {
        atomic_fetch_sub(&gw->n_sockets, 1);
        seat->name[0] = '\0';
    }
    return err;
}

void gateway_seat_give(gateway_seat *seat)
{
    if (seat->name[0] == '\0') {
        return;
    }
    gateway_sockets_give(seat->gw->sockets, seat->name);
    if (seat->anonymous) {
        gateway_sockets_give(seat->gw->sockets, ANONYMOUS);
    }
    atomic_fetch_sub(&seat->gw->n_sockets, 1);
    seat->name[0] = '\0';
}
