/* K1, K2 and the hostile keys of Q18. */
#include "recorder_key.h"
#include "take_case.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static recorder_key_error error;

static int folder(const char *given, char ret[RECORDER_KEY_SIZE])
{
    recorder_bytes bytes = {given, strlen(given)};
    return recorder_key_folder("recordings", &bytes, 1, ret, &error);
}

static const uint8_t id[RECORDER_KEY_ID_LEN] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                                0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

Test(keys, K1_the_key_of_the_published_example)
{
    char path[RECORDER_KEY_SIZE];
    char key[RECORDER_KEY_SIZE];
    recorder_bytes given[] = {{"session-123", 11}, {"segment", 7}};
    cr_assert_gt(recorder_key_folder("recordings", given, 2, path, &error), 0);
    recorder_key_of(path, id, RECORDER_STORE_OPUS, key);
    cr_assert_str_eq(key, "recordings/session-123/segment/00112233445566778899aabbccddeeff.opus");
    cr_assert(recorder_key_valid(key, strlen(key)));
}

Test(keys, K1_prefixes_are_split_and_empty_parts_dropped)
{
    char path[RECORDER_KEY_SIZE];
    cr_assert_eq(folder("//a/b///c/", path), (int)strlen("recordings/a/b/c"));
    cr_assert_str_eq(path, "recordings/a/b/c");
    cr_assert_eq(folder("", path), 10);
    cr_assert_str_eq(path, "recordings");
    cr_assert_eq(recorder_key_folder("recordings", NULL, 0, path, &error), 10);
}

Test(keys, K1_every_format_has_its_extension)
{
    static const char *const names[] = {"wav", "pcm", "flac", "mp3", "opus"};
    for (int i = 0; i < RECORDER_N_STORE_FORMATS; i++) {
        char key[RECORDER_KEY_SIZE];
        recorder_store_format format;
        recorder_key_of("r", id, (recorder_store_format)i, key);
        cr_assert_str_eq(strrchr(key, '.') + 1, names[i]);
        cr_assert(recorder_key_valid(key, strlen(key)));
        cr_assert_eq(recorder_store_format_parse(names[i], &format), 0);
        cr_assert_eq((int)format, i);
    }
    recorder_store_format format;
    cr_assert_eq(recorder_store_format_parse("ogg", &format), -EINVAL);
}

Test(keys, K1_at_most_16_parts_of_128_bytes_and_1024_bytes_in_all)
{
    char given[2048] = "";
    char path[RECORDER_KEY_SIZE];
    char key[RECORDER_KEY_SIZE];
    for (int i = 0; i < 16; i++) {
        strcat(given, "p/");
    }
    cr_assert_gt(folder(given, path), 0);
    strcat(given, "p");
    cr_assert_eq(folder(given, path), -EINVAL);
    cr_assert_eq(error.code, RECORDER_INVALID_KEY_PART);
    cr_assert(strstr(error.text, "16") != NULL, "%s", error.text);
    memset(given, 'x', 128);
    given[128] = '\0';
    cr_assert_gt(folder(given, path), 0);
    given[128] = 'x';
    given[129] = '\0';
    cr_assert_eq(folder(given, path), -EINVAL);
    cr_assert(strstr(error.text, "128") != NULL && strstr(error.text, "129") != NULL);

    /* 10 + 7 * 129 + 1 + 77 bytes leave the key just long enough: 986 + 38 = 1024 */
    given[0] = '\0';
    for (int i = 0; i < 7; i++) {
        char part[130];
        memset(part, 'a' + i, 128);
        part[128] = '/';
        part[129] = '\0';
        strcat(given, part);
    }
    size_t len = strlen(given);
    memset(given + len, 'z', 72);
    given[len + 72] = '\0';
    cr_assert_gt(folder(given, path), 0);
    recorder_key_of(path, id, RECORDER_STORE_OPUS, key);
    cr_assert_eq(strlen(key), 1024);
    strcat(given, "z");
    cr_assert_eq(folder(given, path), -EINVAL);
    cr_assert(strstr(error.text, "1024") != NULL, "%s", error.text);
}

Test(keys, K1_the_prefix_of_a_tenant_is_one_part_of_1_to_50_characters)
{
    char path[RECORDER_KEY_SIZE];
    static const char *const bad[] = {
        "", ".r", "a/b", "a b", "..", "012345678901234567890123456789012345678901234567890"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_assert_eq(recorder_key_folder(bad[i], NULL, 0, path, &error), -EINVAL, "%s", bad[i]);
        cr_assert_eq(error.code, RECORDER_INVALID_ARGUMENT);
    }
    char wide[101] = "";
    for (int i = 0; i < 50; i++) {
        strcat(wide, "ä");
    }
    cr_assert_eq(recorder_key_folder(wide, NULL, 0, path, &error), 100);
}

Test(keys, K2_what_a_part_may_hold)
{
    static const char *const good[] = {"a",   "Z9",     "a.b",      "a..b",  "_x-y=z@q+r", "-",
                                       "äöü", "日本語", "\xC2\xA0", "é.wav", "a.",         "😀"};
    static const char *const bad[] = {".",
                                      "..",
                                      ".x",
                                      "a b",
                                      "a\\b",
                                      "a:b",
                                      "a*b",
                                      "a?b",
                                      "a\"b",
                                      "a<b",
                                      "a\tb",
                                      "a\nb",
                                      "\x7F",
                                      "\xC2\x80",
                                      "\xC2\x9F",
                                      "\xC0\xAF",
                                      "\xFF",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "a%2f",
                                      "~",
                                      "$x",
                                      "a;b",
                                      "\xE2\x82"};
    char path[RECORDER_KEY_SIZE];
    for (size_t i = 0; i < RF_ARRAY_LEN(good); i++) {
        cr_assert_gt(folder(good[i], path), 0, "%s: %s", good[i], error.text);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_assert_eq(folder(bad[i], path), -EINVAL, "%s", bad[i]);
        cr_assert_eq(error.code, RECORDER_INVALID_KEY_PART);
    }
    recorder_bytes nul = {"a\0b", 3};
    cr_assert_eq(recorder_key_folder("r", &nul, 1, path, &error), -EINVAL);
}

/* An own reading of K2, to judge by: code points one by one. */
static bool part_is_good(const unsigned char *p, size_t len)
{
    if (len < 1 || len > 128 || p[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < len;) {
        unsigned n = p[i] < 0x80       ? 1
                     : p[i] >> 5 == 6  ? 2
                     : p[i] >> 4 == 14 ? 3
                     : p[i] >> 3 == 30 ? 4
                                       : 0;
        uint32_t c = n == 1 ? p[i] : (uint32_t)p[i] & (0x7FU >> n);
        if (n == 0 || i + n > len) {
            return false;
        }
        for (unsigned k = 1; k < n; k++) {
            if (p[i + k] >> 6 != 2) {
                return false;
            }
            c = c << 6 | (p[i + k] & 0x3F);
        }
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        bool ascii = n == 1 && c < 0x80 &&
                     (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789._-=@+",
                             (int)c) != NULL) &&
                     c != 0;
        bool above = c >= 0xA0 && c >= least[n] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        if (!ascii && !above) {
            return false;
        }
        i += n;
    }
    return true;
}

static size_t hostile(uint64_t *seed, char *out)
{
    static const char *const bricks[] = {
        "..",
        ".",
        "/",
        "//",
        "\\",
        "a",
        "Z",
        "é",
        "\xC2\xA0",
        "\xC0\xAE",
        "\xE0\x80\xAF",
        "\xED\xBF\xBF",
        "\xFF",
        "%2e%2e",
        "\x7F",
        "\xF0\x9F\x98\x80",
        "recordings",
        "=@+",
        "\xC2",
        " ",
        "\n",
    };
    size_t len = 0;
    int n = (int)chance_below(seed, 0, 40);
    for (int i = 0; i < n; i++) {
        const char *brick = bricks[chance_below(seed, 0, (int64_t)RF_ARRAY_LEN(bricks))];
        memcpy(out + len, brick, strlen(brick));
        len += strlen(brick);
        if (chance_below(seed, 0, 30) == 0) {
            out[len++] = (char)chance(seed);
        }
        if (chance_below(seed, 0, 60) == 0) {
            memset(out + len, 'x', 130);
            len += 130;
        }
    }
    return len;
}

Test(keys, Q18_10000_hostile_prefixes_stay_below_the_root)
{
    static char given[8192];
    uint64_t seed = 12345;
    unsigned n_good = 0;
    for (int i = 0; i < 10000; i++) {
        char path[RECORDER_KEY_SIZE];
        size_t len = hostile(&seed, given);
        bool good = true;
        size_t n_parts = 0;
        size_t total = strlen("recordings");
        for (size_t at = 0; at <= len;) {
            char *slash = at < len ? memchr(given + at, '/', len - at) : NULL;
            size_t part = slash == NULL ? len - at : (size_t)(slash - given) - at;
            if (part > 0) {
                good = good && part_is_good((unsigned char *)given + at, part);
                n_parts++;
                total += 1 + part;
            }
            at += part + 1;
        }
        good = good && n_parts <= 16 && total <= 1024 - 38;
        recorder_bytes bytes = {given, len};
        int r = recorder_key_folder("recordings", &bytes, 1, path, &error);
        cr_assert_eq(r > 0, good, "key %d: %s", i, error.text);
        if (r > 0) {
            char key[RECORDER_KEY_SIZE];
            n_good++;
            cr_assert_eq((size_t)r, total);
            cr_assert(strncmp(path, "recordings", 10) == 0 && (path[10] == '/' || r == 10));
            cr_assert(strstr(path, "/.") == NULL && strstr(path, "//") == NULL);
            recorder_key_of(path, id, RECORDER_STORE_WAV, key);
            cr_assert(recorder_key_valid(key, strlen(key)));
        }
    }
    cr_assert(n_good > 200 && n_good < 9800, "both kinds are there: %u good", n_good);
}

Test(keys, K1_whole_keys_are_checked_to_the_last_component)
{
    static const char *const bad[] = {
        "",
        "recordings",
        "00112233445566778899aabbccddeeff.wav",
        "/00112233445566778899aabbccddeeff.wav",
        "r/00112233445566778899aabbccddeef.wav",
        "r/00112233445566778899AABBCCDDEEFF.wav",
        "r/00112233445566778899aabbccddeeff.ogg",
        "r/00112233445566778899aabbccddeeff.wavx",
        "r/00112233445566778899aabbccddeeffwav",
        "r//00112233445566778899aabbccddeeff.wav",
        "r/../00112233445566778899aabbccddeeff.wav",
        "/r/00112233445566778899aabbccddeeff.wav",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_assert_not(recorder_key_valid(bad[i], strlen(bad[i])), "%s", bad[i]);
    }
}
