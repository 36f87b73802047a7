#include "band_trims.h"

#include "band_styles.h"

#include <string.h>

static const struct {
    const char *style; /* "": of none */
    band_trim trim;
} table[] = {
#include "band_trims.inc"
};

static const band_trim *find(const char *style)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        if (strcmp(table[i].style, style) == 0) {
            return &table[i].trim;
        }
    }
    static const band_trim none = {0, 0, 1};
    return &none;
}

static const band_trim *find_by_text(const char *text)
{
    double score = 0;
    const int i = band_styles_match(text, &score);
    return find(i >= 0 ? band_styles_name((size_t)i) : "");
}

void band_trims_get(const jam_controls *controls, band_trim *ret)
{
    if (controls->n_styles == 0) {
        *ret = *find("");
        return;
    }
    *ret = (band_trim){0};
    for (size_t i = 0; i < controls->n_styles; i++) {
        const band_trim *trim = find_by_text(controls->styles[i].name);
        const double weight = controls->styles[i].weight;
        ret->level_db += weight * trim->level_db;
        ret->low_db += weight * trim->low_db;
        ret->width += weight * trim->width;
    }
}
