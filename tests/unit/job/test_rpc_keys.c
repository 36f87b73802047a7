/*
 * API keys over RPC (spec jobs.md S9).
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "rf_time.h"

static rpc_fixture f;

static void set_up(void)
{
    rpc_fixture_open(&f, NULL);
}

static void tear_down(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_keys, .init = set_up, .fini = tear_down);

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"

/* ---- keys ---- */

static Job__V1__AuthenticateResponse *authenticate(const char *secret)
{
    uint8_t sha256[RF_SHA256_LEN];
    rf_sha256_of(secret, strlen(secret), sha256);
    Job__V1__AuthenticateRequest request = JOB__V1__AUTHENTICATE_REQUEST__INIT;
    request.secret_sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    return rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_AUTHENTICATE, &request);
}

Test(rpc_keys, a_key_authenticates_its_application)
{
    Job__V1__AuthenticateResponse *who = authenticate(f.secret);
    cr_assert_str_eq(who->application_id, f.app);
    cr_assert_str_eq(who->application, "demo");
    cr_assert_str_eq(who->key_id, f.key_id);
    cr_assert_eq(who->requests_per_second, 300);
    cr_assert_eq(who->burst, 600);
    cr_assert_str_eq(who->scopes, "jam.record", "all but recorder.device");
    cr_assert_leq(who->cache_seconds, 60, "S9: a revoked key stops within 60 s");
    rf_rpc_message_free(who);
    static const char *const wrong[] = {"", "undefined", "rk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        cr_assert_null(authenticate(wrong[i]), "Q8");
        cr_assert_eq(f.status.code, RF_UNAUTHENTICATED);
    }
}

/* S9 */
Test(rpc_keys, a_revoked_key_stops_and_survives_no_restart)
{
    Job__V1__RevokeKeyRequest revoke = JOB__V1__REVOKE_KEY_REQUEST__INIT;
    revoke.id = f.key_id;
    Job__V1__ApiKey *key = rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_REVOKE_KEY, &revoke);
    cr_assert_not_null(key->revoked_at);
    rf_rpc_message_free(key);
    cr_assert_null(authenticate(f.secret));
    rpc_fixture_reopen(&f);
    cr_assert_null(authenticate(f.secret));
    revoke.id = (char *)"none";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_REVOKE_KEY, &revoke));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
}

Test(rpc_keys, a_rotated_key_works_beside_the_new_one_until_the_overlap_ends)
{
    Job__V1__RotateKeyRequest rotate = JOB__V1__ROTATE_KEY_REQUEST__INIT;
    rotate.id = f.key_id;
    rotate.overlap_seconds = 1;
    Job__V1__CreateKeyResponse *fresh =
        rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_ROTATE_KEY, &rotate);
    cr_assert_str_eq(fresh->key->application_id, f.app);
    cr_assert_eq(fresh->key->requests_per_second, 300);
    cr_assert_str_eq(fresh->key->scopes, "jam.record");
    Job__V1__AuthenticateResponse *old = authenticate(f.secret);
    cr_assert_not_null(old);
    cr_assert_leq(old->cache_seconds, 1, "not remembered beyond its end");
    rf_rpc_message_free(old);
    Job__V1__AuthenticateResponse *now = authenticate(fresh->secret);
    cr_assert_not_null(now);
    rf_rpc_message_free(now);
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_ROTATE_KEY, &rotate));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS, "one rotation at a time");
    rotate.overlap_seconds = 86401;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_ROTATE_KEY, &rotate));
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
    rf_time_drive();
    rf_time_advance(1001 * RF_NS_PER_MS);
    cr_assert_null(authenticate(f.secret));
    now = authenticate(fresh->secret);
    cr_assert_not_null(now);
    rf_rpc_message_free(now);
    rf_rpc_message_free(fresh);
}

/* S9 */
Test(rpc_keys, keys_are_listed_without_their_secrets)
{
    Job__V1__ListKeysRequest request = JOB__V1__LIST_KEYS_REQUEST__INIT;
    Job__V1__ListKeysResponse *reply = rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_LIST_KEYS, &request);
    cr_assert_eq(reply->n_keys, 1);
    cr_assert_str_eq(reply->keys[0]->id, f.key_id);
    cr_assert_eq(strncmp(reply->keys[0]->prefix, f.secret, strlen(reply->keys[0]->prefix)), 0);
    cr_assert_lt(strlen(reply->keys[0]->prefix), 10);
    rf_rpc_message_free(reply);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("grep -rqa -e '%s' '%s'", f.secret, f.dir);
    cr_assert_neq(system(command), 0, "S9: the key itself is nowhere on disk");
}

Test(rpc_keys, an_application_has_one_key)
{
    Job__V1__CreateKeyRequest request = JOB__V1__CREATE_KEY_REQUEST__INIT;
    request.application = (char *)"demo";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_CREATE_KEY, &request));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS);
    static const char *const wrong[] = {"", "with\nnewline"};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        request.application = (char *)(uintptr_t)wrong[i];
        cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_CREATE_KEY, &request));
        cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
    }
}

Test(rpc_keys, a_key_has_the_scopes_it_was_made_with)
{
    static const struct {
        const char *app;
        const char *names[2];
        size_t n;
        const char *scopes; /* NULL: refused */
    } rows[] = {
        {"both", {"recorder.device", "jam.record"}, 2, "jam.record recorder.device"},
        {"device", {"recorder.device"}, 1, "recorder.device"},
        {"nothing", {"none"}, 1, "none"},
        {"unknown", {"recorder"}, 1, NULL},
        {"contrary", {"none", "jam.record"}, 2, NULL},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        Job__V1__CreateKeyRequest request = JOB__V1__CREATE_KEY_REQUEST__INIT;
        request.application = (char *)(uintptr_t)rows[i].app;
        request.scopes = (char **)(uintptr_t)rows[i].names;
        request.n_scopes = rows[i].n;
        Job__V1__CreateKeyResponse *made =
            rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_CREATE_KEY, &request);
        if (rows[i].scopes == NULL) {
            cr_assert_null(made);
            cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
            continue;
        }
        cr_assert_str_eq(made->key->scopes, rows[i].scopes);
        Job__V1__AuthenticateResponse *who = authenticate(made->secret);
        cr_assert_str_eq(who->scopes, rows[i].scopes);
        rf_rpc_message_free(who);
        rf_rpc_message_free(made);
    }
}
