#include "rf_service_check.h"

#include "rf_log.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define COMPLAINTS_MAX 16

typedef struct complaint {
    char setting[64];
    char why[1024];
} complaint;

/* What was heard; parts may log on threads of their own. */
typedef struct complaints {
    pthread_mutex_t mutex;
    size_t n;
    complaint list[COMPLAINTS_MAX];
} complaints;

static const char *field_of(const rf_field *fields, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].type == RF_FIELD_STR && strcmp(fields[i].key, key) == 0) {
            return fields[i].str;
        }
    }
    return NULL;
}

static bool is_known(const complaints *all, const char *setting)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->list[i].setting, setting) == 0) {
            return true;
        }
    }
    return false;
}

/* One line, whatever a server says. */
static void set_why(complaint *c, const char *why, const char *detail)
{
    if (detail != NULL) {
        snprintf(c->why, sizeof(c->why), "%s (%s)", why, detail);
    } else {
        rf_copy_str(c->why, sizeof(c->why), why);
    }
    for (char *at = c->why; *at != '\0'; at++) {
        *at = (char)((unsigned char)*at < ' ' ? ' ' : *at);
    }
}

static void hear(rf_log_level level, const rf_field *fields, size_t n_fields, void *user)
{
    complaints *all = user;
    const char *setting = field_of(fields, n_fields, "setting");
    const char *why = field_of(fields, n_fields, "why");
    if (level < RF_WARN || setting == NULL || why == NULL) {
        return;
    }
    pthread_mutex_lock(&all->mutex);
    if (all->n < COMPLAINTS_MAX && !is_known(all, setting)) {
        complaint *c = &all->list[all->n++];
        rf_copy_str(c->setting, sizeof(c->setting), setting);
        set_why(c, why, field_of(fields, n_fields, "detail"));
    }
    pthread_mutex_unlock(&all->mutex);
}

int rf_service_check(const rf_service_def *def, const void *config)
{
    complaints all = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    signal(SIGPIPE, SIG_IGN);
    rf_log_listen(hear, &all);
    int err = def->check == NULL ? 0 : def->check(config);
    rf_log_listen(NULL, NULL);
    for (size_t i = 0; i < all.n && err < 0; i++) {
        printf("%s: %s\n", all.list[i].setting, all.list[i].why);
    }
    pthread_mutex_destroy(&all.mutex);
    return err;
}
