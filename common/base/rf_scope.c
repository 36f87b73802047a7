#include "rf_scope.h"

#include <errno.h>
#include <string.h>

static const char *const table[] = {RF_SCOPE_JAM_RECORD, RF_SCOPE_RECORDER_DEVICE};

bool rf_scope_has(const char *scopes, const char *scope)
{
    size_t len = strlen(scope);
    if (scopes[0] == '\0') {
        return true;
    }
    for (const char *at = scopes; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, scope, len) == 0) {
            return true;
        }
        at += n + (at[n] == ' ' ? 1 : 0);
    }
    return false;
}

int rf_scope_require(const char *scopes, const char *scope, rf_status *st)
{
    if (rf_scope_has(scopes, scope)) {
        return 0;
    }
    rf_status_set(st, RF_PERMISSION_DENIED, "The API key lacks the scope %s.", scope);
    return -EACCES;
}

static int place_of(const char *name)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        if (strcmp(table[i], name) == 0) {
            return (int)i;
        }
    }
    return -EINVAL;
}

int rf_scopes_make(const char *const *names, size_t n, char out[RF_SCOPES_MAX])
{
    bool has[RF_ARRAY_LEN(table)] = {false};
    char *at = out;
    if (n == 0) {
        return rf_copy_str(out, RF_SCOPES_MAX, RF_SCOPES_DEFAULT);
    }
    if (n == 1 && strcmp(names[0], RF_SCOPES_NONE) == 0) {
        return rf_copy_str(out, RF_SCOPES_MAX, RF_SCOPES_NONE);
    }
    for (size_t i = 0; i < n; i++) {
        int place = place_of(names[i]);
        if (place < 0) {
            return place;
        }
        has[place] = true;
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        if (has[i]) {
            at = stpcpy(at > out ? stpcpy(at, " ") : at, table[i]);
        }
    }
    return 0;
}
