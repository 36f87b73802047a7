#include "rf_id.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define UUID_BYTES 16

/* Small draws come from a per-thread reserve: one system call for many ids. */
static _Thread_local struct {
    uint8_t bytes[512];
    size_t left;
} reserve;

static void draw(uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n <= 0) {
            perror("getrandom");
            abort();
        }
        p += n;
        len -= (size_t)n;
    }
}

/* A forked child must not hand out what its parent will. Of its threads only the caller lives on.
 */
static void forget_reserve(void)
{
    reserve.left = 0;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_reserve);
}

void rf_random(void *data, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (len > sizeof(reserve.bytes) / 4) {
        draw(data, len);
        return;
    }
    if (reserve.left < len) {
        pthread_once(&once, watch_forks);
        draw(reserve.bytes, sizeof(reserve.bytes));
        reserve.left = sizeof(reserve.bytes);
    }
    uint8_t *from = reserve.bytes + sizeof(reserve.bytes) - reserve.left;
    memcpy(data, from, len);
    explicit_bzero(from, len); /* never handed out twice, never left behind */
    reserve.left -= len;
}

uint64_t rf_random_u64(uint64_t bound)
{
    uint64_t v;
    rf_random(&v, sizeof(v));
    if (bound == 0) {
        return v;
    }
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    while (v >= limit) {
        rf_random(&v, sizeof(v));
    }
    return v % bound;
}

void rf_hex(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

int rf_unhex(const char *hex, void *out, size_t len)
{
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            return -EBADMSG;
        }
        p[i] = (uint8_t)byte;
    }
    return 0;
}

/* Random bytes as text. */
static char *write_uuid4(uint8_t b[UUID_BYTES], char buf[RF_UUID_LEN])
{
    char hex[2 * UUID_BYTES + 1];
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    rf_hex(b, UUID_BYTES, hex);
    snprintf(buf, RF_UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
    return buf;
}

char *rf_uuid4(char buf[RF_UUID_LEN])
{
    uint8_t b[UUID_BYTES];
    rf_random(b, sizeof(b));
    return write_uuid4(b, buf);
}

char *rf_uuid4_beside(char buf[RF_UUID_LEN])
{
    static _Thread_local uint8_t first[4];
    static _Thread_local unsigned left;
    uint8_t b[UUID_BYTES];
    rf_random(b, sizeof(b));
    if (left-- == 0) {
        memcpy(first, b, sizeof(first));
        left = RF_UUID_RUN - 1;
    }
    memcpy(b, first, sizeof(first));
    return write_uuid4(b, buf);
}

bool rf_uuid4_valid(const char *s)
{
    static const char form[] = "hhhhhhhh-hhhh-4hhh-vhhh-hhhhhhhhhhhh";
    for (size_t i = 0; i < RF_UUID_LEN - 1; i++) {
        const char *allowed = form[i] == 'h'   ? "0123456789abcdef"
                              : form[i] == 'v' ? "89ab"
                              : form[i] == '4' ? "4"
                                               : "-";
        if (s[i] == '\0' || strchr(allowed, s[i]) == NULL) {
            return false;
        }
    }
    return s[RF_UUID_LEN - 1] == '\0';
}
