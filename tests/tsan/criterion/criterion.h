/*
 * criterion/criterion.h - the part of Criterion's interface that this tree uses, for builds under
 * ThreadSanitizer: Criterion keeps its state in memory at addresses that the sanitizer needs.
 * Every test runs in a forked process; a failed assertion, from whichever thread, ends it. A data
 * race ends it too (exit code 66). Tests are not meant to include this by name: rf_test() puts the
 * folder before the real one.
 */
#ifndef TSAN_CRITERION_H
#define TSAN_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct criterion_test_extra_data {
    int unused;
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* s */
    int signal;     /* that ends the test, 0 for none */
    int exit_code;
    bool disabled;
    const char *description;
};

struct criterion_test_params {
    size_t size; /* of one */
    void *params;
    size_t length;
};

typedef struct criterion_test {
    const char *suite;
    const char *name; /* NULL: the options of a suite */
    void (*fn)(void);
    void (*param_fn)(void *param); /* of a parameterized test */
    struct criterion_test_params (*params)(void);
    struct criterion_test_extra_data data;
    struct criterion_test *next;
} criterion_test;

void criterion_add(criterion_test *test);
void criterion_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void criterion_failed(const char *file, int line, const char *what, bool fatal);
void criterion_skip(void) __attribute__((noreturn));

#define CR_REGISTER_(id, ...)                                                                      \
    __attribute__((constructor)) static void id##_register(void)                                   \
    {                                                                                              \
        static criterion_test test = {__VA_ARGS__};                                                \
        criterion_add(&test);                                                                      \
    }

#define Test(suite_, name_, ...)                                                                   \
    static void suite_##_##name_##_impl(void);                                                     \
    CR_REGISTER_(suite_##_##name_, .suite = #suite_, .name = #name_,                               \
                 .fn = suite_##_##name_##_impl, .data = {.unused = 0, ##__VA_ARGS__})              \
    static void suite_##_##name_##_impl(void)

#define TestSuite(suite_, ...)                                                                     \
    CR_REGISTER_(suite_##_suite_options, .suite = #suite_, .data = {.unused = 0, ##__VA_ARGS__})   \
    _Static_assert(true, "")

#define ParameterizedTestParameters(suite_, name_)                                                 \
    static struct criterion_test_params suite_##_##name_##_params(void)

#define ParameterizedTest(param_, suite_, name_, ...)                                              \
    static void suite_##_##name_##_impl(param_);                                                   \
    static void suite_##_##name_##_call(void *param)                                               \
    {                                                                                              \
        suite_##_##name_##_impl(param);                                                            \
    }                                                                                              \
    CR_REGISTER_(suite_##_##name_, .suite = #suite_, .name = #name_,                               \
                 .param_fn = suite_##_##name_##_call, .params = suite_##_##name_##_params,         \
                 .data = {.unused = 0, ##__VA_ARGS__})                                             \
    static void suite_##_##name_##_impl(param_)

#define cr_make_param_array(type_, array_, n_, ...)                                                \
    ((struct criterion_test_params){sizeof(type_), (void *)(array_), (n_)})

#define CR_CHECK_(ok_, fatal_, what_, ...)                                                         \
    do {                                                                                           \
        if (!(ok_)) {                                                                              \
            __VA_OPT__(criterion_note(__VA_ARGS__);)                                               \
            criterion_failed(__FILE__, __LINE__, what_, fatal_);                                   \
        }                                                                                          \
    } while (0)

#define cr_assert(x, ...) CR_CHECK_(x, true, #x, ##__VA_ARGS__)
#define cr_expect(x, ...) CR_CHECK_(x, false, #x, ##__VA_ARGS__)
#define cr_assert_not(x, ...) CR_CHECK_(!(x), true, "not " #x, ##__VA_ARGS__)
#define cr_expect_not(x, ...) CR_CHECK_(!(x), false, "not " #x, ##__VA_ARGS__)
#define cr_assert_fail(...) CR_CHECK_(false, true, "reached", ##__VA_ARGS__)
#define cr_expect_fail(...) CR_CHECK_(false, false, "reached", ##__VA_ARGS__)
#define CR_BINARY_(a, op, b, fatal, ...)                                                           \
    CR_CHECK_((a)op(b), fatal, #a " " #op " " #b, ##__VA_ARGS__)
#define cr_assert_eq(a, b, ...) CR_BINARY_(a, ==, b, true, ##__VA_ARGS__)
#define cr_expect_eq(a, b, ...) CR_BINARY_(a, ==, b, false, ##__VA_ARGS__)
#define cr_assert_neq(a, b, ...) CR_BINARY_(a, !=, b, true, ##__VA_ARGS__)
#define cr_expect_neq(a, b, ...) CR_BINARY_(a, !=, b, false, ##__VA_ARGS__)
#define cr_assert_lt(a, b, ...) CR_BINARY_(a, <, b, true, ##__VA_ARGS__)
#define cr_expect_lt(a, b, ...) CR_BINARY_(a, <, b, false, ##__VA_ARGS__)
#define cr_assert_leq(a, b, ...) CR_BINARY_(a, <=, b, true, ##__VA_ARGS__)
#define cr_expect_leq(a, b, ...) CR_BINARY_(a, <=, b, false, ##__VA_ARGS__)
#define cr_assert_gt(a, b, ...) CR_BINARY_(a, >, b, true, ##__VA_ARGS__)
#define cr_expect_gt(a, b, ...) CR_BINARY_(a, >, b, false, ##__VA_ARGS__)
#define cr_assert_geq(a, b, ...) CR_BINARY_(a, >=, b, true, ##__VA_ARGS__)
#define cr_expect_geq(a, b, ...) CR_BINARY_(a, >=, b, false, ##__VA_ARGS__)
#define cr_assert_null(p, ...) CR_BINARY_(p, ==, NULL, true, ##__VA_ARGS__)
#define cr_expect_null(p, ...) CR_BINARY_(p, ==, NULL, false, ##__VA_ARGS__)
#define cr_assert_not_null(p, ...) CR_BINARY_(p, !=, NULL, true, ##__VA_ARGS__)
#define cr_expect_not_null(p, ...) CR_BINARY_(p, !=, NULL, false, ##__VA_ARGS__)
#define CR_STR_(a, op, b, fatal, ...)                                                              \
    CR_CHECK_(strcmp((a), (b)) op 0, fatal, #a " " #op " " #b, ##__VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) CR_STR_(a, ==, b, true, ##__VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) CR_STR_(a, ==, b, false, ##__VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) CR_STR_(a, !=, b, true, ##__VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) CR_STR_(a, !=, b, false, ##__VA_ARGS__)
#define cr_assert_str_not_empty(a, ...) CR_CHECK_((a)[0] != '\0', true, #a, ##__VA_ARGS__)
#define cr_expect_str_not_empty(a, ...) CR_CHECK_((a)[0] != '\0', false, #a, ##__VA_ARGS__)
#define CR_ARR_(a, b, size, fatal, ...)                                                            \
    CR_CHECK_(memcmp((a), (b), (size)) == 0, fatal, #a " == " #b, ##__VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) CR_ARR_(a, b, size, true, ##__VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...) CR_ARR_(a, b, size, false, ##__VA_ARGS__)
#define CR_FLOAT_(a, b, eps, fatal, ...)                                                           \
    CR_CHECK_(fabs((double)(a) - (double)(b)) <= (double)(eps), fatal, #a " ~ " #b, ##__VA_ARGS__)
#define cr_assert_float_eq(a, b, eps, ...) CR_FLOAT_(a, b, eps, true, ##__VA_ARGS__)
#define cr_expect_float_eq(a, b, eps, ...) CR_FLOAT_(a, b, eps, false, ##__VA_ARGS__)

#define cr_log_info(...) criterion_note(__VA_ARGS__)
#define cr_skip_test(...)                                                                          \
    do {                                                                                           \
        __VA_OPT__(criterion_note(__VA_ARGS__);)                                                   \
        criterion_skip();                                                                          \
    } while (0)

#endif
