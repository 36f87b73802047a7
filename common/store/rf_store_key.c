#include "rf_store.h"

#include <string.h>

#define MAX_SEGMENTS 20
#define MAX_SEGMENT 128 /* bytes */

static bool plain_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._-=@+", c) != NULL);
}

/* In valid UTF-8 only C2 80 to C2 9F lie between ASCII and U+00A0. */
static bool wide_byte(const unsigned char *p)
{
    return *p >= 0x80 && !(*p == 0xc2 && p[1] < 0xa0);
}

/* Returns the length of the segment at p, which is valid UTF-8; 0 when it is none. */
static size_t segment_len(const char *p)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t n = 0;
    while (plain_byte(s[n]) || wide_byte(s + n)) {
        n++;
    }
    bool ends = s[n] == '/' || s[n] == '\0';
    return ends && n <= MAX_SEGMENT && s[0] != '.' ? n : 0;
}

bool rf_store_key_valid(const char *key)
{
    size_t len = key == NULL ? 0 : strnlen(key, RF_STORE_MAX_KEY + 1);
    if (len == 0 || len > RF_STORE_MAX_KEY || !rf_utf8_valid(key, len)) {
        return false;
    }
    for (size_t n_segments = 1; n_segments <= MAX_SEGMENTS; n_segments++) {
        size_t n = segment_len(key);
        if (n == 0 || key[n] == '\0') {
            return n > 0;
        }
        key += n + 1;
    }
    return false;
}
