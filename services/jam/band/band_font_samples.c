#include "band_font_samples.h"

#include <errno.h>
#include <sndfile.h>
#include <string.h>

/* FluidSynth's interpolation reads this many samples beyond both ends. */
#define MARGIN 8U
#define TYPE_ROM 0x8000U
#define TYPE_VORBIS 0x10U
#define MAX_DECODED (48000 * 60)

/* libsndfile reads from memory through these. */
typedef struct reader {
    const uint8_t *data;
    sf_count_t size, at;
} reader;

static sf_count_t reader_size(void *user)
{
    return ((const reader *)user)->size;
}

static sf_count_t reader_seek(sf_count_t offset, int whence, void *user)
{
    reader *r = user;
    const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->at : r->size;
    r->at = RF_MAX((sf_count_t)0, RF_MIN(base + offset, r->size));
    return r->at;
}

static sf_count_t reader_read(void *to, sf_count_t n, void *user)
{
    reader *r = user;
    const sf_count_t got = RF_MIN(n, r->size - r->at);
    memcpy(to, r->data + r->at, (size_t)got);
    r->at += got;
    return got;
}

static sf_count_t reader_tell(void *user)
{
    return ((const reader *)user)->at;
}

/* Decodes one Ogg Vorbis sample into fresh memory with margins of silence. */
static int decode(const uint8_t *data, size_t size, int16_t **ret, uint32_t *ret_n)
{
    SF_VIRTUAL_IO io = {reader_size, reader_seek, reader_read, NULL, reader_tell};
    reader r = {data, (sf_count_t)size, 0};
    SF_INFO info = {0};
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &r);
    if (file == NULL || info.channels != 1 || info.frames <= 0 || info.frames > MAX_DECODED) {
        (void)sf_close(file);
        return -EINVAL;
    }
    int16_t *samples = RF_NEW_ARRAY(int16_t, (size_t)info.frames + (size_t)2 * MARGIN);
    const sf_count_t n = sf_readf_short(file, samples + MARGIN, info.frames);
    (void)sf_close(file);
    if (n <= 0) {
        free(samples);
        return -EINVAL;
    }
    *ret = samples;
    *ret_n = (uint32_t)n;
    return 0;
}

static void set_loop(band_font_sample *sample, uint64_t start, uint64_t end)
{
    if (start < end && end <= sample->n) {
        sample->loop_start = (uint32_t)start;
        sample->loop_end = (uint32_t)end;
    }
}

/* start and end count samples of the whole chunk; loops do too. */
static void read_plain(band_font_sample *sample, band_riff_chunk smpl, const uint8_t *header)
{
    const uint64_t start = band_riff_u32(header + 20), end = band_riff_u32(header + 24);
    const uint64_t total = smpl.size / 2;
    if (start < MARGIN || end <= start || end + MARGIN > total) {
        return;
    }
    /* chunks start at even places of an aligned file */
    sample->data = (const int16_t *)(const void *)(smpl.data + start * 2);
    sample->n = (uint32_t)(end - start);
    set_loop(sample, band_riff_u32(header + 28) - start, band_riff_u32(header + 32) - start);
}

/* start and end count bytes of the chunk; loops count samples of the decoded. */
static int read_vorbis(band_font *font, size_t i, band_riff_chunk smpl, const uint8_t *header)
{
    const uint64_t start = band_riff_u32(header + 20), end = band_riff_u32(header + 24);
    band_font_sample *sample = &font->samples[i];
    if (end <= start || end > smpl.size ||
        decode(smpl.data + start, (size_t)(end - start), &font->decoded[i], &sample->n) != 0) {
        return -EINVAL;
    }
    sample->data = font->decoded[i] + MARGIN;
    set_loop(sample, band_riff_u32(header + 28), band_riff_u32(header + 32));
    return 0;
}

static int read_sample(band_font *font, size_t i, band_riff_chunk smpl, const uint8_t *header)
{
    const unsigned type = band_riff_u16(header + 44);
    band_font_sample *sample = &font->samples[i];
    sample->rate_hz = band_riff_u32(header + 36);
    sample->root_key = header[40] <= 127 ? header[40] : 60;
    sample->tune_cents = (int8_t)header[41];
    if ((type & TYPE_ROM) != 0 || sample->rate_hz < 400 || sample->rate_hz > 192000) {
        return 0;
    }
    if ((type & TYPE_VORBIS) != 0) {
        return read_vorbis(font, i, smpl, header);
    }
    read_plain(sample, smpl, header);
    return 0;
}

int band_font_samples_read(band_font *font, const band_riff_chunk chunks[BAND_RIFF_N])
{
    font->n_samples = band_riff_count(chunks, BAND_RIFF_SHDR) - 1;
    font->samples = RF_NEW_ARRAY(band_font_sample, font->n_samples + 1);
    font->decoded = RF_NEW_ARRAY(int16_t *, font->n_samples + 1);
    for (size_t i = 0; i < font->n_samples; i++) {
        const int r = read_sample(font, i, chunks[BAND_RIFF_SMPL],
                                  band_riff_record(chunks, BAND_RIFF_SHDR, i));
        if (r != 0) {
            return r;
        }
    }
    return 0;
}
