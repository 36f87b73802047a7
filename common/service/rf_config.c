#include "rf_config.h"

#include "rf_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX_BYTES (1u << 20)
#define LIST_MAX 4096
#define NEAR_MAX 3
#define NAME_MAX_LEN 64

/* Where a value came from: a list given anew by a later source replaces the earlier one. */
typedef enum source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_ARGUMENTS } source;

typedef struct loader {
    const rf_config_set *set;
    rf_buf *error;
    source source;
} loader;

static void *field_of(const rf_config_part *part, const rf_setting *s)
{
    return (char *)part->config + s->offset;
}

static int refuse(const loader *l, const rf_setting *s, const char *value, const char *want)
{
    if (s->secret) {
        rf_buf_printf(l->error, "setting %s: the value must be %s", s->name, want);
    } else {
        rf_buf_printf(l->error, "setting %s: \"%s\" is not %s", s->name, value, want);
    }
    return -EINVAL;
}

static int refuse_range(const loader *l, const rf_setting *s, const char *value)
{
    char want[128];
    snprintf(want, sizeof(want), "a number from %.12g to %.12g%s%s", s->min, s->max,
             s->unit[0] != '\0' ? " " : "", s->unit);
    return refuse(l, s, value, want);
}

static int set_int(const loader *l, const rf_setting *s, void *field, const char *value)
{
    int64_t v;
    if (rf_parse_i64(value, &v) < 0 || (double)v < s->min || (double)v > s->max) {
        return refuse_range(l, s, value);
    }
    *(int64_t *)field = v;
    return 0;
}

static int set_num(const loader *l, const rf_setting *s, void *field, const char *value)
{
    double v;
    if (rf_parse_f64(value, &v) < 0 || v < s->min || v > s->max) {
        return refuse_range(l, s, value);
    }
    *(double *)field = v;
    return 0;
}

static int set_bool(const loader *l, const rf_setting *s, void *field, const char *value)
{
    static const char *const words[2][4] = {{"false", "no", "off", "0"},
                                            {"true", "yes", "on", "1"}};
    for (int truth = 0; truth < 2; truth++) {
        for (size_t i = 0; i < RF_ARRAY_LEN(words[0]); i++) {
            if (strcasecmp(words[truth][i], value) == 0) {
                *(bool *)field = truth != 0;
                return 0;
            }
        }
    }
    return refuse(l, s, value, "true or false");
}

static void list_done(rf_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (rf_list){0};
}

static int list_add(const loader *l, const rf_setting *s, rf_list *list, const char *value)
{
    for (const char *p = value; *p != '\0';) {
        size_t len = strcspn(p, ",");
        if (list->n == LIST_MAX) {
            return refuse(l, s, value, "a list of at most 4096 items");
        }
        if (len > 0) {
            list->items = rf_grow(list->items, list->n + 1, sizeof(char *));
            list->items[list->n++] = rf_strndup(p, len);
        }
        p += len + (p[len] == ',');
    }
    return 0;
}

static int set_value(const loader *l, const rf_setting *s, void *field, const char *value)
{
    switch (s->type) {
    case RF_TYPE_STR:
        free(*(char **)field);
        *(char **)field = rf_strdup(value);
        return 0;
    case RF_TYPE_INT:
        return set_int(l, s, field, value);
    case RF_TYPE_NUM:
        return set_num(l, s, field, value);
    case RF_TYPE_BOOL:
        return set_bool(l, s, field, value);
    case RF_TYPE_LIST:
        return list_add(l, s, field, value);
    }
    return -EINVAL;
}

static const rf_setting *find(const rf_config_set *set, const char *name,
                              const rf_config_part **ret_part)
{
    for (size_t p = 0; p < set->n_parts; p++) {
        for (size_t i = 0; i < set->parts[p].n_settings; i++) {
            if (strcmp(set->parts[p].settings[i].name, name) == 0) {
                *ret_part = &set->parts[p];
                return &set->parts[p].settings[i];
            }
        }
    }
    return NULL;
}

const rf_setting *rf_config_find(const rf_config_set *set, const char *name)
{
    const rf_config_part *part;
    return find(set, name, &part);
}

/* Edit distance of two short names (Levenshtein), used to suggest what was meant. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1];
    size_t n = RF_MIN(strlen(b), (size_t)NAME_MAX_LEN);
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0' && i <= NAME_MAX_LEN; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = RF_MIN(replace, RF_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

void rf_config_near(const rf_config_set *set, const char *name, rf_buf *out)
{
    size_t limit = strlen(name) / 3 + 1;
    size_t found = 0;
    for (size_t d = 0; d <= limit && found < NEAR_MAX; d++) {
        for (size_t p = 0; p < set->n_parts; p++) {
            for (size_t i = 0; i < set->parts[p].n_settings && found < NEAR_MAX; i++) {
                const char *other = set->parts[p].settings[i].name;
                if (distance(name, other) == d) {
                    rf_buf_printf(out, "%s%s", found++ > 0 ? ", " : "", other);
                }
            }
        }
    }
}

static int apply(const loader *l, const char *name, const char *value)
{
    const rf_config_part *part;
    const rf_setting *s = find(l->set, name, &part);
    if (s == NULL) {
        rf_buf_printf(l->error, "unknown setting \"%s\"", name);
        rf_buf near;
        rf_buf_init(&near, 1024);
        rf_config_near(l->set, name, &near);
        if (near.len > 0) {
            rf_buf_printf(l->error, "; did you mean %s?", rf_buf_str(&near));
        }
        rf_buf_done(&near);
        return -EINVAL;
    }
    return set_value(l, s, field_of(part, s), value);
}

/* A list that the source names at all starts empty there. */
static void forget_list(const loader *l, const char *name)
{
    const rf_config_part *part;
    const rf_setting *s = find(l->set, name, &part);
    if (s != NULL && s->type == RF_TYPE_LIST) {
        list_done(field_of(part, s));
    }
}

static int load_defaults(const loader *l)
{
    for (size_t p = 0; p < l->set->n_parts; p++) {
        const rf_config_part *part = &l->set->parts[p];
        for (size_t i = 0; i < part->n_settings; i++) {
            const rf_setting *s = &part->settings[i];
            int err = set_value(l, s, field_of(part, s), s->def);
            if (err < 0) {
                return err;
            }
        }
    }
    return 0;
}

static char *trim(char *s)
{
    while (isspace((unsigned char)*s)) {
        s++;
    }
    size_t len = strlen(s);
    while (len > 0 && isspace((unsigned char)s[len - 1])) {
        s[--len] = '\0';
    }
    return s;
}

/* Splits "name = value" in place; false for blank lines and comments, which are skipped. */
static bool split_line(char *line, char **ret_name, char **ret_value)
{
    char *text = trim(line);
    if (*text == '\0' || *text == '#') {
        return false;
    }
    char *equals = strchr(text, '=');
    *ret_value = equals == NULL ? text + strlen(text) : trim(equals + 1);
    if (equals != NULL) {
        *equals = '\0';
    }
    *ret_name = trim(text);
    return true;
}

static int walk_file(const loader *l, const char *text, bool forget)
{
    RF_CLEANUP(rf_cleanup_free) char *copy = rf_strdup(text);
    char *rest = copy;
    int err = 0;
    for (char *line = strsep(&rest, "\n"); line != NULL && err == 0; line = strsep(&rest, "\n")) {
        char *name;
        char *value;
        if (split_line(line, &name, &value)) {
            if (forget) {
                forget_list(l, name);
            } else {
                err = apply(l, name, value);
            }
        }
    }
    return err;
}

static int load_file(const loader *l, const char *path)
{
    rf_buf text;
    rf_buf_init(&text, FILE_MAX_BYTES);
    int err = rf_file_read(path, &text);
    if (err < 0) {
        rf_buf_printf(l->error, "configuration file %s: %s", path, strerror(-err));
    } else {
        walk_file(l, rf_buf_str(&text), true);
        err = walk_file(l, rf_buf_str(&text), false);
    }
    rf_buf_done(&text);
    return err;
}

static void environment_name(const char *service, const char *name, rf_buf *out)
{
    rf_buf_printf(out, "REFLECTION_%s_%s", service, name);
    for (size_t i = 0; i < out->len; i++) {
        out->data[i] = (uint8_t)(isalnum(out->data[i]) ? toupper(out->data[i]) : '_');
    }
}

static int load_environment(const loader *l)
{
    int err = 0;
    for (size_t p = 0; p < l->set->n_parts && err == 0; p++) {
        const rf_config_part *part = &l->set->parts[p];
        for (size_t i = 0; i < part->n_settings && err == 0; i++) {
            rf_buf name;
            rf_buf_init(&name, 256);
            environment_name(l->set->service, part->settings[i].name, &name);
            const char *value = getenv(rf_buf_str(&name));
            if (value != NULL) {
                forget_list(l, part->settings[i].name);
                err = apply(l, part->settings[i].name, value);
            }
            rf_buf_done(&name);
        }
    }
    return err;
}

/* Takes "--name=value" or "--name value" at argv[*i]; advances *i to the last word used. */
static int next_argument(const loader *l, int argc, char **argv, int *i, char **ret_name,
                         const char **ret_value)
{
    const char *word = argv[*i];
    if (strncmp(word, "--", 2) != 0) {
        rf_buf_printf(l->error, "unexpected argument \"%s\"; settings are --name=value", word);
        return -EINVAL;
    }
    const char *equals = strchr(word, '=');
    if (equals == NULL && *i + 1 == argc) {
        rf_buf_printf(l->error, "setting %s needs a value: %s=VALUE", word + 2, word);
        return -EINVAL;
    }
    size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);
    *ret_name = rf_strndup(word + 2, len - 2);
    *ret_value = equals == NULL ? argv[++*i] : equals + 1;
    return 0;
}

static int walk_arguments(const loader *l, int argc, char **argv, bool forget)
{
    int err = 0;
    for (int i = 1; i < argc && err == 0; i++) {
        RF_CLEANUP(rf_cleanup_free) char *name = NULL;
        const char *value = NULL;
        err = next_argument(l, argc, argv, &i, &name, &value);
        if (err == 0 && forget) {
            forget_list(l, name);
        } else if (err == 0) {
            err = apply(l, name, value);
        }
    }
    return err;
}

int rf_config_load(const rf_config_set *set, const char *file, int argc, char **argv, rf_buf *error)
{
    loader l = {.set = set, .error = error};
    int err = load_defaults(&l);
    if (err == 0 && file != NULL) {
        err = load_file(&l, file);
    }
    if (err == 0) {
        err = load_environment(&l);
    }
    if (err == 0) {
        err = walk_arguments(&l, argc, argv, true);
    }
    if (err == 0) {
        err = walk_arguments(&l, argc, argv, false);
    }
    return err;
}

void rf_config_done(const rf_config_set *set)
{
    for (size_t p = 0; p < set->n_parts; p++) {
        for (size_t i = 0; i < set->parts[p].n_settings; i++) {
            const rf_setting *s = &set->parts[p].settings[i];
            void *field = field_of(&set->parts[p], s);
            if (s->type == RF_TYPE_STR) {
                free(*(char **)field);
                *(char **)field = NULL;
            } else if (s->type == RF_TYPE_LIST) {
                list_done(field);
            }
        }
    }
}

static void help_row(const rf_setting *s, rf_buf *out)
{
    static const char *const types[] = {"string", "integer", "number", "boolean", "list"};
    rf_buf_printf(out, "  --%s=%s", s->name, s->unit[0] != '\0' ? s->unit : types[s->type]);
    rf_buf_printf(out, "\n        %s", s->help);
    if (s->type == RF_TYPE_INT || s->type == RF_TYPE_NUM) {
        rf_buf_printf(out, " [%.12g to %.12g]", s->min, s->max);
    }
    rf_buf_printf(out, " (default %s)\n", s->def[0] != '\0' ? s->def : "empty");
}

void rf_config_help(const rf_config_set *set, rf_buf *out)
{
    for (size_t p = 0; p < set->n_parts; p++) {
        for (size_t i = 0; i < set->parts[p].n_settings; i++) {
            help_row(&set->parts[p].settings[i], out);
        }
    }
}

int rf_list_ports(const rf_list *list, uint16_t *ret, size_t max)
{
    if (list->n > max) {
        return -EINVAL;
    }
    for (size_t i = 0; i < list->n; i++) {
        int64_t port;
        if (rf_parse_i64(list->items[i], &port) < 0 || port < 1 || port > UINT16_MAX) {
            return -EINVAL;
        }
        ret[i] = (uint16_t)port;
    }
    return 0;
}
