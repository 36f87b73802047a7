#include "gateway_routes.h"
#include "gateway_ticket.h"
#include "gateway_used.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION "0b6f3c1e-1111-4222-8333-444455556666"
#define KEY "0b6f3c1e-7777-4888-9999-aaaabbbbcccc"

static rf_signer *signer(void)
{
    char dir[] = "/tmp/rf-ticket-XXXXXX";
    char path[64];
    rf_signer *s = NULL;
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/keys", dir);
    cr_assert_eq(rf_signer_open(path, &s), 0);
    unlink(path);
    rmdir(dir);
    return s;
}

static const gateway_caller caller = {
    .application_id = APPLICATION, .key_id = KEY, .scopes = "jam.record recorder.device"};

Test(ticket, names_application_key_and_scopes)
{
    char ticket[GATEWAY_TICKET_MAX];
    gateway_ticket got;
    rf_signer *s = signer();
    gateway_ticket_make(s, "/ws/jam", &caller, 1000, ticket);
    cr_assert_eq(gateway_ticket_check(s, "/ws/jam", ticket, 1000, &got), 0);
    cr_expect_str_eq(got.caller.application_id, APPLICATION);
    cr_expect_str_eq(got.caller.key_id, KEY);
    cr_expect_str_eq(got.caller.scopes, "jam.record recorder.device");
    cr_expect_eq(
        strspn(ticket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"),
        strlen(ticket), "no byte of it needs an escape in a URL");
    rf_signer_free(s);
}

Test(ticket, is_for_one_path_and_some_time)
{
    char ticket[GATEWAY_TICKET_MAX];
    gateway_ticket got;
    rf_signer *s = signer();
    gateway_ticket_make(s, "/ws/jam", &caller, 1000, ticket);
    cr_expect_eq(gateway_ticket_check(s, "/ws/recorder", ticket, 1000, &got), -EACCES);
    cr_expect_eq(gateway_ticket_check(s, "/ws/jam", ticket, 1001, &got), -ETIMEDOUT);
    rf_signer_free(s);
}

Test(ticket, no_byte_of_it_may_change)
{
    char ticket[GATEWAY_TICKET_MAX];
    gateway_ticket got;
    rf_signer *s = signer();
    gateway_ticket_make(s, "/ws/jam", &caller, 1000, ticket);
    for (size_t i = 0; ticket[i] != '\0'; i++) {
        char was = ticket[i];
        ticket[i] = was == 'a' ? 'b' : 'a';
        cr_expect_lt(gateway_ticket_check(s, "/ws/jam", ticket, 0, &got), 0, "byte %zu", i);
        ticket[i] = was;
    }
    rf_signer_free(s);
}

Test(ticket, of_another_signer_or_form_is_none)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "....",
                                      "a.b.c.d.e.f.g",
                                      "a.b.c.d.e.f.g.h",
                                      APPLICATION "." KEY ".none.0123456789abcdef.1000.1",
                                      APPLICATION};
    char ticket[GATEWAY_TICKET_MAX];
    char longer[2 * GATEWAY_TICKET_MAX];
    gateway_ticket got;
    rf_signer *s = signer();
    rf_signer *other = signer();
    gateway_ticket_make(other, "/ws/jam", &caller, 1000, ticket);
    cr_expect_eq(gateway_ticket_check(s, "/ws/jam", ticket, 0, &got), -EACCES);
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_expect_eq(gateway_ticket_check(s, "/ws/jam", bad[i], 0, &got), -EACCES, "%s", bad[i]);
    }
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    cr_expect_eq(gateway_ticket_check(s, "/ws/jam", longer, 0, &got), -EACCES);
    rf_signer_free(s);
    rf_signer_free(other);
}

static int use(const gateway *gw, const char *path, const char *ticket, int64_t now_s)
{
    gateway_caller got = {.scopes = ""};
    int err = gateway_ticket_use(gw, gateway_routes_socket(path), ticket, now_s, &got);
    cr_expect_eq(err == 0, strcmp(got.application_id, APPLICATION) == 0);
    return err;
}

Test(ticket, of_the_recorder_opens_one_socket_and_of_jam_as_many_as_its_time_allows)
{
    char ticket[GATEWAY_TICKET_MAX];
    char another[GATEWAY_TICKET_MAX];
    gateway gw = {.signer = signer(), .tickets = gateway_used_new(8)};
    gateway_ticket_make(gw.signer, "/ws/recorder", &caller, 1000, ticket);
    gateway_ticket_make(gw.signer, "/ws/recorder", &caller, 1000, another);
    cr_expect_eq(use(&gw, "/ws/recorder", ticket, 1000), 0);
    cr_expect_eq(use(&gw, "/ws/recorder", ticket, 1000), -EACCES);
    cr_expect_eq(use(&gw, "/ws/recorder", another, 1000), 0, "of the same second");
    gateway_ticket_make(gw.signer, "/ws/jam", &caller, 1000, ticket);
    cr_expect_eq(use(&gw, "/ws/jam", ticket, 1000), 0);
    cr_expect_eq(use(&gw, "/ws/jam", ticket, 1000), 0);
    cr_expect_eq(use(&gw, "/ws/jam", ticket, 1001), -ETIMEDOUT);
    gateway_used_free(gw.tickets);
    rf_signer_free(gw.signer);
}
