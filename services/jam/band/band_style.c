#include "band_style.h"
#include "band_styles.h"

static const band_style *const FAMILIES[] = {
    BAND_STYLES_POP,   BAND_STYLES_JAZZ,   BAND_STYLES_ROCK,   BAND_STYLES_METAL,
    BAND_STYLES_HOUSE, BAND_STYLES_TECHNO, BAND_STYLES_BREAKS, BAND_STYLES_URBAN,
    BAND_STYLES_LATIN, BAND_STYLES_ISLAND, BAND_STYLES_ROOTS,  BAND_STYLES_CALM,
};

/* A band that belongs nowhere: all its choices are the neutral ones. */
static const band_style NEUTRAL = {
    .name = "neutral",
    .bpm_low = 84,
    .bpm = 104,
    .bpm_high = 128,
    .swing_8 = 50,
    .swing_16 = 52,
    .density = 50,
    .brightness = 50,
    .feel = FEEL_EASY,
    .harmony = HARMONY_COMMON,
    .desk = DESK_LIVE,
};

static const band_like NO_LIKES[1] = {{0, 0}};

size_t band_styles_count(void)
{
    size_t n = 0;
    for (size_t f = 0; f < RF_ARRAY_LEN(FAMILIES); f++) {
        for (const band_style *style = FAMILIES[f]; style->name != NULL; style++) {
            n++;
        }
    }
    return n;
}

const band_style *band_style_get(size_t i)
{
    const band_style *style = NULL;
    for (size_t f = 0; f < RF_ARRAY_LEN(FAMILIES); f++) {
        for (style = FAMILIES[f]; style->name != NULL; style++) {
            if (i-- == 0) {
                return style;
            }
        }
    }
    return style;
}

const char *band_styles_name(size_t i)
{
    return band_style_get(i)->name;
}

const band_style *band_style_neutral(void)
{
    return &NEUTRAL;
}

const band_like *band_style_likes(const band_style *style, band_kind kind)
{
    if (style->likes[kind][0].weight > 0) {
        return style->likes[kind];
    }
    return style->family != NULL ? style->family->likes[kind] : NO_LIKES;
}
