/* A soundfont's bytes: whatever they are, what is read of them may be played from. */
#include "band_font.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile int touched; /* what was read, so that it is read */

static void check_layer(const band_font *font, const band_font_layer *layer)
{
    if (layer->sample >= font->n_samples || font->samples[layer->sample].n == 0 ||
        layer->set.first + layer->set.n > font->n_gens ||
        layer->add.first + layer->add.n > font->n_gens ||
        layer->set_mods.first + layer->set_mods.n > font->n_mods ||
        layer->add_mods.first + layer->add_mods.n > font->n_mods) {
        abort();
    }
}

/* Both ends, with what an interpolation reads beyond them. */
static int touch(const band_font_sample *sample)
{
    if (sample->loop_start > sample->loop_end || sample->loop_end > sample->n) {
        abort();
    }
    return sample->n == 0 ? 0 : sample->data[-8] + sample->data[sample->n + 7];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    band_font *font = NULL;
    memcpy(copy, data, size);
    if (band_font_parse(copy, size, &font) != 0) {
        return 0;
    }
    for (size_t i = 0; i < font->n_layers; i++) {
        check_layer(font, &font->layers[i]);
    }
    for (size_t i = 0; i < font->n_samples; i++) {
        touched = touch(&font->samples[i]);
    }
    (void)band_font_free(font);
    return 0;
}
