#include "gateway_query.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static void decodes(const char *text, bool plus, const char *expected)
{
    char out[64];
    int n = gateway_query_decode(text, strlen(text), plus, out, sizeof(out));
    if (expected == NULL) {
        cr_expect_eq(n, -EINVAL, "%s", text);
    } else {
        cr_expect_eq(n, (int)strlen(expected), "%s", text);
        cr_expect_str_eq(out, expected);
    }
}

Test(query, decode)
{
    decodes("Kick%20drum.wav", false, "Kick drum.wav");
    decodes("a+b", false, "a+b");
    decodes("a+b", true, "a b");
    decodes("%C3%a9", false, "\303\251");
    decodes("", false, "");
    decodes("%", false, NULL);
    decodes("%4", false, NULL);
    decodes("%zz", false, NULL);
    decodes("a%00b", false, NULL);
    decodes("%ff", false, NULL);
    decodes("%C0%AF", false, NULL);
}

Test(query, decode_keeps_to_its_room)
{
    char out[4];
    cr_expect_eq(gateway_query_decode("abc", 3, false, out, sizeof(out)), 3);
    cr_expect_eq(gateway_query_decode("abcd", 4, false, out, sizeof(out)), -EINVAL);
}

typedef struct pairs {
    char text[256];
} pairs;

static int note(const char *name, const char *value, void *user)
{
    pairs *p = user;
    strcat(strcat(strcat(strcat(p->text, name), "="), value), ";");
    return strcmp(name, "stop") == 0 ? 7 : 0;
}

static int walk(const char *query, pairs *p)
{
    p->text[0] = '\0';
    return gateway_query_each(query, strlen(query), note, p);
}

Test(query, each_pair)
{
    pairs p;
    cr_expect_eq(walk("a=1&b=2&a=%33&c&&d=", &p), 0);
    cr_expect_str_eq(p.text, "a=1;b=2;a=3;c=;d=;");
    cr_expect_eq(walk("", &p), 0);
    cr_expect_str_eq(p.text, "");
    cr_expect_eq(walk("a=b=c", &p), 0);
    cr_expect_str_eq(p.text, "a=b=c;");
    cr_expect_eq(walk("stop=1&x=2", &p), 7);
    cr_expect_str_eq(p.text, "stop=1;");
    cr_expect_eq(walk("a=%", &p), -EINVAL);
}

static void range(const char *value, uint64_t size, int found, uint64_t first, uint64_t last)
{
    uint64_t f = 0;
    uint64_t l = 0;
    cr_expect_eq(gateway_query_range(value, size, &f, &l), found, "%s of %lu", value, size);
    if (found == 1) {
        cr_expect(f == first && l == last, "%s of %lu: %lu-%lu", value, size, f, l);
    }
}

Test(query, range)
{
    range("bytes=0-0", 10, 1, 0, 0);
    range("bytes=0-", 10, 1, 0, 9);
    range("bytes=3-5", 10, 1, 3, 5);
    range("bytes=3-99", 10, 1, 3, 9);
    range("bytes=-3", 10, 1, 7, 9);
    range("bytes=-99", 10, 1, 0, 9);
    range("Bytes=9-", 10, 1, 9, 9);
    range("bytes=10-", 10, -ERANGE, 0, 0);
    range("bytes=10-20", 10, -ERANGE, 0, 0);
    range("bytes=-0", 10, -ERANGE, 0, 0);
    range("bytes=0-", 0, -ERANGE, 0, 0);
    range("bytes=-1", 0, -ERANGE, 0, 0);
    range("bytes=5-3", 10, 0, 0, 0);
    range("bytes=a-b", 10, 0, 0, 0);
    range("bytes=1", 10, 0, 0, 0);
    range("bytes=-", 10, 0, 0, 0);
    range("bytes=0-1,3-4", 10, 0, 0, 0);
    range("bytes= 0-1", 10, 0, 0, 0);
    range("lines=0-1", 10, 0, 0, 0);
    range("bytes=0-99999999999999999999", 10, 0, 0, 0);
    range("bytes=4294967296-4294967297", 8589934592, 1, 4294967296, 4294967297);
}

Test(query, digest)
{
    static const char text[] = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    static const uint8_t expected[32] = {0x5f, 0x8f, 0x04, 0xf6, 0xa3, 0xa8, 0x92, 0xaa,
                                         0xab, 0xbd, 0xdb, 0x6c, 0xf2, 0x73, 0x89, 0x44,
                                         0x93, 0x77, 0x39, 0x60, 0xd4, 0xa3, 0x25, 0xb1,
                                         0x05, 0xfe, 0xe4, 0x6e, 0xef, 0x43, 0x04, 0xf1};
    uint8_t digest[32];
    cr_expect_eq(gateway_query_digest(text, digest), 1);
    cr_expect_eq(memcmp(digest, expected, sizeof(expected)), 0);
    cr_expect_eq(gateway_query_digest("sha-512=:AAAA:", digest), 0);
    cr_expect_eq(gateway_query_digest("sha-256=:AAAA:", digest), -EINVAL);
    cr_expect_eq(
        gateway_query_digest("sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=", digest),
        -EINVAL);
}
