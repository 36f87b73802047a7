/* Our own reading of an MP4 movie header (ISO 14496-12, -14): the true length of the audio, from
 * the edit list or Apple's iTunSMPB. Tags and covers are hidden from libav: their boxes are shown
 * to it as "free". */
#include "rf_av_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_BOXES 4096 /* of one level */
#define MAX_TAGS (1 << 20)
#define MAX_PRIMING 65536 /* frames; encoders have 1,024 to a few thousand */

typedef struct box {
    char type[5];
    int64_t at; /* of the contents */
    int64_t end;
} box;

typedef struct track {
    bool audio;
    int64_t timescale;
    int64_t duration;
    int64_t edit_start;    /* in timescale, -1: none */
    int64_t edit_duration; /* in the movie's timescale */
} track;

typedef struct movie {
    int64_t timescale;
    int64_t priming; /* of iTunSMPB, -1: none */
    int64_t valid;
    track audio;
} movie;

static uint32_t be32(const uint8_t *d)
{
    return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

static int64_t be64(const uint8_t *d)
{
    return (int64_t)((uint64_t)be32(d) << 32 | be32(d + 4));
}

/* Reads the box at *at and moves behind it. False at the end and for a box that leaves its parent.
 */
static bool next_box(const rf_av_source *s, int64_t *at, int64_t end, box *b)
{
    uint8_t head[16];
    if (end - *at < 8 || rf_av_source_read(s, *at, head, 8) != 0) {
        return false;
    }
    int64_t size = be32(head);
    int64_t n_head = 8;
    if (size == 1) {
        if (rf_av_source_read(s, *at + 8, head + 8, 8) != 0) {
            return false;
        }
        size = be64(head + 8);
        n_head = 16;
    } else if (size == 0) {
        size = end - *at;
    }
    if (size < n_head || size > end - *at) {
        return false;
    }
    memcpy(b->type, head + 4, 4);
    b->type[4] = '\0';
    b->at = *at + n_head;
    b->end = *at + size;
    *at += size;
    return true;
}

static bool is(const box *b, const char *type)
{
    return strcmp(b->type, type) == 0;
}

/* mvhd and mdhd have timescale and duration at the same places. */
static void read_times(const rf_av_source *s, const box *b, int64_t *timescale, int64_t *duration)
{
    uint8_t d[32] = {0};
    const int64_t len = RF_MIN(b->end - b->at, (int64_t)sizeof(d));
    if (rf_av_source_read(s, b->at, d, (size_t)len) != 0 || len < (d[0] == 1 ? 32 : 20)) {
        return;
    }
    *timescale = d[0] == 1 ? be32(d + 20) : be32(d + 12);
    *duration = d[0] == 1 ? be64(d + 24) : be32(d + 16);
}

/* The first edit that shows media; empty edits before it only delay it. */
static void read_edits(const rf_av_source *s, const box *b, track *t)
{
    uint8_t d[20];
    if (rf_av_source_read(s, b->at, d, 8) != 0) {
        return;
    }
    const int64_t entry = d[0] == 1 ? 20 : 12;
    const bool wide = d[0] == 1;
    const uint32_t n = be32(d + 4);
    for (uint32_t i = 0; i < RF_MIN(n, 16U) && t->edit_start < 0; i++) {
        int64_t at = b->at + 8 + i * entry;
        if (at + entry > b->end || rf_av_source_read(s, at, d, (size_t)entry) != 0) {
            return;
        }
        t->edit_duration = wide ? be64(d) : be32(d);
        t->edit_start = wide ? be64(d + 8) : (int32_t)be32(d + 4);
    }
}

static void hide(rf_av_source *s, const box *b)
{
    if (s->n_hidden < RF_ARRAY_LEN(s->hidden)) {
        s->hidden[s->n_hidden++] = b->at - 4; /* the type stands before the contents */
    }
}

static void read_media(const rf_av_source *s, const box *parent, track *t)
{
    box b;
    int64_t at = parent->at;
    for (int i = 0; i < MAX_BOXES && next_box(s, &at, parent->end, &b); i++) {
        uint8_t handler[12];
        if (is(&b, "mdhd")) {
            read_times(s, &b, &t->timescale, &t->duration);
        } else if (is(&b, "hdlr") && rf_av_source_read(s, b.at, handler, sizeof(handler)) == 0) {
            t->audio = memcmp(handler + 8, "soun", 4) == 0;
        }
    }
}

static void read_track(rf_av_source *s, const box *parent, movie *m)
{
    box b;
    track t = {.edit_start = -1};
    int64_t at = parent->at;
    for (int i = 0; i < MAX_BOXES && next_box(s, &at, parent->end, &b); i++) {
        if (is(&b, "mdia")) {
            read_media(s, &b, &t);
        } else if (is(&b, "edts")) {
            box edits;
            int64_t inside = b.at;
            if (next_box(s, &inside, b.end, &edits) && is(&edits, "elst")) {
                read_edits(s, &edits, &t);
            }
        } else if (is(&b, "udta") || is(&b, "meta")) {
            hide(s, &b);
        }
    }
    if (t.audio && !m->audio.audio) {
        m->audio = t;
    }
}

/* Finds Apple's gapless note in the tags: " 00000000 PRIMING REMAINDER VALID ...", all hex. */
static void read_gapless(const rf_av_source *s, const box *tags, movie *m)
{
    const size_t len = (size_t)RF_MIN(tags->end - tags->at, MAX_TAGS);
    char *text = calloc(1, len + 1);
    if (text != NULL && rf_av_source_read(s, tags->at, text, len) == 0) {
        const char *note = memmem(text, len, "iTunSMPB", 8);
        const size_t left = note != NULL ? len - (size_t)(note - text) : 0;
        const char *data = left > 0 ? memmem(note, left, "data", 4) : NULL;
        unsigned priming = 0;
        unsigned remainder = 0;
        unsigned long long valid = 0;
        if (data != NULL && data + 12 < text + len &&
            sscanf(data + 12, " %*8x %8x %8x %16llx", &priming, &remainder, &valid) == 3 &&
            priming < MAX_PRIMING && valid > 0 && valid < INT64_MAX / 2) {
            m->priming = priming;
            m->valid = (int64_t)valid;
        }
    }
    free(text);
}

static void read_movie(rf_av_source *s, const box *parent, movie *m)
{
    box b;
    int64_t at = parent->at;
    int64_t unused = 0;
    for (int i = 0; i < MAX_BOXES && next_box(s, &at, parent->end, &b); i++) {
        if (is(&b, "mvhd")) {
            read_times(s, &b, &m->timescale, &unused);
        } else if (is(&b, "trak")) {
            read_track(s, &b, m);
        } else if (is(&b, "udta") || is(&b, "meta")) {
            read_gapless(s, &b, m);
            hide(s, &b);
        }
    }
}

/* The edit's duration is rounded to the movie's timescale, often milliseconds: where it agrees with
 * the media's own duration within a tick, that is the exact one. */
static int64_t edited_length(const movie *m)
{
    const track *t = &m->audio;
    const int64_t rest = t->duration - t->edit_start;
    if (m->timescale <= 0 || t->edit_duration <= 0 ||
        t->edit_duration > INT64_MAX / RF_MAX(t->timescale, 1)) {
        return rest;
    }
    const int64_t shown = t->edit_duration * t->timescale / m->timescale;
    const int64_t tick = t->timescale / m->timescale + 1;
    if (t->duration > 0 && (rest - shown <= tick)) {
        return rest;
    }
    return shown;
}

static void set_length(rf_av_source *s, const movie *m)
{
    const track *t = &m->audio;
    if (t->timescale <= 0 || t->duration < 0) {
        return;
    }
    s->timescale = t->timescale;
    if (m->priming >= 0) {
        s->media_start = m->priming;
        s->media_len = m->valid;
    } else if (t->edit_start >= 0 && t->edit_start < MAX_PRIMING) {
        s->media_start = t->edit_start;
        s->media_len = edited_length(m);
    } else {
        s->media_len = t->duration;
    }
}

int rf_av_find_mp4(rf_av_source *s, rf_decode_reply *reply)
{
    box b;
    movie m = {.priming = -1};
    bool seen = false;
    int64_t at = s->base;
    for (int i = 0; i < MAX_BOXES && next_box(s, &at, s->file_size, &b); i++) {
        if (is(&b, "moov") && !seen) {
            read_movie(s, &b, &m);
            seen = true;
        } else if (is(&b, "udta") || is(&b, "meta")) {
            hide(s, &b);
        }
    }
    if (!seen) {
        return rf_av_fail(reply, RF_MEDIA_DECODE_FAILED, "the file is truncated");
    }
    if (!m.audio.audio) {
        return rf_av_fail(reply, RF_MEDIA_UNSUPPORTED_FORMAT, "the file holds no audio");
    }
    set_length(s, &m);
    return 0;
}
