#include "band_case.h"

#include <string.h>

jam_controls band_case_controls(const char *style)
{
    jam_controls c;
    memset(&c, 0, sizeof(c));
    if (style != NULL) {
        rf_copy_str(c.styles[0].name, sizeof(c.styles[0].name), style);
        c.styles[0].weight = 1.0;
        c.n_styles = 1;
    }
    c.temperature = 1.1;
    c.topk = 40;
    c.guidance_weight = 1.1;
    c.key = JAM_KEY_AUTO;
    c.scale = JAM_SCALE_AUTO;
    c.density = -1.0;
    c.brightness = -1.0;
    c.glide_samples = 960;
    c.section = JAM_SECTION_VERSE;
    return c;
}

jam_controls band_case_blend(const char *a, const char *b, double w)
{
    jam_controls c = band_case_controls(a);
    rf_copy_str(c.styles[1].name, sizeof(c.styles[1].name), b);
    c.styles[0].weight = w;
    c.styles[1].weight = 1.0 - w;
    c.n_styles = 2;
    return c;
}

void band_case_take(band_composer *composer, double until, band_case_notes *notes)
{
    size_t got;
    do {
        got = band_composer_take(composer, until, &notes->notes[notes->n],
                                 BAND_CASE_NOTES - notes->n);
        notes->n += got;
    } while (got > 0);
}

band_case_notes *band_case_play(uint64_t seed, const jam_controls *controls, int bars)
{
    band_case_notes *notes = RF_NEW(band_case_notes);
    band_composer *composer = band_composer_new(seed, controls, NULL);
    band_case_take(composer, bars * JAM_BEATS_A_BAR, notes);
    band_composer_free(composer);
    return notes;
}

size_t band_case_count(const band_case_notes *notes, int part, double from, double until)
{
    size_t n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        const band_note *note = &notes->notes[i];
        bool of_part = part < 0 || note->part == (band_part)part;
        n += of_part && note->beat >= from && note->beat < until;
    }
    return n;
}

bool band_case_same(const band_case_notes *a, const band_case_notes *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++) {
        const band_note *x = &a->notes[i];
        const band_note *y = &b->notes[i];
        same = x->beat == y->beat && x->length == y->length && x->part == y->part &&
               x->pitch == y->pitch && x->velocity == y->velocity;
    }
    return same;
}
