#include "processor_workflow.h"
#include "rf_buf.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *load(const char *relative)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_asprintf("%s/services/processor/%s", getenv("REFLECTION_SOURCE"), relative);
    json_error_t error;
    json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(j, "%s:%d: %s", path, error.line, error.text);
    return j;
}

static const char *const isolations[] = {
    [PROCESSOR_CHILD] = "child", [PROCESSOR_INLINE] = "inline", [PROCESSOR_REMOTE] = "remote"};

/* The compiled table in the form of modules.json. */
static json_t *ports_of(const processor_port *ports, size_t n, bool is_input)
{
    json_t *object = json_object();
    for (size_t i = 0; i < n; i++) {
        json_t *port = json_pack("{s:s}", "type", processor_type_name(ports[i].type));
        if (is_input) {
            json_object_set_new(port, "required", json_boolean(ports[i].required));
        }
        json_object_set_new(object, ports[i].name, port);
    }
    return object;
}

static json_t *entry_of(const processor_module *m)
{
    return json_pack("{s:s,s:i,s:s,s:o,s:o}", "name", m->name, "version", (int)m->version,
                     "isolation", isolations[m->isolation], "in", ports_of(m->in, m->n_in, true),
                     "out", ports_of(m->out, m->n_out, false));
}

Test(catalogue, file_equals_the_compiled_table)
{
    size_t n;
    const processor_module *const *table = processor_module_table(&n);
    json_t *file = load("modules.json");
    json_t *modules = json_object_get(file, "modules");
    cr_assert_eq(json_array_size(modules), n);
    for (size_t i = 0; i < n; i++) {
        json_t *compiled = entry_of(table[i]);
        cr_expect(json_equal(compiled, json_array_get(modules, i)), "%s differs", table[i]->name);
        json_decref(compiled);
    }
    json_decref(file);
}

Test(catalogue, every_module_is_of_this_abi_and_found_by_name)
{
    size_t n;
    const processor_module *const *table = processor_module_table(&n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(table[i]->abi, PROCESSOR_MODULE_ABI);
        cr_expect_eq(processor_module_find(table[i]->name), table[i]);
        cr_expect_leq(table[i]->n_in, PROCESSOR_MAX_PORTS);
        cr_expect_leq(table[i]->n_out, PROCESSOR_MAX_PORTS);
    }
    cr_expect_null(processor_module_find("nothing"));
}

/* Only what keeps books may run outside a child. */
Test(catalogue, only_copy_and_noop_are_inline)
{
    size_t n;
    const processor_module *const *table = processor_module_table(&n);
    for (size_t i = 0; i < n; i++) {
        bool is_bookkeeping =
            strcmp(table[i]->name, "copy") == 0 || strcmp(table[i]->name, "noop") == 0;
        cr_expect_eq(table[i]->isolation == PROCESSOR_INLINE, is_bookkeeping, "%s", table[i]->name);
    }
}

/* A remote module is one that the host knows a service for, and has no code of its own. */
Test(catalogue, only_jam_is_remote)
{
    size_t n;
    const processor_module *const *table = processor_module_table(&n);
    for (size_t i = 0; i < n; i++) {
        bool is_jam = strcmp(table[i]->name, "jam") == 0;
        bool is_decode = strcmp(table[i]->name, "decode") == 0;
        cr_expect_eq(table[i]->isolation == PROCESSOR_REMOTE, is_jam, "%s", table[i]->name);
        cr_expect_eq(table[i]->run == NULL, is_jam || is_decode, "%s", table[i]->name);
    }
}

/* What jobs.md section 6 promises of each document. */
static const struct {
    const char *slug;
    int limit_s;
    const char *outputs; /* names and formats, sorted */
} shipped[] = {
    {"music-ai/extract-beat-map-and-bpm", 600, "beatMap=json bpm=string"},
    {"music-ai/generate-chords", 600, "chords=json"},
    {"music-ai/isolate-drums", 1800, "Kick drum=wav Other=wav Snare drum=wav"},
    {"music-ai/music-analysis", 900,
     "beatMap=json bpm=string chordMap=json key=string loudness=json sectionsMap=json"},
    {"music-ai/stems-vocals-accompaniment", 1800, "accompaniments=wav vocals=wav"},
    {"reflection/convert", 600, "output=$format"},
    {"reflection/jam", 1200, "audio=wav"},
    {"sdk-test", 60, "file=auto"},
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *outputs_of(const json_t *document)
{
    const char *names[PROCESSOR_MAX_OUTPUTS];
    size_t n = 0;
    const char *name;
    json_t *output;
    json_t *outputs = json_object_get(document, "outputs");
    json_object_foreach(outputs, name, output)
    {
        names[n++] = name;
    }
    qsort(names, n, sizeof(names[0]), compare);
    rf_buf b;
    rf_buf_init(&b, 4096);
    for (size_t i = 0; i < n; i++) {
        const json_t *format = json_object_get(json_object_get(outputs, names[i]), "format");
        rf_buf_printf(&b, "%s%s=%s", i == 0 ? "" : " ", names[i], json_string_value(format));
    }
    return rf_buf_steal(&b);
}

static json_t *document_of(const char *slug)
{
    char name[128];
    snprintf(name, sizeof(name), "workflows/%s.json", slug);
    for (char *c = name + strlen("workflows/"); *c != '\0'; c++) {
        *c = *c == '/' ? '-' : *c;
    }
    return load(name);
}

Test(catalogue, shipped_workflows_say_what_the_specification_says)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(shipped); i++) {
        json_t *d = document_of(shipped[i].slug);
        RF_CLEANUP(rf_cleanup_free) char *outputs = outputs_of(d);
        cr_expect_str_eq(json_string_value(json_object_get(d, "slug")), shipped[i].slug);
        cr_expect_eq(json_integer_value(json_object_get(d, "limitSeconds")), shipped[i].limit_s);
        cr_expect_str_eq(json_string_value(json_object_get(d, "pool")), "cpu");
        cr_expect_str_eq(outputs, shipped[i].outputs);
        json_decref(d);
    }
}

/* Each document links against the compiled table with its required parameters alone. */
Test(catalogue, shipped_workflows_link)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(shipped); i++) {
        json_t *d = document_of(shipped[i].slug);
        RF_CLEANUP(rf_cleanup_free) char *text = json_dumps(d, 0);
        processor_workflow *w = NULL;
        cr_expect_eq(processor_workflow_new(text,
                                            "{\"inputUrl\":\"https://h/x\",\"file\":\"https://h/"
                                            "x\",\"format\":\"flac\",\"styles\":\"jazz\"}",
                                            &w),
                     0, "%s", shipped[i].slug);
        processor_workflow_free(w);
        json_decref(d);
    }
}

Test(catalogue, no_other_workflow_is_shipped)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_asprintf("%s/services/processor/workflows", getenv("REFLECTION_SOURCE"));
    DIR *dir = opendir(path);
    size_t n = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        n += strstr(e->d_name, ".json") != NULL;
    }
    closedir(dir);
    cr_assert_eq(n, RF_ARRAY_LEN(shipped));
}
