/*
 * rf_outbox_record.h - the bytes of an outbox file. Little endian; pure functions.
 *
 *     0  u32 magic "RFO1"     4  u32 payload length     8  u32 CRC-32 of all from byte 12 on
 *     12 u8 kind              13 u8 1: the next record belongs to the same append     14 u16 0
 *     16 payload: ADD    u64 number, i64 at_ms, i64 due_ms, u32 attempts, u8 route, u8 len + id,
 *                        u8 len + owner, u16 len + key, u16 len + target, u32 len + body
 *                 STATE  u64 number, i64 due_ms, u32 attempts
 *                 DONE   u64 number
 * An ADD of a number known already (a file was compacted) takes the place of the former.
 */
#ifndef RF_OUTBOX_RECORD_H
#define RF_OUTBOX_RECORD_H

#include "rf_buf.h"
#include "rf_outbox.h"

#define RF_OUTBOX_HEADER 16
#define RF_OUTBOX_MAX_RECORD                                                                       \
    (RF_OUTBOX_HEADER + 64 + RF_OUTBOX_MAX_ID + RF_OUTBOX_MAX_OWNER + RF_OUTBOX_MAX_KEY +          \
     RF_OUTBOX_MAX_TARGET + RF_OUTBOX_MAX_BODY)

typedef enum rf_outbox_kind {
    RF_OUTBOX_ADD = 1,
    RF_OUTBOX_STATE = 2,
    RF_OUTBOX_DONE = 3,
} rf_outbox_kind;

typedef struct rf_outbox_record {
    rf_outbox_kind kind;
    bool more; /* the next record belongs to the same append */
    uint64_t number;
    rf_outbox_event event; /* ADD: all; STATE: attempts and due_ms; pointers into data + strings */
    char id[RF_OUTBOX_MAX_ID + 1];
    char owner[RF_OUTBOX_MAX_OWNER + 1];
    char target[RF_OUTBOX_MAX_TARGET + 1];
} rf_outbox_record;

/* rf_outbox_event_check says whether an event may be appended: 0, -EINVAL or -EMSGSIZE. */
int rf_outbox_event_check(const rf_outbox_event *event);

/* rf_outbox_record_pack appends a record; event is that of an ADD or STATE. 0 or -ENOSPC. */
int rf_outbox_record_pack(rf_outbox_kind kind, bool more, uint64_t number,
                          const rf_outbox_event *event, rf_buf *out);

/* rf_outbox_record_unpack reads the record at the front of data. Returns its length, 0 at the end
 * of data, -EBADMSG for anything else; key and body point into data, the strings into *ret. */
long rf_outbox_record_unpack(const void *data, size_t len, rf_outbox_record *ret);

#endif
