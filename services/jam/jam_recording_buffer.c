/* The samples of a recording that the recorder does not hold yet. */
#include "jam_recording_internal.h"

#include "rf_log.h"

#include <errno.h>

#define MESSAGE_FRAMES 8192 /* 64 KiB */

static jam_piece *piece_at(jam_recording *r, size_t i)
{
    return &r->pieces[(r->first_piece + i) % JAM_RECORDING_PIECES];
}

/* ---- what is missing ---- */

void jam_recording_miss(jam_recording *r, int64_t from, int64_t to)
{
    jam_range *last = r->n_ranges > 0 ? &r->missing[r->n_ranges - 1] : NULL;
    if (last != NULL && from < last->to) { /* told already, before the link was lost */
        from = RF_MIN(last->to, to);
    }
    if (from >= to) {
        return;
    }
    r->n_missing += to - from;
    rf_metric_add(r->service->metrics->recording_gap_samples, to - from);
    if (last != NULL && (last->to == from || r->n_ranges == JAM_RANGES_MAX)) {
        last->to = to; /* beyond the limit the last one covers what is between */
    } else {
        r->missing[r->n_ranges++] = (jam_range){from, to};
    }
}

/* ---- keeping ---- */

static void drop_first(jam_recording *r, int64_t n)
{
    while (n > 0 && r->n_pieces > 0) {
        jam_piece *p = piece_at(r, 0);
        int64_t part = RF_MIN(n, p->n);
        p->offset += (size_t)part;
        p->first += part;
        p->n -= part;
        n -= part;
        if (p->n == 0) {
            p->pcm = jam_block_unref(p->pcm);
            r->first_piece = (r->first_piece + 1) % JAM_RECORDING_PIECES;
            r->n_pieces--;
        }
    }
    r->first = r->n_pieces > 0 ? piece_at(r, 0)->first : r->n_frames;
}

void jam_recording_acknowledged(jam_recording *r, int64_t durable)
{
    if (durable > r->first) {
        drop_first(r, durable - r->first);
    }
}

void jam_recording_buffer_done(jam_recording *r)
{
    drop_first(r, r->n_frames - r->first);
}

static void add(jam_recording *r, jam_block *pcm, size_t offset, int64_t n)
{
    if (r->n_pieces == JAM_RECORDING_PIECES) {
        drop_first(r, piece_at(r, 0)->n);
    }
    *piece_at(r, r->n_pieces++) = (jam_piece){.pcm = pcm != NULL ? jam_block_ref(pcm) : NULL,
                                              .offset = offset,
                                              .first = r->n_frames,
                                              .n = n};
    r->n_frames += n;
    if (r->n_frames - r->first > JAM_RECORDING_BUFFER) {
        drop_first(r, r->n_frames - r->first - JAM_RECORDING_BUFFER);
    }
}

static void give(jam_recording *r, int64_t start, int64_t from, int64_t to, jam_block *pcm)
{
    if (r->n_frames > 0 && start > r->stream_end) {
        jam_recording_log_skip(&r->log, r->n_frames, r->stream_end, start);
    }
    add(r, pcm, (size_t)(from - start), to - from);
}

void jam_recording_chunk(jam_recording *r, int64_t start, int64_t n_samples, jam_block *pcm)
{
    int64_t from = RF_MAX(start, r->begin);
    int64_t to = RF_MIN(start + n_samples, r->end);
    to = RF_MIN(to, from + (JAM_RECORDING_MAX - r->n_frames));
    bool is_last = start + n_samples >= r->end;
    if (r->is_ended) {
        return;
    }
    if (from < to) {
        give(r, start, from, to, pcm);
        r->stream_end = start + n_samples;
        jam_recording_given(r);
    }
    if (is_last) {
        jam_recording_end(r);
    }
}

/* ---- sending ---- */

static const jam_piece *piece_of(jam_recording *r, int64_t frame)
{
    for (size_t i = 0; i < r->n_pieces; i++) {
        const jam_piece *p = piece_at(r, i);
        if (frame < p->first + p->n) {
            return p;
        }
    }
    return NULL;
}

static int send_gap(jam_recording *r, int64_t to)
{
    int err = r->recorder->gap(r->link, r->sent, to - r->sent);
    if (err == 0) {
        jam_recording_miss(r, r->sent, to);
        r->sent = to;
    }
    return err;
}

static int send_some(jam_recording *r)
{
    if (r->sent < r->first) {
        return send_gap(r, r->first);
    }
    const jam_piece *p = piece_of(r, r->sent);
    if (p->pcm == NULL) {
        return send_gap(r, p->first + p->n);
    }
    int64_t n = RF_MIN(p->first + p->n - r->sent, (int64_t)MESSAGE_FRAMES);
    int err = r->recorder->audio(r->link, r->sent, (uint32_t)n, p->pcm,
                                 p->offset + (size_t)(r->sent - p->first));
    r->sent += err == 0 ? n : 0;
    return err;
}

void jam_recording_pump(jam_recording *r)
{
    if (!r->is_ready || r->stop_sent) {
        return;
    }
    int err = 0;
    while (err == 0 && r->sent < r->n_frames) {
        err = send_some(r);
    }
    if (err == 0 && r->is_ended) {
        r->stop_sent = r->recorder->stop(r->link, r->n_frames) == 0;
    }
}
