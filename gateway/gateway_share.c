#include "gateway_share.h"

#include "gateway_limits.h"
#include "gateway_rpc.h"
#include "rf_id.h"
#include "rf_time.h"

struct gateway_share {
    gateway *gw;
    rf_timer *timer;
    char id[RF_UUID_LEN];
    gateway_limit_use uses[GATEWAY_SHARE_MAX];
};

static void share(void *user)
{
    gateway_share *s = user;
    int64_t now_ns = rf_time_ns();
    size_t n = gateway_limits_collect(s->gw->limits, now_ns, s->uses, GATEWAY_SHARE_MAX);
    if (n > 0) {
        gateway_rpc_share_limits(s->gw, s->id, s->uses, n);
    }
    rf_timer_set(s->timer, now_ns + GATEWAY_SHARE_S * RF_NS_PER_S);
}

gateway_share *gateway_share_start(gateway *gw, rf_loop *loop)
{
    gateway_share *s = RF_NEW(gateway_share);
    s->gw = gw;
    rf_uuid4(s->id);
    s->timer = rf_timer_new(loop, share, s);
    rf_timer_set(s->timer, rf_time_ns() + GATEWAY_SHARE_S * RF_NS_PER_S);
    return s;
}

gateway_share *gateway_share_stop(gateway_share *s)
{
    if (s != NULL) {
        rf_timer_free(s->timer);
        free(s);
    }
    return NULL;
}
