#include "gateway_recorder_ask.h"

#include "gateway_query.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LIST GATEWAY_RECORDER_LIST
#define SEGMENT GATEWAY_RECORDER_SEGMENT
#define STREAM GATEWAY_RECORDER_STREAM
#define PEAKS GATEWAY_RECORDER_PEAKS
#define DELETE GATEWAY_RECORDER_DELETE
#define GAIN_MAX 4.0

typedef enum kind { TEXT, NUMBER, FLAG, GAINS } kind;

typedef struct field {
    const char *name;
    unsigned routes;
    kind kind;
    size_t offset;
    int64_t min; /* NUMBER; of TEXT its size in max */
    int64_t max;
} field;

#define MEMBER(name) offsetof(gateway_recorder_ask, name)
#define SIZE(name) sizeof(((gateway_recorder_ask *)NULL)->name)

static const field fields[] = {
    {"from", LIST | SEGMENT | STREAM | PEAKS, TEXT, MEMBER(from), 0, SIZE(from)},
    {"to", LIST | SEGMENT | PEAKS, TEXT, MEMBER(to), 0, SIZE(to)},
    {"state", LIST, TEXT, MEMBER(state), 0, SIZE(state)},
    {"prefix", LIST, TEXT, MEMBER(prefix), 0, SIZE(prefix)},
    {"cursor", LIST, TEXT, MEMBER(cursor), 0, SIZE(cursor)},
    {"page_size", LIST, NUMBER, MEMBER(page_size), 1, 500},
    {"format", SEGMENT | STREAM | PEAKS, TEXT, MEMBER(format), 0, SIZE(format)},
    {"rate", SEGMENT | STREAM, NUMBER, MEMBER(rate), 8000, 192000},
    {"channels", SEGMENT | STREAM, NUMBER, MEMBER(channels), 1, 8},
    {"matrix", SEGMENT | STREAM, GAINS, MEMBER(matrix), 0, 0},
    {"dither", SEGMENT | STREAM, FLAG, MEMBER(dither), 0, 0},
    {"bitrate_kbps", SEGMENT | STREAM, NUMBER, MEMBER(bitrate_kbps), 6, 510},
    {"clip", SEGMENT, FLAG, MEMBER(clip), 0, 0},
    {"wait_ms", SEGMENT, NUMBER, MEMBER(wait_ms), 0, 10000},
    {"chunk_size", STREAM, NUMBER, MEMBER(chunk_size), 16, 11520000},
    {"framing", STREAM, TEXT, MEMBER(framing), 0, SIZE(framing)},
    {"lag_policy", STREAM, TEXT, MEMBER(lag_policy), 0, SIZE(lag_policy)},
    {"lag_limit_ms", STREAM, NUMBER, MEMBER(lag_limit_ms), 1000, 3600000},
    {"spp", PEAKS, NUMBER, MEMBER(spp), 2, 65536},
    {"bits", PEAKS, NUMBER, MEMBER(bits), 8, 16},
    {"discard", DELETE, FLAG, MEMBER(discard), 0, 0},
    {"local", DELETE, FLAG, MEMBER(local), 0, 0},
};

typedef struct reading {
    gateway_recorder_route route;
    gateway_recorder_ask *ask;
    gateway_recorder_fault *fault;
    bool seen[RF_ARRAY_LEN(fields)];
} reading;

static int refuse(gateway_recorder_fault *fault, const char *name, const char *why)
{
    (void)snprintf(fault->field, sizeof(fault->field), "%s", name);
    (void)snprintf(fault->message, sizeof(fault->message), "%s: %s", fault->field, why);
    return -EINVAL;
}

/* ---- one function a kind ---- */

static int read_text(const field *f, const char *value, void *member, reading *r)
{
    char why[64];
    if (rf_copy_str(member, (size_t)f->max, value) == 0) {
        return 0;
    }
    (void)snprintf(why, sizeof(why), "at most %lld bytes", (long long)f->max - 1);
    return refuse(r->fault, f->name, why);
}

static int read_number(const field *f, const char *value, void *member, reading *r)
{
    char why[64];
    int64_t number = 0;
    if (rf_parse_i64(value, &number) < 0 || number < f->min || number > f->max) {
        (void)snprintf(why, sizeof(why), "a whole number, %lld to %lld", (long long)f->min,
                       (long long)f->max);
        return refuse(r->fault, f->name, why);
    }
    *(uint32_t *)member = (uint32_t)number;
    return 0;
}

static int read_flag(const field *f, const char *value, void *member, reading *r)
{
    bool yes = strcmp(value, "true") == 0;
    if (!yes && strcmp(value, "false") != 0) {
        return refuse(r->fault, f->name, "true or false");
    }
    *(bool *)member = yes;
    return 0;
}

static int read_gains(const field *f, const char *value, void *member, reading *r)
{
    float *gains = member;
    size_t n = 0;
    for (const char *at = value; n == 0 || *at != '\0';) {
        char *end = NULL;
        double gain = strtod(at, &end);
        bool separated = *end == '\0' || (*end == ',' && end[1] != '\0');
        if (end == at || !separated || !(gain >= -GAIN_MAX && gain <= GAIN_MAX) ||
            n == GATEWAY_RECORDER_GAINS_MAX) {
            return refuse(r->fault, f->name, "a comma list of at most 64 gains, -4 to 4");
        }
        gains[n++] = (float)gain;
        at = *end == ',' ? end + 1 : end;
    }
    r->ask->n_matrix = n;
    return 0;
}

/* ---- the whole ---- */

static int read_field(size_t i, const char *value, reading *r)
{
    static int (*const readers[])(const field *f, const char *value, void *member, reading *r) = {
        [TEXT] = read_text, [NUMBER] = read_number, [FLAG] = read_flag, [GAINS] = read_gains};
    const field *f = &fields[i];
    if (r->seen[i]) {
        return refuse(r->fault, f->name, "is given twice");
    }
    r->seen[i] = true;
    return readers[f->kind](f, value, (char *)r->ask + f->offset, r);
}

static int read_pair(const char *name, const char *value, void *user)
{
    reading *r = user;
    for (size_t i = 0; i < RF_ARRAY_LEN(fields); i++) {
        if (strcmp(fields[i].name, name) == 0 && (fields[i].routes & r->route) != 0) {
            return read_field(i, value, r);
        }
    }
    return refuse(r->fault, name, "there is no such parameter here");
}

int gateway_recorder_ask_read(const char *query, size_t len, gateway_recorder_route route,
                              gateway_recorder_ask *ret, gateway_recorder_fault *ret_fault)
{
    memset(ret, 0, sizeof(*ret));
    memset(ret_fault, 0, sizeof(*ret_fault));
    reading r = {.route = route, .ask = ret, .fault = ret_fault};
    int err = gateway_query_each(query, len, read_pair, &r);
    return err < 0 && ret_fault->field[0] == '\0'
               ? refuse(ret_fault, "query", "is malformed, or a value has more than 1023 bytes")
               : err;
}
