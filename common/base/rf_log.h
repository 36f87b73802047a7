/*
 * rf_log.h - one line an event, logfmt or JSON, written to standard error with one write(2).
 * Any thread may log. Values come as typed fields, so that nothing needs quoting by hand; secrets,
 * URL queries and job parameters are never passed here (spec jobs.md S10).
 *
 *     RF_LOG_INFO("job accepted", RF_STR("job", id), RF_INT("attempt", 1));
 */
#ifndef RF_LOG_H
#define RF_LOG_H

#include "rf_base.h"

typedef enum rf_log_level { RF_DEBUG, RF_INFO, RF_WARN, RF_ERROR } rf_log_level;
typedef enum rf_log_format { RF_LOGFMT, RF_JSON_LINES } rf_log_format;

typedef struct rf_field {
    const char *key;
    enum { RF_FIELD_STR, RF_FIELD_INT, RF_FIELD_NUM } type;
    union {
        const char *str; /* NULL leaves the field out */
        int64_t i;
        double num;
    };
} rf_field;

#define RF_STR(k, v) ((rf_field){.key = (k), .type = RF_FIELD_STR, .str = (v)})
#define RF_INT(k, v) ((rf_field){.key = (k), .type = RF_FIELD_INT, .i = (int64_t)(v)})
#define RF_NUM(k, v) ((rf_field){.key = (k), .type = RF_FIELD_NUM, .num = (double)(v)})

/* rf_log_setup names the service and picks level and format; call before threads start. */
void rf_log_setup(const char *service, rf_log_level level, rf_log_format format);

/* rf_log_context sets the request id of this thread, added to its lines; NULL or "" clears it. */
void rf_log_context(const char *request_id);

/* rf_log_enabled says whether lines of this level are written. */
bool rf_log_enabled(rf_log_level level);

/* rf_log writes one event; use the macros. Lines above 4 KiB are cut. */
void rf_log(rf_log_level level, const char *event, const rf_field *fields, size_t n_fields);

/* rf_log_listen gives every line that is written to fn as well, on the thread that logs, until it
 * is called with NULL; call before threads start and after they have ended. */
typedef void (*rf_log_fn)(rf_log_level level, const rf_field *fields, size_t n_fields, void *user);
void rf_log_listen(rf_log_fn fn, void *user);

#define RF_LOG_(level, event, ...)                                                                 \
    do {                                                                                           \
        if (rf_log_enabled(level)) {                                                               \
            const rf_field fields_[] = {__VA_ARGS__ __VA_OPT__(, ) RF_STR("", NULL)};              \
            rf_log(level, event, fields_, RF_ARRAY_LEN(fields_) - 1);                              \
        }                                                                                          \
    } while (0)
#define RF_LOG_DEBUG(event, ...) RF_LOG_(RF_DEBUG, event, __VA_ARGS__)
#define RF_LOG_INFO(event, ...) RF_LOG_(RF_INFO, event, __VA_ARGS__)
#define RF_LOG_WARN(event, ...) RF_LOG_(RF_WARN, event, __VA_ARGS__)
#define RF_LOG_ERROR(event, ...) RF_LOG_(RF_ERROR, event, __VA_ARGS__)

#endif
