#include "processor_value.h"

#include "rf_file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const type_names[] = {
    [PROCESSOR_NONE] = "none",         [PROCESSOR_URL] = "url",       [PROCESSOR_STRING] = "string",
    [PROCESSOR_INTEGER] = "integer",   [PROCESSOR_NUMBER] = "number", [PROCESSOR_AUDIO] = "audio",
    [PROCESSOR_FEATURES] = "features", [PROCESSOR_JSON] = "json",     [PROCESSOR_WAV] = "wav",
    [PROCESSOR_FILE] = "file",
};

void processor_value_done(processor_value *v)
{
    free(v->text);
    rf_close(&v->fd);
    *v = PROCESSOR_VALUE_NONE;
}

processor_value processor_value_text(processor_type type, const char *text)
{
    processor_value v = PROCESSOR_VALUE_NONE;
    v.type = type;
    v.text = rf_strdup(text);
    return v;
}

int processor_value_memfd(processor_type type, const void *data, size_t len, processor_value *ret)
{
    RF_CLEANUP(rf_cleanup_close) int fd = memfd_create("value", MFD_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int err = rf_write_all(fd, data, len);
    if (err < 0) {
        return err;
    }
    *ret = PROCESSOR_VALUE_NONE;
    ret->type = type;
    ret->fd = fd;
    ret->size = len;
    fd = -1;
    return 0;
}

/* By seeking: a sandboxed child may do nothing that takes a path, as fstat(3) does inside. */
static int size_of(int fd, uint64_t *ret)
{
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0) {
        return -errno;
    }
    *ret = (uint64_t)end;
    return 0;
}

int processor_value_measure(processor_type type, processor_value *v)
{
    v->type = type;
    return size_of(v->fd, &v->size);
}

const char *processor_type_name(processor_type type)
{
    return type_names[type];
}

int processor_type_parse(const char *name, processor_type *ret)
{
    for (size_t i = PROCESSOR_URL; i < RF_ARRAY_LEN(type_names); i++) {
        if (strcmp(type_names[i], name) == 0) {
            *ret = (processor_type)i;
            return 0;
        }
    }
    return -EINVAL;
}

bool processor_type_feeds(processor_type from, processor_type to)
{
    if (to == PROCESSOR_STRING) {
        return from == PROCESSOR_STRING || from == PROCESSOR_INTEGER || from == PROCESSOR_NUMBER;
    }
    return from == to;
}

bool processor_type_is_file(processor_type type)
{
    return type == PROCESSOR_JSON || type == PROCESSOR_WAV || type == PROCESSOR_FILE;
}

int processor_map_open(const processor_value *v, processor_map *ret)
{
    uint64_t size = 0;
    *ret = (processor_map){NULL, 0};
    if (v->fd < 0 || v->size == 0) {
        return 0;
    }
    int err = size_of(v->fd, &size);
    if (err < 0) {
        return err;
    }
    if (size < v->size) {
        return -EINVAL;
    }
    void *data = mmap(NULL, v->size, PROT_READ, MAP_SHARED, v->fd, 0);
    if (data == MAP_FAILED) {
        return -errno;
    }
    *ret = (processor_map){data, v->size};
    return 0;
}

void processor_map_close(processor_map *m)
{
    if (m->len > 0) {
        munmap((void *)(uintptr_t)m->data, m->len);
    }
    *m = (processor_map){NULL, 0};
}

bool processor_audio_valid(const processor_value *v)
{
    const processor_audio *a = &v->audio;
    return v->type == PROCESSOR_AUDIO && v->fd >= 0 && a->rate_hz >= PROCESSOR_RATE_MIN_HZ &&
           a->rate_hz <= PROCESSOR_RATE_MAX_HZ && a->channels >= 1 &&
           a->channels <= PROCESSOR_CHANNELS_MAX && a->n_frames > 0 &&
           a->n_frames <= SIZE_MAX / (PROCESSOR_CHANNELS_MAX * sizeof(float)) &&
           v->size == a->n_frames * a->channels * sizeof(float);
}
