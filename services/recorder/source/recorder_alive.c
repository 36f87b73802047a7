#include "recorder_alive.h"

#include "rf_time.h"

#define TICK_MAX_NS (50 * RF_NS_PER_MS) /* of one look to the next that counts as silence */

void recorder_alive_init(recorder_alive *alive, int64_t stall_ms, int64_t reopen_ms, int64_t now_ns)
{
    *alive = (recorder_alive){.stall_ns = stall_ms * RF_NS_PER_MS,
                              .reopen_ns = reopen_ms * RF_NS_PER_MS,
                              .state = RECORDER_DELIVERING,
                              .open = true,
                              .last_tick_ns = now_ns,
                              .open_at_ns = now_ns + RECORDER_FIRST_DATA_MS * RF_NS_PER_MS};
}

static recorder_alive_action wait_for_it(recorder_alive *alive, const recorder_alive_seen *seen,
                                         int64_t now_ns)
{
    if (seen->suspended) {
        alive->silent_since_ns = now_ns;
        if (alive->open) {
            return RECORDER_ALIVE_NONE;
        }
    } else if (now_ns - alive->silent_since_ns >= alive->reopen_ns) {
        alive->state = RECORDER_OVER;
        return RECORDER_ALIVE_OVER;
    }
    if (alive->opening || now_ns < alive->open_at_ns) {
        return RECORDER_ALIVE_NONE;
    }
    alive->opening = true;
    alive->open = false;
    alive->next_open_ns = now_ns + RECORDER_REOPEN_EVERY_MS * RF_NS_PER_MS;
    alive->open_at_ns = alive->next_open_ns;
    return RECORDER_ALIVE_REOPEN;
}

static recorder_alive_action in_silence(recorder_alive *alive, const recorder_alive_seen *seen,
                                        int64_t now_ns)
{
    if (seen->data) {
        alive->state = RECORDER_DELIVERING;
        return alive->tell_at_ns == RF_NEVER_NS ? RECORDER_ALIVE_BACK : RECORDER_ALIVE_NONE;
    }
    if (alive->tell_at_ns != RF_NEVER_NS && (seen->explained || now_ns >= alive->tell_at_ns)) {
        alive->tell_at_ns = RF_NEVER_NS;
        return RECORDER_ALIVE_LOST;
    }
    return wait_for_it(alive, seen, now_ns);
}

recorder_alive_action recorder_alive_look(recorder_alive *alive, const recorder_alive_seen *seen,
                                          int64_t now_ns)
{
    int64_t passed = RF_MIN(now_ns - alive->last_tick_ns, TICK_MAX_NS);
    alive->last_tick_ns = now_ns;
    alive->idle_ns = seen->data ? 0 : alive->idle_ns + passed;
    if (seen->dead && alive->open && !alive->opening) {
        alive->open = false;
        alive->open_at_ns = seen->suspended ? now_ns : RF_MAX(now_ns, alive->next_open_ns);
    }
    switch (alive->state) {
    case RECORDER_DELIVERING:
        if (seen->data) {
            alive->open_at_ns = now_ns; /* once it delivers, silence needs no long patience */
            return RECORDER_ALIVE_NONE;
        }
        if (alive->open && alive->idle_ns < alive->stall_ns) {
            return RECORDER_ALIVE_NONE;
        }
        alive->state = RECORDER_SILENT;
        alive->silent_since_ns = now_ns;
        alive->tell_at_ns = now_ns + RF_MIN(RECORDER_EXPLAIN_MS * RF_NS_PER_MS, alive->reopen_ns);
        return in_silence(alive, seen, now_ns);
    case RECORDER_SILENT:
        return in_silence(alive, seen, now_ns);
    case RECORDER_OVER:
        break;
    }
    return RECORDER_ALIVE_NONE;
}

void recorder_alive_opened(recorder_alive *alive, bool ok, int64_t now_ns)
{
    alive->opening = false;
    alive->open = ok;
    if (ok) {
        alive->open_at_ns = now_ns + RECORDER_FIRST_DATA_MS * RF_NS_PER_MS;
    }
}

void recorder_alive_hurry(recorder_alive *alive, int64_t now_ns)
{
    if (!alive->open) {
        alive->open_at_ns = RF_MIN(alive->open_at_ns, now_ns);
    }
}
