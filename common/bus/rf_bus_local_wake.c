#include "rf_bus_local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS_BYTES 4096

int rf_bus_local_wake_open(const rf_bus_local *local, char kind, int64_t id)
{
    char path[64];
    snprintf(path, sizeof(path), "wake/%c%lld", kind, (long long)id);
    int fd = openat(local->dir_fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

void rf_bus_local_wake(int fd)
{
    /* The write is the message. Consumers look again by themselves when it fails on a full disk:
     * nothing became durable then. */
    ssize_t n = pwrite(fd, "", 1, 0);
    (void)n;
}

static int watch_file(const rf_bus_local *local, int fd, char kind, int64_t id)
{
    RF_CLEANUP(rf_cleanup_close) int file = rf_bus_local_wake_open(local, kind, id);
    if (file < 0) {
        return file;
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    return inotify_add_watch(fd, path, IN_MODIFY) < 0 ? -errno : 0;
}

static int watch_members(const rf_bus_local *local, int fd)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/members", local->dir);
    return inotify_add_watch(fd, path, IN_CLOSE_WRITE) < 0 ? -errno : 0;
}

int rf_bus_watch_open(const rf_bus_local *local, const int64_t *topics, size_t n_topics,
                      int64_t group)
{
    RF_CLEANUP(rf_cleanup_close) int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int err = fd < 0 ? -errno : 0;
    /* inotify numbers its watches from 1 in order: the group's are 1 and 2. */
    if (err == 0 && group != 0) {
        err = watch_members(local, fd);
        err = err == 0 ? watch_file(local, fd, 'g', group) : err;
    }
    for (size_t i = 0; err == 0 && i < n_topics; i++) {
        err = watch_file(local, fd, 't', topics[i]);
    }
    if (err < 0) {
        return err;
    }
    int opened = fd;
    fd = -1;
    return opened;
}

void rf_bus_watch_read(int fd, rf_bus_news *news)
{
    _Alignas(struct inotify_event) char events[EVENTS_BYTES];
    for (;;) {
        ssize_t n = read(fd, events, sizeof(events));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        for (char *p = events; p < events + n;) {
            const struct inotify_event *e = (const struct inotify_event *)(const void *)p;
            bool lost = (e->mask & IN_Q_OVERFLOW) != 0;
            news->member |= lost || (e->mask & IN_CLOSE_WRITE) != 0;
            news->group |= lost || (e->mask & IN_MODIFY) != 0;
            news->records |= lost || (e->mask & IN_MODIFY) != 0;
            p += sizeof(*e) + e->len;
        }
    }
}
