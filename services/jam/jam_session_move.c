/* A session leaves this process for the store, and comes back from there. */
#include "jam_session_internal.h"

#include "jam_parking.h"
#include "rf_log.h"

#include <string.h>

#define RESTARTS "the server restarts"

/* ---- leaving ---- */

static bool has_tokens(const jam_session *s)
{
    for (size_t i = 0; i < JAM_TOKENS_MAX; i++) {
        if (s->tokens[i].text[0] != '\0') {
            return true;
        }
    }
    return false;
}

static bool can_move(const jam_session *s)
{
    bool is_live = s->state == JAM_SESSION_RUNNING || s->state == JAM_SESSION_PAUSED ||
                   s->state == JAM_SESSION_PARKED;
    bool has_sound = s->finished != NULL || s->ring.next > s->ring.first;
    return s->service->store != NULL && is_live && !s->is_last && has_sound && has_tokens(s);
}

static void close_starter(jam_session *s)
{
    jam_socket *starter = s->starter;
    jam_session_leave(s, starter);
    jam_socket_close(starter, 1012, RESTARTS);
}

/* Its clients are told nothing but the close: they come back with their tokens. */
static void dismiss(jam_session *s)
{
    while (s->n_seats > 0) {
        jam_seat *seat = &s->seats[--s->n_seats];
        jam_session_unseat(s, seat);
        jam_socket_close(seat->socket, 1012, RESTARTS);
    }
    rf_metric_add(s->service->metrics->stops[JAM_REASON_DRAINING], 1);
    jam_session_let_go(s);
}

static void on_put(void *user, int err, jam_parked *parked)
{
    jam_session *s = user;
    (void)parked;
    s->errand = NULL;
    RF_LOG_INFO("session is parked in the store", RF_STR("session", s->id), RF_INT("error", err));
    dismiss(s);
}

static void copy_blocks(const jam_session *s, jam_parked *p)
{
    for (int64_t i = s->ring.first; i < s->ring.next; i++) {
        p->blocks[p->n_blocks++] = jam_block_ref(jam_ring_get(&s->ring, i));
    }
    if (s->finished != NULL) {
        p->has_finished = true;
        p->blocks[p->n_blocks++] = jam_block_ref(s->finished);
    }
}

static void copy_tokens(const jam_session *s, jam_parked *p)
{
    for (size_t i = 0; i < JAM_TOKENS_MAX; i++) {
        if (s->tokens[i].text[0] != '\0') {
            memcpy(p->tokens[p->n_tokens++], s->tokens[i].text, JAM_TOKEN_LEN + 1);
        }
    }
}

static jam_parked *park_of(jam_session *s, const jam_border *border, jam_recording_rest *recording)
{
    jam_parked *p = RF_NEW(jam_parked);
    jam_present present;
    jam_maker_present(s->maker, &present);
    memcpy(p->id, s->id, sizeof(p->id));
    memcpy(p->listen_token, s->listen_token, sizeof(p->listen_token));
    copy_tokens(s, p);
    p->tenant = rf_strdup(s->tenant);
    p->address = rf_strdup(s->address);
    p->seed = s->seed;
    p->encoder_seed = s->first_seed;
    p->parked_wall_ms = rf_time_wall_ms();
    p->started_wall_ms = s->started_wall_ms;
    p->left_ms = (s->end_ns - rf_time_ns()) / RF_NS_PER_MS;
    p->chunks_sent = s->chunks_sent;
    p->samples_sent = s->samples_sent;
    p->paused = s->paused;
    p->settings = present.settings;
    p->controls = present.controls;
    p->border = *border;
    copy_blocks(s, p);
    p->recording = recording;
    p->finished_pcm =
        p->has_finished && s->finished_pcm != NULL ? jam_block_ref(s->finished_pcm) : NULL;
    return p;
}

static void on_handed_over(void *user, jam_recording_rest *rest)
{
    jam_session *s = user;
    s->handing = NULL;
    s->errand = jam_parking_put(s->service, park_of(s, s->border, rest), on_put, s);
    free(RF_STEAL(s->border));
}

void jam_session_on_border(jam_session *s, const jam_border *border)
{
    if (border == NULL) {
        RF_LOG_WARN("session cannot be parked", RF_STR("session", s->id));
        dismiss(s);
    } else {
        s->border = RF_NEW(jam_border);
        *s->border = *border;
        jam_session_record_hand_over(s, on_handed_over);
    }
}

void jam_session_move_on(jam_session *s)
{
    if (s->is_last) { /* the last chunk was in hand */
        dismiss(s);
    } else {
        jam_maker_end(s->maker);
    }
}

void jam_session_evict(jam_session *s)
{
    if (s->state == JAM_SESSION_OVER || s->moving) {
        return;
    }
    if (s->starter != NULL) {
        close_starter(s);
    } else if (s->state == JAM_SESSION_NEW || !can_move(s)) {
        dismiss(s);
    } else {
        s->moving = true;
        if (!s->making) {
            jam_session_move_on(s);
        }
    }
}

/* ---- coming back ---- */

static void take_tokens(jam_session *s, const jam_parked *p)
{
    for (size_t i = 0; i < RF_MIN(p->n_tokens, (size_t)JAM_TOKENS_MAX); i++) {
        memcpy(s->tokens[i].text, p->tokens[i], JAM_TOKEN_LEN + 1);
        s->tokens[i].age = ++s->token_age;
    }
}

static void take_blocks(jam_session *s, const jam_parked *p)
{
    size_t n_sent = p->n_blocks - (p->has_finished ? 1 : 0);
    jam_ring_init(&s->ring, p->border.index - (int64_t)p->n_blocks);
    for (size_t i = 0; i < n_sent; i++) {
        jam_ring_add(&s->ring, jam_block_ref(p->blocks[i]));
    }
    if (p->has_finished) {
        s->finished = jam_block_ref(p->blocks[n_sent]);
        s->finished_pcm = p->finished_pcm != NULL ? jam_block_ref(p->finished_pcm) : NULL;
    }
    s->next_start = p->border.start;
}

jam_session *jam_session_restore(jam_service *service, jam_engine_entry *engine, jam_socket *socket,
                                 const jam_message *start, const jam_parked *p)
{
    jam_session *s = jam_session_new(service, engine, p->tenant, p->address, &p->start);
    memcpy(s->id, p->id, sizeof(s->id));
    memcpy(s->listen_token, p->listen_token, sizeof(s->listen_token));
    s->is_restored = true;
    s->starter = socket;
    s->start = RF_NEW(jam_message);
    *s->start = *start;
    s->seed = p->seed;
    s->first_seed = p->encoder_seed;
    s->started_wall_ms = p->started_wall_ms;
    s->start_ns = RF_NEVER_NS;
    s->end_ns = rf_time_ns() + p->left_ms * RF_NS_PER_MS;
    s->chunks_sent = p->chunks_sent;
    s->samples_sent = p->samples_sent;
    s->paused = p->paused;
    s->pause_end_ns =
        p->paused ? rf_time_ns() + service->config->pause_max_s * RF_NS_PER_S : RF_NEVER_NS;
    take_tokens(s, p);
    take_blocks(s, p);
    if (p->recording != NULL) {
        jam_session_record_take_up(s, p->recording);
    }
    jam_session_begin(s, &p->start, &p->border);
    return s;
}

void jam_session_restored(jam_session *s)
{
    jam_socket *socket = RF_STEAL(s->starter);
    jam_error error;
    jam_session_enter(s, JAM_SESSION_PARKED);
    jam_session_record_begin(s);
    if (socket != NULL && jam_session_resume(s, socket, s->start, &error) < 0) {
        jam_socket_refused(socket, &error, s->start->id);
    }
}
