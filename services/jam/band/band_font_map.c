#include "band_font_map.h"

#include <errno.h>
#include <sys/mman.h>

int band_font_map(int fd, size_t size, band_font_bytes *ret)
{
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return -errno;
    }
    *ret = (band_font_bytes){data, size, true};
    return 0;
}

void band_font_unmap(band_font_bytes *bytes)
{
    if (bytes->mapped) {
        (void)munmap(bytes->data, bytes->size);
    } else {
        free(bytes->data);
    }
    *bytes = (band_font_bytes){NULL, 0, false};
}

void band_font_map_rest(const band_font_bytes *bytes)
{
    if (bytes->mapped) {
        (void)madvise(bytes->data, bytes->size, MADV_DONTNEED);
    }
}

void band_font_map_fetch(const band_font_bytes *bytes)
{
    if (bytes->mapped && madvise(bytes->data, bytes->size, MADV_POPULATE_READ) != 0) {
        (void)madvise(bytes->data, bytes->size, MADV_WILLNEED);
    }
}
