/*
 * Workflow documents and parameters: what is accepted, and what each fault is called.
 */
#include "job_workflow.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static job_catalogue *catalogue;

static const char modules[] =
    "{\"modules\":["
    "{\"name\":\"decode\",\"in\":{\"url\":{\"type\":\"url\",\"required\":true}},"
    " \"out\":{\"audio\":{\"type\":\"audio\"}}},"
    "{\"name\":\"beats\",\"in\":{\"audio\":{\"type\":\"audio\",\"required\":true}},"
    " \"out\":{\"map\":{\"type\":\"json\"},\"bpm\":{\"type\":\"string\"}}},"
    "{\"name\":\"chords\",\"in\":{\"audio\":{\"type\":\"audio\",\"required\":true},"
    " \"beats\":{\"type\":\"json\"}},\"out\":{\"chords\":{\"type\":\"json\"}}},"
    "{\"name\":\"convert\",\"in\":{\"audio\":{\"type\":\"audio\",\"required\":true},"
    " \"format\":{\"type\":\"string\",\"required\":true},\"rate\":{\"type\":\"integer\"}},"
    " \"out\":{\"file\":{\"type\":\"file\"}}},"
    "{\"name\":\"loop\",\"in\":{\"json\":{\"type\":\"json\",\"required\":true}},"
    " \"out\":{\"json\":{\"type\":\"json\"}}},"
    "{\"name\":\"text\",\"in\":{\"text\":{\"type\":\"string\"}},"
    " \"out\":{\"text\":{\"type\":\"string\"}}}]}";

static void set_up(void)
{
    char path[] = "/tmp/reflection-modules-XXXXXX";
    rf_buf error;
    rf_buf_init(&error, 4096);
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    fputs(modules, file);
    fclose(file);
    cr_assert_eq(job_catalogue_load(path, &error, &catalogue), 0, "%s", rf_buf_str(&error));
    remove(path);
    rf_buf_done(&error);
}

static void tear_down(void)
{
    job_catalogue_free(catalogue);
}

TestSuite(workflow, .init = set_up, .fini = tear_down);

static int parse(const char *text, bool need_file, rf_buf *error, job_workflow **ret)
{
    rf_buf_clear(error);
    *ret = NULL;
    return job_workflow_parse(text, strlen(text), catalogue, need_file, error, ret);
}

#define HEAD "{\"slug\":\"acme/x\",\"name\":\"X\",\"description\":\"\",\"pool\":\"cpu\","
#define INPUTS "\"inputs\":{\"inputUrl\":{\"type\":\"url\",\"required\":true}},"
#define DEC "{\"id\":\"dec\",\"use\":\"decode\",\"in\":{\"url\":\"$inputUrl\"}}"
#define BT "{\"id\":\"bt\",\"use\":\"beats\",\"in\":{\"audio\":\"dec.audio\"}}"
#define MODULES "\"modules\":[" DEC "," BT "],"
#define OUTPUTS                                                                                    \
    "\"outputs\":{\"beatMap\":{\"from\":\"bt.map\",\"format\":\"json\"},"                          \
    "\"bpm\":{\"from\":\"bt.bpm\",\"format\":\"string\"}}}"
#define GOOD HEAD INPUTS MODULES OUTPUTS

/* E3 */
Test(workflow, a_good_document_is_read)
{
    rf_buf error;
    job_workflow *w;
    rf_buf_init(&error, 4096);
    cr_assert_eq(parse(GOOD, true, &error, &w), 0, "%s", rf_buf_str(&error));
    cr_assert_str_eq(job_workflow_slug(w), "acme/x");
    cr_assert_str_eq(job_workflow_name(w), "X");
    cr_assert_str_eq(job_workflow_description(w), "");
    cr_assert_eq(job_workflow_pool(w), JOB_POOL_CPU);
    cr_assert_eq(job_workflow_limit_s(w), 1800, "the default");
    cr_assert(job_workflow_has_output(w, "beatMap"));
    cr_assert_not(job_workflow_has_output(w, "beatmap"));
    cr_assert_not_null(strstr(job_workflow_inputs_json(w), "\"required\":[\"inputUrl\"]"));
    cr_assert_not_null(strstr(job_workflow_inputs_json(w), "\"format\":\"uri\""));
    cr_assert_not_null(strstr(job_workflow_outputs_json(w), "\"name\":\"bpm\""));
    cr_assert_not_null(job_workflow_document(w));
    job_workflow_free(w);
    rf_buf_done(&error);
}

/* Each bad document, and a word that the message must hold. */
static const struct {
    const char *text;
    const char *says;
} bad[] = {
    {"", "line"},
    {"{", "line"},
    {"[]", "not an object"},
    {"{\"a\":1,\"a\":2}", "duplicate"},
    {"{}", "'slug'"},
    {"{\"slug\":5}", "'slug'"},
    {"{\"slug\":\"A\"}", "'slug'"},
    {"{\"slug\":\"a/b/c\"}", "'slug'"},
    {"{\"slug\":\"a/\"}", "'slug'"},
    {"{\"slug\":\"/a\"}", "'slug'"},
    {"{\"slug\":\"a b\"}", "'slug'"},
    {"{\"slug\":\"a\"}", "'name'"},
    {"{\"slug\":\"a\",\"name\":\"\"}", "'name'"},
    {"{\"slug\":\"a\",\"name\":\"x\"}", "'description'"},
    {"{\"slug\":\"a\",\"name\":\"x\",\"description\":\"\"}", "'pool'"},
    {"{\"slug\":\"a\",\"name\":\"x\",\"description\":\"\",\"pool\":\"tpu\"}", "'pool'"},
    {HEAD "\"limitSeconds\":9}", "'limitSeconds'"},
    {HEAD "\"limitSeconds\":86401}", "'limitSeconds'"},
    {HEAD "\"limitSeconds\":\"60\"}", "'limitSeconds'"},
    {HEAD "\"deterministic\":1}", "'deterministic'"},
    {HEAD "\"colour\":1}", "'colour'"},
    {HEAD "\"inputs\":[]}", "'inputs'"},
    {HEAD "\"inputs\":{\"a\":5}}", "'a'"},
    {HEAD "\"inputs\":{\"a\":{\"type\":\"audio\"}}}", "'a'"},
    {HEAD "\"inputs\":{\"a\":{\"type\":\"string\",\"requird\":true}}}", "'requird'"},
    {HEAD "\"inputs\":{\"a\":{\"type\":\"string\",\"required\":1}}}", "'a'"},
    {HEAD "\"inputs\":{\"a\":{\"type\":\"string\",\"enum\":[]}}}", "'a'"},
    {HEAD "\"inputs\":{\"a\":{\"type\":\"number\",\"minimum\":2,\"maximum\":1}}}", "'a'"},
    {HEAD INPUTS "\"constraints\":{}}", "'constraints'"},
    {HEAD INPUTS "\"constraints\":[{}]}", "'constraints'"},
    {HEAD INPUTS "\"constraints\":[{\"when\":{\"x\":1},\"inputs\":{}}]}", "'x'"},
    {HEAD INPUTS "\"outputs\":{}}", "'modules'"},
    {HEAD INPUTS "\"modules\":[]}", "'modules'"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a b\",\"use\":\"decode\"}]}", "id"},
    {HEAD INPUTS "\"modules\":[" DEC "," DEC "]}", "unique"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"nope\"}]}", "unknown module 'nope'"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"decode\"}]}", "not fed"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"decode\",\"in\":{\"x\":\"$inputUrl\"}}]}",
     "no input port 'x'"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"decode\",\"in\":{\"url\":5}}]}", "string"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"decode\",\"in\":{\"url\":\"$other\"}}]}",
     "no input 'other'"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"decode\",\"in\":{\"url\":\"b.c\"}}]}",
     "nothing is called 'b.c'"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"beats\",\"in\":{\"audio\":\"$inputUrl\"}}]}",
     "takes audio"},
    {HEAD "\"inputs\":{\"u\":{\"type\":\"url\"}},"
          "\"modules\":[{\"id\":\"a\",\"use\":\"decode\",\"in\":{\"url\":\"$u\"}}]}",
     "is required"},
    {HEAD INPUTS "\"modules\":[" DEC
                 ",{\"id\":\"b\",\"use\":\"chords\",\"in\":{\"audio\":\"dec.audio\","
                 "\"beats\":\"dec.audio\"}}]}",
     "takes json"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"loop\",\"in\":{\"json\":\"b.json\"}},"
                 "{\"id\":\"b\",\"use\":\"loop\",\"in\":{\"json\":\"a.json\"}}]}",
     "cycle"},
    {HEAD INPUTS "\"modules\":[{\"id\":\"a\",\"use\":\"loop\",\"in\":{\"json\":\"a.json\"}}]}",
     "cycle"},
    {HEAD INPUTS MODULES "\"outputs\":{}}", "'outputs'"},
    {HEAD INPUTS MODULES "\"outputs\":{\".x\":{\"from\":\"bt.map\",\"format\":\"json\"}}}", "'.x'"},
    {HEAD INPUTS MODULES "\"outputs\":{\"a.b\":{\"from\":\"bt.map\",\"format\":\"json\"}}}",
     "'a.b'"},
    {HEAD INPUTS MODULES "\"outputs\":{\"a\":{\"from\":\"bt.nope\",\"format\":\"json\"}}}",
     "nothing is called"},
    {HEAD INPUTS MODULES "\"outputs\":{\"a\":{\"from\":\"bt.map\"}}}", "format"},
    {HEAD INPUTS MODULES "\"outputs\":{\"a\":{\"from\":\"bt.map\",\"format\":\"wav\"}}}", "json"},
    {HEAD INPUTS MODULES "\"outputs\":{\"a\":{\"from\":\"dec.audio\",\"format\":\"wav\"}}}",
     "audio"},
    {HEAD INPUTS MODULES "\"outputs\":{\"a\":{\"from\":\"bt.map\",\"format\":\"json\"},"
                         "\"A\":{\"from\":\"bt.map\",\"format\":\"json\"}}}",
     "case"},
    {HEAD INPUTS MODULES "\"outputs\":{\"bpm\":{\"from\":\"bt.bpm\",\"format\":\"string\"}}}",
     "at least one must be a file"},
};

Test(workflow, every_fault_is_named)
{
    rf_buf error;
    rf_buf_init(&error, 4096);
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        job_workflow *w;
        cr_assert_eq(parse(bad[i].text, true, &error, &w), -EBADMSG, "row %zu: %s", i, bad[i].text);
        cr_assert_not_null(strstr(rf_buf_str(&error), bad[i].says), "row %zu: %s", i,
                           rf_buf_str(&error));
        cr_assert_null(w);
    }
    rf_buf_done(&error);
}

Test(workflow, an_operators_document_may_do_without_files)
{
    rf_buf error;
    job_workflow *w;
    rf_buf_init(&error, 4096);
    cr_assert_eq(parse(HEAD "\"inputs\":{},\"modules\":[{\"id\":\"t\",\"use\":\"text\"}],"
                            "\"outputs\":{\"t\":{\"from\":\"t.text\",\"format\":\"string\"}}}",
                       false, &error, &w),
                 0, "%s", rf_buf_str(&error));
    job_workflow_free(w);
    rf_buf_done(&error);
}

Test(workflow, documents_above_64_kib_are_refused)
{
    rf_buf error;
    job_workflow *w = NULL;
    rf_buf_init(&error, 4096);
    char *large = rf_alloc(JOB_DOCUMENT_MAX + 2);
    memset(large, ' ', JOB_DOCUMENT_MAX + 1);
    memcpy(large, GOOD, strlen(GOOD));
    cr_assert_eq(job_workflow_parse(large, JOB_DOCUMENT_MAX, catalogue, true, &error, &w), 0);
    job_workflow_free(w);
    cr_assert_eq(job_workflow_parse(large, JOB_DOCUMENT_MAX + 1, catalogue, true, &error, &w),
                 -EBADMSG);
    free(large);
    rf_buf_done(&error);
}

/* U7 */
Test(workflow, slugs_and_output_names)
{
    static const struct {
        const char *text;
        bool slug;
        bool output;
    } rows[] = {
        {"a", true, true},        {"sdk-test", true, true},   {"music-ai/x-1", true, false},
        {"", false, false},       {"-", true, false},         {"Kick drum", false, true},
        {"a_b", false, true},     {" a", false, false},       {"a/b/c", false, false},
        {"a//b", false, false},   {"\xc3\xa9", false, false}, {"a.b", false, false},
        {"9 lives", false, true}, {"_x", false, false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_assert_eq(job_slug_valid(rows[i].text), rows[i].slug, "'%s'", rows[i].text);
        cr_assert_eq(job_output_name_valid(rows[i].text), rows[i].output, "'%s'", rows[i].text);
    }
    char long_name[80];
    memset(long_name, 'a', sizeof(long_name));
    long_name[63] = '\0';
    cr_assert(job_slug_valid(long_name));
    cr_assert(job_output_name_valid(long_name));
    memcpy(long_name + 63, "a", 2);
    cr_assert_not(job_slug_valid(long_name));
    cr_assert(job_output_name_valid(long_name), "64 characters");
    memcpy(long_name + 64, "a", 2);
    cr_assert_not(job_output_name_valid(long_name), "65 characters");
}

/* ---- parameters ---- */

static const char typed[] = HEAD
    "\"inputs\":{\"inputUrl\":{\"type\":\"url\",\"required\":true},"
    "\"format\":{\"type\":\"string\",\"required\":true,\"enum\":[\"wav\",\"mp3\",\"opus\"]},"
    "\"rate\":{\"type\":\"integer\",\"minimum\":8000,\"maximum\":192000},"
    "\"gain\":{\"type\":\"number\",\"minimum\":-30,\"maximum\":-6},"
    "\"loud\":{\"type\":\"boolean\"},"
    "\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":5}},"
    "\"constraints\":[{\"when\":{\"format\":\"opus\"},\"inputs\":{\"rate\":{\"enum\":[48000]}}},"
    "{\"when\":{\"format\":\"wav\",\"loud\":true},\"inputs\":{\"gain\":{\"absent\":true}}}],"
    "\"modules\":[" DEC ",{\"id\":\"cv\",\"use\":\"convert\",\"in\":{\"audio\":\"dec.audio\","
    "\"format\":\"$format\",\"rate\":\"$rate\"}}],"
    "\"outputs\":{\"output\":{\"from\":\"cv.file\",\"format\":\"$format\"}}}";

#define U "\"inputUrl\":\"https://h/x\","
#define UW U "\"format\":\"wav\""

/* NULL: accepted; else a piece of the message. */
static const struct {
    const char *params;
    const char *says;
} params[] = {
    {"{" UW "}", NULL},
    {"{" UW ",\"other\":{\"deep\":[1]}}", NULL},
    {"{\"format\":\"wav\"}", "'inputUrl' is required"},
    {"{\"inputUrl\":null,\"format\":\"wav\"}", "'inputUrl' is required"},
    {"{\"inputUrl\":5,\"format\":\"wav\"}", "'inputUrl' must be a string"},
    {"{\"inputUrl\":\"\",\"format\":\"wav\"}", "http or https"},
    {"{\"inputUrl\":\"recording:recordings/a.wav\",\"format\":\"wav\"}", NULL},
    {"{\"inputUrl\":\"recording:\",\"format\":\"wav\"}", "a recording's key"},
    {"{\"inputUrl\":\"recording:a/../b\",\"format\":\"wav\"}", "a recording's key"},
    {"{\"inputUrl\":\"RECORDING:a\",\"format\":\"wav\"}", "http or https"},
    {"{\"inputUrl\":\"file:///x\",\"format\":\"wav\"}", "http or https"},
    {"{\"inputUrl\":\"HTTPS://h\",\"format\":\"wav\"}", NULL},
    {"{\"inputUrl\":\"https://\",\"format\":\"wav\"}", "host"},
    {"{\"inputUrl\":\"https://u@h/\",\"format\":\"wav\"}", "user info"},
    {"{\"inputUrl\":\"https://u:p@h/\",\"format\":\"wav\"}", "user info"},
    {"{\"inputUrl\":\"https://h/a@b\",\"format\":\"wav\"}", NULL},
    {"{\"inputUrl\":\"https://h/a b\",\"format\":\"wav\"}", "spaces"},
    {"{" U "\"format\":\"wma\"}", "one of [\"wav\",\"mp3\",\"opus\"]"},
    {"{" U "\"format\":5}", "'format' must be a string"},
    {"{" UW ",\"rate\":44100}", NULL},
    {"{" UW ",\"rate\":\"44100\"}", NULL},
    {"{" UW ",\"rate\":44100.0}", NULL},
    {"{" UW ",\"rate\":44100.5}", "'rate' must be an integer"},
    {"{" UW ",\"rate\":\"fast\"}", "'rate' must be an integer"},
    {"{" UW ",\"rate\":\"\"}", "'rate' must be an integer"},
    {"{" UW ",\"rate\":true}", "'rate' must be an integer"},
    {"{" UW ",\"rate\":7999}", "at least 8000"},
    {"{" UW ",\"rate\":192001}", "at most 192000"},
    {"{" UW ",\"gain\":\"-14\"}", NULL},
    {"{" UW ",\"gain\":-14.5}", NULL},
    {"{" UW ",\"gain\":\"nan\"}", "'gain' must be a number"},
    {"{" UW ",\"gain\":\"inf\"}", "'gain' must be a number"},
    {"{" UW ",\"gain\":0}", "at most -6"},
    {"{" UW ",\"loud\":true}", NULL},
    {"{" UW ",\"loud\":\"false\"}", NULL},
    {"{" UW ",\"loud\":\"yes\"}", "true or false"},
    {"{" UW ",\"loud\":1}", "true or false"},
    {"{" UW ",\"title\":\"\"}", "at least 1 characters"},
    {"{" UW ",\"title\":\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\"}", NULL},
    {"{" UW ",\"title\":\"abcdef\"}", "at most 5 characters"},
    {"{" U "\"format\":\"opus\",\"rate\":48000}", NULL},
    {"{" U "\"format\":\"opus\",\"rate\":\"48000\"}", NULL},
    {"{" U "\"format\":\"opus\",\"rate\":44100}", "one of [48000]"},
    {"{" U "\"format\":\"opus\"}", NULL},
    {"{" UW ",\"loud\":true,\"gain\":-10}", "'gain' does not go"},
    {"{" UW ",\"loud\":\"true\",\"gain\":-10}", "'gain' does not go"},
    {"{" UW ",\"loud\":false,\"gain\":-10}", NULL},
};

Test(workflow, q10_parameters_are_checked_and_may_come_as_strings)
{
    rf_buf error;
    job_workflow *w;
    rf_buf_init(&error, 4096);
    cr_assert_eq(parse(typed, true, &error, &w), 0, "%s", rf_buf_str(&error));
    for (size_t i = 0; i < RF_ARRAY_LEN(params); i++) {
        rf_buf_clear(&error);
        int err = job_workflow_check_params(w, params[i].params, &error);
        if (params[i].says == NULL) {
            cr_assert_eq(err, 0, "row %zu: %s", i, rf_buf_str(&error));
        } else {
            cr_assert_eq(err, -EINVAL, "row %zu: %s", i, params[i].params);
            cr_assert_not_null(strstr(rf_buf_str(&error), params[i].says), "row %zu: %s", i,
                               rf_buf_str(&error));
        }
    }
    static const char *const none[] = {"", "[]", "5", "{\"a\":1,\"a\":2}", "null"};
    for (size_t i = 0; i < RF_ARRAY_LEN(none); i++) {
        cr_assert_eq(job_workflow_check_params(w, none[i], &error), -EBADMSG, "%s", none[i]);
    }
    job_workflow_free(w);
    rf_buf_done(&error);
}

/* H7 */
Test(workflow, urls_above_2048_bytes_are_refused)
{
    char url[2100] = "https://h/";
    memset(url + 10, 'a', 2038);
    url[2048] = '\0';
    cr_assert_null(job_url_check(url));
    memcpy(url + 2048, "a", 2);
    cr_assert_not_null(job_url_check(url));
}

static void count_url(const char *param, const char *url, void *user)
{
    cr_assert_str_eq(param, "inputUrl");
    cr_assert_str_eq(url, "https://h/x");
    (*(size_t *)user)++;
}

Test(workflow, url_parameters_are_found)
{
    size_t n = 0;
    rf_buf error;
    job_workflow *w;
    rf_buf_init(&error, 4096);
    cr_assert_eq(parse(typed, true, &error, &w), 0);
    job_workflow_each_url(w, "{" UW ",\"title\":\"https://no\"}", count_url, &n);
    cr_assert_eq(n, 1);
    job_workflow_free(w);
    rf_buf_done(&error);
}

/* ---- the catalogue ---- */

Test(workflow, a_bad_catalogue_is_named)
{
    static const char *const texts[] = {
        "",
        "{}",
        "{\"modules\":[{}]}",
        "{\"modules\":[{\"name\":\"x\",\"in\":{\"a\":{}}}]}",
        "{\"modules\":[{\"name\":\"x\",\"out\":{\"a\":{\"type\":\"video\"}}}]}",
    };
    rf_buf error;
    rf_buf_init(&error, 4096);
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        char path[] = "/tmp/reflection-modules-XXXXXX";
        FILE *file = fdopen(mkstemp(path), "w");
        fputs(texts[i], file);
        fclose(file);
        job_catalogue *c = NULL;
        rf_buf_clear(&error);
        cr_assert_eq(job_catalogue_load(path, &error, &c), -EBADMSG, "row %zu", i);
        cr_assert_not_null(strstr(rf_buf_str(&error), path));
        remove(path);
    }
    job_catalogue *c = NULL;
    cr_assert_eq(job_catalogue_load("/nonexistent/modules.json", &error, &c), -ENOENT);
    rf_buf_done(&error);
}

Test(workflow, ports_take_their_own_type_and_strings_take_numbers)
{
    for (int to = 0; to < JOB_N_PORT_TYPES; to++) {
        for (int from = 0; from < JOB_N_PORT_TYPES; from++) {
            bool takes = to == from || (to == JOB_PORT_STRING &&
                                        (from == JOB_PORT_INTEGER || from == JOB_PORT_NUMBER));
            cr_assert_eq(job_port_takes((job_port_type)to, (job_port_type)from), takes);
        }
        job_port_type type;
        cr_assert_eq(job_port_type_parse(job_port_type_name((job_port_type)to), &type), 0);
        cr_assert_eq((int)type, to);
    }
    cr_assert_null(job_catalogue_find(catalogue, "nope"));
    cr_assert_null(job_catalogue_find(catalogue, NULL));
    cr_assert_not_null(job_catalogue_find(catalogue, "decode"));
}
