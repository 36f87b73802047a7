#include "recorder_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

recorder_tap *recorder_tap_new(const char *path, const rf_pcm *pcm, uint32_t chunk)
{
    size_t len = strlen(path) + 1;
    recorder_tap *tap = rf_alloc(sizeof(*tap) + len);
    tap->pcm = *pcm;
    tap->chunk = chunk;
    atomic_init(&tap->refs, 1);
    atomic_init(&tap->shelf, NULL);
    memcpy(tap->path, path, len);
    return tap;
}

recorder_tap *recorder_tap_ref(recorder_tap *tap)
{
    atomic_fetch_add(&tap->refs, 1);
    return tap;
}

recorder_tap *recorder_tap_unref(recorder_tap *tap)
{
    if (tap != NULL && atomic_fetch_sub(&tap->refs, 1) == 1) {
        recorder_shelf_unref(atomic_load(&tap->shelf));
        free(tap);
    }
    return NULL;
}

void recorder_tap_put_shelf(recorder_tap *tap, recorder_shelf *shelf)
{
    recorder_shelf *none = NULL;
    if (!atomic_compare_exchange_strong(&tap->shelf, &none, shelf)) {
        recorder_shelf_unref(shelf);
    }
}

int recorder_tap_open(const recorder_tap *tap)
{
    int fd = open(tap->path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
