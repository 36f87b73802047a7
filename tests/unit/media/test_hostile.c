/* Files made to harm: truncated, lying, exploding, pointing elsewhere, fuzzed. Each ends in a clear
 * error or in legal audio, within its limits, and the next call works. */
#include "media_make.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct made_file {
    const char *container;
    const char *codec;
} made_file;

static const made_file kinds[] = {
    {"wav", "pcm_s16le"},  {"wav", "pcm_f32le"}, {"flac", "flac"},
    {"mp3", "libmp3lame"}, {"ogg", "libvorbis"}, {"ogg", "libopus"},
    {"adts", "aac"},       {"ipod", "aac"},      {"aiff", "pcm_s24be"}};

static int make_kind(size_t i, int64_t n_frames)
{
    rf_frames *frames = media_noise(2, 44100, n_frames);
    if (strcmp(kinds[i].codec, "libopus") == 0) {
        frames->rate_hz = 48000;
    }
    int fd = media_muxed(kinds[i].container, kinds[i].codec, NULL, frames);
    rf_frames_free(frames);
    return fd;
}

/* A good file still decodes: the parent and its pool are unharmed. */
static void expect_unharmed(void)
{
    int fd = make_kind(0, 1000);
    rf_frames *frames = media_decode(fd, NULL);
    cr_expect_eq(frames->n_frames, 1000);
    rf_frames_free(frames);
    close(fd);
}

/* Decodes what may be anything: a legal result or an error with a message. */
static rf_media_code decode_anything(int fd)
{
    rf_media_error error;
    rf_frames *frames = NULL;
    rf_decode_options options = media_options();
    options.limits.max_seconds = 60;
    options.limits.max_pcm_bytes = 64 << 20;
    options.limits.wall_ms = 10000;
    int err = rf_decode(media_decoder(), fd, &options, &frames, NULL, &error);
    cr_assert_eq(err, rf_media_code_errno(error.code));
    if (err == 0) {
        cr_assert(frames->n_channels >= 1 && frames->n_channels <= RF_MEDIA_MAX_CHANNELS);
        cr_assert_leq(frames->n_frames, 60 * (int64_t)frames->rate_hz);
    } else {
        cr_assert_gt(strlen(error.message), 0);
        cr_assert_neq(error.code, RF_MEDIA_INTERNAL);
        cr_assert_not(error.crashed, "%s", error.message);
    }
    rf_frames_free(frames);
    return error.code;
}

Test(hostile, truncated_files_are_told)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        const bool counted = strcmp(kinds[i].container, "mp3") != 0 &&
                             strcmp(kinds[i].container, "ogg") != 0 &&
                             strcmp(kinds[i].container, "adts") != 0;
        int fd = make_kind(i, 30000);
        int64_t size = media_size(fd);
        for (int part = 0; part < 16; part++) {
            int cut = media_prefix(fd, size * part / 16);
            rf_media_code code = decode_anything(cut);
            if (counted || part == 0) { /* others are streams: what is there is legal */
                cr_expect(code == RF_MEDIA_DECODE_FAILED || code == RF_MEDIA_UNSUPPORTED_FORMAT,
                          "%s cut at %d/16: %s", kinds[i].container, part,
                          rf_media_code_name(code));
            }
            close(cut);
        }
        close(fd);
    }
    expect_unharmed();
}

static void overwrite(int fd, int64_t offset, const char *bytes, size_t len)
{
    cr_assert_eq(pwrite(fd, bytes, len, offset), (ssize_t)len);
}

Test(hostile, lying_headers_are_caught)
{
    static const struct {
        size_t kind;
        const char *what;
        int64_t offset;
        const char *bytes;
        size_t len;
        rf_media_code code;
    } lies[] = {
        {0, "no channels", 22, "\0\0", 2, RF_MEDIA_DECODE_FAILED},
        {0, "65535 channels", 22, "\xff\xff", 2, RF_MEDIA_LIMIT_CHANNELS},
        {0, "rate 0", 24, "\0\0\0\0", 4, RF_MEDIA_LIMIT_RATE},
        {0, "rate 4 GHz", 24, "\xff\xff\xff\xff", 4, RF_MEDIA_LIMIT_RATE},
        {0, "block 0", 32, "\0\0", 2, RF_MEDIA_DECODE_FAILED},
        {0, "MP3 in WAV", 20, "\x55\0", 2, RF_MEDIA_UNSUPPORTED_FORMAT},
        {0, "ADPCM in WAV", 20, "\x11\0", 2, RF_MEDIA_UNSUPPORTED_FORMAT},
        {2, "FLAC of 2^36 frames", 8 + 13, "\xff\xff\xff\xff\xff", 5, RF_MEDIA_LIMIT_DURATION},
        {2, "FLAC of a day", 8 + 13, "\xf1\xff\xff\xff\xff", 5, RF_MEDIA_LIMIT_DURATION},
        {2, "FLAC at 0 Hz", 8 + 10, "\0\0\x02", 3, RF_MEDIA_LIMIT_RATE},
        {8, "AIFF without channels", 20, "\0\0", 2, RF_MEDIA_DECODE_FAILED},
        {8, "AIFF of 4 G frames", 22, "\xff\xff\xff\xff", 4, RF_MEDIA_DECODE_FAILED},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(lies); i++) {
        int fd = make_kind(lies[i].kind, 30000);
        overwrite(fd, lies[i].offset, lies[i].bytes, lies[i].len);
        rf_decode_options options = media_options();
        rf_media_error error = media_decode_fails(fd, &options);
        cr_expect_eq(error.code, lies[i].code, "%s: %s", lies[i].what, error.message);
        cr_expect_not(error.crashed, "%s", lies[i].what);
        close(fd);
    }
    expect_unharmed();
}

/* S11: Little on disk, much when decoded: silence in FLAC is about 1 : 1000. */
Test(hostile, bombs_cost_no_more_than_the_limit)
{
    rf_frames *silence = NULL;
    cr_assert_eq(rf_frames_new(8, 96000, 40 * 96000, &silence), 0);
    int fd = media_encoded(
        &(rf_encode_params){
            .format = RF_FORMAT_FLAC, .bit_depth = 16, .level = 5, .no_dither = true},
        silence, NULL);
    rf_frames_free(silence);
    cr_expect_lt(media_size(fd), 1 << 20);
    overwrite(fd, 8 + 13, "\xf0\0\0\0\0", 5); /* and it does not say so */
    rf_decode_options options = media_options();
    options.limits.max_pcm_bytes = 16 << 20;
    int64_t before_ns = rf_time_ns();
    rf_media_error error = media_decode_fails(fd, &options);
    cr_expect_eq(error.code, RF_MEDIA_LIMIT_MEMORY, "%s", error.message);
    cr_expect_lt(rf_time_ns() - before_ns, 10 * RF_NS_PER_S);
    close(fd);
    expect_unharmed();
}

Test(hostile, huge_sparse_files_are_refused_by_size)
{
    int fd = media_file("fLaC", 4);
    cr_assert_eq(ftruncate(fd, (512LL << 20) + 1), 0);
    rf_decode_options options = media_options();
    rf_media_error error = media_decode_fails(fd, &options);
    cr_expect_eq(error.code, RF_MEDIA_LIMIT_BYTES);
    cr_expect_eq(error.value, (512LL << 20) + 1);
    cr_assert_eq(ftruncate(fd, 512LL << 20), 0);
    cr_expect_eq(media_decode_fails(fd, &options).code, RF_MEDIA_DECODE_FAILED);
    close(fd);
}

/* S11 */
Test(hostile, files_that_name_others_are_not_audio)
{
    static const char *const texts[] = {
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://169.254.169.254/latest/meta-data\n",
        "ffconcat version 1.0\nfile '/etc/passwd'\n",
        "[playlist]\nFile1=http://127.0.0.1/\nNumberOfEntries=1\n",
        "<?xml version=\"1.0\"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio 9 RTP/AVP 0\r\n",
        "<smil><audio src=\"file:///etc/passwd\"/></smil>",
        "[Reference]\nRef1=http://127.0.0.1/x\n",
    };
    rf_decode_options options = media_options();
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        int fd = media_file(texts[i], strlen(texts[i]));
        cr_expect_eq(media_decode_fails(fd, &options).code, RF_MEDIA_UNSUPPORTED_FORMAT, "%s",
                     texts[i]);
        close(fd);
    }
    expect_unharmed();
}

/* S11: An MP4 whose audio lies in another file ("dref" with a url): nothing else is opened. */
Test(hostile, references_inside_mp4_lead_nowhere)
{
    int fd = make_kind(7, 30000);
    int64_t size = media_size(fd);
    char *bytes = malloc((size_t)size);
    cr_assert_eq(pread(fd, bytes, (size_t)size, 0), size);
    char *entry = memmem(bytes, (size_t)size, "dref", 4);
    cr_assert_not_null(entry);
    const int64_t flags = entry - bytes + 12 + 8 + 3; /* of the url: 1 means "in this file" */
    overwrite(fd, flags, "\0", 1);
    (void)decode_anything(fd);
    free(bytes);
    close(fd);
    expect_unharmed();
}

Test(hostile, tags_of_any_size_cost_nothing)
{
    enum { COVER = 24 << 20 };
    rf_frames *frames = media_noise(1, 44100, 5000);
    int fd = media_muxed("flac", "flac", NULL, frames);
    int64_t size = media_size(fd);
    char *bytes = calloc(1, (size_t)size + 8 * (COVER / 2));
    /* a picture of 12 MiB four times, between STREAMINFO and the rest */
    cr_assert_eq(pread(fd, bytes, 42, 0), 42);
    size_t at = 42;
    bytes[4] = 0; /* STREAMINFO is not the last block */
    for (int i = 0; i < 4; i++) {
        memcpy(bytes + at, "\x06\xc0\0\0", 4);
        at += 4 + (COVER / 2);
    }
    cr_assert_eq(pread(fd, bytes + at, (size_t)size - 42, 42), size - 42);
    int tagged = media_file(bytes, at + (size_t)size - 42);
    rf_decode_options options = media_options();
    options.limits.address_bytes = 400 << 20;
    rf_frames *got = NULL;
    rf_media_error error;
    cr_expect_eq(rf_decode(media_decoder(), tagged, &options, &got, NULL, &error), 0, "%s",
                 error.message);
    cr_expect_eq(got->n_frames, frames->n_frames);
    rf_frames_free(got);
    rf_frames_free(frames);
    free(bytes);
    close(fd);
    close(tagged);
}

/* Without libav holding 1 MiB of it at most, a comment of 96 MiB would not fit three times. */
Test(hostile, comments_of_ogg_are_read_up_to_a_limit)
{
    static const char *const codecs[] = {"libvorbis", "libopus"};
    static const size_t lengths[] = {500, (1 << 20) - 100, 1 << 20, (1 << 20) + 70000, 96 << 20};
    rf_frames *frames = media_noise(1, 48000, 30000);
    for (size_t i = 0; i < RF_ARRAY_LEN(codecs) * RF_ARRAY_LEN(lengths); i++) {
        const char *codec = codecs[i / RF_ARRAY_LEN(lengths)];
        const size_t len = lengths[i % RF_ARRAY_LEN(lengths)];
        int fd = media_muxed_tagged("ogg", codec, NULL, len, frames);
        cr_assert_gt(media_size(fd), (int64_t)len, "the comment is in the file");
        rf_decode_options options = media_options();
        options.limits.address_bytes = 300 << 20;
        rf_frames *got = NULL;
        rf_media_error error;
        cr_expect_eq(rf_decode(media_decoder(), fd, &options, &got, NULL, &error), 0,
                     "%s, %zu bytes: %s", codec, len, error.message);
        if (got != NULL) {
            cr_expect_leq(llabs(got->n_frames - frames->n_frames), 1, "%s, %zu bytes: %lld frames",
                          codec, len, (long long)got->n_frames);
        }
        rf_frames_free(got);
        close(fd);
    }
    rf_frames_free(frames);
}

Test(hostile, fuzzed_files_end_in_an_error_or_in_audio, .timeout = 240)
{
    enum { ROUNDS = 40 };
    uint32_t state = 7;
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        int fd = make_kind(i, 8000);
        int64_t size = media_size(fd);
        for (int round = 0; round < ROUNDS; round++) {
            int bad = media_prefix(fd, size);
            for (int k = 0; k < 1 + round; k++) {
                state = state * 1664525U + 1013904223U;
                const int64_t head = round % 2 == 0 ? RF_MIN(size, 256) : size;
                const char byte = (char)(state >> 24);
                overwrite(bad, (state >> 4) % head, &byte, 1);
            }
            (void)decode_anything(bad);
            close(bad);
        }
        close(fd);
    }
    expect_unharmed();
}
