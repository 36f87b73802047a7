/* Ogg (RFC 3533): the comments of Vorbis and Opus are the second packet of the stream. */
#include "rf_av_source.h"

#include <string.h>

#define MAX_TAGS (1 << 20)
#define PAGE_HEADER 27
#define MAX_SEGMENTS 255

typedef struct page {
    int64_t end; /* offset behind it */
    uint32_t serial;
    bool completes; /* a packet ends in it */
} page;

/* Reads the header of the page at an offset; false when there is none. */
static bool read_page(const rf_av_source *s, int64_t at, page *p)
{
    uint8_t head[PAGE_HEADER];
    uint8_t segments[MAX_SEGMENTS];
    if (rf_av_source_read(s, at, head, sizeof(head)) != 0 || memcmp(head, "OggS", 5) != 0 ||
        rf_av_source_read(s, at + PAGE_HEADER, segments, head[26]) != 0) {
        return false;
    }
    memcpy(&p->serial, head + 14, sizeof(p->serial)); /* only compared */
    p->completes = false;
    p->end = at + PAGE_HEADER + head[26];
    for (int i = 0; i < head[26]; i++) {
        p->end += segments[i];
        p->completes = p->completes || segments[i] < MAX_SEGMENTS;
    }
    return true;
}

/* Leaves out the pages that the comments go on in after their first 1 MiB, except for the last one:
 * other packets may begin there. libav finds a packet that is cut short, and reads what it has.
 * Files of several streams, and those that are no Ogg further on, stay as they are. */
void rf_av_find_ogg(rf_av_source *s)
{
    page first, p;
    int64_t gap = 0;
    if (!read_page(s, s->base, &first)) {
        return;
    }
    const int64_t tags = first.end;
    for (int64_t at = tags; read_page(s, at, &p) && p.serial == first.serial; at = p.end) {
        if (p.completes) {
            if (gap > 0) {
                s->gap_at = gap;
                s->gap_len = at - gap;
                s->len -= s->gap_len;
            }
            return;
        }
        if (gap == 0 && p.end >= tags + MAX_TAGS) {
            gap = p.end;
        }
    }
}
