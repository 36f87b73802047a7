/* What the parent makes of a child's answers: every number in them may be a lie. */
#include "rf_decode_wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static rf_decode_reply good_reply(void)
{
    rf_decode_reply reply;
    memset(&reply, 0, sizeof(reply));
    reply.code = RF_MEDIA_OK;
    reply.format = RF_FORMAT_WAV;
    reply.bits_per_sample = 16;
    reply.lossless = 1;
    reply.n_channels = 2;
    reply.rate_hz = 44100;
    reply.n_frames = 1000;
    return reply;
}

static int read_reply(const rf_decode_reply *reply, rf_media_error *error)
{
    rf_decode_reply out;
    const rf_decode_limits limits = RF_DECODE_LIMITS;
    return rf_decode_reply_read(reply, sizeof(*reply), &limits, &out, error);
}

Test(reply, an_honest_success_is_believed)
{
    rf_media_error error;
    rf_decode_reply reply = good_reply();
    cr_expect_eq(read_reply(&reply, &error), 0);
    cr_expect_eq(error.code, RF_MEDIA_OK);
}

Test(reply, lies_about_success_are_failures)
{
    static const struct {
        size_t offset;
        size_t size;
        int64_t value;
    } lies[] = {
        {offsetof(rf_decode_reply, n_channels), 4, 0},
        {offsetof(rf_decode_reply, n_channels), 4, 33},
        {offsetof(rf_decode_reply, n_channels), 4, UINT32_MAX},
        {offsetof(rf_decode_reply, rate_hz), 4, 0},
        {offsetof(rf_decode_reply, rate_hz), 4, 2999},
        {offsetof(rf_decode_reply, rate_hz), 4, 768001},
        {offsetof(rf_decode_reply, n_frames), 8, 0},
        {offsetof(rf_decode_reply, n_frames), 8, -1},
        {offsetof(rf_decode_reply, n_frames), 8, INT64_MAX},
        {offsetof(rf_decode_reply, n_frames), 8, INT64_MIN},
        {offsetof(rf_decode_reply, n_frames), 8, 3600LL * 44100 + 1},
        {offsetof(rf_decode_reply, n_frames), 8, (2LL << 30) / 8 + 1},
        {offsetof(rf_decode_reply, format), 4, RF_FORMAT_UNKNOWN},
        {offsetof(rf_decode_reply, format), 4, RF_N_FORMATS},
        {offsetof(rf_decode_reply, bits_per_sample), 4, 65},
        {offsetof(rf_decode_reply, lossless), 4, 2},
        {offsetof(rf_decode_reply, code), 4, RF_MEDIA_INTERNAL},
        {offsetof(rf_decode_reply, code), 4, RF_MEDIA_TIMEOUT},
        {offsetof(rf_decode_reply, code), 4, RF_MEDIA_CANCELLED},
        {offsetof(rf_decode_reply, code), 4, RF_N_MEDIA_CODES},
        {offsetof(rf_decode_reply, code), 4, UINT32_MAX},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(lies); i++) {
        rf_media_error error;
        rf_decode_reply reply = good_reply();
        memcpy((char *)&reply + lies[i].offset, &lies[i].value, lies[i].size);
        cr_expect_eq(read_reply(&reply, &error), -EBADMSG, "lie %zu", i);
        cr_expect_eq(error.code, RF_MEDIA_DECODE_FAILED, "lie %zu", i);
    }
}

Test(reply, other_lengths_are_failures)
{
    rf_media_error error;
    rf_decode_reply out;
    rf_decode_reply reply = good_reply();
    const rf_decode_limits limits = RF_DECODE_LIMITS;
    for (size_t len = 0; len < sizeof(reply); len++) {
        cr_expect_eq(rf_decode_reply_read(&reply, len, &limits, &out, &error), -EBADMSG);
    }
}

Test(reply, a_limit_is_told_with_our_own_bound)
{
    static const struct {
        rf_media_code code;
        int64_t value;
        int64_t limit; /* 0: the value breaks nothing, so the answer is a lie */
    } cases[] = {
        {RF_MEDIA_LIMIT_DURATION, 3601, 3600},  {RF_MEDIA_LIMIT_DURATION, 3600, 0},
        {RF_MEDIA_LIMIT_DURATION, -1, 0},       {RF_MEDIA_LIMIT_CHANNELS, 33, 32},
        {RF_MEDIA_LIMIT_CHANNELS, 32, 0},       {RF_MEDIA_LIMIT_RATE, 2999, 3000},
        {RF_MEDIA_LIMIT_RATE, 768001, 768000},  {RF_MEDIA_LIMIT_RATE, 44100, 0},
        {RF_MEDIA_LIMIT_RATE, -5, 0},           {RF_MEDIA_LIMIT_MEMORY, (2LL << 30) + 1, 2LL << 30},
        {RF_MEDIA_LIMIT_BYTES, 512LL << 20, 0}, {RF_MEDIA_LIMIT_BYTES, INT64_MAX, 512LL << 20},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_media_error error;
        rf_decode_reply reply = good_reply();
        reply.code = cases[i].code;
        reply.value = cases[i].value;
        int err = read_reply(&reply, &error);
        if (cases[i].limit == 0) {
            cr_expect_eq(error.code, RF_MEDIA_DECODE_FAILED, "case %zu", i);
            continue;
        }
        cr_expect_eq(err, -E2BIG, "case %zu", i);
        cr_expect_eq(error.limit, cases[i].limit);
        cr_expect_eq(error.value, cases[i].value);
    }
}

Test(reply, details_are_short_printable_text_or_left_out)
{
    static const struct {
        const char *detail;
        bool shown;
    } cases[] = {{"the file is truncated", true},
                 {"", false},
                 {"two\nlines", false},
                 {"\x1b[31m", false},
                 {"\xc3\xa4", false}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_media_error error;
        rf_decode_reply reply = good_reply();
        reply.code = RF_MEDIA_UNSUPPORTED_FORMAT;
        cr_assert_eq(rf_copy_str(reply.detail, sizeof(reply.detail), cases[i].detail), 0);
        cr_expect_lt(read_reply(&reply, &error), 0);
        cr_expect_eq(strcmp(error.message, cases[i].detail) == 0, cases[i].shown, "case %zu", i);
    }
    rf_media_error error;
    rf_decode_reply reply = good_reply();
    reply.code = RF_MEDIA_DECODE_FAILED;
    memset(reply.detail, 'x', sizeof(reply.detail));
    cr_expect_eq(read_reply(&reply, &error), -EBADMSG, "text without an end");
    cr_expect_lt(strlen(error.message), sizeof(reply.detail));
}
