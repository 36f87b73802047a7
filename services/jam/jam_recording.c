/* The life of a recording: its states, its timer, and what is told of it. */
#include "jam_recording_internal.h"

#include "rf_log.h"

#include <string.h>

static const char *const state_names[JAM_N_RECORDING_STATES] = {
    "waiting", "recording", "interrupted", "stopping", "stored", "incomplete", "pending", "failed"};

const char *jam_recording_state_name(jam_recording_state state)
{
    return state_names[state];
}

static bool is_over(const jam_recording *r)
{
    return r->state >= JAM_RECORDING_STORED;
}

/* ---- telling ---- */

void jam_recording_enter(jam_recording *r, jam_recording_state state, const char *code)
{
    if (r->state == state && strcmp(r->code, code) == 0) {
        return;
    }
    RF_LOG_INFO("recording", RF_STR("recording", r->id), RF_STR("from", state_names[r->state]),
                RF_STR("to", state_names[state]), RF_STR("code", code),
                RF_INT("missing_samples", r->n_missing));
    r->state = state;
    rf_copy_str(r->code, sizeof(r->code), code);
    r->must_tell = true;
    rf_timer_set(r->timer, rf_time_ns());
}

void jam_recording_inform(const jam_recording *r, jam_recording_info *ret)
{
    *ret = (jam_recording_info){.id = r->id,
                                .key = r->key,
                                .state = state_names[r->state],
                                .code = r->code,
                                .start_sample = r->begin,
                                .n_samples = r->n_frames,
                                .n_missing = r->n_missing,
                                .missing = r->missing,
                                .n_ranges = r->n_ranges};
}

/* ---- the end ---- */

void jam_recording_free(jam_recording *r)
{
    jam_recording **at = &r->service->recordings;
    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    jam_recording_buffer_done(r);
    if (r->link != NULL) {
        r->recorder->close(r->link);
    }
    if (r->notes != NULL) {
        r->recorder->forget(r->notes);
    }
    jam_recording_log_done(&r->log);
    rf_timer_free(r->timer);
    free(r->tenant);
    free(r);
}

void jam_recording_finish(jam_recording *r, jam_recording_state state, const char *code)
{
    jam_metrics *m = r->service->metrics;
    if (is_over(r)) {
        return;
    }
    jam_recording_drop_link(r);
    if (state == JAM_RECORDING_INCOMPLETE) {
        jam_recording_miss(r, r->durable, r->n_frames);
    }
    jam_recording_buffer_done(r);
    rf_metric_add(m->recordings[state - JAM_RECORDING_STORED], 1);
    jam_recording_enter(r, state, code);
}

/* ---- the timer ---- */

static void give_up(jam_recording *r)
{
    if (r->id[0] == '\0') {
        jam_recording_finish(r, JAM_RECORDING_FAILED, "UNAVAILABLE");
    } else {
        jam_recording_finish(r, JAM_RECORDING_INCOMPLETE, "UNAVAILABLE");
    }
}

int64_t jam_recording_next_ns(const jam_recording *r)
{
    int64_t at_ns = r->link == NULL && r->notes == NULL ? r->retry_ns : RF_NEVER_NS;
    return RF_MIN(at_ns, RF_MIN(r->give_up_ns, r->hand_over_ns));
}

static void act(jam_recording *r, int64_t now_ns)
{
    if (now_ns >= r->give_up_ns) {
        give_up(r);
    } else if (r->link == NULL && r->notes == NULL && now_ns >= r->retry_ns) {
        if (r->is_concluded) {
            r->retry_ns = RF_NEVER_NS;
            jam_recording_send_notes(r);
        } else {
            jam_recording_open_link(r);
        }
    }
}

static void tell(jam_recording *r)
{
    r->must_tell = false;
    if (r->changed != NULL) {
        r->changed(r->user, r);
    }
}

static void on_timer(void *user)
{
    jam_recording *r = user;
    int64_t now_ns = rf_time_ns();
    bool is_handed_over = r->hand_over != NULL &&
                          (is_over(r) || r->durable == r->n_frames || now_ns >= r->hand_over_ns);
    if (is_handed_over) {
        jam_recording_hand(r);
        return;
    }
    if (!is_over(r)) {
        act(r, now_ns);
    }
    if (r->must_tell) {
        tell(r);
    }
    if (is_over(r) && r->has_left && r->hand_over == NULL) {
        jam_recording_free(r);
    } else if (!is_over(r)) {
        rf_timer_set(r->timer, jam_recording_next_ns(r));
    }
}

/* ---- life ---- */

jam_recording *jam_recording_make(jam_service *service, const char *tenant, const char *name,
                                  int64_t begin, jam_recording_fn changed, void *user)
{
    jam_recording *r = RF_NEW(jam_recording);
    r->service = service;
    r->recorder = service->recorder;
    r->next = service->recordings;
    service->recordings = r;
    r->tenant = rf_strdup(tenant);
    rf_copy_str(r->name, sizeof(r->name), name);
    r->begin = begin;
    r->end = INT64_MAX;
    r->changed = changed;
    r->user = user;
    r->retry_ns = r->give_up_ns = r->hand_over_ns = RF_NEVER_NS;
    r->timer = rf_timer_new(service->loop, on_timer, r);
    jam_recording_log_init(&r->log);
    return r;
}

jam_recording *jam_recording_new(jam_service *service, const char *tenant, const char *name,
                                 int64_t begin, jam_recording_fn changed, void *user)
{
    jam_recording *r = jam_recording_make(service, tenant, name, begin, changed, user);
    if (r->recorder == NULL) {
        jam_recording_finish(r, JAM_RECORDING_FAILED, "UNAVAILABLE");
    }
    return r;
}

void jam_recording_set_end(jam_recording *r, int64_t end)
{
    r->end = RF_MIN(r->end, end);
}

bool jam_recording_is_on(const jam_recording *r)
{
    return r->end == INT64_MAX && !is_over(r);
}

bool jam_recording_is_over(const jam_recording *r)
{
    return is_over(r);
}

jam_recording_log *jam_recording_control_log(jam_recording *r)
{
    return &r->log;
}

void jam_recording_given(jam_recording *r)
{
    if (!is_over(r) && r->link == NULL && r->retry_ns == RF_NEVER_NS && !r->is_concluded) {
        jam_recording_open_link(r);
    }
    jam_recording_pump(r);
    if (r->n_frames >= JAM_RECORDING_MAX && !r->is_ended) {
        jam_recording_end(r);
    }
}

void jam_recording_end(jam_recording *r)
{
    if (is_over(r) || r->is_ended) {
        return;
    }
    r->is_ended = true;
    r->end = RF_MIN(r->end, INT64_MAX - 1);
    r->give_up_ns = r->is_ready ? RF_NEVER_NS : rf_time_ns() + JAM_RECORDING_ENDING_NS;
    if (r->n_frames == 0) {
        jam_recording_finish(r, JAM_RECORDING_FAILED, "NO_AUDIO");
        return;
    }
    jam_recording_enter(r, JAM_RECORDING_STOPPING, "");
    jam_recording_pump(r);
}

void jam_recording_leave(jam_recording *r)
{
    jam_recording_end(r);
    if (r->must_tell) { /* now: the session has no later */
        tell(r);
    }
    r->changed = NULL;
    r->has_left = true;
    rf_timer_set(r->timer, rf_time_ns());
}

void jam_recording_drop_all(jam_service *service)
{
    while (service->recordings != NULL) {
        jam_recording_free(service->recordings);
    }
}
