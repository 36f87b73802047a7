/* Ogg Opus (RFC 3533, RFC 7845): the page before the place is found by bisection, packets from
 * 80 ms before it on are put into pages of their own. */
#include "rf_cut_impl.h"

#include <errno.h>
#include <ogg/ogg.h>
#include <opus.h>
#include <string.h>

#define PAGE_HEAD 27
#define PAGE_MAX (PAGE_HEAD + 255 + 255 * 255)
#define SIGHT                                                                                      \
    (2 * PAGE_MAX)     /* bytes held of the file: a page that begins in the first half is whole */
#define WARM_UP 9600   /* 200 ms; RFC 7845 section 4.6 has 80 at least */
#define LEAD 2880      /* the longest packet: libav skips none of the last one of a file */
#define PRE_SKIP_AT 10 /* in OpusHead */
#define PRE_SKIP_MAX 65535
#define HEAD_MIN 19
#define PACKET_MAX (255 * 255)
#define NO_POSITION (-1) /* of a page on which no packet ends */

enum { FLAG_FIRST = 2, FLAG_LAST = 4 };

typedef struct page {
    int64_t at;
    int64_t end; /* offset behind it */
    int64_t position;
    bool last;
    uint32_t serial;
    const uint8_t *lacing;
    size_t n_lacing;
    const uint8_t *body;
} page;

typedef struct cut {
    const rf_cut_file *file;
    rf_buf *out;
    uint8_t *sight;
    int64_t sight_at;
    size_t sight_len;
    uint32_t serial;
    int64_t data_at; /* the first page of audio */
    uint8_t head[HEAD_MIN + 2 + 255];
    size_t head_len;
    int64_t pre_skip;
    /* What is written. */
    uint32_t n_pages;
    int64_t start; /* position of the first packet kept, NO_POSITION: none yet */
    int64_t last;  /* behind the last one wanted */
    int64_t lead;  /* frames in front that are not wanted and not skipped */
    /* The packet that is being gathered. */
    uint8_t *packet;
    size_t packet_len;
    int64_t position;
} cut;

static uint64_t le(const uint8_t *at, size_t n_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        value |= (uint64_t)at[i] << 8 * i;
    }
    return value;
}

static void put_le(uint8_t *at, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

/* Has bytes from `at` on in sight, at least a page of them where the file has so many. */
static int look(cut *c, int64_t at)
{
    const int64_t there = c->sight_at + (int64_t)c->sight_len;
    if (at >= c->sight_at && (at + PAGE_MAX <= there || there == c->file->size) && at <= there) {
        return 0;
    }
    const size_t len = (size_t)RF_MIN((int64_t)SIGHT, c->file->size - at);
    c->sight_len = 0;
    int err = c->file->read(c->file->user, at, c->sight, len);
    if (err == 0) {
        c->sight_at = at;
        c->sight_len = len;
    }
    return err;
}

/* The page at an offset: 1, 0 when there is none, or an error. Its pointers hold until the next
 * look. */
static int read_page(cut *c, int64_t at, page *ret)
{
    int err = look(c, at);
    if (err < 0) {
        return err;
    }
    const uint8_t *bytes = c->sight + (at - c->sight_at);
    const size_t len = c->sight_len - (size_t)(at - c->sight_at);
    if (len < PAGE_HEAD || memcmp(bytes, "OggS", 5) != 0 || len < PAGE_HEAD + (size_t)bytes[26]) {
        return 0;
    }
    size_t n = PAGE_HEAD + (size_t)bytes[26];
    *ret = (page){.at = at,
                  .position = (int64_t)le(bytes + 6, 8),
                  .last = (bytes[5] & FLAG_LAST) != 0,
                  .serial = (uint32_t)le(bytes + 14, 4),
                  .lacing = bytes + PAGE_HEAD,
                  .n_lacing = bytes[26],
                  .body = bytes + n};
    for (size_t i = 0; i < ret->n_lacing; i++) {
        n += ret->lacing[i];
    }
    ret->end = at + (int64_t)n;
    return n <= len ? 1 : 0;
}

/* The first page of the stream that begins in [at, end) and has a position: 1, 0, or an error. */
static int next_page(cut *c, int64_t at, int64_t end, page *ret)
{
    const int64_t stop = RF_MIN(end, c->file->size - PAGE_HEAD);
    while (at <= stop) {
        int got = look(c, at);
        if (got < 0) {
            return got;
        }
        const uint8_t *bytes = c->sight + (at - c->sight_at);
        const size_t have = c->sight_len - (size_t)(at - c->sight_at);
        const uint8_t *found = memchr(bytes, 'O', have);
        at += found != NULL ? found - bytes : (int64_t)have;
        got = found != NULL && at <= stop ? read_page(c, at, ret) : 0;
        if (got < 0 || (got == 1 && ret->serial == c->serial && ret->position >= 0)) {
            return got;
        }
        at += found != NULL;
    }
    return 0;
}

/* ---- reading the file ---- */

static int read_heads(cut *c)
{
    page p;
    int got = read_page(c, 0, &p);
    if (got <= 0) {
        return RF_MIN(got, -EBADMSG);
    }
    c->head_len = (size_t)(p.end - (p.body - c->sight) - c->sight_at);
    if (p.n_lacing != 1 || c->head_len < HEAD_MIN || memcmp(p.body, "OpusHead", 8) != 0) {
        return -EBADMSG;
    }
    c->serial = p.serial;
    memcpy(c->head, p.body, c->head_len);
    c->pre_skip = (int64_t)le(c->head + PRE_SKIP_AT, 2);
    const int64_t tags_at = p.end;
    got = read_page(c, tags_at, &p);
    if (got <= 0 || p.n_lacing == 0 || p.lacing[p.n_lacing - 1] == 255) {
        return RF_MIN(got, -EBADMSG);
    }
    c->data_at = p.end;
    return 0;
}

/* The last page whose position is not behind `position`: its offset, else where audio begins. */
static int find_page(cut *c, int64_t position, int64_t *ret_at)
{
    int64_t low = c->data_at;
    int64_t high = c->file->size;
    *ret_at = c->data_at;
    while (high > low) {
        page p;
        const int64_t middle = high - low > PAGE_MAX ? low + (high - low) / 2 : low;
        int got = next_page(c, middle, high - 1, &p);
        if (got < 0) {
            return got;
        }
        if (got == 0 || p.position > position) {
            if (middle == low) {
                return 0;
            }
            high = middle;
        } else {
            *ret_at = p.at;
            low = p.end;
        }
    }
    return 0;
}

/* ---- writing the piece ---- */

static int put_page(cut *c, const uint8_t *packet, size_t len, int64_t position, int flags)
{
    uint8_t head[PAGE_HEAD + 255] = "OggS";
    const size_t n = len / 255 + 1;
    head[5] = (uint8_t)flags;
    put_le(head + 6, (uint64_t)position, 8);
    put_le(head + 14, 1, 4);
    put_le(head + 18, c->n_pages++, 4);
    head[26] = (uint8_t)n;
    memset(head + PAGE_HEAD, 255, n - 1);
    head[PAGE_HEAD + n - 1] = (uint8_t)(len % 255);
    ogg_page made = {.header = head,
                     .header_len = (long)(PAGE_HEAD + n),
                     .body = (unsigned char *)(uintptr_t)packet,
                     .body_len = (long)len};
    ogg_page_checksum_set(&made);
    int err = rf_buf_append(c->out, head, PAGE_HEAD + n);
    return err == 0 ? rf_buf_append(c->out, packet, len) : err;
}

static int put_heads(cut *c, int64_t first)
{
    static const uint8_t tags[] = "OpusTags\0\0\0\0\0\0\0";
    const int64_t pre_skip = c->pre_skip + first - c->lead - c->start;
    if (pre_skip > PRE_SKIP_MAX) {
        return -EBADMSG;
    }
    put_le(c->head + PRE_SKIP_AT, (uint64_t)pre_skip, 2);
    int err = put_page(c, c->head, c->head_len, 0, FLAG_FIRST);
    return err == 0 ? put_page(c, tags, sizeof(tags), 0, 0) : err;
}

/* A whole packet, behind which the file has no frames from position `end` on: kept when it is
 * needed. 1: the last one. */
static int take_packet(cut *c, int64_t first, int64_t end)
{
    const int n = opus_packet_get_nb_samples(c->packet, (opus_int32)c->packet_len, RF_CUT_OPUS_HZ);
    const int64_t begin = c->position;
    const int64_t from = RF_MAX(c->pre_skip + first - WARM_UP, (int64_t)0);
    if (n <= 0) {
        return -EBADMSG;
    }
    c->position += n;
    if (c->position <= from) {
        return 0;
    }
    int err = 0;
    if (c->start == NO_POSITION) {
        c->start = begin;
        err = put_heads(c, first);
    }
    const bool last = c->position >= c->last;
    err = err == 0 ? put_page(c, c->packet, c->packet_len, RF_MIN(c->position, end) - c->start,
                              last ? FLAG_LAST : 0)
                   : err;
    return err < 0 ? err : last;
}

/* The packets of a page; those that end on `known`, the page whose position is known, are passed
 * over. 1: the last one was taken. */
static int take_page(cut *c, const page *p, bool known, int64_t first)
{
    const uint8_t *at = p->body;
    int done = 0;
    for (size_t i = 0; done == 0 && i < p->n_lacing; i++) {
        const size_t len = p->lacing[i];
        if (c->packet_len + len > PACKET_MAX) {
            return -EBADMSG;
        }
        memcpy(c->packet + c->packet_len, at, len);
        c->packet_len += len;
        at += len;
        if (len < 255) {
            done = known ? 0 : take_packet(c, first, p->last ? p->position : INT64_MAX);
            c->packet_len = 0;
        }
    }
    return done;
}

static int take_pages(cut *c, int64_t at, int64_t first)
{
    page p;
    bool known = at != c->data_at;
    int done = 0;
    while (done == 0) {
        int got = read_page(c, at, &p);
        if (got <= 0) {
            return RF_MIN(got, -EBADMSG); /* the end comes too early */
        }
        c->position = known ? p.position : c->position;
        done = take_page(c, &p, known, first);
        known = false;
        at = p.end;
    }
    return RF_MIN(done, 0);
}

int rf_cut_opus(const rf_cut_file *file, int64_t first, int64_t n, rf_buf *out, int64_t *ret_lead)
{
    int64_t at = 0;
    cut *c = RF_NEW(cut);
    *c = (cut){.file = file, .out = out, .start = NO_POSITION};
    c->sight = RF_NEW_ARRAY(uint8_t, SIGHT);
    c->packet = rf_alloc(PACKET_MAX);
    int err = read_heads(c);
    if (err == 0) {
        c->last = c->pre_skip + first + n;
        c->lead = RF_MIN(first, (int64_t)LEAD);
        err = find_page(c, RF_MAX(c->pre_skip + first - WARM_UP, (int64_t)0), &at);
    }
    err = err == 0 ? take_pages(c, at, first) : err;
    *ret_lead = c->lead;
    free(c->sight);
    free(c->packet);
    free(c);
    return err;
}
