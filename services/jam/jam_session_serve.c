/* What the sockets of a session are sent: chunks from the ring, each at its own cursor, and
 * statuses. */
#include "jam_session_internal.h"

bool jam_session_has_room(const jam_session *s)
{
    size_t n_controllers = jam_session_count(s, JAM_ROLE_CONTROLLER);
    for (size_t i = 0; i < s->n_seats; i++) {
        const jam_seat *seat = &s->seats[i];
        bool sets_pace = n_controllers == 0 || seat->role == JAM_ROLE_CONTROLLER;
        if (sets_pace && seat->cursor == s->ring.next && jam_socket_has_room(seat->socket)) {
            return true;
        }
    }
    return false;
}

static void count_chunk(const jam_session *s, const jam_seat *seat, const jam_block *block)
{
    jam_metrics *m = s->service->metrics;
    jam_format format = block->chunk.format;
    bool is_binary = jam_socket_is_binary(seat->socket);
    rf_metric_add(m->chunks_sent[format][is_binary][s->settings.pace], 1);
    rf_metric_add(m->bytes_sent[format], (int64_t)block->size);
    if (seat->replaying) {
        rf_metric_add(m->replayed_chunks, 1);
    }
}

static void give_chunk(jam_session *s, jam_seat *seat)
{
    jam_block *block = jam_ring_get(&s->ring, seat->cursor);
    if (block != NULL) {
        count_chunk(s, seat, block);
        jam_socket_chunk(seat->socket, block);
    }
    seat->cursor++;
    seat->replaying = seat->replaying && seat->cursor < s->ring.next;
}

void jam_session_flush(jam_session *s, jam_seat *seat)
{
    while (seat->cursor < s->ring.next) {
        give_chunk(s, seat);
    }
}

/* The sample at which the chunk of an index begins; that of the next to come behind the last. */
static int64_t start_of(const jam_session *s, int64_t index)
{
    const jam_block *block = jam_ring_get(&s->ring, index);
    const jam_block *last = jam_ring_get(&s->ring, s->ring.next - 1);
    if (block != NULL) {
        return block->chunk.start_sample;
    }
    return last == NULL
               ? 0
               : last->chunk.start_sample + (int64_t)last->chunk.n_frames * JAM_FRAME_SAMPLES;
}

/* A socket that is slow where others are not misses its oldest chunks. */
static void drop_missed(jam_session *s, jam_seat *seat)
{
    int64_t oldest = seat->replaying ? s->ring.first : s->ring.next - JAM_WAITING_MAX;
    oldest = RF_MAX(oldest, s->ring.first);
    if (seat->cursor >= oldest) {
        return;
    }
    char text[JAM_ANSWER_SIZE];
    const jam_status status = {.applied_at_sample = -1,
                               .has_skip = true,
                               .skip_from = start_of(s, RF_MAX(seat->cursor, s->ring.first)),
                               .skip_to = start_of(s, oldest)};
    rf_metric_add(s->service->metrics->listener_drops, oldest - seat->cursor);
    seat->cursor = oldest;
    jam_socket_text(seat->socket, text, jam_answer_status(&status, text, sizeof(text)));
}

void jam_session_serve(jam_session *s, jam_seat *seat)
{
    drop_missed(s, seat);
    while (seat->cursor < s->ring.next && jam_socket_has_room(seat->socket)) {
        give_chunk(s, seat);
    }
}

void jam_session_serve_all(jam_session *s)
{
    for (size_t i = 0; i < s->n_seats; i++) {
        jam_session_serve(s, &s->seats[i]);
    }
}

void jam_session_tell(jam_session *s, jam_status *status, uint64_t origin, bool all)
{
    char text[JAM_ANSWER_SIZE];
    const char *id = status->id;
    if (s->n_seats == 0) { /* perhaps there is no stream yet, either */
        return;
    }
    if (status->rev == 0 && s->maker != NULL) {
        status->rev = jam_maker_rev(s->maker);
    }
    for (size_t i = 0; i < s->n_seats; i++) {
        jam_socket *socket = s->seats[i].socket;
        if (!all && s->seats[i].role == JAM_ROLE_LISTENER) {
            continue;
        }
        status->id = origin == jam_socket_number(socket) ? id : NULL;
        jam_socket_text(socket, text, jam_answer_status(status, text, sizeof(text)));
    }
}
