/* Schemas made by hand, descriptor by descriptor: what is read, what is refused, and the limits. */
#include "rf_rpc_schema.h"
#include "rf_rpc_wire.h"

#include <criterion/criterion.h>
#include <echo.rpc.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <types.rpc.h>

#define MAX_BYTES ((size_t)16 << 20)

/* ---- building descriptors; each function gives a buffer that the caller ends with done ---- */

static void put_text(rf_buf *b, uint32_t number, const char *text)
{
    if (text != NULL) {
        rf_rpc_wire_put_bytes(b, number, text, strlen(text));
    }
}

static void put_number(rf_buf *b, uint32_t number, uint64_t value)
{
    rf_rpc_wire_put_tag(b, number, RF_WIRE_VARINT);
    rf_rpc_wire_put_varint(b, value);
}

static void put_part(rf_buf *b, uint32_t number, rf_buf *part)
{
    rf_rpc_wire_put_bytes(b, number, part->data, part->len);
    rf_buf_done(part);
}

typedef struct field {
    const char *name;
    uint64_t number, type, label;
    const char *type_name, *json_name;
} field;

static rf_buf field_of(const field *f)
{
    rf_buf b;
    rf_buf_init(&b, MAX_BYTES);
    put_text(&b, 1, f->name);
    if (f->number != 0) {
        put_number(&b, 3, f->number);
    }
    put_number(&b, 4, f->label != 0 ? f->label : 1);
    if (f->type != 0) {
        put_number(&b, 5, f->type);
    }
    put_text(&b, 6, f->type_name);
    put_text(&b, 10, f->json_name);
    return b;
}

static rf_buf message_of(const char *name, const field *fields, size_t n)
{
    rf_buf b;
    rf_buf_init(&b, MAX_BYTES);
    put_text(&b, 1, name);
    for (size_t i = 0; i < n; i++) {
        rf_buf f = field_of(&fields[i]);
        put_part(&b, 2, &f);
    }
    return b;
}

static rf_buf method_of(const char *name, const char *input, const char *output)
{
    rf_buf b;
    rf_buf_init(&b, MAX_BYTES);
    put_text(&b, 1, name);
    put_text(&b, 2, input);
    put_text(&b, 3, output);
    return b;
}

/* A set of one file of package "p" with one part. */
static int read_part(uint32_t part_number, rf_buf *part, rf_rpc_schema **ret)
{
    rf_buf file;
    rf_buf set;
    rf_buf_init(&file, MAX_BYTES);
    rf_buf_init(&set, MAX_BYTES);
    put_text(&file, 1, "p.proto");
    put_text(&file, 2, "p");
    put_part(&file, part_number, part);
    put_part(&set, 1, &file);
    int err = rf_rpc_schema_new(set.data, set.len, ret);
    rf_buf_done(&set);
    return err;
}

enum { FILE_MESSAGE = 4, FILE_ENUM = 5, FILE_SERVICE = 6 };

static int read_fields(const field *fields, size_t n, rf_rpc_schema **ret)
{
    rf_buf m = message_of("M", fields, n);
    return read_part(FILE_MESSAGE, &m, ret);
}

/* ---- fields ---- */

Test(fields, each_is_judged)
{
    static const struct {
        field f;
        int err;
    } rows[] = {
        {{"a", 1, RF_TYPE_INT32, 1, NULL, NULL}, 0},
        {{"a", 536870911, RF_TYPE_INT32, 1, NULL, NULL}, 0},
        {{NULL, 1, RF_TYPE_INT32, 1, NULL, NULL}, -EBADMSG},
        {{"", 1, RF_TYPE_INT32, 1, NULL, NULL}, -EBADMSG},
        {{"a b", 1, RF_TYPE_INT32, 1, NULL, NULL}, -EBADMSG},
        {{"a\"b", 1, RF_TYPE_INT32, 1, NULL, NULL}, -EBADMSG},
        {{"\xc3\xa9", 1, RF_TYPE_INT32, 1, NULL, NULL}, -EBADMSG},
        {{"a", 0, RF_TYPE_INT32, 1, NULL, NULL}, -EBADMSG},
        {{"a", 1, 0, 1, NULL, NULL}, -EBADMSG},
        {{"a", 1, RF_TYPE_GROUP, 1, NULL, NULL}, -EBADMSG},
        {{"a", 1, 19, 1, NULL, NULL}, -EBADMSG},
        {{"a", 1, 1000000, 1, NULL, NULL}, -EBADMSG},
        {{"a", 1, RF_TYPE_MESSAGE, 1, ".p.M", NULL}, 0}, /* itself */
        {{"a", 1, RF_TYPE_MESSAGE, 1, "p.M", NULL}, 0},
        {{"a", 1, RF_TYPE_MESSAGE, 1, ".p.Missing", NULL}, -ENOENT},
        {{"a", 1, RF_TYPE_MESSAGE, 1, "", NULL}, -ENOENT},
        {{"a", 1, RF_TYPE_MESSAGE, 1, NULL, NULL}, -ENOENT},
        {{"a", 1, RF_TYPE_ENUM, 1, ".p.Missing", NULL}, -ENOENT},
        {{"a", 1, RF_TYPE_ENUM, 1, ".p.M", NULL}, -ENOENT}, /* a message is no enum */
        {{"a", 1, RF_TYPE_STRING, 3, NULL, NULL}, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_schema *s = NULL;
        cr_assert_eq(read_fields(&rows[i].f, 1, &s), rows[i].err, "row %zu", i);
        if (rows[i].err == 0) {
            const rf_rpc_message_type *m = rf_rpc_schema_message(s, "p.M");
            cr_assert_not_null(m);
            cr_assert_eq(m->n_fields, 1);
            cr_assert_eq(m->fields[0].number, rows[i].f.number);
            cr_assert_eq(m->fields[0].repeated, rows[i].f.label == 3);
            cr_assert_str_eq(m->fields[0].full_name, "p.M.a");
            cr_assert_eq(rf_rpc_field_by_number(m, (uint32_t)rows[i].f.number), &m->fields[0]);
            cr_assert_null(rf_rpc_field_by_number(m, 2));
        }
        (void)rf_rpc_schema_free(s);
    }
}

Test(fields, names_of_json)
{
    static const struct {
        const char *name, *json_name, *expected;
    } rows[] = {
        {"plain", NULL, "plain"},
        {"two_words", NULL, "twoWords"},
        {"_leading", NULL, "Leading"},
        {"trailing_", NULL, "trailing"},
        {"a__b", NULL, "aB"},
        {"x_1y", NULL, "x1y"},
        {"UPPER_CASE", NULL, "UPPERCASE"},
        {"name", "given", "given"},
        {"name", "with-dash and space", "with-dash and space"},
        {"name", "\xc3\xa9", "\xc3\xa9"},
        {"name", "", "name"},
        /* one that would have to be escaped is not used */
        {"name", "a\"b", "name"},
        {"name", "a\\b", "name"},
        {"name", "a\nb", "name"},
        {"name", "\xff", "name"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_schema *s = NULL;
        field f = {rows[i].name, 1, RF_TYPE_INT32, 1, NULL, rows[i].json_name};
        cr_assert_eq(read_fields(&f, 1, &s), 0);
        cr_assert_str_eq(rf_rpc_schema_message(s, "p.M")->fields[0].json_name, rows[i].expected);
        (void)rf_rpc_schema_free(s);
    }
}

/* ---- messages, enums, methods ---- */

Test(types, nested_ones_have_the_names_of_those_around_them)
{
    static const char *const messages[] = {"rpc.types.Scalars", "rpc.types.Lists",
                                           "rpc.types.Tree",    "rpc.types.Tree.Leaf",
                                           "rpc.types.Choice",  "rpc.types.Names"};
    static const char *const enums[] = {"rpc.types.Level", "rpc.types.Aliased",
                                        "rpc.types.Tree.Leaf.Kind"};
    rf_rpc_schema *s = NULL;
    cr_assert_eq(rf_rpc_schema_new(types_file.set, types_file.set_len, &s), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(messages); i++) {
        const rf_rpc_message_type *m = rf_rpc_schema_message(s, messages[i]);
        cr_assert_not_null(m, "%s", messages[i]);
        cr_assert_str_eq(m->name, messages[i]);
        cr_assert_null(rf_rpc_schema_enum(s, messages[i]));
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(enums); i++) {
        cr_assert_not_null(rf_rpc_schema_enum(s, enums[i]), "%s", enums[i]);
        cr_assert_null(rf_rpc_schema_message(s, enums[i]));
    }
    cr_assert_null(rf_rpc_schema_message(s, "Scalars"));
    cr_assert_null(rf_rpc_schema_message(s, ""));
    const rf_rpc_message_type *choice = rf_rpc_schema_message(s, "rpc.types.Choice");
    cr_assert_eq(choice->n_oneofs, 2);
    static const int groups[] = {0, 0, 0, 0, 0, 0, 1, 1, -1};
    for (size_t i = 0; i < RF_ARRAY_LEN(groups); i++) {
        cr_assert_eq(choice->fields[i].oneof, groups[i], "%s", choice->fields[i].name);
    }
    (void)rf_rpc_schema_free(s);
}

Test(types, field_types_are_those_of_the_proto)
{
    rf_rpc_schema *s = NULL;
    cr_assert_eq(rf_rpc_schema_new(types_file.set, types_file.set_len, &s), 0);
    const rf_rpc_message_type *m = rf_rpc_schema_message(s, "rpc.types.Scalars");
    static const rf_rpc_type types[] = {
        RF_TYPE_DOUBLE,  RF_TYPE_FLOAT,   RF_TYPE_INT64,    RF_TYPE_UINT64,   RF_TYPE_INT32,
        RF_TYPE_FIXED64, RF_TYPE_FIXED32, RF_TYPE_BOOL,     RF_TYPE_STRING,   RF_TYPE_BYTES,
        RF_TYPE_UINT32,  RF_TYPE_ENUM,    RF_TYPE_SFIXED32, RF_TYPE_SFIXED64, RF_TYPE_SINT32,
        RF_TYPE_SINT64,  RF_TYPE_ENUM};
    cr_assert_eq(m->n_fields, RF_ARRAY_LEN(types));
    for (size_t i = 0; i < RF_ARRAY_LEN(types); i++) {
        cr_assert_eq(m->fields[i].type, types[i], "%s", m->fields[i].name);
        cr_assert_eq(m->fields[i].number, i + 1);
        cr_assert_not(m->fields[i].repeated);
    }
    cr_assert_str_eq(m->fields[11].enumeration->name, "rpc.types.Level");
    (void)rf_rpc_schema_free(s);
}

Test(methods, kinds_types_and_idempotency)
{
    rf_rpc_schema *s = NULL;
    cr_assert_eq(rf_rpc_schema_new(echo_file.set, echo_file.set_len, &s), 0);
    for (size_t i = 0; i < rpc_test_echo.n_methods; i++) {
        const rf_rpc_method *built = &rpc_test_echo.methods[i];
        const rf_rpc_method_type *read = rf_rpc_schema_method(s, built->name);
        cr_assert_not_null(read, "%s", built->name);
        cr_assert_eq(read->kind, built->kind);
        cr_assert_eq(read->idempotent, built->idempotent);
        cr_assert_str_eq(read->input, built->input->name);
        cr_assert_str_eq(read->output, built->output->name);
    }
    cr_assert_null(rf_rpc_schema_method(s, "rpc.test.Echo"));
    cr_assert_null(rf_rpc_schema_method(s, "Unary"));
    (void)rf_rpc_schema_free(s);
}

Test(methods, whose_types_are_missing_are_refused)
{
    static const struct {
        const char *name, *input, *output;
        int err;
    } rows[] = {
        {"Do", ".p.M", ".p.M", -ENOENT}, /* the file has no message at all */
        {"Do", "", "", -ENOENT},
        {NULL, ".p.M", ".p.M", -EBADMSG},
        {"D o", ".p.M", ".p.M", -EBADMSG},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_buf service;
        rf_rpc_schema *s = NULL;
        rf_buf m = method_of(rows[i].name, rows[i].input, rows[i].output);
        rf_buf_init(&service, MAX_BYTES);
        put_text(&service, 1, "S");
        put_part(&service, 2, &m);
        cr_assert_eq(read_part(FILE_SERVICE, &service, &s), rows[i].err, "row %zu", i);
    }
}

Test(enums, values_keep_their_numbers)
{
    static const int64_t numbers[] = {0, 1, -1, INT32_MAX, INT32_MIN};
    rf_buf e;
    rf_rpc_schema *s = NULL;
    rf_buf_init(&e, MAX_BYTES);
    put_text(&e, 1, "E");
    for (size_t i = 0; i < RF_ARRAY_LEN(numbers); i++) {
        rf_buf v;
        char name[16];
        (void)snprintf(name, sizeof(name), "V%zu", i);
        rf_buf_init(&v, 64);
        put_text(&v, 1, name);
        put_number(&v, 2, (uint64_t)numbers[i]);
        put_part(&e, 2, &v);
    }
    cr_assert_eq(read_part(FILE_ENUM, &e, &s), 0);
    const rf_rpc_enum_type *t = rf_rpc_schema_enum(s, "p.E");
    cr_assert_eq(t->n_values, RF_ARRAY_LEN(numbers));
    for (size_t i = 0; i < t->n_values; i++) {
        cr_assert_eq(t->values[i].number, numbers[i]);
    }
    (void)rf_rpc_schema_free(s);
}

/* ---- limits ---- */

Test(limits, a_set_is_at_most_4_MiB)
{
    rf_buf big;
    rf_rpc_schema *s = NULL;
    rf_buf_init(&big, MAX_BYTES);
    char *zeros = (char *)calloc(1, 4 << 20);
    /* Field 99 of the set is unknown and passed over: 6 bytes of tag and length. */
    rf_rpc_wire_put_bytes(&big, 99, zeros, (4 << 20) - 6);
    cr_assert_eq(big.len, 4 << 20);
    cr_assert_eq(rf_rpc_schema_new(big.data, big.len, &s), 0);
    s = rf_rpc_schema_free(s);
    (void)rf_buf_append_char(&big, 0);
    cr_assert_eq(rf_rpc_schema_new(big.data, big.len, &s), -E2BIG);
    rf_buf_done(&big);
    free(zeros);
}

Test(limits, messages_nest_sixteen_deep)
{
    for (size_t levels = 15; levels < 22; levels++) {
        rf_rpc_schema *s = NULL;
        rf_buf m = message_of("M", NULL, 0);
        for (size_t i = 1; i < levels; i++) {
            rf_buf outer = message_of("M", NULL, 0);
            put_part(&outer, 3, &m);
            m = outer;
        }
        int err = read_part(FILE_MESSAGE, &m, &s);
        cr_assert_eq(err, levels <= 17 ? 0 : -E2BIG, "%zu levels: %d", levels, err);
        (void)rf_rpc_schema_free(s);
    }
}

Test(limits, a_message_has_at_most_16384_fields)
{
    enum { N = 16384 };
    static field fields[N + 1];
    static char names[N + 1][12];
    for (size_t i = 0; i <= N; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
        fields[i] = (field){names[i], i + 1, RF_TYPE_INT32, 1, NULL, NULL};
    }
    rf_rpc_schema *s = NULL;
    cr_assert_eq(read_fields(fields, N, &s), 0);
    cr_assert_eq(rf_rpc_schema_message(s, "p.M")->n_fields, N);
    s = rf_rpc_schema_free(s);
    cr_assert_eq(read_fields(fields, N + 1, &s), -E2BIG);
}

Test(limits, nothing_at_all_is_a_schema)
{
    rf_rpc_schema *s = NULL;
    cr_assert_eq(rf_rpc_schema_new("", 0, &s), 0);
    cr_assert_null(rf_rpc_schema_message(s, "p.M"));
    cr_assert_null(rf_rpc_schema_enum(s, "p.E"));
    cr_assert_null(rf_rpc_schema_method(s, "p.S/M"));
    (void)rf_rpc_schema_free(s);
    cr_assert_null(rf_rpc_schema_free(NULL));
}

/* ---- damage ---- */

Test(damage, each_prefix_and_each_wrong_bit_is_read_or_refused)
{
    uint8_t *copy = (uint8_t *)malloc(types_file.set_len);
    for (size_t cut = 0; cut < types_file.set_len; cut++) {
        rf_rpc_schema *s = NULL;
        uint8_t *exact = (uint8_t *)malloc(cut + 1);
        memcpy(exact, types_file.set, cut);
        if (rf_rpc_schema_new(exact, cut, &s) == 0) {
            (void)rf_rpc_schema_free(s);
        }
        free(exact);
    }
    for (size_t bit = 0; bit < 8 * types_file.set_len; bit += 3) {
        rf_rpc_schema *s = NULL;
        memcpy(copy, types_file.set, types_file.set_len);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (rf_rpc_schema_new(copy, types_file.set_len, &s) == 0) {
            (void)rf_rpc_schema_free(s);
        }
    }
    free(copy);
}

/* A part that should be a message and is a number, or the other way round. */
Test(damage, parts_of_the_wrong_wire_type)
{
    static const uint32_t parts[] = {FILE_MESSAGE, FILE_ENUM, FILE_SERVICE};
    for (size_t i = 0; i < RF_ARRAY_LEN(parts); i++) {
        rf_buf file;
        rf_buf set;
        rf_rpc_schema *s = NULL;
        rf_buf_init(&file, 64);
        rf_buf_init(&set, 64);
        put_number(&file, parts[i], 5);
        put_part(&set, 1, &file);
        cr_assert_eq(rf_rpc_schema_new(set.data, set.len, &s), -EBADMSG);
        rf_buf_done(&set);
    }
    rf_buf set;
    rf_rpc_schema *s = NULL;
    rf_buf_init(&set, 64);
    put_number(&set, 1, 5);
    cr_assert_eq(rf_rpc_schema_new(set.data, set.len, &s), -EBADMSG);
    rf_buf_done(&set);
}
