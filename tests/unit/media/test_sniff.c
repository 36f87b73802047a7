/* Formats by content; names, tables and views of rf_media.h. */
#include "media_make.h"
#include "rf_sniff.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static rf_media_format sniff_fd(int fd, int64_t *ret_offset)
{
    rf_media_format format = RF_FORMAT_UNKNOWN;
    cr_assert_eq(rf_sniff_fd(fd, &format, ret_offset), 0);
    return format;
}

Test(sniff, made_files_are_recognised)
{
    static const struct {
        const char *container;
        const char *codec;
        rf_media_format format;
    } cases[] = {
        {"wav", "pcm_s16le", RF_FORMAT_WAV},     {"flac", "flac", RF_FORMAT_FLAC},
        {"mp3", "libmp3lame", RF_FORMAT_MP3},    {"ogg", "libvorbis", RF_FORMAT_VORBIS},
        {"ogg", "libopus", RF_FORMAT_OPUS},      {"adts", "aac", RF_FORMAT_AAC},
        {"ipod", "aac", RF_FORMAT_M4A},          {"aiff", "pcm_s16be", RF_FORMAT_AIFF},
        {"aiff", "pcm_f32be", RF_FORMAT_AIFF},   {"ogg", "flac", RF_FORMAT_UNKNOWN},
        {"w64", "pcm_s16le", RF_FORMAT_UNKNOWN}, {"caf", "pcm_s16le", RF_FORMAT_UNKNOWN},
        {"mp2", "mp2", RF_FORMAT_UNKNOWN},
    };
    rf_frames *frames = media_noise(2, 48000, 20000);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        int fd = media_muxed(cases[i].container, cases[i].codec, NULL, frames);
        cr_expect_eq(sniff_fd(fd, NULL), cases[i].format, "%s %s", cases[i].container,
                     cases[i].codec);
        close(fd);
    }
    rf_frames_free(frames);
}

Test(sniff, other_content_is_not_audio)
{
    static const struct {
        const char *data;
        size_t len;
    } cases[] = {{"", 0},
                 {"hello, world\n", 13},
                 {"#EXTM3U\nhttp://127.0.0.1/x\n", 27},
                 {"[playlist]\nFile1=/etc/passwd\n", 29},
                 {"ffconcat version 1.0\nfile /etc/passwd\n", 38},
                 {"RIFF\0\0\0\0AVI LIST", 16},
                 {"FORM\0\0\0\0ILBM", 12},
                 {"\x89PNG\r\n\x1a\n", 8},
                 {"\xff\xfb", 2},
                 {"ID3\x04\0\0\x7f\x7f\x7f\x7f", 10},
                 {"OggS", 4}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        cr_expect_eq(rf_sniff(cases[i].data, cases[i].len), RF_FORMAT_UNKNOWN, "case %zu", i);
        int fd = media_file(cases[i].data, cases[i].len);
        cr_expect_eq(sniff_fd(fd, NULL), RF_FORMAT_UNKNOWN, "case %zu", i);
        close(fd);
    }
    uint32_t state = 1;
    uint8_t noise[4096];
    for (size_t i = 0; i < sizeof(noise); i++) {
        state = state * 1664525U + 1013904223U;
        noise[i] = (uint8_t)(state >> 24);
    }
    cr_expect_eq(rf_sniff(noise, sizeof(noise)), RF_FORMAT_UNKNOWN);
}

Test(sniff, tags_before_the_audio_are_stepped_over)
{
    static uint8_t file[3 << 20];
    rf_frames *frames = media_noise(1, 44100, 20000);
    int fd = media_muxed("mp3", "libmp3lame", "id3v2_version=0", frames);
    const size_t tag = (2 << 20) + 10; /* an ID3v2 header and a 2 MiB picture */
    memcpy(file, "ID3\x04\0\0\x01\0\0\0", 10);
    ssize_t n = pread(fd, file + tag, sizeof(file) - tag, 0);
    cr_assert_gt(n, 0);
    int tagged = media_file(file, tag + (size_t)n);
    int64_t offset = 0;
    cr_expect_eq(sniff_fd(tagged, &offset), RF_FORMAT_MP3);
    cr_expect_eq(offset, (int64_t)tag);
    rf_frames *plain = media_decode(fd, NULL);
    rf_frames *behind = media_decode(tagged, NULL);
    cr_expect_eq(plain->n_frames, behind->n_frames);
    rf_frames_free(plain);
    rf_frames_free(behind);
    rf_frames_free(frames);
    close(fd);
    close(tagged);
}

Test(sniff, names_go_both_ways)
{
    for (int i = RF_FORMAT_WAV; i < RF_N_FORMATS; i++) {
        rf_media_format back = RF_FORMAT_UNKNOWN;
        cr_expect_eq(rf_format_parse(rf_format_name((rf_media_format)i), &back), 0);
        cr_expect_eq(back, (rf_media_format)i);
        cr_expect_gt(strlen(rf_format_extension((rf_media_format)i)), 0);
    }
    rf_media_format unused = RF_FORMAT_UNKNOWN;
    cr_expect_eq(rf_format_parse("unknown", &unused), -EINVAL);
    cr_expect_str_eq(rf_format_extension(RF_FORMAT_UNKNOWN), "bin");
    cr_expect_str_eq(rf_format_name((rf_media_format)99), "unknown");
}

Test(frames, shapes_are_checked)
{
    rf_frames *frames = NULL;
    cr_expect_eq(rf_frames_new(0, 48000, 1, &frames), -EINVAL);
    cr_expect_eq(rf_frames_new(33, 48000, 1, &frames), -EINVAL);
    cr_expect_eq(rf_frames_new(1, 2999, 1, &frames), -EINVAL);
    cr_expect_eq(rf_frames_new(1, 48000, -1, &frames), -EINVAL);
    cr_expect_eq(rf_frames_new(32, 48000, INT64_MAX / 4, &frames), -EINVAL);
#ifndef __SANITIZE_ADDRESS__ /* which ends the process instead */
    cr_expect_eq(rf_frames_new(2, 48000, INT64_MAX / 16, &frames), -ENOMEM);
#endif
    cr_expect_null(rf_frames_free(NULL));
}

Test(frames, a_view_believes_nothing)
{
    rf_frames *frames = NULL;
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    cr_assert_eq(ftruncate(fd, 800), 0);
    cr_expect_eq(rf_frames_map(fd, 2, 48000, 100, &frames), -EPERM, "it could shrink");
    cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    cr_expect_eq(rf_frames_map(fd, 2, 48000, 101, &frames), -EINVAL, "it is too short");
    cr_expect_eq(rf_frames_map(fd, 0, 48000, 100, &frames), -EINVAL);
    cr_expect_eq(rf_frames_map(fd, 2, 48000, INT64_MAX, &frames), -EINVAL);
    cr_expect_eq(rf_frames_map(-1, 2, 48000, 1, &frames), -EINVAL);
    cr_assert_eq(rf_frames_map(fd, 2, 48000, 100, &frames), 0);
    cr_expect_eq(rf_frames_bytes(frames), 800);
    rf_frames_free(frames);
}

Test(frames, a_channel_is_copied_out)
{
    rf_frames *frames = media_noise(3, 48000, 10);
    float out[4];
    rf_frames_channel(frames, 2, 5, 4, out);
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(out[i], frames->data[(5 + i) * 3 + 2]);
    }
    rf_frames_free(frames);
}
