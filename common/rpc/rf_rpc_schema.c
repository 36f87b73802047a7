#include "rf_rpc_schema.h"

#include "rf_rpc_wire.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define MAX_SET ((size_t)4 << 20)
#define MAX_TYPES 16384 /* messages, enums, fields, values, methods: each */
#define MAX_NESTING 16
#define NEEDS_ESCAPE                                                                               \
    "\"\\\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16" \
    "\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
    SET_FILE = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    MESSAGE_NAME = 1,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_ONEOF = 8,
    FIELD_NAME = 1,
    FIELD_NUMBER = 3,
    FIELD_LABEL = 4,
    FIELD_TYPE = 5,
    FIELD_TYPE_NAME = 6,
    FIELD_ONEOF = 9,
    FIELD_JSON_NAME = 10,
    LABEL_REPEATED = 3,
    ENUM_NAME = 1,
    ENUM_VALUE = 2,
    VALUE_NAME = 1,
    VALUE_NUMBER = 2,
    SERVICE_NAME = 1,
    SERVICE_METHOD = 2,
    METHOD_NAME = 1,
    METHOD_INPUT = 2,
    METHOD_OUTPUT = 3,
    METHOD_OPTIONS = 4,
    METHOD_CLIENT_STREAMING = 5,
    METHOD_SERVER_STREAMING = 6,
    OPTIONS_IDEMPOTENCY = 34,
};

/* ---- reading ---- */

typedef int (*each_fn)(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                       unsigned depth);

static int bad_if(bool bad)
{
    return bad ? -EBADMSG : 0;
}

static bool is_name(const rf_rpc_wire_field *f)
{
    for (size_t i = 0; i < f->len; i++) {
        unsigned char c = f->data[i];
        if (isalnum(c) == 0 && c != '_' && c != '.') {
            return false;
        }
    }
    return f->type == RF_WIRE_BYTES && f->len > 0 && f->len < 512;
}

/* The text of the first field with this number; "" when there is none. The caller frees. */
static char *text_of(const rf_rpc_wire_field *in, uint32_t number)
{
    rf_rpc_wire r = rf_rpc_wire_of(in->data, in->len);
    rf_rpc_wire_field f;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == number) {
            return is_name(&f) ? rf_strndup((const char *)f.data, f.len) : rf_strdup("");
        }
    }
    return rf_strdup("");
}

/* A name of JSON may be any text that needs no escape. */
static char *json_name_of(const rf_rpc_wire_field *field)
{
    rf_rpc_wire r = rf_rpc_wire_of(field->data, field->len);
    rf_rpc_wire_field f;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == FIELD_JSON_NAME && f.type == RF_WIRE_BYTES && f.len > 0 && f.len < 512 &&
            rf_utf8_valid(f.data, f.len)) {
            char *name = rf_strndup((const char *)f.data, f.len);
            if (strlen(name) == f.len && strcspn(name, NEEDS_ESCAPE) == f.len) {
                return name;
            }
            free(name);
        }
    }
    return rf_strdup("");
}

static uint64_t number_of(const rf_rpc_wire_field *in, uint32_t number, uint64_t otherwise)
{
    rf_rpc_wire r = rf_rpc_wire_of(in->data, in->len);
    rf_rpc_wire_field f;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == number) {
            return f.type == RF_WIRE_VARINT ? f.value : otherwise;
        }
    }
    return otherwise;
}

static char *join(const char *scope, const char *name, char sep)
{
    return scope[0] != '\0' ? rf_asprintf("%s%c%s", scope, sep, name) : rf_strdup(name);
}

/* Calls fn for each sub-message with this number. */
static int each(rf_rpc_schema *s, const rf_rpc_wire_field *in, uint32_t number, each_fn fn,
                const char *scope, unsigned depth)
{
    rf_rpc_wire r = rf_rpc_wire_of(in->data, in->len);
    rf_rpc_wire_field f;
    int more;
    while ((more = rf_rpc_wire_next(&r, &f)) > 0) {
        if (f.number == number) {
            int err = f.type == RF_WIRE_BYTES ? fn(s, &f, scope, depth) : -EBADMSG;
            if (err != 0) {
                return err;
            }
        }
    }
    return more;
}

/* Makes room for one more element of an array that is full at powers of two. */
#define PUSH(array, n)                                                                             \
    do {                                                                                           \
        if (((n) & ((n)-1)) == 0) {                                                                \
            (array) = (__typeof__(array))rf_grow((array), (n) == 0 ? 1 : (n)*2, sizeof(*(array))); \
        }                                                                                          \
        (array)[(n)] = (__typeof__(*(array))){0};                                                  \
    } while (0)

/* protoc's rule: an underscore goes and the next letter becomes a capital. */
static char *camel(const char *name)
{
    char *out = (char *)rf_alloc(strlen(name) + 1);
    size_t n = 0;
    bool up = false;
    for (; *name != '\0'; name++) {
        if (*name == '_') {
            up = true;
            continue;
        }
        out[n++] = up ? (char)toupper((unsigned char)*name) : *name;
        up = false;
    }
    return out;
}

static int read_field(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                      unsigned depth)
{
    (void)depth;
    rf_rpc_message_type *m = &s->messages[s->n_messages - 1];
    if (m->n_fields == MAX_TYPES) {
        return -E2BIG;
    }
    PUSH(m->fields, m->n_fields);
    rf_rpc_field_type *d = &m->fields[m->n_fields++];
    RF_CLEANUP(rf_cleanup_free) char *type_name = text_of(f, FIELD_TYPE_NAME);
    RF_CLEANUP(rf_cleanup_free) char *json_name = json_name_of(f);
    d->name = text_of(f, FIELD_NAME);
    d->json_name = json_name[0] != '\0' ? RF_STEAL(json_name) : camel(d->name);
    d->full_name = join(scope, d->name, '.');
    d->number = (uint32_t)number_of(f, FIELD_NUMBER, 0);
    d->type = (rf_rpc_type)number_of(f, FIELD_TYPE, 0);
    d->repeated = number_of(f, FIELD_LABEL, 0) == LABEL_REPEATED;
    d->oneof = (int)number_of(f, FIELD_ONEOF, UINT64_MAX);
    d->type_name = rf_strdup(type_name[0] == '.' ? type_name + 1 : type_name);
    return bad_if(d->name[0] == '\0' || d->number == 0 || d->type == 0 ||
                  d->type > RF_TYPE_SINT64 || d->type == RF_TYPE_GROUP);
}

static int read_value(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                      unsigned depth)
{
    (void)scope;
    (void)depth;
    rf_rpc_enum_type *e = &s->enums[s->n_enums - 1];
    if (e->n_values == MAX_TYPES) {
        return -E2BIG;
    }
    PUSH(e->values, e->n_values);
    rf_rpc_enum_value *v = &e->values[e->n_values++];
    v->name = text_of(f, VALUE_NAME);
    v->number = (int32_t)number_of(f, VALUE_NUMBER, 0);
    return bad_if(v->name[0] == '\0');
}

static int read_enum(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                     unsigned depth)
{
    if (s->n_enums == MAX_TYPES) {
        return -E2BIG;
    }
    PUSH(s->enums, s->n_enums);
    RF_CLEANUP(rf_cleanup_free) char *name = text_of(f, ENUM_NAME);
    s->enums[s->n_enums++].name = join(scope, name, '.');
    return each(s, f, ENUM_VALUE, read_value, scope, depth);
}

static rf_rpc_special special_of(const char *name)
{
    return strcmp(name, "rpc.v1.Json") == 0             ? RF_SPECIAL_JSON
           : strcmp(name, "rpc.v1.OptionalString") == 0 ? RF_SPECIAL_OPTIONAL_STRING
           : strcmp(name, "rpc.v1.Time") == 0           ? RF_SPECIAL_TIME
                                                        : RF_SPECIAL_NONE;
}

static int count_oneof(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                       unsigned depth)
{
    (void)f;
    (void)scope;
    (void)depth;
    s->messages[s->n_messages - 1].n_oneofs++;
    return 0;
}

static int read_message(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                        unsigned depth)
{
    if (s->n_messages == MAX_TYPES || depth > MAX_NESTING) {
        return -E2BIG;
    }
    PUSH(s->messages, s->n_messages);
    RF_CLEANUP(rf_cleanup_free) char *name = text_of(f, MESSAGE_NAME);
    RF_CLEANUP(rf_cleanup_free) char *full = join(scope, name, '.');
    rf_rpc_message_type *m = &s->messages[s->n_messages++];
    m->name = rf_strdup(full);
    m->special = special_of(full);
    int err = bad_if(name[0] == '\0');
    err = err == 0 ? each(s, f, MESSAGE_FIELD, read_field, full, depth) : err;
    err = err == 0 ? each(s, f, MESSAGE_ONEOF, count_oneof, full, depth) : err;
    err = err == 0 ? each(s, f, MESSAGE_ENUM, read_enum, full, depth) : err;
    return err == 0 ? each(s, f, MESSAGE_NESTED, read_message, full, depth + 1) : err;
}

/* ".job.v1.Job" -> "job.v1.Job" */
static char *type_text(const rf_rpc_wire_field *f, uint32_t number)
{
    char *s = text_of(f, number);
    if (s[0] == '.') {
        memmove(s, s + 1, strlen(s));
    }
    return s;
}

static bool is_idempotent(const rf_rpc_wire_field *method)
{
    rf_rpc_wire r = rf_rpc_wire_of(method->data, method->len);
    rf_rpc_wire_field f;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == METHOD_OPTIONS && f.type == RF_WIRE_BYTES) {
            return number_of(&f, OPTIONS_IDEMPOTENCY, 0) != 0;
        }
    }
    return false;
}

static int read_method(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                       unsigned depth)
{
    (void)depth;
    if (s->n_methods == MAX_TYPES) {
        return -E2BIG;
    }
    PUSH(s->methods, s->n_methods);
    rf_rpc_method_type *m = &s->methods[s->n_methods++];
    RF_CLEANUP(rf_cleanup_free) char *name = text_of(f, METHOD_NAME);
    m->name = join(scope, name, '/');
    m->input = type_text(f, METHOD_INPUT);
    m->output = type_text(f, METHOD_OUTPUT);
    m->kind = (rf_rpc_kind)((number_of(f, METHOD_SERVER_STREAMING, 0) != 0 ? 1 : 0) |
                            (number_of(f, METHOD_CLIENT_STREAMING, 0) != 0 ? 2 : 0));
    m->idempotent = is_idempotent(f);
    return bad_if(name[0] == '\0');
}

static int read_service(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                        unsigned depth)
{
    RF_CLEANUP(rf_cleanup_free) char *name = text_of(f, SERVICE_NAME);
    RF_CLEANUP(rf_cleanup_free) char *full = join(scope, name, '.');
    return each(s, f, SERVICE_METHOD, read_method, full, depth);
}

static int read_file(rf_rpc_schema *s, const rf_rpc_wire_field *f, const char *scope,
                     unsigned depth)
{
    (void)scope;
    RF_CLEANUP(rf_cleanup_free) char *package = text_of(f, FILE_PACKAGE);
    int err = each(s, f, FILE_MESSAGE, read_message, package, depth);
    err = err == 0 ? each(s, f, FILE_ENUM, read_enum, package, depth) : err;
    return err == 0 ? each(s, f, FILE_SERVICE, read_service, package, depth) : err;
}

/* ---- resolving ---- */

/* Messages and enums both begin with their name. */
static int compare_named(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const rf_rpc_message_type *rf_rpc_schema_message(const rf_rpc_schema *s, const char *name)
{
    return s->n_messages == 0
               ? NULL
               : (const rf_rpc_message_type *)bsearch(&name, s->messages, s->n_messages,
                                                      sizeof(s->messages[0]), compare_named);
}

const rf_rpc_enum_type *rf_rpc_schema_enum(const rf_rpc_schema *s, const char *name)
{
    return s->n_enums == 0 ? NULL
                           : (const rf_rpc_enum_type *)bsearch(&name, s->enums, s->n_enums,
                                                               sizeof(s->enums[0]), compare_named);
}

const rf_rpc_method_type *rf_rpc_schema_method(const rf_rpc_schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_methods; i++) {
        if (strcmp(s->methods[i].name, name) == 0) {
            return &s->methods[i];
        }
    }
    return NULL;
}

const rf_rpc_field_type *rf_rpc_field_by_number(const rf_rpc_message_type *m, uint32_t number)
{
    for (size_t i = 0; i < m->n_fields; i++) {
        if (m->fields[i].number == number) {
            return &m->fields[i];
        }
    }
    return NULL;
}

static int resolve_field(const rf_rpc_schema *s, rf_rpc_field_type *f)
{
    if (f->type == RF_TYPE_MESSAGE) {
        f->message = rf_rpc_schema_message(s, f->type_name);
        return f->message != NULL ? 0 : -ENOENT;
    }
    if (f->type == RF_TYPE_ENUM) {
        f->enumeration = rf_rpc_schema_enum(s, f->type_name);
        return f->enumeration != NULL ? 0 : -ENOENT;
    }
    return 0;
}

static int resolve(rf_rpc_schema *s)
{
    if (s->n_messages > 0) {
        qsort(s->messages, s->n_messages, sizeof(s->messages[0]), compare_named);
    }
    if (s->n_enums > 0) {
        qsort(s->enums, s->n_enums, sizeof(s->enums[0]), compare_named);
    }
    int err = 0;
    for (size_t i = 0; i < s->n_messages; i++) {
        for (size_t k = 0; err == 0 && k < s->messages[i].n_fields; k++) {
            err = resolve_field(s, &s->messages[i].fields[k]);
        }
    }
    for (size_t i = 0; err == 0 && i < s->n_methods; i++) {
        bool known = rf_rpc_schema_message(s, s->methods[i].input) != NULL &&
                     rf_rpc_schema_message(s, s->methods[i].output) != NULL;
        err = known ? 0 : -ENOENT;
    }
    return err;
}

/* ---- life ---- */

int rf_rpc_schema_new(const void *set, size_t len, rf_rpc_schema **ret)
{
    if (len > MAX_SET) {
        return -E2BIG;
    }
    rf_rpc_schema *s = RF_NEW(rf_rpc_schema);
    rf_rpc_wire_field all = {.data = (const uint8_t *)set, .len = len};
    int err = each(s, &all, SET_FILE, read_file, "", 0);
    err = err == 0 ? resolve(s) : err;
    if (err != 0) {
        (void)rf_rpc_schema_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

static void free_message(rf_rpc_message_type *m)
{
    for (size_t i = 0; i < m->n_fields; i++) {
        free(m->fields[i].name);
        free(m->fields[i].json_name);
        free(m->fields[i].full_name);
        free(m->fields[i].type_name);
    }
    free(m->fields);
    free(m->name);
}

static void free_enum(rf_rpc_enum_type *e)
{
    for (size_t i = 0; i < e->n_values; i++) {
        free(e->values[i].name);
    }
    free(e->values);
    free(e->name);
}

rf_rpc_schema *rf_rpc_schema_free(rf_rpc_schema *schema)
{
    if (schema == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < schema->n_messages; i++) {
        free_message(&schema->messages[i]);
    }
    for (size_t i = 0; i < schema->n_enums; i++) {
        free_enum(&schema->enums[i]);
    }
    for (size_t i = 0; i < schema->n_methods; i++) {
        free(schema->methods[i].name);
        free(schema->methods[i].input);
        free(schema->methods[i].output);
    }
    free(schema->messages);
    free(schema->enums);
    free(schema->methods);
    free(schema);
    return NULL;
}

rf_rpc_wire_type rf_rpc_wire_type_of(rf_rpc_type type)
{
    switch (type) {
    case RF_TYPE_DOUBLE:
    case RF_TYPE_FIXED64:
    case RF_TYPE_SFIXED64:
        return RF_WIRE_FIXED64;
    case RF_TYPE_FLOAT:
    case RF_TYPE_FIXED32:
    case RF_TYPE_SFIXED32:
        return RF_WIRE_FIXED32;
    case RF_TYPE_STRING:
    case RF_TYPE_BYTES:
    case RF_TYPE_MESSAGE:
        return RF_WIRE_BYTES;
    default:
        return RF_WIRE_VARINT;
    }
}
