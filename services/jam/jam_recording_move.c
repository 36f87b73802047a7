/* A recording goes on in another process. */
#include "jam_recording_internal.h"

#include "rf_log.h"

#include <string.h>

#define HAND_OVER_NS (2 * RF_NS_PER_S)

jam_recording_rest *jam_recording_rest_free(jam_recording_rest *rest)
{
    if (rest != NULL) {
        free(rest->log);
        free(rest);
    }
    return NULL;
}

static jam_recording_rest *rest_of(jam_recording *r)
{
    if (r->id[0] == '\0' || jam_recording_is_over(r) || r->is_concluded || r->is_ended) {
        return NULL;
    }
    jam_recording_rest *rest = RF_NEW(jam_recording_rest);
    memcpy(rest->id, r->id, sizeof(rest->id));
    memcpy(rest->key, r->key, sizeof(rest->key));
    memcpy(rest->name, r->name, sizeof(rest->name));
    rest->begin = r->begin;
    rest->n_frames = r->n_frames;
    memcpy(rest->missing, r->missing, sizeof(rest->missing));
    rest->n_ranges = r->n_ranges;
    rest->n_missing = r->n_missing;
    rest->log = jam_recording_log_save(&r->log);
    return rest;
}

void jam_recording_hand(jam_recording *r)
{
    void (*done)(void *user, jam_recording_rest *rest) = r->hand_over;
    void *user = r->hand_over_user;
    jam_recording_rest *rest = rest_of(r);
    r->hand_over = NULL;
    r->hand_over_ns = RF_NEVER_NS;
    if (rest != NULL) {
        jam_recording_free(r);
    } else {
        jam_recording_leave(r);
    }
    done(user, rest);
}

void jam_recording_hand_over(jam_recording *r, void (*done)(void *user, jam_recording_rest *rest),
                             void *user)
{
    r->hand_over = done;
    r->hand_over_user = user;
    r->changed = NULL;
    r->hand_over_ns = rf_time_ns() + HAND_OVER_NS;
    bool is_ready = r->durable == r->n_frames || jam_recording_is_over(r);
    rf_timer_set(r->timer, is_ready ? rf_time_ns() : jam_recording_next_ns(r));
}

void jam_recording_forget_hand_over(jam_recording *r)
{
    r->hand_over = NULL;
    r->hand_over_ns = RF_NEVER_NS;
    jam_recording_leave(r);
}

jam_recording *jam_recording_take_up(jam_service *service, const char *tenant,
                                     const jam_recording_rest *rest, jam_recording_fn changed,
                                     void *user)
{
    jam_recording *r = jam_recording_make(service, tenant, rest->name, rest->begin, changed, user);
    memcpy(r->id, rest->id, sizeof(r->id));
    memcpy(r->key, rest->key, sizeof(r->key));
    r->n_frames = r->first = rest->n_frames;
    memcpy(r->missing, rest->missing, sizeof(r->missing));
    r->n_ranges = rest->n_ranges;
    r->n_missing = rest->n_missing;
    r->state = JAM_RECORDING_INTERRUPTED;
    if (jam_recording_log_load(&r->log, rest->log) < 0) {
        RF_LOG_WARN("control log of a recording is lost", RF_STR("recording", r->id));
    }
    if (r->recorder == NULL) {
        jam_recording_finish(r, JAM_RECORDING_INCOMPLETE, "UNAVAILABLE");
    } else {
        jam_recording_open_link(r);
    }
    return r;
}
