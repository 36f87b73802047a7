/*
 * rf_config.h - configuration tables: one row a setting, read from a file, the environment and the
 * command line, the later of them winning.
 *
 *     typedef struct jam_config { int64_t max_sessions; char *soundfont; } jam_config;
 *     static const rf_setting jam_settings[] = {
 *         RF_SETTING_INT(jam_config, max_sessions, "sessions.max", "sessions", "100", 1, 1000,
 *                        "sessions played at once"),
 *         RF_SETTING_STR(jam_config, soundfont, "soundfont", "path", "", "General MIDI bank"),
 *     };
 *
 * Sources, for a service "jam": a file of `name = value` lines (# comments),
 * REFLECTION_JAM_SESSIONS_MAX,
 * --sessions.max=VALUE. The struct is plain; strings and lists in it are owned by rf_config_done.
 */
#ifndef RF_CONFIG_H
#define RF_CONFIG_H

#include "rf_base.h"
#include "rf_buf.h"

typedef enum rf_setting_type {
    RF_TYPE_STR,  /* char *, never NULL */
    RF_TYPE_INT,  /* int64_t in [min, max] */
    RF_TYPE_NUM,  /* double in [min, max] */
    RF_TYPE_BOOL, /* bool: true, false, yes, no, on, off, 1, 0 */
    RF_TYPE_LIST, /* rf_list: every value given is added, commas separate; the first given value of
                     a source replaces the default */
} rf_setting_type;

typedef struct rf_list {
    char **items;
    size_t n;
} rf_list;

/* rf_list_ports reads a list of port numbers, 1 to 65535, into ret, which has room for max. Returns
 * 0, or -EINVAL when there are more or one is none. */
int rf_list_ports(const rf_list *list, uint16_t *ret, size_t max) RF_MUST_USE;

typedef struct rf_setting {
    const char *name; /* dotted lower case */
    rf_setting_type type;
    const char *unit; /* "ms", "B", "path"; "" for none */
    const char *def;  /* as it would be written */
    double min;
    double max;
    const char *help;
    size_t offset;
    bool secret; /* never printed */
} rf_setting;

#define RF_SETTING_STR(struct_, field, name_, unit_, def_, help_)                                  \
    {                                                                                              \
        .name = (name_), .type = RF_TYPE_STR, .unit = (unit_), .def = (def_), .help = (help_),     \
        .offset = offsetof(struct_, field)                                                         \
    }
#define RF_SETTING_INT(struct_, field, name_, unit_, def_, min_, max_, help_)                      \
    {                                                                                              \
        .name = (name_), .type = RF_TYPE_INT, .unit = (unit_), .def = (def_), .min = (min_),       \
        .max = (max_), .help = (help_), .offset = offsetof(struct_, field)                         \
    }
#define RF_SETTING_NUM(struct_, field, name_, unit_, def_, min_, max_, help_)                      \
    {                                                                                              \
        .name = (name_), .type = RF_TYPE_NUM, .unit = (unit_), .def = (def_), .min = (min_),       \
        .max = (max_), .help = (help_), .offset = offsetof(struct_, field)                         \
    }
#define RF_SETTING_BOOL(struct_, field, name_, def_, help_)                                        \
    {                                                                                              \
        .name = (name_), .type = RF_TYPE_BOOL, .unit = "", .def = (def_), .help = (help_),         \
        .offset = offsetof(struct_, field)                                                         \
    }
#define RF_SETTING_LIST(struct_, field, name_, unit_, def_, help_)                                 \
    {                                                                                              \
        .name = (name_), .type = RF_TYPE_LIST, .unit = (unit_), .def = (def_), .help = (help_),    \
        .offset = offsetof(struct_, field)                                                         \
    }

/* One table and the struct it fills. */
typedef struct rf_config_part {
    const rf_setting *settings;
    size_t n_settings;
    void *config;
} rf_config_part;

typedef struct rf_config_set {
    const char *service; /* "jam"; names the environment variables */
    const rf_config_part *parts;
    size_t n_parts;
} rf_config_set;

/* rf_config_load fills every struct: defaults, then file (NULL for none), environment, arguments
 * argv[1..]. On failure the text in error names setting, value and range, and near names for an
 * unknown one. Returns 0, -EINVAL, or the errno of the file. The structs must be zero before. */
int rf_config_load(const rf_config_set *set, const char *file, int argc, char **argv,
                   rf_buf *error) RF_MUST_USE;

/* rf_config_done frees the strings and lists of every struct. */
void rf_config_done(const rf_config_set *set);

/* rf_config_help appends the table as text: name, unit, default, range, help. */
void rf_config_help(const rf_config_set *set, rf_buf *out);

/* rf_config_find returns the row of a name, NULL when there is none. */
const rf_setting *rf_config_find(const rf_config_set *set, const char *name);

/* rf_config_near appends up to three names that resemble name, separated by commas. */
void rf_config_near(const rf_config_set *set, const char *name, rf_buf *out);

#endif
