/* The AsyncAPI document of /ws/recorder. */
#include "recorder_asyncapi.h"
#include "recorder_code.h"
#include "recorder_options.h"
#include "recorder_view.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *document(void)
{
    rf_buf out;
    rf_buf_init(&out, RECORDER_VIEW_MAX);
    cr_assert_eq(recorder_asyncapi_write(&out), 0);
    json_t *root = json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(root);
    rf_buf_done(&out);
    return root;
}

/* What stands at a path of keys, each behind a slash. */
static json_t *dig(json_t *from, const char *path)
{
    char key[64];
    while (*path != '\0' && from != NULL) {
        size_t n = strcspn(path, "/");
        (void)snprintf(key, sizeof(key), "%.*s", (int)n, path);
        from = json_object_get(from, key);
        path += n + (path[n] == '/');
    }
    return from;
}

static void check_refs(json_t *root, json_t *at)
{
    const char *key;
    json_t *child;
    size_t i;
    json_object_foreach(at, key, child)
    {
        if (strcmp(key, "$ref") == 0) {
            const char *to = json_string_value(child);
            cr_expect_not_null(dig(root, to + 2), "%s", to);
        } else {
            check_refs(root, child);
        }
    }
    json_array_foreach(at, i, child)
    {
        check_refs(root, child);
    }
}

Test(recorder_asyncapi, section_8_names_every_message_and_its_references_lead_somewhere)
{
    static const char *const names[] = {
        "start",       "started", "ack",      "gap",       "anchor",     "time",
        "time_answer", "attach",  "attached", "pause",     "done",       "resume",
        "marker",      "stop",    "stopped",  "subscribe", "subscribed", "unsubscribe",
        "lag",         "end",     "event",    "error",     "audio"};
    json_t *root = document();
    cr_expect_str_eq(json_string_value(dig(root, "asyncapi")), "3.0.0");
    cr_expect_str_eq(json_string_value(dig(root, "channels/recorder/address")), "/ws/recorder");
    json_t *messages = dig(root, "components/messages");
    cr_expect_eq(json_object_size(messages), RF_ARRAY_LEN(names));
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        cr_expect_not_null(json_object_get(messages, names[i]), "%s", names[i]);
    }
    size_t n = json_array_size(dig(root, "operations/ask/messages")) +
               json_array_size(dig(root, "operations/tell/messages"));
    cr_expect_eq(n, RF_ARRAY_LEN(names) + 1, "audio goes both ways");
    check_refs(root, root);
    json_decref(root);
}

Test(recorder_asyncapi, section_8_says_every_option_with_its_range_and_every_code)
{
    size_t n;
    json_t *root = document();
    const recorder_option *rows = recorder_options_table(&n);
    json_t *options = dig(root, "components/messages/start/payload/properties/options/properties");
    cr_expect_eq(json_object_size(options), n);
    for (size_t i = 0; i < n; i++) {
        json_t *option = json_object_get(options, rows[i].name);
        cr_expect_eq(json_integer_value(dig(option, "minimum")), rows[i].min, "%s", rows[i].name);
        cr_expect_eq(json_integer_value(dig(option, "maximum")), rows[i].max, "%s", rows[i].name);
        cr_expect_eq(json_integer_value(dig(option, "default")), rows[i].initial, "%s",
                     rows[i].name);
    }
    cr_expect_eq(
        json_array_size(dig(root, "components/messages/error/payload/properties/code/enum")),
        (size_t)RECORDER_N_CODES - 1);
    json_decref(root);
}
