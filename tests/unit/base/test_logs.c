#include "rf_log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Runs the statement with standard error going into text. */
#define CAPTURE(text, statement)                                                                   \
    do {                                                                                           \
        int fds_[2];                                                                               \
        cr_assert_eq(pipe(fds_), 0);                                                               \
        int saved_ = dup(STDERR_FILENO);                                                           \
        dup2(fds_[1], STDERR_FILENO);                                                              \
        statement;                                                                                 \
        dup2(saved_, STDERR_FILENO);                                                               \
        close(saved_);                                                                             \
        close(fds_[1]);                                                                            \
        ssize_t n_ = read(fds_[0], text, sizeof(text) - 1);                                        \
        text[n_ > 0 ? n_ : 0] = '\0';                                                              \
        close(fds_[0]);                                                                            \
    } while (0)

Test(log, logfmt_quotes_what_needs_it)
{
    char text[8192];
    rf_log_setup("job", RF_INFO, RF_LOGFMT);
    CAPTURE(text, RF_LOG_INFO("job accepted", RF_STR("job", "7"), RF_INT("attempt", -3),
                              RF_STR("why", "a \"b\"\nc"), RF_STR("none", NULL)));
    cr_assert_not_null(strstr(text,
                              " level=info service=job event=\"job accepted\" job=7 attempt=-3 "
                              "why=\"a \\\"b\\\"\\u000ac\"\n"),
                       "%s", text);
    cr_assert_null(strstr(text, "none"));
}

Test(log, json_is_one_object_a_line)
{
    char text[8192];
    rf_log_setup("job", RF_INFO, RF_JSON_LINES);
    rf_log_context("req-1");
    CAPTURE(text, RF_LOG_WARN("late", RF_NUM("seconds", 1.5), RF_STR("path", "C:\\x")));
    cr_assert_eq(text[0], '{');
    cr_assert_not_null(strstr(text, "\"level\":\"warn\",\"service\":\"job\",\"event\":\"late\","
                                    "\"request_id\":\"req-1\",\"seconds\":1.5,"
                                    "\"path\":\"C:\\\\x\"}\n"),
                       "%s", text);
}

Test(log, lower_levels_are_not_written)
{
    char text[64];
    rf_log_setup("job", RF_WARN, RF_LOGFMT);
    CAPTURE(text, RF_LOG_INFO("quiet"));
    cr_assert_str_eq(text, "");
}

Test(log, long_lines_are_cut_and_still_end)
{
    static char value[20000];
    char text[16384];
    memset(value, 'x', sizeof(value) - 1);
    rf_log_setup("job", RF_INFO, RF_LOGFMT);
    CAPTURE(text, RF_LOG_INFO("long", RF_STR("value", value)));
    cr_assert_leq(strlen(text), 4098);
    cr_assert_eq(text[strlen(text) - 1], '\n');
}

static char heard[128];

static void hear(rf_log_level level, const rf_field *fields, size_t n_fields, void *user)
{
    snprintf(heard, sizeof(heard), "%d %zu %s=%s %s", (int)level, n_fields, fields[0].key,
             fields[0].str, (const char *)user);
}

Test(log, a_listener_hears_what_is_written_until_it_is_taken_away)
{
    char text[1024];
    static char own[] = "mine";
    rf_log_setup("job", RF_INFO, RF_LOGFMT);
    rf_log_listen(hear, own);
    CAPTURE(text, RF_LOG_WARN("late", RF_STR("why", "slow"), RF_INT("n", 1)));
    cr_assert_str_eq(heard, "2 2 why=slow mine");
    CAPTURE(text, RF_LOG_DEBUG("quiet", RF_STR("why", "unheard")));
    cr_assert_str_eq(heard, "2 2 why=slow mine");
    rf_log_listen(NULL, NULL);
    CAPTURE(text, RF_LOG_ERROR("after", RF_STR("why", "unheard")));
    cr_assert_str_eq(heard, "2 2 why=slow mine");
}
