/* The program behind criterion/criterion.h of this folder: runs each registered test in a process
 * of its own, one after the other, and fails when one of them did. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77
#define FAILED 99
#define DEFAULT_TIMEOUT_S 120
#define SLOWNESS 4 /* of the sanitizer: the timeouts are meant for plain builds */

const char *__tsan_default_options(void);

static criterion_test *tests;
static criterion_test **tests_tail = &tests;
static bool failed; /* an expectation of the test in this process */

/* A race ends the process that has it, also one that would end with _exit(2). */
const char *__tsan_default_options(void)
{
    return "halt_on_error=1:second_deadlock_stack=1:die_after_fork=0";
}

void criterion_add(criterion_test *test)
{
    *tests_tail = test;
    tests_tail = &test->next;
}

void criterion_note(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void criterion_failed(const char *file, int line, const char *what, bool fatal)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    failed = true;
    if (fatal) {
        _exit(FAILED);
    }
}

void criterion_skip(void)
{
    _exit(SKIPPED);
}

static const criterion_test *suite_of(const criterion_test *test)
{
    for (const criterion_test *t = tests; t != NULL; t = t->next) {
        if (t->name == NULL && strcmp(t->suite, test->suite) == 0) {
            return t;
        }
    }
    return NULL;
}

static void run_here(const criterion_test *test, void *param)
{
    const criterion_test *suite = suite_of(test);
    void (*init)(void) = test->data.init != NULL ? test->data.init
                         : suite                 ? suite->data.init
                                                 : NULL;
    void (*fini)(void) = test->data.fini != NULL ? test->data.fini
                         : suite                 ? suite->data.fini
                                                 : NULL;
    double timeout = test->data.timeout > 0 ? test->data.timeout : suite ? suite->data.timeout : 0;
    alarm((unsigned)(SLOWNESS * (timeout > 0 ? timeout : DEFAULT_TIMEOUT_S)));
    if (init != NULL) {
        init();
    }
    if (test->param_fn != NULL) {
        test->param_fn(param);
    } else {
        test->fn();
    }
    if (fini != NULL) {
        fini();
    }
    exit(failed ? FAILED : 0);
}

/* Returns whether the test passed. */
static bool run(const criterion_test *test, void *param)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        run_here(test, param);
    }
    waitpid(pid, &status, 0);
    bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
    bool ok = test->data.signal != 0
                  ? WIFSIGNALED(status) && WTERMSIG(status) == test->data.signal
                  : WIFEXITED(status) && WEXITSTATUS(status) == test->data.exit_code;
    printf("[%s] %s::%s\n", skipped ? "SKIP" : ok ? "PASS" : "FAIL", test->suite, test->name);
    return ok || skipped;
}

static int run_all_params(const criterion_test *test)
{
    int n_failed = 0;
    struct criterion_test_params p = test->params();
    for (size_t i = 0; i < p.length; i++) {
        n_failed += run(test, (char *)p.params + i * p.size) ? 0 : 1;
    }
    return n_failed;
}

int main(void)
{
    int n_failed = 0;
    int n = 0;
    for (const criterion_test *t = tests; t != NULL; t = t->next) {
        if (t->name == NULL || t->data.disabled) {
            continue;
        }
        n_failed += t->params != NULL ? run_all_params(t) : run(t, NULL) ? 0 : 1;
        n++;
    }
    printf("%d tests, %d failed\n", n, n_failed);
    return n > 0 && n_failed == 0 ? 0 : 1;
}
