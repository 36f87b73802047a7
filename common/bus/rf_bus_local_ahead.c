#include "rf_bus_local_sub.h"

#include "rf_bus_headers.h"
#include "rf_bus_local_chunk.h"

#include <errno.h>
#include <string.h>

#define READ_RECORDS 256 /* of one partition before the next has its turn */

/* ---- messages ---- */

static void held_free(rf_bus_box *box)
{
    free(box);
}

static const void *copy_bytes(uint8_t **to, const void *from, size_t len)
{
    const void *at = *to;
    if (len > 0) {
        memcpy(*to, from, len);
    }
    *to += len;
    return at;
}

static rf_bus_held *held_new(const rf_bus_local_sub *s, uint32_t index, int64_t offset,
                             int64_t at_ms, const rf_bus_chunk_record *r)
{
    const rf_bus_slot *sl = &s->slots[index];
    size_t n_bytes = rf_bus_chunk_payload(r);
    size_t topic_size = strlen(s->topics[sl->topic]) + 1;
    rf_bus_held *h = malloc(sizeof(rf_bus_held) + n_bytes + topic_size);
    if (h == NULL) {
        return NULL;
    }
    uint8_t *to = h->bytes;
    h->box.free = held_free;
    h->next = NULL;
    h->size = sizeof(rf_bus_held) + n_bytes + topic_size;
    h->slot = index;
    h->generation = sl->generation;
    const void *key = copy_bytes(&to, r->key, r->key_len);
    const void *value = copy_bytes(&to, r->value, r->value_len);
    const void *headers = copy_bytes(&to, r->headers, r->headers_len);
    int n_headers = rf_bus_headers_decode(headers, r->headers_len, h->headers);
    h->box.message = (rf_bus_message){
        .topic = memcpy(to, s->topics[sl->topic], topic_size),
        .partition = sl->partition,
        .offset = offset,
        .at_ms = at_ms,
        .key = r->key == NULL ? NULL : key,
        .key_len = r->key_len,
        .value = value,
        .value_len = r->value_len,
        .headers = h->headers,
        .n_headers = (size_t)RF_MAX(n_headers, 0),
    };
    return h;
}

void rf_bus_ahead_drop(rf_bus_local_sub *s, rf_bus_slot *sl)
{
    if (sl->head != NULL) {
        sl->position = sl->head->box.message.offset;
    }
    while (sl->head != NULL) {
        rf_bus_held *h = sl->head;
        sl->head = h->next;
        s->n_ahead--;
        s->bytes_ahead -= h->size;
        free(h);
    }
    sl->tail = &sl->head;
}

static void keep_ahead(rf_bus_local_sub *s, rf_bus_slot *sl, rf_bus_held *h)
{
    *sl->tail = h;
    sl->tail = &h->next;
    sl->position = h->box.message.offset + 1;
    s->n_ahead++;
    s->bytes_ahead += h->size;
}

rf_bus_held *rf_bus_ahead_take(rf_bus_local_sub *s)
{
    for (uint32_t i = 0; s->n_ahead > 0 && i < s->n_slots; i++) {
        rf_bus_slot *sl = &s->slots[(s->turn + i) % s->n_slots];
        rf_bus_held *h = sl->head;
        if (h != NULL) {
            sl->head = h->next;
            sl->tail = sl->head == NULL ? &sl->head : sl->tail;
            s->turn = (s->turn + i + 1) % s->n_slots;
            s->n_ahead--;
            s->bytes_ahead -= h->size;
            return h;
        }
    }
    return NULL;
}

/* ---- reading ---- */

static bool has_room(const rf_bus_local_sub *s, int n)
{
    return n < READ_RECORDS && s->bytes_ahead < s->local->config.prefetch_bytes;
}

/* Keeps what is wanted of the row that stmt stands on, as long as there is room. */
static int read_chunk(rf_bus_local_sub *s, uint32_t index, sqlite3_stmt *stmt, int *n)
{
    rf_bus_slot *sl = &s->slots[index];
    int64_t offset = sqlite3_column_int64(stmt, 0) - RF_BUS_ROW(sl->part, 0);
    int64_t at_ms = sqlite3_column_int64(stmt, 1);
    int64_t wanted = RF_MAX(sl->position, sqlite3_column_int64(stmt, 2));
    const uint8_t *at = sqlite3_column_blob(stmt, 3);
    size_t left = (size_t)sqlite3_column_bytes(stmt, 3);
    for (; left > 0 && has_room(s, *n); offset++) {
        rf_bus_chunk_record r;
        int err = rf_bus_chunk_take(&at, &left, &r);
        if (err < 0) {
            return err;
        }
        if (offset < wanted) {
            continue;
        }
        rf_bus_held *h = held_new(s, index, offset, at_ms, &r);
        if (h == NULL) {
            return -ENOMEM;
        }
        keep_ahead(s, sl, h);
        (*n)++;
    }
    return 0;
}

/* Returns 1 when there may be more, 0 at the end, or an error. */
static int read_slot(rf_bus_local_sub *s, uint32_t index)
{
    const rf_bus_slot *sl = &s->slots[index];
    int64_t begin = RF_BUS_ROW(sl->part, 0);
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_LOG_READ, sl->part, begin,
                                    begin + sl->position, RF_BUS_ROW(sl->part + 1, 0));
    int row = 1;
    int n = 0;
    while (row > 0 && has_room(s, n)) {
        row = rf_bus_db_step(s->db, stmt);
        int err = row > 0 ? read_chunk(s, index, stmt, &n) : 0;
        row = err < 0 ? err : row;
    }
    sqlite3_reset(stmt);
    return row;
}

int rf_bus_ahead_fill(rf_bus_local_sub *s)
{
    bool more = false;
    for (uint32_t i = 0; i < s->n_slots; i++) {
        uint32_t index = (s->turn + i) % s->n_slots;
        if (s->slots[index].owned && !s->slots[index].paused) {
            int row = read_slot(s, index);
            if (row < 0) {
                return row;
            }
            more |= row > 0;
        }
    }
    s->news_records = more;
    return 0;
}
