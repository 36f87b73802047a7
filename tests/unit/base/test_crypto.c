#include "rf_crypto.h"
#include "rf_id.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* FIPS 180-4 examples. */
Test(sha256, known_answers)
{
    static const struct {
        const char *text;
        const char *hex;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        uint8_t out[RF_SHA256_LEN];
        char hex[2 * RF_SHA256_LEN + 1];
        rf_sha256_of(cases[i].text, strlen(cases[i].text), out);
        rf_hex(out, sizeof(out), hex);
        cr_expect_str_eq(hex, cases[i].hex);

        rf_sha256 *h = rf_sha256_new();
        for (const char *p = cases[i].text; *p != '\0'; p++) {
            rf_sha256_add(h, p, 1);
        }
        uint8_t streamed[RF_SHA256_LEN];
        rf_sha256_finish(h, streamed);
        cr_expect_arr_eq(streamed, out, sizeof(out));
    }
}

/* RFC 4231, test case 2. */
Test(hmac, known_answer)
{
    uint8_t out[RF_SHA256_LEN];
    char hex[2 * RF_SHA256_LEN + 1];
    const char *text = "what do ya want for nothing?";
    rf_hmac_sha256("Jefe", 4, text, strlen(text), out);
    rf_hex(out, sizeof(out), hex);
    cr_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

Test(base64url, known_answers)
{
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},      {"foo", "Zm9v"},
                 {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"\xfb\xff", "-_8"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        char out[32];
        uint8_t back[32];
        size_t len = strlen(cases[i].bytes);
        rf_base64url_encode(cases[i].bytes, len, out);
        cr_expect_str_eq(out, cases[i].text);
        cr_expect_eq(strlen(out), RF_BASE64URL_LEN(len));
        cr_expect_eq(rf_base64url_decode(out, strlen(out), back, sizeof(back)), (int)len);
        cr_expect_arr_eq(back, cases[i].bytes, len);
    }
}

Test(base64url, refuses_what_is_no_single_spelling)
{
    static const char *const bad[] = {"Z", "Zh", "Zm9", "Zm9v=", "Zm 8", "Zm+/", "Zm9vYmG"};
    uint8_t out[32];
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_expect_eq(rf_base64url_decode(bad[i], strlen(bad[i]), out, sizeof(out)), -EINVAL, "%s",
                     bad[i]);
    }
    cr_expect_eq(rf_base64url_decode("Zm9v", 4, out, 2), -ENOSPC);
}

Test(equal, compares_every_byte)
{
    cr_assert(rf_equal_ct("abcd", "abcd", 4));
    cr_assert_not(rf_equal_ct("abcd", "abce", 4));
    cr_assert_not(rf_equal_ct("abcd", "bbcd", 4));
}
