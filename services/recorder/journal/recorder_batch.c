#include "recorder_batch.h"

#define FIRST_BYTES 65536u
#define KEPT_BYTES (2u << 20) /* a batch that grew larger gives its memory back */
#define FIRST_PIECES 64u

recorder_batch *recorder_batch_new(void)
{
    return RF_NEW(recorder_batch);
}

recorder_batch *recorder_batch_free(recorder_batch *b)
{
    if (b != NULL) {
        free(b->data);
        free(b->pieces);
        free(b->ended);
        free(b);
    }
    return NULL;
}

void recorder_batch_clear(recorder_batch *b)
{
    recorder_batch kept = {.data = b->data, .cap = b->cap};
    if (b->cap > KEPT_BYTES) {
        free(b->data);
        kept = (recorder_batch){0};
    }
    kept.pieces = b->pieces;
    kept.cap_pieces = b->cap_pieces;
    free(b->ended);
    *b = kept;
}

static uint8_t *make_room(recorder_batch *b, size_t size)
{
    if (b->cap - b->len < size) {
        b->cap = RF_MAX(RF_MAX(2 * b->cap, b->len + size), (size_t)FIRST_BYTES);
        b->data = rf_grow(b->data, b->cap, 1);
    }
    uint8_t *out = b->data + b->len;
    b->len += size;
    return out;
}

static void add_piece(recorder_batch *b, const recorder_record *r, size_t at, recorder_master *m)
{
    uint32_t i = b->n_pieces;
    if (i == b->cap_pieces) {
        b->cap_pieces = RF_MAX(2 * b->cap_pieces, FIRST_PIECES);
        b->pieces = rf_grow(b->pieces, b->cap_pieces, sizeof(*b->pieces));
    }
    b->pieces[i] = (recorder_piece){.master = m,
                                    .at = at,
                                    .len = r->len,
                                    .first_frame = r->first_frame,
                                    .n_frames = r->n_frames,
                                    .next = RECORDER_NO_PIECE,
                                    .leads = m->batch != b->lsn};
    if (b->pieces[i].leads) {
        m->refs++;
    } else {
        b->pieces[m->batch_piece].next = i;
    }
    m->batch = b->lsn;
    m->batch_piece = i;
    b->n_pieces++;
}

void recorder_batch_add(recorder_batch *b, const recorder_record *r, recorder_master *master)
{
    size_t at = b->len + RECORDER_RECORD_HEADER;
    recorder_record_pack(r, make_room(b, recorder_record_size(r->len)));
    if (master != NULL) {
        add_piece(b, r, at, master);
    }
}

void recorder_batch_end(recorder_batch *b, recorder_master *master)
{
    b->ended = rf_grow(b->ended, b->n_ended + 1, sizeof(recorder_master *));
    b->ended[b->n_ended++] = master;
}
