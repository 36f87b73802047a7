#include "recorder_crc.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82F63B78u /* reflected */
#define SLICES 8

static uint32_t table[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* table[k][b] carries byte b over k further bytes of zero. */
static void make_table(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        }
        table[0][b] = crc;
    }
    for (int k = 1; k < SLICES; k++) {
        for (uint32_t b = 0; b < 256; b++) {
            table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xFF];
        }
    }
}

uint32_t recorder_crc_portable(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;
    pthread_once(&once, make_table);
    crc = ~crc;
    for (; len >= SLICES; len -= SLICES, p += SLICES) {
        uint32_t next = 0;
        for (int i = 0; i < SLICES; i++) {
            uint32_t byte = p[i] ^ (i < 4 ? crc >> (8 * i) & 0xFF : 0);
            next ^= table[SLICES - 1 - i][byte];
        }
        crc = next;
    }
    for (; len > 0; len--, p++) {
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xFF];
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p,
                                                            size_t len)
{
    uint64_t wide = (uint32_t)~crc;
    for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t), p += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    for (; len > 0; len--, p++) {
        narrow = __builtin_ia32_crc32qi(narrow, *p);
    }
    return ~narrow;
}

uint32_t recorder_crc(uint32_t crc, const void *data, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? crc_sse42(crc, data, len)
                                            : recorder_crc_portable(crc, data, len);
}
#else
uint32_t recorder_crc(uint32_t crc, const void *data, size_t len)
{
    return recorder_crc_portable(crc, data, len);
}
#endif
