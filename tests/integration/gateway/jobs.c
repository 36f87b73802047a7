#include "jobs.h"

#include "client.h"

#include <criterion/criterion.h>
#include <stdio.h>

void jobs_create(const char *body, char id[RF_UUID_LEN])
{
    answer a = client_call("POST", "/v1/job", NULL, JSON, body);
    cr_assert_eq(a.status, 200, "%d: %s", a.status, a.body);
    json_text(&a, "id", id, RF_UUID_LEN);
    cr_assert(rf_uuid4_valid(id), "Q2: %s", id);
    answer_done(&a);
}

void jobs_path(char *out, size_t size, const char *id, const char *rest)
{
    snprintf(out, size, "/v1/job/%s%s", id, rest);
}
