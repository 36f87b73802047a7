/* Calls by name in JSON, from what the server says about itself; health. */
#include "echo.h"

#include "rf_rpc_describe.h"

#include <criterion/criterion.h>
#include <reflection/rpc/v1/rpc.rpc.h>
#include <string.h>

typedef struct script {
    const char *const *lines;
    size_t at;
    rf_buf answers;
    size_t n_answers;
} script;

static int next_line(void *user, const char **text, size_t *len)
{
    script *s = (script *)user;
    if (s->lines[s->at] == NULL) {
        return 0;
    }
    *text = s->lines[s->at++];
    *len = strlen(*text);
    return 1;
}

static int keep_answer(void *user, const char *text, size_t len)
{
    script *s = (script *)user;
    s->n_answers++;
    (void)rf_buf_append(&s->answers, text, len);
    return rf_buf_append_char(&s->answers, '\n');
}

static int run(rf_rpc_channel *c, const char *method, const char *const *lines, script *s,
               rf_status *st)
{
    rf_rpc_description *d = NULL;
    *s = (script){.lines = lines};
    rf_buf_init(&s->answers, 1 << 20);
    cr_assert_eq(rf_rpc_describe(c, NULL, &d, st), 0, "%s", st->message);
    rf_rpc_json_io io = {next_line, keep_answer, NULL, s};
    int err = rf_rpc_call_json(c, d, method, NULL, NULL, &io, st);
    (void)rf_rpc_description_free(d);
    return err;
}

Test(describe, lists_and_shows_what_is_served)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_description *d = NULL;
    rf_status st;
    cr_assert_eq(rf_rpc_describe(c, NULL, &d, &st), 0);
    rf_buf out;
    rf_buf_init(&out, 1 << 20);
    rf_rpc_description_list(d, &out);
    static const char *const listed[] = {"rpc.test.Echo/Unary\n",
                                         "rpc.test.Echo/Download  (server stream)\n",
                                         "rpc.test.Echo/Upload  (client stream)\n",
                                         "rpc.test.Echo/Chat  (bidirectional)\n",
                                         "rpc.v1.Health/Check\n",
                                         "rpc.v1.Describe/Describe\n"};
    for (size_t i = 0; i < RF_ARRAY_LEN(listed); i++) {
        cr_assert_not_null(strstr(rf_buf_str(&out), listed[i]), "%s", listed[i]);
    }
    rf_buf_clear(&out);
    cr_assert_eq(rf_rpc_description_show(d, "rpc.test.Echo/Chat", &out), 0);
    static const char *const shown[] = {
        "rpc Chat(stream rpc.test.Ping) returns (stream rpc.test.Ping);\n",
        "message rpc.test.Ping {\n  string text = 1;\n", "  repeated rpc.test.Inner items = 6;\n",
        "enum rpc.test.Color {\n  COLOR_NONE = 0;\n"};
    for (size_t i = 0; i < RF_ARRAY_LEN(shown); i++) {
        cr_assert_not_null(strstr(rf_buf_str(&out), shown[i]), "%s", rf_buf_str(&out));
    }
    cr_assert_eq(rf_rpc_description_show(d, "rpc.test.Inner", &out), 0);
    cr_assert_eq(rf_rpc_description_show(d, "rpc.test.Echo", &out), 0);
    cr_assert_eq(rf_rpc_description_show(d, "rpc.test.Nothing", &out), -ENOENT);
    rf_buf_done(&out);
    (void)rf_rpc_description_free(d);
    echo_stop(e);
}

Test(describe, calls_every_kind_in_json)
{
    static const char *const one[] = {"{\"text\":\"hi\"}", NULL};
    static const char *const order[] = {"{\"count\":3}", NULL};
    static const char *const many[] = {"{\"number\":1}", "{\"number\":\"41\"}", NULL};
    static const struct {
        const char *method;
        const char *const *lines;
        const char *answers;
    } rows[] = {
        {"rpc.test.Echo/Unary", one, "{\"text\":\"hi\"}\n"},
        {"rpc.test.Echo/Download", order,
         "{\"number\":\"3\"}\n{\"number\":\"2\"}\n{\"number\":\"1\"}\n"},
        {"rpc.test.Echo/Upload", many, "{\"number\":\"42\",\"counts\":[2]}\n"},
        {"rpc.test.Echo/Chat", many, "{\"number\":\"1\"}\n{\"number\":\"41\"}\n"},
    };
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        script s;
        rf_status st;
        cr_assert_eq(run(c, rows[i].method, rows[i].lines, &s, &st), 0, "%s: %s", rows[i].method,
                     st.message);
        cr_assert_str_eq(rf_buf_str(&s.answers), rows[i].answers);
        rf_buf_done(&s.answers);
    }
    echo_stop(e);
}

Test(describe, says_what_is_wrong)
{
    static const char *const bad[] = {"{\"txt\":\"hi\"}", NULL};
    static const char *const late[] = {"{\"number\":1}", "{\"number\":x}", NULL};
    static const char *const none[] = {NULL};
    static const char *const order[] = {"{\"code\":9,\"message\":\"told so\"}", NULL};
    static const struct {
        const char *method;
        const char *const *lines;
        rf_code code;
        const char *message;
    } rows[] = {
        {"rpc.test.Echo/Unary", bad, RF_INVALID_ARGUMENT, "txt: unknown field"},
        {"rpc.test.Echo/Upload", late, RF_INVALID_ARGUMENT, "number: expected a number"},
        {"rpc.test.Echo/Unary", none, RF_INVALID_ARGUMENT, "no request message"},
        {"rpc.test.Echo/Obey", order, RF_FAILED_PRECONDITION, "told so"},
        {"rpc.test.Echo/Nope", none, RF_NOT_FOUND, "the server has no method rpc.test.Echo/Nope"},
    };
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        script s;
        rf_status st;
        cr_assert_lt(run(c, rows[i].method, rows[i].lines, &s, &st), 0);
        cr_assert_eq(st.code, rows[i].code, "%s: %s", rows[i].method, st.message);
        cr_assert_str_eq(st.message, rows[i].message);
        rf_buf_done(&s.answers);
    }
    echo_stop(e);
}

static Rpc__V1__Serving check(rf_rpc_channel *c, const char *service, rf_status *st)
{
    Rpc__V1__HealthRequest r = RPC__V1__HEALTH_REQUEST__INIT;
    r.service = (char *)(uintptr_t)service;
    ProtobufCMessage *reply = NULL;
    if (rf_rpc_invoke(c, RPC_V1_HEALTH_CHECK, NULL, &r.base, &reply, st) != 0) {
        return RPC__V1__SERVING__SERVING_UNKNOWN;
    }
    Rpc__V1__Serving status = ((Rpc__V1__HealthResponse *)reply)->status;
    (void)rf_rpc_message_free(reply);
    return status;
}

Test(health, is_told_and_watched)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_status st;
    cr_assert_eq(check(c, "", &st), RPC__V1__SERVING__SERVING_READY);
    cr_assert_eq(check(c, "rpc.test.Echo", &st), RPC__V1__SERVING__SERVING_READY);
    cr_assert_eq(check(c, "rpc.test.Nobody", &st), RPC__V1__SERVING__SERVING_UNKNOWN);
    cr_assert_eq(st.code, RF_NOT_FOUND);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_V1_HEALTH_WATCH, NULL);
    Rpc__V1__HealthRequest r = RPC__V1__HEALTH_REQUEST__INIT;
    cr_assert_eq(rf_rpc_stream_send(s, &r.base, NULL), 0);
    static const rf_rpc_health states[] = {RF_RPC_READY, RF_RPC_NOT_READY, RF_RPC_READY};
    for (size_t i = 0; i < RF_ARRAY_LEN(states); i++) {
        if (i > 0) {
            rf_rpc_server_set_health(e->server, states[i], i == 1 ? "no disk" : NULL);
        }
        rf_rpc_item *item = NULL;
        cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
        const Rpc__V1__HealthResponse *h = (const Rpc__V1__HealthResponse *)item->message;
        cr_assert_eq((int)h->status, (int)states[i]);
        cr_assert_str_eq(h->reason, i == 1 ? "no disk" : "");
        (void)rf_rpc_item_free(item);
    }
    cr_assert_eq(rf_rpc_server_drain(e->server, 3000), 0, "watches do not hold up a drain");
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}
