#include "rf_bus_local_sub.h"

#include "rf_bus_headers.h"

#include <errno.h>
#include <string.h>

#define READ_ROWS 256 /* of one partition before the next has its turn */

/* ---- messages ---- */

static void held_free(rf_bus_box *box)
{
    free(box);
}

static const void *copy_column(sqlite3_stmt *stmt, int column, uint8_t **to, size_t *ret_len)
{
    int len = sqlite3_column_bytes(stmt, column);
    const void *blob = sqlite3_column_blob(stmt, column);
    const void *at = *to;
    if (len > 0) {
        memcpy(*to, blob, (size_t)len);
    }
    *to += len;
    *ret_len = (size_t)len;
    return at;
}

/* Makes a message of the row that stmt stands on. */
static rf_bus_held *held_new(const rf_bus_local_sub *s, uint32_t index, sqlite3_stmt *stmt)
{
    const rf_bus_slot *sl = &s->slots[index];
    size_t n_bytes = (size_t)sqlite3_column_bytes(stmt, 2) + (size_t)sqlite3_column_bytes(stmt, 3) +
                     (size_t)sqlite3_column_bytes(stmt, 4);
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
    rf_bus_message *m = &h->box.message;
    m->topic = memcpy(h->bytes + n_bytes, s->topics[sl->topic], topic_size);
    m->partition = sl->partition;
    m->offset = sqlite3_column_int64(stmt, 0) - RF_BUS_ROW(sl->part, 0);
    m->at_ms = sqlite3_column_int64(stmt, 1);
    m->key = copy_column(stmt, 2, &to, &m->key_len);
    if (sqlite3_column_type(stmt, 2) == SQLITE_NULL) {
        m->key = NULL;
    }
    m->value = copy_column(stmt, 3, &to, &m->value_len);
    size_t headers_len = 0;
    const uint8_t *headers = copy_column(stmt, 4, &to, &headers_len);
    int n = rf_bus_headers_decode(headers, headers_len, h->headers);
    m->headers = h->headers;
    m->n_headers = n < 0 ? 0 : (size_t)n;
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

static int read_slot(rf_bus_local_sub *s, uint32_t index)
{
    rf_bus_slot *sl = &s->slots[index];
    int64_t begin = RF_BUS_ROW(sl->part, sl->position);
    sqlite3_stmt *stmt = RF_BUS_ASK(s->db, RF_BUS_SQL_LOG_READ, begin, RF_BUS_ROW(sl->part + 1, 0));
    int row = 1;
    for (int n = 0; n < READ_ROWS && s->bytes_ahead < s->local->config.prefetch_bytes; n++) {
        row = rf_bus_db_step(s->db, stmt);
        if (row <= 0) {
            break;
        }
        rf_bus_held *h = held_new(s, index, stmt);
        if (h == NULL) {
            row = -ENOMEM;
            break;
        }
        keep_ahead(s, sl, h);
    }
    sqlite3_reset(stmt);
    return row; /* 1: there may be more */
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
