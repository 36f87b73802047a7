#include "rf_store_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

typedef struct walk {
    const rf_store_dir *dir;
    rf_store_list_fn fn;
    void *user;
} walk;

static int walk_path(const walk *w, const char *path);

static int visit_object(const walk *w, const char *key, const struct stat *st)
{
    rf_store_info info;
    rf_store_dir_info(st, &info);
    return w->fn(key, &info, w->user);
}

static int visit(const walk *w, int parent_fd, const char *parent, const char *name)
{
    char path[RF_STORE_MAX_KEY + 1];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s%s%s", parent, parent[0] == '\0' ? "" : "/", name);
    if (name[0] == '.') { /* no key; metadata that a crash left alone goes on the way */
        if (rf_store_meta_sweep(parent_fd, name)) {
            rf_store_dir_remove_parents(w->dir, path);
        }
        return 0;
    }
    if (n >= (int)sizeof(path) || !rf_store_key_valid(path)) {
        return 0; /* no object of ours: what a person put there */
    }
    if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (S_ISDIR(st.st_mode)) {
        return walk_path(w, path);
    }
    return S_ISREG(st.st_mode) ? visit_object(w, path, &st) : 0;
}

static int walk_dir(const walk *w, DIR *d, const char *path)
{
    int err = 0;
    while (err == 0) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (e == NULL) {
            return -errno;
        }
        err = visit(w, dirfd(d), path, e->d_name);
    }
    return err;
}

static int walk_path(const walk *w, const char *path)
{
    int fd = rf_store_dir_open_at(w->dir, path[0] == '\0' ? "." : path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        return fd == -ENOENT ? 0 : fd;
    }
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        int err = -errno;
        rf_close(&fd);
        return err;
    }
    int err = walk_dir(w, d, path);
    closedir(d);
    return err;
}

int rf_store_dir_list(void *store, const char *prefix, rf_store_list_fn fn, void *user)
{
    walk w = {store, fn, user};
    rf_store_info info;
    if (prefix[0] != '\0' && rf_store_dir_backend.stat(store, prefix, &info, NULL) == 0) {
        return fn(prefix, &info, user);
    }
    return walk_path(&w, prefix);
}
