#include "cli_settings.h"

#include "cli.h"
#include "rf_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SERVICES_MAX 8
#define LINE_MAX_LEN 256

typedef struct table {
    const char *service;
    rf_setting *rows; /* names alone; the services check the values */
    size_t n_rows;
    char **args;
    size_t n_args;
} table;

struct cli_settings {
    table tables[SERVICES_MAX];
    size_t n;
    bool loaded;
};

cli_settings *cli_settings_new(const char *const *services, size_t n_services)
{
    cli_settings *s = RF_NEW(cli_settings);
    s->n = RF_MIN(n_services, (size_t)SERVICES_MAX);
    for (size_t i = 0; i < s->n; i++) {
        s->tables[i].service = services[i];
    }
    return s;
}

cli_settings *cli_settings_free(cli_settings *s)
{
    for (size_t i = 0; s != NULL && i < s->n; i++) {
        table *t = &s->tables[i];
        for (size_t j = 0; j < t->n_rows; j++) {
            free((char *)t->rows[j].name);
        }
        for (size_t j = 0; j < t->n_args; j++) {
            free(t->args[j]);
        }
        free(t->rows);
        free(t->args);
    }
    free(s);
    return NULL;
}

static int load_table(table *t, rf_buf *error)
{
    RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("reflection-%s", t->service);
    RF_CLEANUP(rf_cleanup_free) char *program = cli_program_path(name);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("'%s' --settings", program);
    FILE *pipe = popen(command, "re");
    char line[LINE_MAX_LEN];
    while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        t->rows = rf_grow(t->rows, t->n_rows + 1, sizeof(*t->rows));
        t->rows[t->n_rows++] = (rf_setting){.name = rf_strdup(line)};
    }
    if (pipe == NULL || pclose(pipe) != 0) {
        rf_buf_printf(error, "%s --settings failed", program);
        return -EIO;
    }
    return 0;
}

static int load(cli_settings *s, rf_buf *error)
{
    for (size_t i = 0; i < s->n && !s->loaded; i++) {
        int err = load_table(&s->tables[i], error);
        if (err < 0) {
            return err;
        }
    }
    s->loaded = true;
    return 0;
}

static bool add_to(table *t, const char *name, const char *value)
{
    const rf_config_part part = {t->rows, t->n_rows, NULL};
    const rf_config_set set = {t->service, &part, 1};
    if (rf_config_find(&set, name) == NULL) {
        return false;
    }
    t->args = rf_grow(t->args, t->n_args + 1, sizeof(*t->args));
    t->args[t->n_args++] = rf_asprintf("--%s=%s", name, value);
    return true;
}

static int unknown(const cli_settings *s, const char *name, rf_buf *error)
{
    rf_config_part parts[SERVICES_MAX];
    for (size_t i = 0; i < s->n; i++) {
        parts[i] = (rf_config_part){s->tables[i].rows, s->tables[i].n_rows, NULL};
    }
    const rf_config_set set = {"", parts, s->n};
    rf_buf near;
    rf_buf_init(&near, 1024);
    rf_config_near(&set, name, &near);
    rf_buf_printf(error, "unknown setting \"%s\"%s%s%s", name, near.len > 0 ? "; near names: " : "",
                  rf_buf_str(&near), near.len > 0 ? "" : "; the services' --help lists them");
    rf_buf_done(&near);
    return -EINVAL;
}

int cli_settings_add(cli_settings *s, const char *text, rf_buf *error)
{
    const char *equals = strchr(text, '=');
    int err = load(s, error);
    if (err < 0) {
        return err;
    }
    if (equals == NULL || equals == text) {
        rf_buf_printf(error, "--set is [SERVICE.]NAME=VALUE, not \"%s\"", text);
        return -EINVAL;
    }
    RF_CLEANUP(rf_cleanup_free) char *full = rf_strndup(text, (size_t)(equals - text));
    for (size_t i = 0; i < s->n; i++) {
        size_t len = strlen(s->tables[i].service);
        if (strncmp(full, s->tables[i].service, len) == 0 && full[len] == '.' &&
            add_to(&s->tables[i], full + len + 1, equals + 1)) {
            return 0;
        }
    }
    bool found = false;
    for (size_t i = 0; i < s->n; i++) {
        found = add_to(&s->tables[i], full, equals + 1) || found;
    }
    return found ? 0 : unknown(s, full, error);
}

char *const *cli_settings_args(const cli_settings *s, const char *service, size_t *ret_n)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->tables[i].service, service) == 0) {
            *ret_n = s->tables[i].n_args;
            return s->tables[i].args;
        }
    }
    *ret_n = 0;
    return NULL;
}
