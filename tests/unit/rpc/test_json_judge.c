/* The JSON mapping against Google's own: judge/json_cases.txt holds what that one made of each case
 * (judge/judge.py says how). Numbers are compared as numbers, the rest to the byte. */
#include "rf_rpc_json.h"
#include "rf_rpc_wire.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <types.rpc.h>

#define MAX_TEXT 65536
#define MAX_LINE 4096

/* One line of the file. */
typedef struct verdict {
    char line[MAX_LINE];
    const char *kind, *type, *input, *result, *canonical;
} verdict;

static const char *next_part(char **at)
{
    char *part = strsep(at, "\t");
    return part != NULL ? part : "";
}

static bool read_verdict(FILE *f, verdict *v)
{
    do {
        if (fgets(v->line, sizeof(v->line), f) == NULL) {
            return false;
        }
    } while (v->line[0] == '#');
    v->line[strcspn(v->line, "\n")] = '\0';
    char *at = v->line;
    v->kind = next_part(&at);
    v->type = next_part(&at);
    v->input = next_part(&at);
    v->result = next_part(&at);
    v->canonical = next_part(&at);
    return true;
}

static rf_rpc_schema *types_schema(void)
{
    rf_rpc_schema *s = NULL;
    cr_assert_eq(rf_rpc_schema_new(types_file.set, types_file.set_len, &s), 0);
    return s;
}

/* ---- comparing JSON ---- */

static bool same(const json_t *a, const json_t *b);

static bool same_members(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)a, key, value)
    {
        const json_t *other = json_object_get(b, key);
        if (other == NULL || !same(value, other)) {
            return false;
        }
    }
    return json_object_size(a) == json_object_size(b);
}

static bool same_elements(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(a); i++) {
        if (!same(json_array_get(a, i), json_array_get(b, i))) {
            return false;
        }
    }
    return true;
}

/* The judge writes 1.0 where we write 1, and a float with as few digits as name it. */
static bool same_number(double a, double b)
{
    return a == b || (signbit(a) == signbit(b) && (float)a == (float)b);
}

static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        return same_number(json_number_value(a), json_number_value(b));
    }
    return json_is_object(a) && json_is_object(b) ? same_members(a, b)
           : json_is_array(a) && json_is_array(b) ? same_elements(a, b)
                                                  : json_equal(a, b) != 0;
}

static bool same_text(const char *ours, const char *theirs)
{
    json_t *a = json_loads(ours, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_t *b = json_loads(theirs, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(b, "%s", theirs);
    bool ok = a != NULL && same(a, b);
    json_decref(a);
    json_decref(b);
    return ok;
}

/* ---- ours ---- */

static int encode(const rf_rpc_schema *s, const verdict *v, const rf_buf *packed, rf_buf *text)
{
    char type[64];
    rf_status st;
    (void)snprintf(type, sizeof(type), "rpc.types.%s", v->type);
    return rf_rpc_json_encode(s, type, packed->data, packed->len, NULL, text, &st);
}

static int decode(const rf_rpc_schema *s, const verdict *v, rf_buf *packed)
{
    char type[64];
    rf_status st;
    (void)snprintf(type, sizeof(type), "rpc.types.%s", v->type);
    return rf_rpc_json_decode(s, type, v->input, strlen(v->input), NULL, packed, &st);
}

static void unhex(const char *hex, rf_buf *out)
{
    for (; isxdigit((unsigned char)hex[0]) != 0; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};
        (void)rf_buf_append_char(out, (char)strtoul(digits, NULL, 16));
    }
}

/* What we make of the case; *text is empty when it is refused. */
static int try_case(const rf_rpc_schema *s, const verdict *v, rf_buf *text)
{
    rf_buf packed;
    int err = 0;
    rf_buf_init(&packed, MAX_TEXT);
    if (strcmp(v->kind, "json") == 0) {
        err = decode(s, v, &packed);
    } else {
        unhex(v->input, &packed);
    }
    err = err == 0 ? encode(s, v, &packed, text) : err;
    rf_buf_done(&packed);
    return err;
}

/* Runs the cases of a kind; returns their number and says each in which we differ. */
static size_t run_cases(const char *kind, size_t *ret_differences)
{
    FILE *f = fopen(JUDGE_CASES, "r");
    cr_assert_not_null(f, "%s", JUDGE_CASES);
    rf_rpc_schema *s = types_schema();
    size_t n = 0;
    verdict v;
    *ret_differences = 0;
    while (read_verdict(f, &v)) {
        if (strcmp(v.kind, kind) != 0) {
            continue;
        }
        rf_buf text;
        rf_buf_init(&text, MAX_TEXT);
        int err = try_case(s, &v, &text);
        bool taken = strcmp(v.result, "ok") == 0;
        bool ok = taken ? err == 0 && same_text(rf_buf_str(&text), v.canonical) : err != 0;
        if (!ok) {
            (void)fprintf(stderr, "%s %s: %s; we say %d %s, the judge %s %s\n", v.kind, v.type,
                          v.input, err, rf_buf_str(&text), v.result, v.canonical);
            (*ret_differences)++;
        }
        rf_buf_done(&text);
        n++;
    }
    (void)fclose(f);
    (void)rf_rpc_schema_free(s);
    return n;
}

Test(judge, json_text_means_the_same)
{
    size_t differences;
    cr_assert_gt(run_cases("json", &differences), 900);
    cr_assert_eq(differences, 0);
}

Test(judge, bytes_mean_the_same)
{
    size_t differences;
    cr_assert_gt(run_cases("wire", &differences), 250);
    cr_assert_eq(differences, 0);
}

/* What we write we take, and it comes back the same: for everything that the judge takes. */
Test(judge, what_is_written_is_read_back)
{
    FILE *f = fopen(JUDGE_CASES, "r");
    cr_assert_not_null(f);
    rf_rpc_schema *s = types_schema();
    verdict v;
    while (read_verdict(f, &v)) {
        rf_buf first;
        rf_buf second;
        rf_buf packed;
        rf_buf_init(&first, MAX_TEXT);
        rf_buf_init(&second, MAX_TEXT);
        rf_buf_init(&packed, MAX_TEXT);
        if (try_case(s, &v, &first) == 0) {
            verdict again = v;
            again.input = rf_buf_str(&first);
            cr_assert_eq(decode(s, &again, &packed), 0, "%s", again.input);
            cr_assert_eq(encode(s, &again, &packed, &second), 0, "%s", again.input);
            cr_assert_str_eq(rf_buf_str(&second), again.input);
        }
        rf_buf_done(&packed);
        rf_buf_done(&second);
        rf_buf_done(&first);
    }
    (void)fclose(f);
    (void)rf_rpc_schema_free(s);
}

/* Each prefix of a text is refused and does no harm. */
Test(judge, cut_texts_are_refused)
{
    FILE *f = fopen(JUDGE_CASES, "r");
    cr_assert_not_null(f);
    rf_rpc_schema *s = types_schema();
    verdict v;
    while (read_verdict(f, &v)) {
        if (strcmp(v.kind, "json") != 0 || strcmp(v.result, "ok") != 0) {
            continue;
        }
        size_t len = strlen(v.input);
        while (len > 0 && v.input[len - 1] == ' ') {
            len--;
        }
        for (size_t cut = 0; cut < len; cut++) {
            verdict part = v;
            rf_buf packed;
            rf_buf_init(&packed, MAX_TEXT);
            char *exact = strndup(v.input, cut);
            part.input = exact;
            cr_assert_lt(decode(s, &part, &packed), 0, "%s", exact);
            cr_assert_eq(packed.len, 0);
            free(exact);
            rf_buf_done(&packed);
        }
    }
    (void)fclose(f);
    (void)rf_rpc_schema_free(s);
}
