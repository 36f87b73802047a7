#include "rf_install.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(install, programs_are_found_beside_this_one)
{
    char path[PATH_MAX], self[PATH_MAX] = "";
    cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
    cr_assert_eq(unsetenv("REFLECTION_BIN"), 0);
    cr_assert_eq(rf_install_program(strrchr(self, '/') + 1, path, sizeof(path)), 0);
    cr_expect_str_eq(path, self);
    cr_expect_eq(rf_install_program("no such program", path, sizeof(path)), -ENOENT);
    cr_expect_eq(rf_install_program("x", path, 4), -ENOSPC);
}

Test(install, the_environment_names_another_installation)
{
    char root[] = "/tmp/rf_install_XXXXXX";
    cr_assert_not_null(mkdtemp(root));
    const char *folders[] = {"bin", "share", "share/reflection"};
    char path[PATH_MAX], want[PATH_MAX];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    snprintf(want, sizeof(want), "%s/bin/../share/reflection/data.json", root);
    fclose(fopen(want, "w"));
    snprintf(path, sizeof(path), "%s/bin", root);
    cr_assert_eq(setenv("REFLECTION_BIN", path, 1), 0);

    cr_expect_eq(rf_install_share("data.json", path, sizeof(path)), 0);
    cr_expect_str_eq(path, want);
    cr_expect_eq(rf_install_share("other.json", path, sizeof(path)), -ENOENT);
    cr_expect_eq(rf_install_share("data.json", path, strlen(want)), -ENOSPC);
    cr_expect_eq(rf_install_program("../share/reflection/data.json", path, sizeof(path)), -EACCES,
                 "a file that is no program");

    cr_assert_eq(unlink(want), 0);
    for (size_t i = 3; i-- > 0;) {
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        cr_assert_eq(rmdir(path), 0);
    }
    cr_assert_eq(setenv("REFLECTION_BIN", "/nowhere/at/all", 1), 0);
    cr_expect_eq(rf_install_program("x", path, sizeof(path)), -ENOENT);
    cr_assert_eq(rmdir(root), 0);
}
