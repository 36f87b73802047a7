/*
 * Workflows that applications post, over RPC (spec jobs.md section 6; section 5, "Workflow inputs,
 * outputs"): validation, visibility, replacement, and jobs of them.
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static rpc_fixture f;

static void set_up(void)
{
    rpc_fixture_open(&f, NULL);
}

static void tear_down(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_posted, .init = set_up, .fini = tear_down);

#define OUTSIDE "{\"inputUrl\":\"https://music.ai/demo.ogg\"}"

/* The document of spec jobs.md section 6, with a slug, a description and what else is given. */
#define DOCUMENT(slug, description, more)                                                          \
    "{\"slug\":\"" slug "\",\"name\":\"Beats\",\"description\":\"" description                     \
    "\",\"pool\":\"cpu\",\"limitSeconds\":600,\"deterministic\":true,"                             \
    "\"inputs\":{\"inputUrl\":{\"type\":\"url\",\"required\":true}},"                              \
    "\"modules\":[{\"id\":\"dec\",\"use\":\"decode\",\"in\":{\"url\":\"$inputUrl\"}},"             \
    "{\"id\":\"bt\",\"use\":\"beats\",\"in\":{\"audio\":\"dec.audio\"}}],"                         \
    "\"outputs\":{\"beatMap\":{\"from\":\"bt.map\",\"format\":\"json\"},"                          \
    "\"bpm\":{\"from\":\"bt.bpm\",\"format\":\"string\"}}" more "}"

static Job__V1__Workflow *add(const char *document)
{
    Job__V1__AddWorkflowRequest r = JOB__V1__ADD_WORKFLOW_REQUEST__INIT;
    r.document_json = (char *)(uintptr_t)document;
    return rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_ADD_WORKFLOW, &r);
}

static void refused(const char *document, rf_code code, const char *says)
{
    Job__V1__Workflow *w = add(document);
    cr_assert_null(w, "%s was taken", document);
    cr_assert_eq(f.status.code, code, "%s: %s", document, f.status.message);
    cr_assert_not_null(strstr(f.status.message, says), "'%s' does not say '%s'", f.status.message,
                       says);
}

/* An application beside the fixture's, which calls are made as from now on. */
static void become_another(const char *name)
{
    Job__V1__CreateKeyRequest r = JOB__V1__CREATE_KEY_REQUEST__INIT;
    r.application = (char *)(uintptr_t)name;
    Job__V1__CreateKeyResponse *reply = rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_CREATE_KEY, &r);
    cr_assert_not_null(reply);
    rf_copy_str(f.app, sizeof(f.app), reply->key->application_id);
    rf_rpc_message_free(reply);
}

static Job__V1__ListWorkflowsResponse *list(uint32_t page, uint32_t size)
{
    Job__V1__ListWorkflowsRequest r = JOB__V1__LIST_WORKFLOWS_REQUEST__INIT;
    r.page = page;
    r.size = size;
    Job__V1__ListWorkflowsResponse *reply =
        rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, &r);
    cr_assert_not_null(reply);
    return reply;
}

static void *drop(const char *id)
{
    Job__V1__DeleteWorkflowRequest r = JOB__V1__DELETE_WORKFLOW_REQUEST__INIT;
    r.id = (char *)(uintptr_t)id;
    return rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_DELETE_WORKFLOW, &r);
}

Test(rpc_posted, answers_the_workflow_with_schemas_of_draft_2020_12)
{
    Job__V1__Workflow *w = add(DOCUMENT("acme/beats", "", ""));
    cr_assert_not_null(w, "%s", f.status.message);
    cr_assert_str_eq(w->slug, "acme/beats");
    cr_assert_str_eq(w->name, "Beats");
    cr_assert(rf_uuid4_valid(w->id));
    cr_assert_not_null(w->created_at);
    json_t *inputs = json_loads(w->inputs->text, 0, NULL);
    json_t *outputs = json_loads(w->outputs->text, 0, NULL);
    const char *dialect = NULL;
    const char *name = NULL;
    const char *format = NULL;
    const char *type = NULL;
    const char *content = NULL;
    cr_assert_eq(json_unpack(inputs, "{s:s, s:s, s:{s:{s:s}}}", "$schema", &dialect, "type", &type,
                             "properties", "inputUrl", "format", &format),
                 0);
    cr_assert_str_eq(dialect, "https://json-schema.org/draft/2020-12/schema");
    cr_assert_str_eq(format, "uri");
    cr_assert_eq(json_unpack(outputs, "{s:s, s:{s:{s:s, s:s, s:s, s:{s:s}}}}", "$schema", &dialect,
                             "properties", "beatMap", "name", &name, "type", &type, "format",
                             &format, "contentSchema", "type", &content),
                 0);
    cr_assert_str_eq(dialect, "https://json-schema.org/draft/2020-12/schema");
    cr_assert_str_eq(name, "beatMap");
    cr_assert_str_eq(type, "string", "a result's values are strings");
    cr_assert_str_eq(format, "json");
    cr_assert_str_eq(content, "array", "what the file holds");
    json_decref(inputs);
    json_decref(outputs);
    rf_rpc_message_free(w);
}

Test(rpc_posted, bad_documents_are_refused_by_key_and_rule)
{
#define MODULES(list)                                                                              \
    "{\"slug\":\"a\",\"name\":\"A\",\"description\":\"\",\"pool\":\"cpu\","                        \
    "\"inputs\":{\"u\":{\"type\":\"url\",\"required\":true}},\"modules\":[" list "],"              \
    "\"outputs\":{\"f\":{\"from\":\"c.file\",\"format\":\"auto\"}}}"
    const struct {
        const char *document;
        const char *says;
    } rows[] = {
        {"[]", "not an object"},
        {"{\"slug\":\"a\",\"slug\":\"b\"}", "duplicate"},
        {DOCUMENT("acme/beats", "", ",\"colour\":1"), "unknown key 'colour'"},
        {DOCUMENT("acme/beats", "", ",\"replace\":1"), "key 'replace'"},
        {DOCUMENT("Acme", "", ""), "key 'slug'"},
        {DOCUMENT("a/b/c", "", ""), "key 'slug'"},
        {DOCUMENT("music-ai/mine", "", ""), "'music-ai/' is reserved"},
        {DOCUMENT("reflection/mine", "", ""), "'reflection/' is reserved"},
        {DOCUMENT("sdk-test", "", ""), "'sdk-test' is reserved"},
        {MODULES("{\"id\":\"c\",\"use\":\"telepathy\"}"), "module 'c': unknown module 'telepathy'"},
        {MODULES("{\"id\":\"c\",\"use\":\"copy\",\"in\":{\"url\":\"$v\"}}"), "no input 'v'"},
        {MODULES("{\"id\":\"c\",\"use\":\"copy\",\"in\":{\"url\":\"d.file\"}}"),
         "nothing is called 'd.file'"},
        {MODULES("{\"id\":\"c\",\"use\":\"copy\"}"), "required port 'url' is not fed"},
        {MODULES("{\"id\":\"c\",\"use\":\"copy\",\"in\":[]}"), "module 'c': key 'in'"},
        {MODULES("{\"id\":\"c\",\"use\":\"copy\",\"inn\":{}}"), "module 'c': unknown key 'inn'"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        refused(rows[i].document, RF_FAILED_PRECONDITION, rows[i].says);
    }
    Job__V1__Workflow *w = add(DOCUMENT("music-ai", "only the prefix is reserved", ""));
    cr_assert_not_null(w, "%s", f.status.message);
    rf_rpc_message_free(w);
}

Test(rpc_posted, an_equal_document_changes_nothing_and_a_different_one_needs_replace)
{
    Job__V1__Workflow *first = add(DOCUMENT("acme/beats", "one", ""));
    cr_assert_not_null(first);
    /* Equal as JSON: other order of keys, and a word about replacing. */
    json_t *turned = json_object();
    json_t *document = json_loads(DOCUMENT("acme/beats", "one", ",\"replace\":true"), 0, NULL);
    const char *keys[] = {"replace", "outputs", "modules",     "inputs", "deterministic",
                          "pool",    "name",    "description", "slug",   "limitSeconds"};
    for (size_t i = 0; i < RF_ARRAY_LEN(keys); i++) {
        json_object_set(turned, keys[i], json_object_get(document, keys[i]));
    }
    char *text = json_dumps(turned, 0);
    Job__V1__Workflow *same = add(text);
    cr_assert_not_null(same);
    cr_assert_str_eq(same->id, first->id);
    cr_assert_eq(same->updated_at->wall_ms, first->updated_at->wall_ms);
    free(text);
    json_decref(turned);
    json_decref(document);
    refused(DOCUMENT("acme/beats", "two", ""), RF_ALREADY_EXISTS, "replace");
    Job__V1__Workflow *second = add(DOCUMENT("acme/beats", "two", ",\"replace\":true"));
    cr_assert_not_null(second, "%s", f.status.message);
    cr_assert_str_eq(second->id, first->id);
    cr_assert_str_eq(second->description, "two");
    rf_rpc_message_free(first);
    rf_rpc_message_free(same);
    rf_rpc_message_free(second);
}

Test(rpc_posted, s7_only_the_owner_sees_lists_uses_and_deletes_it)
{
    char id[RF_UUID_LEN];
    Job__V1__Workflow *w = add(DOCUMENT("acme/beats", "", ""));
    Job__V1__ListWorkflowsResponse *mine = list(0, 0);
    size_t n = mine->n_workflows;
    cr_assert_str_eq(mine->workflows[n - 1]->slug, "acme/beats", "after those shipped");
    cr_assert_eq(rpc_fixture_create(&f, "acme/beats", OUTSIDE, id), RF_OK);
    become_another("another");
    Job__V1__ListWorkflowsResponse *theirs = list(0, 0);
    cr_assert_eq(theirs->n_workflows, n - 1);
    cr_assert_eq(rpc_fixture_create(&f, "acme/beats", OUTSIDE, id), RF_NOT_FOUND);
    cr_assert_null(drop(w->id));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    rf_rpc_message_free(w);
    rf_rpc_message_free(mine);
    rf_rpc_message_free(theirs);
}

Test(rpc_posted, pages_run_from_those_shipped_into_the_application_s_own)
{
    Job__V1__ListWorkflowsResponse *all = list(0, 0);
    size_t shipped = all->n_workflows;
    rf_rpc_message_free(all);
    rf_rpc_message_free(add(DOCUMENT("zz", "", "")));
    rf_rpc_message_free(add(DOCUMENT("aa", "", "")));
    rf_rpc_message_free(add(DOCUMENT("mm", "", "")));
    static const char *const own[] = {"aa", "mm", "zz"};
    for (uint32_t i = 0; i < shipped + 4; i++) {
        Job__V1__ListWorkflowsResponse *one = list(i, 1);
        cr_assert_eq(one->n_workflows, i < shipped + 3);
        if (i >= shipped && i < shipped + 3) {
            cr_assert_str_eq(one->workflows[0]->slug, own[i - shipped]);
        }
        rf_rpc_message_free(one);
    }
}

Test(rpc_posted, its_parameters_and_outputs_are_checked)
{
    char id[RF_UUID_LEN];
    rf_rpc_message_free(add(DOCUMENT("acme/beats", "", "")));
    cr_assert_eq(rpc_fixture_create(&f, "acme/beats", "{}", id), RF_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(f.status.message, "inputUrl"));
    cr_assert_eq(rpc_fixture_create(&f, "acme/none", OUTSIDE, id), RF_NOT_FOUND);
    cr_assert_str_eq(f.status.message, "There is no workflow 'acme/none'.");
}

Test(rpc_posted, a_job_keeps_the_version_it_was_accepted_with)
{
    char id[RF_UUID_LEN];
    Job__V1__Workflow *w = add(DOCUMENT("acme/beats", "one", ""));
    cr_assert_eq(rpc_fixture_create(&f, "acme/beats", OUTSIDE, id), RF_OK);
    rf_rpc_message_free(add(DOCUMENT("acme/beats", "two", ",\"replace\":true")));
    rf_rpc_message_free(drop(w->id));
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
    cr_assert_not_null(strstr(claims->claims[0]->workflow_json, "\"description\":\"one\""));
    cr_assert_eq(rpc_fixture_create(&f, "acme/beats", OUTSIDE, id), RF_NOT_FOUND);
    cr_assert_null(drop(w->id));
    cr_assert_eq(f.status.code, RF_NOT_FOUND, "once");
    rf_rpc_message_free(claims);
    rf_rpc_message_free(w);
}

Test(rpc_posted, shipped_workflows_cannot_be_deleted)
{
    Job__V1__ListWorkflowsResponse *all = list(0, 0);
    cr_assert_null(drop(all->workflows[0]->id));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    rf_rpc_message_free(all);
}
