/*
 * The metrics text of a job service as a scraper reads it: every row of spec jobs.md section 8 that
 * is the service's, with its type and labels, and the rules of `promtool check metrics`.
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rf_metric.h"
#include "rf_time.h"

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"
#define LINES_MAX 4096

static rpc_fixture f;
static char *text;
static char *lines[LINES_MAX];
static size_t n_lines;

static void write_text(void)
{
    rf_buf out;
    char *rest = NULL;
    rf_buf_init(&out, 4 << 20);
    rf_metric_write(&out);
    cr_assert_eq(rf_buf_error(&out), 0);
    text = rf_buf_steal(&out);
    cr_assert_eq(text[strlen(text) - 1], '\n', "the last line ends");
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        cr_assert_lt(n_lines, LINES_MAX);
        lines[n_lines++] = line;
    }
}

/* A job that has run, and the gauges read. */
static void set_up(void)
{
    char id[RF_UUID_LEN];
    rpc_fixture_open(&f, NULL);
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    cr_assert(rpc_fixture_finish(&f, id, 1, "file", NULL));
    job_op_stats *stats = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, NULL, NULL);
    cr_assert_eq(job_store_run(f.service.store, &stats->op), 0);
    job_metrics_stats(f.service.metrics, stats, rf_time_wall_ms());
    job_op_free(&stats->op);
    write_text();
}

static void tear_down(void)
{
    free(text);
    rpc_fixture_close(&f);
}

TestSuite(metrics_text, .init = set_up, .fini = tear_down);

/* Whether one of the lines is, or begins with, this. */
static const char *find(const char *start)
{
    for (size_t i = 0; i < n_lines; i++) {
        if (strncmp(lines[i], start, strlen(start)) == 0) {
            return lines[i];
        }
    }
    return NULL;
}

/* The series' family: its name without labels and, for histograms, without the suffix. */
static void family_of(const char *line, char out[128])
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    char type[160];
    rf_copy_str(out, 128, line);
    out[strcspn(out, "{ ")] = '\0';
    for (size_t i = 0; i < RF_ARRAY_LEN(suffixes); i++) {
        size_t len = strlen(out);
        size_t n = strlen(suffixes[i]);
        if (len > n && strcmp(out + len - n, suffixes[i]) == 0) {
            snprintf(type, sizeof(type), "# TYPE %.*s histogram", (int)(len - n), out);
            out[find(type) != NULL ? len - n : len] = '\0';
        }
    }
}

/* M1, M2, M3, M4, M5, M6, M7, M8 */
Test(metrics_text, section_8_has_every_row_with_its_type_and_labels)
{
    static const struct {
        const char *type;
        const char *series; /* up to the first label's value */
    } rows[] = {
        {"reflection_jobs_queued gauge", "reflection_jobs_queued{pool=\"cpu\"}"},
        {"reflection_jobs_running gauge", "reflection_jobs_running{pool=\"cpu\"}"},
        {"reflection_job_oldest_queued_age_seconds gauge",
         "reflection_job_oldest_queued_age_seconds{pool=\"cpu\"}"},
        {"reflection_job_wait_seconds histogram",
         "reflection_job_wait_seconds_count{pool=\"cpu\",workflow=\"sdk-test\"}"},
        {"reflection_job_run_seconds histogram",
         "reflection_job_run_seconds_count{pool=\"cpu\",workflow=\"sdk-test\"}"},
        {"reflection_job_attempts_total counter",
         "reflection_job_attempts_total{workflow=\"sdk-test\",outcome=\"done\"} 1"},
        {"reflection_job_leases_lost_total counter",
         "reflection_job_leases_lost_total{pool=\"cpu\"}"},
        {"reflection_job_fenced_writes_total counter",
         "reflection_job_fenced_writes_total{pool=\"cpu\"}"},
        {"reflection_jobs_finished_total counter",
         "reflection_jobs_finished_total{workflow=\"sdk-test\",status=\"SUCCEEDED\",code=\"\"} 1"},
        {"reflection_jobs_dead_letter gauge", "reflection_jobs_dead_letter{workflow=\"user\"}"},
        {"reflection_outbox_unsent gauge", "reflection_outbox_unsent "},
        {"reflection_outbox_oldest_age_seconds gauge", "reflection_outbox_oldest_age_seconds "},
        {"reflection_webhook_backlog gauge", "reflection_webhook_backlog "},
        {"reflection_webhook_oldest_age_seconds gauge", "reflection_webhook_oldest_age_seconds "},
        {"reflection_webhook_tries_total counter",
         "reflection_webhook_tries_total{outcome=\"ok\"}"},
        {"reflection_webhook_tries_total counter",
         "reflection_webhook_tries_total{outcome=\"failed\"}"},
        {"reflection_webhook_tries_total counter",
         "reflection_webhook_tries_total{outcome=\"gone\"}"},
        {"reflection_webhook_tries_total counter",
         "reflection_webhook_tries_total{outcome=\"given_up\"}"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        RF_CLEANUP(rf_cleanup_free) char *type = rf_asprintf("# TYPE %s", rows[i].type);
        cr_expect_not_null(find(type), "%s", type);
        cr_expect_not_null(find(rows[i].series), "%s", rows[i].series);
    }
}

Test(metrics_text, each_family_is_told_of_before_its_series_and_once)
{
    char last[128] = "";
    for (size_t i = 0; i < n_lines; i++) {
        char family[128];
        char words[2][160];
        if (lines[i][0] == '#') {
            continue;
        }
        family_of(lines[i], family);
        snprintf(words[0], sizeof(words[0]), "# HELP %s ", family);
        snprintf(words[1], sizeof(words[1]), "# TYPE %s ", family);
        if (strcmp(family, last) != 0) {
            cr_assert_geq(i, 2);
            cr_assert_eq(strncmp(lines[i - 2], words[0], strlen(words[0])), 0, "%s", lines[i]);
            cr_assert_gt(strlen(lines[i - 2]), strlen(words[0]), "no help: %s", family);
            cr_assert_eq(strncmp(lines[i - 1], words[1], strlen(words[1])), 0, "%s", lines[i]);
        }
        rf_copy_str(last, sizeof(last), family);
        for (size_t k = i + 1; k < n_lines; k++) {
            bool same = strncmp(lines[i], lines[k], strcspn(lines[i], " ") + 1) == 0;
            cr_assert_not(same, "twice: %s", lines[i]);
        }
    }
}

Test(metrics_text, names_end_as_their_type_and_unit_ask)
{
    for (size_t i = 0; i < n_lines; i++) {
        char name[128];
        char type[16];
        if (sscanf(lines[i], "# TYPE %127s %15s", name, type) != 2) {
            continue;
        }
        size_t len = strlen(name);
        bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;
        cr_expect_eq(total, strcmp(type, "counter") == 0, "%s %s", name, type);
        cr_expect_null(strstr(name, "_ms"), "%s is not in a base unit", name);
        cr_expect_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), len, "%s", name);
        cr_expect(strcmp(type, "histogram") != 0 || strcmp(name + len - 8, "_seconds") == 0, "%s",
                  name);
    }
}
