/* The query of the recorder's routes, and its errors as HTTP has them. */
#include "gateway_recorder_ask.h"
#include "gateway_recorder_error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static gateway_recorder_ask ask;
static gateway_recorder_fault fault;

static int read_query(gateway_recorder_route route, const char *query)
{
    return gateway_recorder_ask_read(query, strlen(query), route, &ask, &fault);
}

Test(recorder_ask, section_8_an_extract_has_places_a_format_and_its_ways)
{
    cr_assert_eq(read_query(GATEWAY_RECORDER_SEGMENT,
                            "from=f:10&to=2026-01-02T03:04:05%2B01:00&format=opus&rate=48000&"
                            "channels=2&clip=true&wait_ms=10000&dither=false&bitrate_kbps=64&"
                            "matrix=0.5,-4"),
                 0, "%s", fault.message);
    cr_expect_str_eq(ask.from, "f:10");
    cr_expect_str_eq(ask.to, "2026-01-02T03:04:05+01:00");
    cr_expect_str_eq(ask.format, "opus");
    cr_expect_eq(ask.rate, 48000u);
    cr_expect_eq(ask.channels, 2u);
    cr_expect_eq(ask.wait_ms, 10000u);
    cr_expect_eq(ask.bitrate_kbps, 64u);
    cr_expect(ask.clip && !ask.dither);
    cr_assert_eq(ask.n_matrix, 2u);
    cr_expect(ask.matrix[0] > 0.49F && ask.matrix[0] < 0.51F && ask.matrix[1] < -3.9F);
}

Test(recorder_ask, section_8_no_query_is_the_default_everywhere)
{
    static const gateway_recorder_ask none;
    for (unsigned route = GATEWAY_RECORDER_LIST; route <= GATEWAY_RECORDER_NOTHING; route *= 2) {
        cr_assert_eq(read_query((gateway_recorder_route)route, ""), 0);
        cr_expect_eq(memcmp(&ask, &none, sizeof(ask)), 0);
    }
}

Test(recorder_ask, section_8_streams_peaks_lists_and_deletions_take_theirs)
{
    cr_assert_eq(read_query(GATEWAY_RECORDER_STREAM,
                            "from=start&chunk_size=16&framing=standalone&lag_policy=wait&"
                            "lag_limit_ms=1000"),
                 0);
    cr_expect_eq(ask.chunk_size, 16u);
    cr_expect_eq(ask.lag_limit_ms, 1000u);
    cr_expect_str_eq(ask.framing, "standalone");
    cr_assert_eq(read_query(GATEWAY_RECORDER_PEAKS, "format=json&spp=2&bits=16&from=f:0"), 0);
    cr_expect_eq(ask.spp, 2u);
    cr_assert_eq(read_query(GATEWAY_RECORDER_LIST, "state=STORED&prefix=a/b&page_size=500"), 0);
    cr_expect_str_eq(ask.prefix, "a/b");
    cr_assert_eq(read_query(GATEWAY_RECORDER_DELETE, "discard=true"), 0);
    cr_expect(ask.discard && !ask.local);
}

Test(recorder_ask, section_8_a_refusal_names_field_and_limit)
{
    static const struct {
        gateway_recorder_route route;
        const char *query;
        const char *field;
        const char *limit;
    } rows[] = {
        {GATEWAY_RECORDER_SEGMENT, "rate=7999", "rate", "8000 to 192000"},
        {GATEWAY_RECORDER_SEGMENT, "rate=192001", "rate", "8000 to 192000"},
        {GATEWAY_RECORDER_SEGMENT, "rate=1e4", "rate", "8000 to 192000"},
        {GATEWAY_RECORDER_SEGMENT, "rate=", "rate", "8000 to 192000"},
        {GATEWAY_RECORDER_SEGMENT, "channels=0", "channels", "1 to 8"},
        {GATEWAY_RECORDER_SEGMENT, "channels=9", "channels", "1 to 8"},
        {GATEWAY_RECORDER_SEGMENT, "wait_ms=10001", "wait_ms", "0 to 10000"},
        {GATEWAY_RECORDER_SEGMENT, "wait_ms=-1", "wait_ms", "0 to 10000"},
        {GATEWAY_RECORDER_SEGMENT, "clip=1", "clip", "true or false"},
        {GATEWAY_RECORDER_SEGMENT, "format=abcdefghijklmnop", "format", "15 bytes"},
        {GATEWAY_RECORDER_SEGMENT, "matrix=", "matrix", "-4 to 4"},
        {GATEWAY_RECORDER_SEGMENT, "matrix=1,", "matrix", "-4 to 4"},
        {GATEWAY_RECORDER_SEGMENT, "matrix=1,4.1", "matrix", "-4 to 4"},
        {GATEWAY_RECORDER_SEGMENT, "matrix=nan", "matrix", "-4 to 4"},
        {GATEWAY_RECORDER_SEGMENT, "rate=8000&rate=8000", "rate", "twice"},
        {GATEWAY_RECORDER_SEGMENT, "chunk_size=16", "chunk_size", "no such parameter"},
        {GATEWAY_RECORDER_STREAM, "chunk_size=15", "chunk_size", "16 to 11520000"},
        {GATEWAY_RECORDER_STREAM, "lag_limit_ms=999", "lag_limit_ms", "1000 to 3600000"},
        {GATEWAY_RECORDER_STREAM, "to=f:1", "to", "no such parameter"},
        {GATEWAY_RECORDER_PEAKS, "spp=1", "spp", "2 to 65536"},
        {GATEWAY_RECORDER_PEAKS, "bits=7", "bits", "8 to 16"},
        {GATEWAY_RECORDER_LIST, "page_size=501", "page_size", "1 to 500"},
        {GATEWAY_RECORDER_DELETE, "local=yes", "local", "true or false"},
        {GATEWAY_RECORDER_NOTHING, "a=b", "a", "no such parameter"},
        {GATEWAY_RECORDER_NOTHING, "a=%zz", "query", "malformed"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_expect_eq(read_query(rows[i].route, rows[i].query), -EINVAL, "%s", rows[i].query);
        cr_expect_str_eq(fault.field, rows[i].field, "%s", rows[i].query);
        cr_expect_not_null(strstr(fault.message, rows[i].limit), "%s: %s", rows[i].query,
                           fault.message);
    }
}

Test(recorder_ask, section_8_at_most_64_gains)
{
    char query[256] = "matrix=1";
    for (int i = 1; i < GATEWAY_RECORDER_GAINS_MAX; i++) {
        strcat(query, ",1");
    }
    cr_expect_eq(read_query(GATEWAY_RECORDER_SEGMENT, query), 0);
    cr_expect_eq(ask.n_matrix, (size_t)GATEWAY_RECORDER_GAINS_MAX);
    strcat(query, ",1");
    cr_expect_eq(read_query(GATEWAY_RECORDER_SEGMENT, query), -EINVAL);
}

Test(recorder_ask, section_8_every_code_has_its_status)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {
        {"INVALID_ARGUMENT", 400},   {"INVALID_KEY_PART", 400},   {"BAD_MESSAGE", 400},
        {"GAP_TOO_LONG", 400},       {"UNSUPPORTED_FORMAT", 415}, {"UNAUTHENTICATED", 401},
        {"FORBIDDEN", 403},          {"NOT_FOUND", 404},          {"GONE", 410},
        {"NOT_INITIALISED", 503},    {"ALREADY_RECORDING", 409},  {"NOT_RECORDING", 409},
        {"RANGE_OUTSIDE", 416},      {"NO_AUDIO", 416},           {"TOO_MANY_SESSIONS", 429},
        {"TOO_MANY_CONSUMERS", 429}, {"DEVICE_UNAVAILABLE", 503}, {"STORE_FAILED", 503},
        {"NO_SPACE", 507},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        int error = gateway_recorder_error_of(rows[i].code);
        cr_assert_geq(error, 0, "%s", rows[i].code);
        cr_expect_eq(gateway_error_info((gateway_error)error)->status, rows[i].status, "%s",
                     rows[i].code);
    }
    cr_expect_lt(gateway_recorder_error_of("NO_SUCH_CODE"), 0);
}
