#include "processor_workflow.h"
#include "rf_buf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define INPUTS                                                                                     \
    "\"inputs\":{\"u\":{\"type\":\"url\",\"required\":true},\"n\":{\"type\":\"integer\"}}"
#define DECODE "{\"id\":\"d\",\"use\":\"decode\",\"in\":{\"url\":\"$u\"}}"
#define BEATS "{\"id\":\"b\",\"use\":\"beats\",\"in\":{\"audio\":\"d.audio\"}}"
#define OUTPUTS "\"outputs\":{\"m\":{\"from\":\"b.map\",\"format\":\"json\"}}"
#define DOCUMENT(modules, outputs) "{" INPUTS ",\"modules\":[" modules "]," outputs "}"

static processor_workflow *make(const char *document, const char *params)
{
    processor_workflow *w = NULL;
    cr_assert_eq(processor_workflow_new(document, params, &w), 0);
    return w;
}

Test(workflow, links_steps_ports_and_parameters)
{
    processor_workflow *w = make(DOCUMENT(DECODE "," BEATS, OUTPUTS), "{\"u\":\"https://h/x\"}");
    cr_assert_eq(w->n_steps, 2);
    cr_assert_eq(w->steps[0].in[0].kind, PROCESSOR_FROM_PARAM);
    cr_assert_str_eq(w->params[w->steps[0].in[0].from].name, "u");
    cr_assert_eq(w->steps[1].in[0].kind, PROCESSOR_FROM_STEP);
    cr_assert_eq(w->steps[1].in[0].from, 0);
    cr_assert_eq(w->steps[0].used, 1, "audio is read");
    cr_assert_eq(w->steps[1].used, 1, "map is an output, bpm and meta are not");
    cr_assert_not(processor_workflow_is_inline(w));
    processor_workflow_free(w);
}

Test(workflow, steps_may_come_in_any_order)
{
    processor_workflow_free(make(DOCUMENT(BEATS "," DECODE, OUTPUTS), "{\"u\":\"https://h/x\"}"));
}

Test(workflow, parameters_become_text)
{
    const char *document =
        "{\"inputs\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"number\"},\"c\":{\"type\":"
        "\"string\"},\"d\":{\"type\":\"boolean\"},\"e\":{\"type\":\"string\"}},"
        "\"modules\":[{\"id\":\"n\",\"use\":\"noop\",\"in\":{\"text\":\"$a\"}}],"
        "\"outputs\":{\"t\":{\"from\":\"n.text\",\"format\":\"string\"}}}";
    processor_workflow *w = make(document, "{\"a\":44100,\"b\":-1.5,\"c\":\"x\",\"d\":true}");
    cr_assert_str_eq(w->params[0].text, "44100");
    cr_assert_str_eq(w->params[1].text, "-1.5");
    cr_assert_str_eq(w->params[2].text, "x");
    cr_assert_str_eq(w->params[3].text, "true");
    cr_assert_null(w->params[4].text);
    cr_assert(processor_workflow_is_inline(w));
    processor_workflow_free(w);
}

Test(workflow, an_optional_parameter_that_is_not_given_leaves_its_port_unfed)
{
    const char *document = "{\"inputs\":{\"a\":{\"type\":\"string\"}},"
                           "\"modules\":[{\"id\":\"n\",\"use\":\"noop\",\"in\":{\"text\":\"$a\"}}],"
                           "\"outputs\":{\"t\":{\"from\":\"n.text\",\"format\":\"string\"}}}";
    processor_workflow *w = make(document, "{}");
    cr_assert_eq(w->steps[0].in[0].kind, PROCESSOR_UNFED);
    processor_workflow_free(w);
}

Test(workflow, the_extension_of_an_output_may_be_a_parameter)
{
    const char *document =
        "{\"inputs\":{\"u\":{\"type\":\"url\"},\"f\":{\"type\":\"string\"}},\"modules\":["
        "{\"id\":\"c\",\"use\":\"copy\",\"in\":{\"url\":\"$u\"}}],"
        "\"outputs\":{\"o\":{\"from\":\"c.file\",\"format\":\"$f\"}}}";
    processor_workflow *w = make(document, "{\"u\":\"https://h/x\",\"f\":\"flac\"}");
    cr_assert_str_eq(w->outputs[0].format, "flac");
    processor_workflow_free(w);
}

static const struct {
    const char *what;
    const char *document;
    const char *params;
} broken[] = {
    {"not JSON", "{", "{}"},
    {"no modules", "{" INPUTS "," OUTPUTS "}", "{}"},
    {"unknown module", DOCUMENT("{\"id\":\"b\",\"use\":\"magic\",\"in\":{}}", OUTPUTS), "{}"},
    {"unknown input port",
     DOCUMENT(DECODE ",{\"id\":\"b\",\"use\":\"beats\",\"in\":{\"sound\":\"d.audio\"}}", OUTPUTS),
     "{\"u\":\"x\"}"},
    {"unknown output port",
     DOCUMENT(DECODE "," BEATS, "\"outputs\":{\"m\":{\"from\":\"b.none\",\"format\":\"json\"}}"),
     "{\"u\":\"x\"}"},
    {"unknown step", DOCUMENT(BEATS, OUTPUTS), "{\"u\":\"x\"}"},
    {"unknown parameter",
     DOCUMENT("{\"id\":\"d\",\"use\":\"decode\",\"in\":{\"url\":\"$v\"}}," BEATS, OUTPUTS),
     "{\"u\":\"x\"}"},
    {"types that differ",
     DOCUMENT("{\"id\":\"d\",\"use\":\"decode\",\"in\":{\"url\":\"$n\"}}," BEATS, OUTPUTS),
     "{\"n\":1}"},
    {"two steps of one name", DOCUMENT(DECODE "," DECODE "," BEATS, OUTPUTS), "{\"u\":\"x\"}"},
    {"a required port left unfed", DOCUMENT(DECODE "," BEATS, OUTPUTS), "{}"},
    {"a cycle",
     DOCUMENT("{\"id\":\"b\",\"use\":\"noop\",\"in\":{\"text\":\"c.text\"}},"
              "{\"id\":\"c\",\"use\":\"noop\",\"in\":{\"text\":\"b.text\"}}",
              "\"outputs\":{\"m\":{\"from\":\"b.text\",\"format\":\"string\"}}"),
     "{}"},
    {"a step that feeds itself",
     DOCUMENT("{\"id\":\"b\",\"use\":\"noop\",\"in\":{\"text\":\"b.text\"}}",
              "\"outputs\":{\"m\":{\"from\":\"b.text\",\"format\":\"string\"}}"),
     "{}"},
    {"an output without a source",
     DOCUMENT(DECODE "," BEATS, "\"outputs\":{\"m\":{\"format\":\"json\"}}"), "{\"u\":\"x\"}"},
};

Test(workflow, broken_documents_are_refused)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(broken); i++) {
        processor_workflow *w = NULL;
        cr_expect_eq(processor_workflow_new(broken[i].document, broken[i].params, &w), -EBADMSG,
                     "%s", broken[i].what);
        cr_expect_null(w);
    }
}

Test(workflow, more_steps_than_allowed_are_refused)
{
    rf_buf b;
    processor_workflow *w = NULL;
    rf_buf_init(&b, 1 << 20);
    rf_buf_append_str(&b, "{\"inputs\":{},\"outputs\":{},\"modules\":[");
    for (int i = 0; i <= PROCESSOR_MAX_STEPS; i++) {
        rf_buf_printf(&b, "%s{\"id\":\"n%d\",\"use\":\"noop\"}", i == 0 ? "" : ",", i);
    }
    rf_buf_append_str(&b, "]}");
    cr_assert_eq(processor_workflow_new(rf_buf_str(&b), "{}", &w), -EBADMSG);
    rf_buf_done(&b);
}
