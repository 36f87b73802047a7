#include "rf_log.h"

#include "rf_buf.h"
#include "rf_time.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static struct {
    char service[32];
    rf_log_level level;
    rf_log_format format;
} config = {.service = "reflection", .level = RF_INFO, .format = RF_LOGFMT};

static struct {
    rf_log_fn fn;
    void *user;
} listener;

static _Thread_local char context[64];

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void rf_log_setup(const char *service, rf_log_level level, rf_log_format format)
{
    rf_copy_str(config.service, sizeof(config.service), service);
    config.level = level;
    config.format = format;
}

void rf_log_context(const char *request_id)
{
    rf_copy_str(context, sizeof(context), request_id == NULL ? "" : request_id);
}

void rf_log_listen(rf_log_fn fn, void *user)
{
    listener.fn = fn;
    listener.user = user;
}

bool rf_log_enabled(rf_log_level level)
{
    return level >= config.level;
}

static void append_quoted(rf_buf *b, const char *s)
{
    rf_buf_append_char(b, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            rf_buf_printf(b, "\\%c", c);
        } else if (c < 0x20) {
            rf_buf_printf(b, "\\u%04x", c);
        } else {
            rf_buf_append_char(b, (char)c);
        }
    }
    rf_buf_append_char(b, '"');
}

static bool needs_quotes(const char *s)
{
    return *s == '\0' || strpbrk(s, " =\"\\\n\t\r") != NULL;
}

static void append_value(rf_buf *b, const rf_field *f)
{
    switch (f->type) {
    case RF_FIELD_STR:
        if (config.format == RF_LOGFMT && !needs_quotes(f->str)) {
            rf_buf_append_str(b, f->str);
        } else {
            append_quoted(b, f->str);
        }
        break;
    case RF_FIELD_INT:
        rf_buf_printf(b, "%lld", (long long)f->i);
        break;
    case RF_FIELD_NUM:
        rf_buf_printf(b, "%.6g", f->num);
        break;
    }
}

static void append_field(rf_buf *b, const rf_field *f)
{
    if (f->type == RF_FIELD_STR && f->str == NULL) {
        return;
    }
    if (config.format == RF_LOGFMT) {
        rf_buf_printf(b, "%s%s=", b->len > 0 ? " " : "", f->key);
    } else {
        rf_buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", f->key);
    }
    append_value(b, f);
}

void rf_log(rf_log_level level, const char *event, const rf_field *fields, size_t n_fields)
{
    char iso[RF_ISO_LEN];
    rf_buf b;
    rf_buf_init(&b, LINE_MAX_BYTES);
    if (config.format == RF_JSON_LINES) {
        rf_buf_append_char(&b, '{');
    }
    const rf_field head[] = {
        RF_STR("time", rf_time_iso(rf_time_wall_ms(), iso)),
        RF_STR("level", level_names[level]),
        RF_STR("service", config.service),
        RF_STR("event", event),
        RF_STR("request_id", context[0] != '\0' ? context : NULL),
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(head); i++) {
        append_field(&b, &head[i]);
    }
    for (size_t i = 0; i < n_fields; i++) {
        append_field(&b, &fields[i]);
    }
    b.max += 2;
    rf_buf_append_str(&b, config.format == RF_JSON_LINES ? "}\n" : "\n");
    ssize_t n = write(STDERR_FILENO, b.data, b.len);
    (void)n; /* nowhere to report a log that cannot be written */
    rf_buf_done(&b);
    if (listener.fn != NULL) {
        listener.fn(level, fields, n_fields, listener.user);
    }
}
