/*
 * rf_rpc_gen SET.desc FILE.proto OUT-STEM: writes OUT-STEM.rpc.h and OUT-STEM.rpc.c with the method
 * tables (rf_rpc_table.h) of the services of FILE.proto and its schema, from protoc's descriptor
 * set. protoc-c drops streaming kinds and options, hence this program. Runs at build time.
 */
#include "rf_file.h"
#include "rf_rpc_wire.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_SET (4u << 20)
#define MAX_SOURCE (64u << 20)

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_SERVICE = 6,
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

typedef struct text {
    const char *s;
    size_t len;
} text;

typedef struct method {
    text name, input, output;
    unsigned kind;
    bool idempotent;
} method;

typedef struct gen {
    text set;
    const char *proto, *stem;
    char file_symbol[256];
    text package;
    rf_buf header, source;
} gen;

/* Finds the first field of a number; false when there is none or the bytes are malformed. */
static bool find(text in, uint32_t number, rf_rpc_wire_field *ret)
{
    rf_rpc_wire r = rf_rpc_wire_of(in.s, in.len);
    while (rf_rpc_wire_next(&r, ret) > 0) {
        if (ret->number == number) {
            return true;
        }
    }
    return false;
}

static text find_text(text in, uint32_t number)
{
    rf_rpc_wire_field f;
    bool found = find(in, number, &f) && f.type == RF_WIRE_BYTES;
    return found ? (text){(const char *)f.data, f.len} : (text){"", 0};
}

static uint64_t find_number(text in, uint32_t number)
{
    rf_rpc_wire_field f;
    return find(in, number, &f) && f.type == RF_WIRE_VARINT ? f.value : 0;
}

/* As protoc-c names things: an underscore before each capital that follows a small letter. */
static void lower(rf_buf *out, text camel, const char *dot)
{
    bool was_upper = true;
    for (size_t i = 0; i < camel.len; i++) {
        char c = camel.s[i];
        bool is_upper = isupper((unsigned char)c) != 0;
        if (c == '.') {
            (void)rf_buf_append_str(out, dot);
            was_upper = true;
            continue;
        }
        if (is_upper && !was_upper) {
            (void)rf_buf_append_char(out, '_');
        }
        (void)rf_buf_append_char(out, (char)tolower((unsigned char)c));
        was_upper = is_upper;
    }
}

/* "job_v1_job_service" of package job.v1, service JobService; the caller frees. */
static char *symbol_of(text package, text name, bool upper)
{
    rf_buf b;
    rf_buf_init(&b, 1024);
    lower(&b, package, "_");
    if (package.len > 0) {
        (void)rf_buf_append_char(&b, '_');
    }
    lower(&b, name, "_");
    char *s = rf_buf_steal(&b);
    for (char *c = s; upper && *c != '\0'; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
    return s;
}

static method read_method(text in)
{
    text options = find_text(in, METHOD_OPTIONS);
    return (method){
        .name = find_text(in, METHOD_NAME),
        .input = find_text(in, METHOD_INPUT),
        .output = find_text(in, METHOD_OUTPUT),
        .kind = (find_number(in, METHOD_SERVER_STREAMING) != 0 ? 1u : 0u) |
                (find_number(in, METHOD_CLIENT_STREAMING) != 0 ? 2u : 0u),
        .idempotent = find_number(options, OPTIONS_IDEMPOTENCY) != 0,
    };
}

/* "&job__v1__job__descriptor" of ".job.v1.Job". */
static void put_descriptor(rf_buf *out, text type)
{
    (void)rf_buf_append_char(out, '&');
    lower(out, (text){type.s + 1, type.len - 1}, "__");
    (void)rf_buf_append_str(out, "__descriptor");
}

static void put_method(gen *g, const char *full, const method *m)
{
    static const char *const kinds[] = {"RF_RPC_UNARY", "RF_RPC_SERVER_STREAM",
                                        "RF_RPC_CLIENT_STREAM", "RF_RPC_BIDI"};
    (void)rf_buf_printf(&g->source, "    {\"%s/%.*s\", %s, %s, ", full, (int)m->name.len, m->name.s,
                        kinds[m->kind], m->idempotent ? "true" : "false");
    put_descriptor(&g->source, m->input);
    (void)rf_buf_append_str(&g->source, ", ");
    put_descriptor(&g->source, m->output);
    (void)rf_buf_append_str(&g->source, "},\n");
}

static size_t put_methods(gen *g, text service, const char *full, const char *symbol)
{
    RF_CLEANUP(rf_cleanup_free)
    char *macro = symbol_of(g->package, find_text(service, SERVICE_NAME), true);
    rf_rpc_wire r = rf_rpc_wire_of(service.s, service.len);
    rf_rpc_wire_field f;
    size_t n = 0;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == SERVICE_METHOD) {
            method m = read_method((text){(const char *)f.data, f.len});
            RF_CLEANUP(rf_cleanup_free) char *name = symbol_of((text){"", 0}, m.name, true);
            (void)rf_buf_printf(&g->header, "#define %s_%s (&%s.methods[%zu])\n", macro, name,
                                symbol, n++);
            put_method(g, full, &m);
        }
    }
    return n;
}

static void put_service(gen *g, text service)
{
    text name = find_text(service, SERVICE_NAME);
    RF_CLEANUP(rf_cleanup_free) char *symbol = symbol_of(g->package, name, false);
    RF_CLEANUP(rf_cleanup_free)
    char *full = rf_asprintf("%.*s%s%.*s", (int)g->package.len, g->package.s,
                             g->package.len > 0 ? "." : "", (int)name.len, name.s);
    (void)rf_buf_printf(&g->header, "\nextern const rf_rpc_service %s;\n", symbol);
    (void)rf_buf_printf(&g->source, "\nstatic const rf_rpc_method %s_methods[] = {\n", symbol);
    size_t n = put_methods(g, service, full, symbol);
    (void)rf_buf_printf(&g->source,
                        "};\nconst rf_rpc_service %s = {\"%s\", %s_methods, %zu, &%s};\n", symbol,
                        full, symbol, n, g->file_symbol);
}

static void put_schema(gen *g)
{
    (void)rf_buf_append_str(&g->source, "\nstatic const uint8_t schema[] = {");
    for (size_t i = 0; i < g->set.len; i++) {
        (void)rf_buf_printf(&g->source, "%s%u,", i % 24 == 0 ? "\n    " : "", (uint8_t)g->set.s[i]);
    }
    (void)rf_buf_printf(&g->source, "\n};\nconst rf_rpc_file %s = {\"%s\", schema, %zu};\n",
                        g->file_symbol, g->proto, g->set.len);
}

/* "reflection_job_v1_job_file" of reflection/job/v1/job.proto. */
static void name_file(gen *g)
{
    size_t stem_len = strlen(g->proto) - strlen(".proto");
    (void)snprintf(g->file_symbol, sizeof(g->file_symbol), "%.*s_file", (int)stem_len, g->proto);
    for (char *c = g->file_symbol; *c != '\0'; c++) {
        *c = isalnum((unsigned char)*c) != 0 ? *c : '_';
    }
}

static bool find_file(const gen *g, text *ret)
{
    rf_rpc_wire r = rf_rpc_wire_of(g->set.s, g->set.len);
    rf_rpc_wire_field f;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        text file = {(const char *)f.data, f.len};
        text name = find_text(file, FILE_NAME);
        if (f.number == SET_FILE && name.len == strlen(g->proto) &&
            memcmp(name.s, g->proto, name.len) == 0) {
            *ret = file;
            return true;
        }
    }
    return false;
}

static void generate(gen *g, text file)
{
    int stem_len = (int)(strlen(g->proto) - strlen(".proto"));
    g->package = find_text(file, FILE_PACKAGE);
    (void)rf_buf_printf(
        &g->header,
        "/* Made by rf_rpc_gen from %s. */\n#pragma once\n#include <rf_rpc_table.h>\n"
        "#include <%.*s.pb-c.h>\n\nextern const rf_rpc_file %s;\n",
        g->proto, stem_len, g->proto, g->file_symbol);
    (void)rf_buf_printf(&g->source, "/* Made by rf_rpc_gen from %s. */\n#include <%.*s.rpc.h>\n",
                        g->proto, stem_len, g->proto);
    put_schema(g);
    rf_rpc_wire r = rf_rpc_wire_of(file.s, file.len);
    rf_rpc_wire_field f;
    while (rf_rpc_wire_next(&r, &f) > 0) {
        if (f.number == FILE_SERVICE) {
            put_service(g, (text){(const char *)f.data, f.len});
        }
    }
}

static int write_out(const gen *g, const char *suffix, const rf_buf *b)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s%s", g->stem, suffix);
    int err = rf_buf_error(b);
    return err != 0 ? err : rf_file_write_atomic(path, b->data, b->len, 0644);
}

int main(int argc, char **argv)
{
    if (argc != 4 || strlen(argv[2]) <= strlen(".proto")) {
        (void)fprintf(stderr, "usage: rf_rpc_gen SET.desc FILE.proto OUT-STEM\n");
        return 2;
    }
    rf_buf set;
    gen g = {.proto = argv[2], .stem = argv[3]};
    rf_buf_init(&set, MAX_SET);
    rf_buf_init(&g.header, MAX_SOURCE);
    rf_buf_init(&g.source, MAX_SOURCE);
    text file;
    int err = rf_file_read(argv[1], &set);
    g.set = (text){(const char *)set.data, set.len};
    name_file(&g);
    if (err == 0 && !find_file(&g, &file)) {
        err = -ENOENT;
    }
    if (err == 0) {
        generate(&g, file);
        err = write_out(&g, ".rpc.h", &g.header);
    }
    err = err == 0 ? write_out(&g, ".rpc.c", &g.source) : err;
    if (err != 0) {
        (void)fprintf(stderr, "rf_rpc_gen: %s: %s\n", argv[2], strerror(-err));
    }
    rf_buf_done(&set);
    rf_buf_done(&g.header);
    rf_buf_done(&g.source);
    return err == 0 ? 0 : 1;
}
