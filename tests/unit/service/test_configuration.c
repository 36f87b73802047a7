#include "rf_config.h"
#include "rf_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct config {
    char *path;
    int64_t count;
    double ratio;
    bool on;
    rf_list words;
} config;

static const rf_setting settings[] = {
    RF_SETTING_STR(config, path, "path.to.it", "path", "/default", "where"),
    RF_SETTING_INT(config, count, "count", "items", "3", 1, 10, "how many"),
    RF_SETTING_NUM(config, ratio, "ratio", "", "0.5", 0, 1, "how much"),
    RF_SETTING_BOOL(config, on, "on", "false", "whether"),
    RF_SETTING_LIST(config, words, "words", "", "a,b", "which"),
};

static config c;
static rf_buf error;
static const rf_config_part part = {settings, RF_ARRAY_LEN(settings), &c};
static const rf_config_set set = {"test", &part, 1};

static void init(void)
{
    rf_buf_init(&error, 4096);
}

static void done(void)
{
    rf_config_done(&set);
    rf_buf_done(&error);
}

TestSuite(config, .init = init, .fini = done);

static int load(const char *file, int argc, const char *const *argv)
{
    return rf_config_load(&set, file, argc, (char **)argv, &error);
}

Test(config, defaults)
{
    cr_assert_eq(load(NULL, 1, (const char *[]){"x"}), 0);
    cr_expect_str_eq(c.path, "/default");
    cr_expect_eq(c.count, 3);
    cr_expect_eq(c.ratio, 0.5);
    cr_expect_not(c.on);
    cr_expect_eq(c.words.n, 2);
}

Test(config, later_sources_win)
{
    char file[] = "/tmp/rf_config_XXXXXX";
    int fd = mkstemp(file);
    const char *text =
        "# comment\ncount = 4\n ratio=0.25 \nwords = x\nwords = y\n\npath.to.it=/file\n";
    cr_assert_eq(rf_write_all(fd, text, strlen(text)), 0);
    close(fd);
    setenv("REFLECTION_TEST_COUNT", "5", 1);
    setenv("REFLECTION_TEST_PATH_TO_IT", "/env", 1);
    cr_assert_eq(load(file, 4, (const char *[]){"x", "--path.to.it", "/arg", "--on=yes"}), 0, "%s",
                 rf_buf_str(&error));
    unlink(file);
    cr_expect_str_eq(c.path, "/arg");
    cr_expect_eq(c.count, 5);
    cr_expect_eq(c.ratio, 0.25);
    cr_expect(c.on);
    cr_assert_eq(c.words.n, 2);
    cr_expect_str_eq(c.words.items[0], "x");
    cr_expect_str_eq(c.words.items[1], "y");
}

Test(config, repeated_list_arguments_add_up_and_replace_the_default)
{
    cr_assert_eq(load(NULL, 4, (const char *[]){"x", "--words=p", "--words=q,r", "--words=s"}), 0);
    cr_assert_eq(c.words.n, 4);
    cr_expect_str_eq(c.words.items[0], "p");
    cr_expect_str_eq(c.words.items[3], "s");
}

Test(config, errors_name_setting_value_and_range)
{
    static const struct {
        const char *arg;
        const char *text;
    } cases[] = {
        {"--count=11", "setting count: \"11\" is not a number from 1 to 10 items"},
        {"--count=0", "setting count: \"0\" is not a number from 1 to 10 items"},
        {"--count=1.5", "setting count: \"1.5\" is not"},
        {"--count=", "setting count: \"\" is not"},
        {"--ratio=nan", "setting ratio: \"nan\" is not a number from 0 to 1"},
        {"--on=maybe", "setting on: \"maybe\" is not true or false"},
        {"--cuont=1", "unknown setting \"cuont\"; did you mean count?"},
        {"--zzzzzzzz=1", "unknown setting \"zzzzzzzz\""},
        {"word", "unexpected argument \"word\""},
        {"--count", "setting count needs a value"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_buf_clear(&error);
        cr_expect_eq(load(NULL, 2, (const char *[]){"x", cases[i].arg}), -EINVAL, "%s",
                     cases[i].arg);
        cr_expect_not_null(strstr(rf_buf_str(&error), cases[i].text), "%s: %s", cases[i].arg,
                           rf_buf_str(&error));
    }
}

Test(config, missing_file_is_named)
{
    cr_assert_eq(load("/nowhere/conf", 1, (const char *[]){"x"}), -ENOENT);
    cr_expect_not_null(strstr(rf_buf_str(&error), "/nowhere/conf"));
}

Test(config, help_prints_every_row)
{
    rf_buf out;
    rf_buf_init(&out, 65536);
    rf_config_help(&set, &out);
    for (size_t i = 0; i < RF_ARRAY_LEN(settings); i++) {
        cr_expect_not_null(strstr(rf_buf_str(&out), settings[i].name));
        cr_expect_not_null(strstr(rf_buf_str(&out), settings[i].help));
    }
    cr_expect_not_null(strstr(rf_buf_str(&out), "[1 to 10] (default 3)"));
    rf_buf_done(&out);
}
