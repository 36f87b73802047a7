#include "band_font_samples.h"

#include <errno.h>

#define TYPE_ROM 0x8000U
#define TYPE_VORBIS 0x10U

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
    if (start < BAND_FONT_MARGIN || end <= start || end + BAND_FONT_MARGIN > total) {
        return;
    }
    /* chunks start at even places of an aligned file */
    sample->data = (const int16_t *)(const void *)(smpl.data + start * 2);
    sample->n = (uint32_t)(end - start);
    set_loop(sample, band_riff_u32(header + 28) - start, band_riff_u32(header + 32) - start);
}

/* start and end count bytes of the chunk; loops count samples of the decoded. */
static int read_vorbis(band_font_sample *sample, band_riff_chunk smpl, const uint8_t *header,
                       band_font_packed *ret)
{
    const uint64_t start = band_riff_u32(header + 20), end = band_riff_u32(header + 24);
    if (end <= start || end > smpl.size) {
        return -EINVAL;
    }
    sample->n = 1;
    *ret = (band_font_packed){smpl.data + start, (size_t)(end - start), band_riff_u32(header + 28),
                              band_riff_u32(header + 32)};
    return 0;
}

static int read_sample(band_font_sample *sample, band_riff_chunk smpl, const uint8_t *header,
                       band_font_packed *ret)
{
    const unsigned type = band_riff_u16(header + 44);
    sample->rate_hz = band_riff_u32(header + 36);
    sample->root_key = header[40] <= 127 ? header[40] : 60;
    sample->tune_cents = (int8_t)header[41];
    if ((type & TYPE_ROM) != 0 || sample->rate_hz < 400 || sample->rate_hz > 192000) {
        return 0;
    }
    if ((type & TYPE_VORBIS) != 0) {
        return read_vorbis(sample, smpl, header, ret);
    }
    read_plain(sample, smpl, header);
    return 0;
}

int band_font_samples_read(band_font *font, const band_riff_chunk chunks[BAND_RIFF_N],
                           band_font_packed **ret_packed)
{
    font->n_samples = band_riff_count(chunks, BAND_RIFF_SHDR) - 1;
    font->samples = RF_NEW_ARRAY(band_font_sample, font->n_samples + 1);
    RF_CLEANUP(rf_cleanup_free)
    band_font_packed *packed = RF_NEW_ARRAY(band_font_packed, font->n_samples + 1);
    for (size_t i = 0; i < font->n_samples; i++) {
        const int r = read_sample(&font->samples[i], chunks[BAND_RIFF_SMPL],
                                  band_riff_record(chunks, BAND_RIFF_SHDR, i), &packed[i]);
        if (r != 0) {
            return r;
        }
    }
    *ret_packed = RF_STEAL(packed);
    return 0;
}

void band_font_samples_set(band_font *font, size_t i, const band_font_packed *packed,
                           const int16_t *data, uint32_t n)
{
    font->samples[i].data = data;
    font->samples[i].n = n;
    set_loop(&font->samples[i], packed->loop_start, packed->loop_end);
}
