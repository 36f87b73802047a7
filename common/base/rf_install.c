#include "rf_install.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int program_folder(char folder[static PATH_MAX])
{
    const char *bin = getenv("REFLECTION_BIN");
    if (bin != NULL) {
        return realpath(bin, folder) != NULL ? 0 : -errno;
    }
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (n < 0) {
        return -errno;
    }
    folder[n] = '\0';
    *strrchr(folder, '/') = '\0';
    return 0;
}

static int find(const char *below, const char *name, int mode, char *path, size_t path_size)
{
    char folder[PATH_MAX];
    int err = program_folder(folder);
    if (err < 0) {
        return err;
    }
    int len = snprintf(path, path_size, "%s%s/%s", folder, below, name);
    if (len < 0 || (size_t)len >= path_size) {
        return -ENOSPC;
    }
    return access(path, mode) == 0 ? 0 : -errno;
}

int rf_install_program(const char *name, char *path, size_t path_size)
{
    return find("", name, X_OK, path, path_size);
}

int rf_install_share(const char *name, char *path, size_t path_size)
{
    return find("/../share/reflection", name, R_OK, path, path_size);
}
