/*
 * band_font_riff.h - the chunks of a soundfont file and the bytes in them. Internal to band_font.
 */
#ifndef BAND_FONT_RIFF_H
#define BAND_FONT_RIFF_H

#include "rf_base.h"

typedef struct band_riff_chunk {
    const uint8_t *data;
    size_t size;
} band_riff_chunk;

/* The record tables of section 7 of the specification, and the samples. */
typedef enum band_riff_name {
    BAND_RIFF_SMPL,
    BAND_RIFF_PHDR,
    BAND_RIFF_PBAG,
    BAND_RIFF_PMOD,
    BAND_RIFF_PGEN,
    BAND_RIFF_INST,
    BAND_RIFF_IBAG,
    BAND_RIFF_IMOD,
    BAND_RIFF_IGEN,
    BAND_RIFF_SHDR,
    BAND_RIFF_N,
} band_riff_name;

/* band_riff_read finds all chunks. Returns 0, or -EINVAL when one is missing, torn, or not a whole
 * number of records with the closing one at least. */
int band_riff_read(const uint8_t *file, size_t size, band_riff_chunk ret[BAND_RIFF_N]);

/* Number of records of a table, the closing one included; record i of it. */
size_t band_riff_count(const band_riff_chunk *chunk, band_riff_name name);
const uint8_t *band_riff_record(const band_riff_chunk *chunk, band_riff_name name, size_t i);

static inline uint16_t band_riff_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t band_riff_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
