#include "rf_media.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const struct {
    const char *name;
    const char *extension;
} formats[RF_N_FORMATS] = {
    [RF_FORMAT_UNKNOWN] = {"unknown", "bin"}, [RF_FORMAT_WAV] = {"wav", "wav"},
    [RF_FORMAT_FLAC] = {"flac", "flac"},      [RF_FORMAT_MP3] = {"mp3", "mp3"},
    [RF_FORMAT_VORBIS] = {"vorbis", "ogg"},   [RF_FORMAT_OPUS] = {"opus", "opus"},
    [RF_FORMAT_AAC] = {"aac", "aac"},         [RF_FORMAT_M4A] = {"m4a", "m4a"},
    [RF_FORMAT_AIFF] = {"aiff", "aiff"},
};

static const struct {
    const char *name;
    int err;
    const char *limit_text; /* of LIMIT_*: what is limited and its unit */
} codes[RF_N_MEDIA_CODES] = {
    [RF_MEDIA_OK] = {"ok", 0, NULL},
    [RF_MEDIA_INVALID_VALUE] = {"invalid_value", -EINVAL, NULL},
    [RF_MEDIA_UNSUPPORTED] = {"unsupported", -ENOTSUP, NULL},
    [RF_MEDIA_DECODE_FAILED] = {"decode_failed", -EBADMSG, NULL},
    [RF_MEDIA_UNSUPPORTED_FORMAT] = {"unsupported_format", -EMEDIUMTYPE, NULL},
    [RF_MEDIA_LIMIT_BYTES] = {"limit_bytes", -E2BIG, "bytes of the file"},
    [RF_MEDIA_LIMIT_DURATION] = {"limit_duration", -E2BIG, "seconds of audio"},
    [RF_MEDIA_LIMIT_CHANNELS] = {"limit_channels", -E2BIG, "channels"},
    [RF_MEDIA_LIMIT_RATE] = {"limit_rate", -E2BIG, "frames a second"},
    [RF_MEDIA_LIMIT_MEMORY] = {"limit_memory", -E2BIG, "bytes of decoded audio"},
    [RF_MEDIA_TIMEOUT] = {"timeout", -ETIMEDOUT, NULL},
    [RF_MEDIA_CANCELLED] = {"cancelled", -ECANCELED, NULL},
    [RF_MEDIA_INTERNAL] = {"internal", -EIO, NULL},
};

const char *rf_format_name(rf_media_format format)
{
    return formats[(size_t)format < RF_N_FORMATS ? format : RF_FORMAT_UNKNOWN].name;
}

const char *rf_format_extension(rf_media_format format)
{
    return formats[(size_t)format < RF_N_FORMATS ? format : RF_FORMAT_UNKNOWN].extension;
}

int rf_format_parse(const char *name, rf_media_format *ret)
{
    for (int i = RF_FORMAT_WAV; i < RF_N_FORMATS; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *ret = (rf_media_format)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *rf_media_code_name(rf_media_code code)
{
    return codes[(size_t)code < RF_N_MEDIA_CODES ? code : RF_MEDIA_INTERNAL].name;
}

int rf_media_code_errno(rf_media_code code)
{
    return codes[(size_t)code < RF_N_MEDIA_CODES ? code : RF_MEDIA_INTERNAL].err;
}

int rf_media_fail(rf_media_error *error, rf_media_code code, const char *fmt, ...)
{
    if (error != NULL) {
        va_list args;
        *error = (rf_media_error){.code = code};
        va_start(args, fmt);
        (void)vsnprintf(error->message, sizeof(error->message), fmt, args);
        va_end(args);
    }
    return rf_media_code_errno(code);
}

int rf_media_fail_limit(rf_media_error *error, rf_media_code code, int64_t limit, int64_t value)
{
    const char *what = codes[(size_t)code < RF_N_MEDIA_CODES ? code : RF_MEDIA_INTERNAL].limit_text;
    int err = rf_media_fail(error, code, "%s: %lld %s are too %s, the limit is %lld",
                            rf_media_code_name(code), (long long)value, what != NULL ? what : "",
                            value < limit ? "few" : "many", (long long)limit);
    if (error != NULL) {
        error->limit = limit;
        error->value = value;
    }
    return err;
}

static bool shape_valid(uint32_t n_channels, uint32_t rate_hz, int64_t n_frames)
{
    return n_channels >= 1 && n_channels <= RF_MEDIA_MAX_CHANNELS &&
           rate_hz >= RF_MEDIA_MIN_RATE_HZ && rate_hz <= RF_MEDIA_MAX_RATE_HZ && n_frames >= 0 &&
           n_frames <= INT64_MAX / (int64_t)(n_channels * sizeof(float));
}

int rf_frames_new(uint32_t n_channels, uint32_t rate_hz, int64_t n_frames, rf_frames **ret_frames)
{
    if (!shape_valid(n_channels, rate_hz, n_frames)) {
        return -EINVAL;
    }
    size_t n_samples = (size_t)n_frames * n_channels;
    float *data = calloc(RF_MAX(n_samples, (size_t)1), sizeof(*data));
    if (data == NULL) {
        return -ENOMEM;
    }
    rf_frames *frames = RF_NEW(rf_frames);
    *frames = (rf_frames){
        .data = data, .n_frames = n_frames, .n_channels = n_channels, .rate_hz = rate_hz, .fd = -1};
    *ret_frames = frames;
    return 0;
}

int rf_frames_map(int fd, uint32_t n_channels, uint32_t rate_hz, int64_t n_frames,
                  rf_frames **ret_frames)
{
    struct stat st;
    if (!shape_valid(n_channels, rate_hz, n_frames) || fstat(fd, &st) != 0) {
        return -EINVAL;
    }
    int64_t n_bytes = n_frames * (int64_t)(n_channels * sizeof(float));
    if (n_bytes > st.st_size) {
        return -EINVAL;
    }
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
        return -EPERM;
    }
    rf_frames *frames = RF_NEW(rf_frames);
    *frames =
        (rf_frames){.n_frames = n_frames, .n_channels = n_channels, .rate_hz = rate_hz, .fd = -1};
    if (n_bytes > 0) {
        frames->data = mmap(NULL, (size_t)n_bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (frames->data == MAP_FAILED) {
            free(frames);
            return -ENOMEM;
        }
    }
    frames->fd = fd;
    *ret_frames = frames;
    return 0;
}

rf_frames *rf_frames_free(rf_frames *frames)
{
    if (frames != NULL) {
        if (frames->fd < 0) {
            free(frames->data);
        } else if (frames->data != NULL) {
            munmap(frames->data, rf_frames_bytes(frames));
        }
        rf_close(&frames->fd);
        free(frames);
    }
    return NULL;
}

size_t rf_frames_bytes(const rf_frames *frames)
{
    return (size_t)frames->n_frames * frames->n_channels * sizeof(float);
}

void rf_frames_channel(const rf_frames *frames, uint32_t channel, int64_t first, int64_t n,
                       float *dst)
{
    const float *src = frames->data + first * frames->n_channels + channel;
    for (int64_t i = 0; i < n; i++) {
        dst[i] = src[i * frames->n_channels];
    }
}
