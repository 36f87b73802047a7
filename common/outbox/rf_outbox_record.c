#include "rf_outbox_record.h"

#include "rf_bus.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define MAGIC 0x314f4652u /* "RFO1" */
#define CRC_FROM 12

/* ---- checks ---- */

static bool printable(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~') {
            return false;
        }
    }
    return len > 0;
}

static size_t len_of(const char *s, size_t max)
{
    return s == NULL ? 0 : strnlen(s, max + 1);
}

/* What rf_bus_produce would refuse for ever must not get in. */
static bool topic_valid(const char *s, size_t len)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    return len > 0 && len <= RF_BUS_MAX_TOPIC && strspn(s, rest) == len && strcspn(s, first) == 0;
}

int rf_outbox_event_check(const rf_outbox_event *e)
{
    size_t id_len = len_of(e->id, RF_OUTBOX_MAX_ID);
    size_t target_len = len_of(e->target, RF_OUTBOX_MAX_TARGET);
    size_t max_body = e->route == RF_OUTBOX_HOOK ? RF_OUTBOX_MAX_HOOK : RF_OUTBOX_MAX_BODY;
    if (id_len > RF_OUTBOX_MAX_ID || target_len > RF_OUTBOX_MAX_TARGET ||
        len_of(e->owner, RF_OUTBOX_MAX_OWNER) > RF_OUTBOX_MAX_OWNER ||
        e->key_len > RF_OUTBOX_MAX_KEY || e->body_len > max_body) {
        return -EMSGSIZE;
    }
    bool target_valid = e->route == RF_OUTBOX_BUS    ? topic_valid(e->target, target_len)
                        : e->route == RF_OUTBOX_HOOK ? printable(e->target, target_len)
                                                     : false;
    return target_valid && printable(e->id, id_len) ? 0 : -EINVAL;
}

/* ---- packing ---- */

static void put_number(rf_buf *out, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        rf_buf_append_char(out, (char)(value >> 8 * i & 0xff));
    }
}

static void put_bytes(rf_buf *out, const void *data, size_t len, size_t n_bytes)
{
    put_number(out, len, n_bytes);
    rf_buf_append(out, data, len);
}

static void put_text(rf_buf *out, const char *s, size_t n_bytes)
{
    put_bytes(out, s, s == NULL ? 0 : strlen(s), n_bytes);
}

static void put_event(rf_buf *out, const rf_outbox_event *e)
{
    put_number(out, (uint64_t)e->at_ms, 8);
    put_number(out, (uint64_t)e->due_ms, 8);
    put_number(out, e->attempts, 4);
    put_number(out, e->route, 1);
    put_text(out, e->id, 1);
    put_text(out, e->owner, 1);
    put_bytes(out, e->key, e->key_len, 2);
    put_text(out, e->target, 2);
    put_bytes(out, e->body, e->body_len, 4);
}

static void patch_u32(uint8_t *at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t crc_of(const uint8_t *record, size_t len)
{
    return (uint32_t)crc32(0, record + CRC_FROM, (uInt)(len - CRC_FROM));
}

int rf_outbox_record_pack(rf_outbox_kind kind, bool more, uint64_t number,
                          const rf_outbox_event *event, rf_buf *out)
{
    size_t start = out->len;
    put_number(out, MAGIC, 4);
    put_number(out, 0, 8); /* length and CRC, below */
    put_number(out, kind, 1);
    put_number(out, more ? 1 : 0, 3);
    put_number(out, number, 8);
    if (kind == RF_OUTBOX_ADD) {
        put_event(out, event);
    } else if (kind == RF_OUTBOX_STATE) {
        put_number(out, (uint64_t)event->due_ms, 8);
        put_number(out, event->attempts, 4);
    }
    if (rf_buf_error(out) < 0) {
        return -ENOSPC;
    }
    uint8_t *record = out->data + start;
    patch_u32(record + 4, (uint32_t)(out->len - start - RF_OUTBOX_HEADER));
    patch_u32(record + 8, crc_of(record, out->len - start));
    return 0;
}

/* ---- unpacking ---- */

typedef struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
} reader;

static uint64_t get_number(reader *r, size_t n_bytes)
{
    uint64_t value = 0;
    if (r->left < n_bytes) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        value |= (uint64_t)r->at[i] << 8 * i;
    }
    r->at += n_bytes;
    r->left -= n_bytes;
    return value;
}

static const void *get_bytes(reader *r, size_t n_bytes, size_t *ret_len)
{
    size_t len = (size_t)get_number(r, n_bytes);
    const uint8_t *data = r->at;
    if (r->bad || len > r->left) {
        r->bad = true;
        *ret_len = 0;
        return NULL;
    }
    r->at += len;
    r->left -= len;
    *ret_len = len;
    return data;
}

static const char *get_text(reader *r, size_t n_bytes, char *to, size_t to_size)
{
    size_t len = 0;
    const void *data = get_bytes(r, n_bytes, &len);
    if (r->bad || len >= to_size || memchr(data, '\0', len) != NULL) {
        r->bad = true;
        len = 0;
    }
    memcpy(to, len == 0 ? "" : data, len);
    to[len] = '\0';
    return to;
}

static void get_event(reader *r, rf_outbox_record *record)
{
    rf_outbox_event *e = &record->event;
    e->at_ms = (int64_t)get_number(r, 8);
    e->due_ms = (int64_t)get_number(r, 8);
    e->attempts = (unsigned)get_number(r, 4);
    e->route = (rf_outbox_route)get_number(r, 1);
    e->id = get_text(r, 1, record->id, sizeof(record->id));
    e->owner = get_text(r, 1, record->owner, sizeof(record->owner));
    e->key = get_bytes(r, 2, &e->key_len);
    e->target = get_text(r, 2, record->target, sizeof(record->target));
    e->body = get_bytes(r, 4, &e->body_len);
    r->bad = r->bad || rf_outbox_event_check(e) < 0;
}

static void get_payload(reader *r, rf_outbox_record *record)
{
    record->number = get_number(r, 8);
    switch (record->kind) {
    case RF_OUTBOX_ADD:
        get_event(r, record);
        break;
    case RF_OUTBOX_STATE:
        record->event.due_ms = (int64_t)get_number(r, 8);
        record->event.attempts = (unsigned)get_number(r, 4);
        break;
    case RF_OUTBOX_DONE:
        break;
    default:
        r->bad = true;
    }
    r->bad = r->bad || r->left > 0;
}

long rf_outbox_record_unpack(const void *data, size_t len, rf_outbox_record *ret)
{
    reader header = {.at = data, .left = len};
    const uint8_t *record = data;
    if (len == 0) {
        return 0;
    }
    uint64_t magic = get_number(&header, 4);
    size_t payload_len = (size_t)get_number(&header, 4);
    uint64_t crc = get_number(&header, 4);
    uint64_t kind = get_number(&header, 1);
    uint64_t more = get_number(&header, 3);
    size_t whole = RF_OUTBOX_HEADER + payload_len;
    if (header.bad || magic != MAGIC || whole > len || whole > RF_OUTBOX_MAX_RECORD || more > 1 ||
        crc != crc_of(record, whole)) {
        return -EBADMSG;
    }
    reader payload = {.at = record + RF_OUTBOX_HEADER, .left = payload_len};
    *ret = (rf_outbox_record){.kind = (rf_outbox_kind)kind, .more = more == 1};
    get_payload(&payload, ret);
    return payload.bad ? -EBADMSG : (long)whole;
}
