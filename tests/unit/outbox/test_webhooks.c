/* The sender against a real receiver: signatures, schedule, bounds, guard, and what it survives. */
#include "outbox_fixture.h"
#include "receiver.h"
#include "rf_metric.h"
#include "rf_outbox_hooks.h"
#include "rf_time.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000 /* of real time, for what must come */
#define QUIET_MS 80   /* and for what must not */

static receiver target;
static rf_fetch *fetch;
static rf_fetch_config fetch_config;
static rf_webhook_config config;
static rf_webhook *sender;

/* ---- the service's part ---- */

static int secrets_err;
static atomic_int n_gone;
static atomic_int n_asked;

static int give_secrets(void *user, const char *owner, const char *url, rf_webhook_secrets *ret)
{
    (void)user, (void)url;
    atomic_fetch_add(&n_asked, 1);
    if (secrets_err < 0 || strcmp(owner, "tenant") != 0) {
        return secrets_err < 0 ? secrets_err : -ENOENT;
    }
    *ret = (rf_webhook_secrets){.text = {RECEIVER_SECRET_1, RECEIVER_SECRET_2}, .n = 2};
    return 0;
}

static void hook_is_gone(void *user, const char *owner, const char *url)
{
    (void)user;
    atomic_fetch_add(&n_gone, strcmp(owner, "tenant") == 0 && strstr(url, "/status/410") ? 1 : 99);
}

static void setup(void)
{
    outbox_setup();
    receiver_start(&target, NULL, NULL);
    fetch_config = (rf_fetch_config){.allow_loopback = true};
    config = (rf_webhook_config){.source = &rf_outbox_hooks, .secrets = give_secrets};
    config.gone = hook_is_gone;
    config.counter = "test_webhook_attempts_total";
}

static void start(void)
{
    cr_assert_eq(rf_fetch_new(&fetch_config, &fetch, NULL), 0);
    config.fetch = fetch;
    config.self = outbox;
    cr_assert_eq(rf_webhook_start(&config, &sender), 0);
    rf_outbox_hooks_attach(outbox, sender);
}

static void stop(void)
{
    rf_outbox_hooks_attach(outbox, NULL);
    sender = rf_webhook_stop(sender);
    fetch = rf_fetch_free(fetch);
}

static void teardown(void)
{
    if (sender != NULL) {
        stop();
    }
    receiver_stop(&target);
    outbox_teardown();
}

TestSuite(webhooks, .init = setup, .fini = teardown, .timeout = 100);

/* ---- helpers ---- */

static void put(const char *id, const char *path)
{
    RF_CLEANUP(rf_cleanup_free)
    char *url = rf_asprintf("http://127.0.0.1:%d%s", target.port, path);
    rf_outbox_event e = outbox_hook_event(id, url, "{\"type\":\"test\"}");
    outbox_put(&e);
}

static received next_request(void)
{
    received r;
    cr_assert(receiver_next(&target, WAIT_MS, &r), "no request came");
    return r;
}

static void expect_quiet(void)
{
    received r;
    cr_assert_not(receiver_next(&target, QUIET_MS, &r), "%s came too early", r.path);
}

static void wait_until_empty(void)
{
    for (int i = 0; i < WAIT_MS && outbox_n_events(RF_OUTBOX_HOOK) > 0; i++) {
        usleep(1000);
    }
    cr_assert_eq(outbox_n_events(RF_OUTBOX_HOOK), 0);
}

static double count_of(const char *result)
{
    RF_CLEANUP(rf_cleanup_free) char *labels = rf_asprintf("result=\"%s\"", result);
    return rf_metric_value(rf_metric_counter("test_webhook_attempts_total", "", labels));
}

/* Waits until the one event is out of flight, and says when it is due; -1 when it left. */
static int64_t due_again(void)
{
    rf_outbox_item *none = NULL;
    int64_t due_ms = INT64_MAX;
    for (int i = 0; i < WAIT_MS; i++) {
        int err = rf_outbox_take(outbox, RF_OUTBOX_HOOK, -1, &none, &due_ms);
        cr_assert_eq(err, -EAGAIN);
        if (due_ms != INT64_MAX && due_ms != 0) { /* 0: not begun */
            return due_ms;
        }
        if (outbox_n_events(RF_OUTBOX_HOOK) == 0) {
            return -1;
        }
        usleep(1000);
    }
    cr_assert_fail("the attempt does not end");
    return -1;
}

/* ---- one attempt ---- */

Test(webhooks, are_signed_posts_of_the_event)
{
    start();
    int64_t before_s = rf_time_wall_ms() / 1000;
    put("evt-1", "/ok");
    received r = next_request();
    cr_assert_str_eq(r.path, "/ok");
    cr_assert_str_eq(r.id, "evt-1");
    cr_assert_eq(r.verified, 3, "each of the two secrets verifies");
    cr_assert_str_eq(r.body, "{\"type\":\"test\"}");
    cr_assert(r.timestamp_s >= before_s && r.timestamp_s <= before_s + 60);
    wait_until_empty();
    cr_assert_float_eq(count_of("ok"), 1, 0.1);
}

Test(webhooks, of_20_kb_arrive_and_no_larger_one_gets_in)
{
    static char body[RF_WEBHOOK_MAX_BODY + 1];
    start();
    memset(body, 'b', sizeof(body));
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("http://127.0.0.1:%d/ok", target.port);
    rf_outbox_event e = outbox_hook_event("big", url, "");
    e.body = body;
    e.body_len = RF_WEBHOOK_MAX_BODY;
    outbox_put(&e);
    received r = next_request();
    cr_assert_eq(r.len, 20000);
    cr_assert_eq(r.verified, 3);
    e.body_len++;
    cr_assert_eq(rf_outbox_append(outbox, &e, 1, NULL, NULL), -EMSGSIZE);
}

/* W3 */
Test(webhooks, any_2xx_is_success_and_a_huge_answer_is_not_read)
{
    start();
    put("1", "/status/204");
    put("2", "/huge");
    put("3", "/status/299");
    wait_until_empty();
    cr_assert_float_eq(count_of("ok"), 3, 0.1);
}

Test(webhooks, a_410_ends_the_hook)
{
    start();
    put("1", "/status/410");
    wait_until_empty();
    cr_assert_eq(atomic_load(&n_gone), 1);
    cr_assert_float_eq(count_of("gone"), 1, 0.1);
    next_request();
    expect_quiet();
}

/* W3 */
Test(webhooks, what_fails_is_due_again_after_5_s)
{
    static const char *const paths[] = {"/status/500", "/status/404", "/status/304", "/drop",
                                        "/redirect",   "/silent",     "/retry-after"};
    config.timeout_ms = 1000;
    start();
    for (size_t i = 0; i < RF_ARRAY_LEN(paths); i++) {
        int64_t before_ms = rf_time_wall_ms();
        put("x", paths[i]);
        cr_assert_str_eq(next_request().path, paths[i]);
        int64_t due_ms = due_again();
        cr_assert_geq(due_ms, before_ms + 5000, "%s", paths[i]);
        cr_assert_leq(due_ms, rf_time_wall_ms() + 5000, "%s", paths[i]);
        rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_HOOK, due_ms, "x"));
    }
    expect_quiet(); /* the redirect was not followed */
    cr_assert_float_eq(count_of("failed"), RF_ARRAY_LEN(paths), 0.1);
}

/* W3 */
Test(webhooks, a_retry_after_puts_it_off_where_it_is_honoured)
{
    config.honour_retry_after = true;
    config.jitter_percent = 10;
    start();
    int64_t before_ms = rf_time_wall_ms();
    put("1", "/retry-after");
    int64_t due_ms = due_again();
    cr_assert(due_ms >= before_ms + 1000000 && due_ms <= rf_time_wall_ms() + 1000000);
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_HOOK, due_ms, "1"));
    before_ms = rf_time_wall_ms();
    put("2", "/status/500");
    due_ms = due_again();
    cr_assert(due_ms >= before_ms + 5000 && due_ms <= rf_time_wall_ms() + 5500, "jitter");
}

/* W3: up to 86,400 s. */
Test(webhooks, a_retry_after_is_honoured_up_to_a_day)
{
    static const struct {
        const char *path;
        int64_t after_s;
    } rows[] = {{"/retry-after/1", 5},
                {"/retry-after/86400", 86400},
                {"/retry-after/86401", 86400},
                {"/retry-after/999999999", 86400}};
    config.honour_retry_after = true;
    rf_time_drive();
    start();
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        put("x", rows[i].path);
        int64_t due_ms = due_again();
        cr_assert_eq(due_ms, rf_time_wall_ms() + rows[i].after_s * 1000, "%s", rows[i].path);
        rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_HOOK, due_ms, "x"));
    }
}

/* ---- the schedule ---- */

/* W3 */
Test(webhooks, ten_attempts_at_the_times_of_the_table)
{
    static const int64_t further_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    rf_time_drive();
    start();
    put("evt-1", "/status/500");
    for (size_t i = 0; i < RF_ARRAY_LEN(further_s); i++) {
        received r = next_request();
        cr_assert_str_eq(r.id, "evt-1", "the same id on every try");
        cr_assert_eq(r.timestamp_s, rf_time_wall_ms() / 1000, "the time of this try");
        cr_assert_eq(r.verified, 3);
        cr_assert_eq(due_again(), rf_time_wall_ms() + further_s[i] * 1000);
        rf_time_advance(further_s[i] * RF_NS_PER_S - RF_NS_PER_MS);
        rf_webhook_wake(sender);
        expect_quiet();
        rf_time_advance(RF_NS_PER_MS);
        rf_webhook_wake(sender);
    }
    next_request();
    cr_assert_eq(due_again(), -1, "given up");
    cr_assert_float_eq(count_of("failed"), 9, 0.1);
    cr_assert_float_eq(count_of("given_up"), 1, 0.1);
    cr_assert_eq(rf_webhook_delay_ms(10), -1);
}

Test(webhooks, a_receiver_that_was_down_gets_them_when_it_is_back)
{
    rf_time_drive();
    start();
    put("evt-1", "/flaky/3");
    static const int64_t further_s[] = {5, 300, 1800};
    for (size_t i = 0; i < RF_ARRAY_LEN(further_s); i++) {
        next_request();
        due_again();
        rf_time_advance(further_s[i] * RF_NS_PER_S);
        rf_webhook_wake(sender);
    }
    cr_assert_str_eq(next_request().id, "evt-1");
    wait_until_empty();
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("http://127.0.0.1:%d/ok", 1);
    rf_outbox_event e = outbox_hook_event("nobody-there", url, "{}");
    outbox_put(&e);
    cr_assert_eq(due_again(), rf_time_wall_ms() + 5000, "a refused connection is a failure");
}

Test(webhooks, attempts_are_counted_across_processes)
{
    rf_time_drive();
    start();
    put("1", "/status/500");
    next_request();
    int64_t due_ms = due_again();
    stop();
    outbox_reopen();
    cr_assert_eq(due_again(), due_ms);
    start();
    expect_quiet();
    rf_time_advance(5 * RF_NS_PER_S);
    rf_webhook_wake(sender);
    next_request();
    cr_assert_eq(due_again(), rf_time_wall_ms() + 300000, "this was the second");
}

/* ---- bounds ---- */

Test(webhooks, a_slow_host_is_asked_a_few_at_a_time_and_holds_up_no_other)
{
    received r;
    int most = 0;
    int n_slow = 0;
    outbox_config.per_host = 3;
    outbox_reopen();
    start();
    for (int i = 0; i < 7; i++) {
        put("slow", "/slow");
    }
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("http://localhost:%d/ok", target.port);
    rf_outbox_event e = outbox_hook_event("other-host", url, "{}");
    outbox_put(&e);
    bool other_came = false;
    while (receiver_next(&target, 5000, &r)) {
        bool slow = strcmp(r.id, "slow") == 0;
        n_slow += slow ? 1 : 0;
        most = RF_MAX(most, slow ? r.active : 0);
        other_came = other_came || !slow;
        cr_assert(n_slow <= 3 || other_came, "it waited for the slow one");
    }
    cr_assert_eq(n_slow, 7);
    cr_assert_leq(most, 4, "three of the slow host, and the other");
    wait_until_empty();
}

Test(webhooks, so_many_in_all)
{
    received r;
    config.max_in_flight = 2;
    start();
    for (int i = 0; i < 5; i++) {
        put("slow", "/slow");
    }
    for (int i = 0; i < 5; i++) {
        cr_assert(receiver_next(&target, WAIT_MS, &r));
        cr_assert_leq(r.active, 2);
    }
    wait_until_empty();
}

/* ---- guard ---- */

Test(webhooks, forbidden_addresses_are_not_connected_to)
{
    static const char *const urls[] = {"http://10.0.0.1/", "http://[::1]:8080/",
                                       "ftp://example.org/", "http://169.254.169.254/latest"};
    fetch_config.allow_loopback = false;
    start();
    put("loop", "/ok");
    cr_assert_gt(due_again(), 0);
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_HOOK, LATE, "loop"));
    for (size_t i = 0; i < RF_ARRAY_LEN(urls); i++) {
        rf_outbox_event e = outbox_hook_event("x", urls[i], "{}");
        outbox_put(&e);
        cr_assert_gt(due_again(), 0, "%s", urls[i]);
        rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_HOOK, LATE, "x"));
    }
    expect_quiet();
    cr_assert_float_eq(count_of("failed"), 1 + RF_ARRAY_LEN(urls), 0.1);
}

Test(webhooks, over_https_the_certificate_counts)
{
    char dir[] = "/tmp/rf-webhook-tls-XXXXXX";
    receiver tls;
    received r;
    cr_assert_not_null(mkdtemp(dir));
    RF_CLEANUP(rf_cleanup_free) char *cert = rf_asprintf("%s/cert.pem", dir);
    RF_CLEANUP(rf_cleanup_free) char *key = rf_asprintf("%s/key.pem", dir);
    RF_CLEANUP(rf_cleanup_free)
    char *make = rf_asprintf("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test "
                             "-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
                             key, cert);
    cr_assert_eq(system(make), 0);
    receiver_start(&tls, cert, key);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("https://127.0.0.1:%d/ok", tls.port);
    rf_outbox_event e = outbox_hook_event("secret", url, "{}");
    start();
    outbox_put(&e);
    int64_t due_ms = due_again();
    cr_assert_gt(due_ms, 0, "nobody vouches for it");
    stop();
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_HOOK, LATE, "secret"));
    fetch_config.ca_file = cert;
    start();
    outbox_put(&e);
    cr_assert(receiver_next(&tls, WAIT_MS, &r));
    cr_assert_eq(r.verified, 3);
    wait_until_empty();
    receiver_stop(&tls);
    RF_CLEANUP(rf_cleanup_free) char *clean = rf_asprintf("rm -r %s", dir);
    cr_assert_eq(system(clean), 0);
}

/* ---- ends ---- */

Test(webhooks, of_an_owner_that_is_no_more_are_dropped)
{
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("http://127.0.0.1:%d/ok", target.port);
    rf_outbox_event e = outbox_hook_event("1", url, "{}");
    e.owner = "another";
    start();
    outbox_put(&e);
    wait_until_empty();
    expect_quiet();
}

Test(webhooks, wait_while_no_secret_can_be_had)
{
    secrets_err = -EIO;
    rf_time_drive();
    start();
    put("1", "/ok");
    cr_assert_eq(due_again(), rf_time_wall_ms() + 60000);
    expect_quiet();
    stop();
    secrets_err = 0;
    rf_time_advance(60 * RF_NS_PER_S);
    start();
    cr_assert_str_eq(next_request().id, "1");
    wait_until_empty();
}

Test(webhooks, a_stop_cuts_an_attempt_which_is_made_again)
{
    start();
    put("1", "/silent");
    next_request();
    stop();
    start();
    cr_assert_str_eq(next_request().id, "1");
    stop();
    rf_outbox_item *item = outbox_expect(RF_OUTBOX_HOOK, LATE, "1");
    cr_assert_eq(item->event.attempts, 0);
    rf_outbox_done(outbox, item);
}

Test(webhooks, a_killed_sender_sends_again_with_the_same_id)
{
    put("evt-1", "/slow");
    put("evt-2", "/slow");
    outbox = rf_outbox_close(outbox);
    pid_t pid = fork();
    if (pid == 0) {
        if (rf_outbox_open(&outbox_config, &outbox) < 0) {
            _exit(1);
        }
        start();
        pause();
    }
    next_request();
    next_request();
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    outbox_reopen();
    start();
    char first = next_request().id[4];
    char second = next_request().id[4];
    cr_assert(first + second == '1' + '2', "%c and %c", first, second);
    wait_until_empty();
}

Test(webhooks, need_a_complete_configuration)
{
    rf_webhook *none = NULL;
    rf_webhook_source newer = rf_outbox_hooks;
    rf_webhook_config bad = config;
    newer.version = RF_WEBHOOK_SOURCE_VERSION + 1;
    cr_assert_eq(rf_webhook_start(&bad, &none), -EINVAL);
    start();
    bad = config;
    bad.source = &newer;
    cr_assert_eq(rf_webhook_start(&bad, &none), -EINVAL);
    bad = config;
    bad.secrets = NULL;
    cr_assert_eq(rf_webhook_start(&bad, &none), -EINVAL);
    cr_assert_null(rf_webhook_stop(NULL));
}
