#include "band_bank.h"

#include <fluidsynth.h>

struct band_bank {
    band_font *font;
    fluid_mod_t **mods; /* font->n_mods; NULL: one that FluidSynth has no use for */
    fluid_settings_t *idle_settings;
    fluid_synth_t *idle; /* plays nothing; see keep_library */
};

static int mod_flags(uint16_t source)
{
    int flags = (source & 0x80) != 0 ? FLUID_MOD_CC : FLUID_MOD_GC;
    flags |= (source & 0x100) != 0 ? FLUID_MOD_NEGATIVE : FLUID_MOD_POSITIVE;
    flags |= (source & 0x200) != 0 ? FLUID_MOD_BIPOLAR : FLUID_MOD_UNIPOLAR;
    return flags | (source >> 10 & 3) << 2;
}

/* Linked modulators (destination above the generators) have no meaning to FluidSynth. */
static fluid_mod_t *make_mod(const band_font_mod *from)
{
    if (from->dest > GEN_OVERRIDEROOTKEY || (from->source >> 10) > 3 ||
        (from->amount_source >> 10) > 3) {
        return NULL;
    }
    fluid_mod_t *mod = new_fluid_mod();
    if (mod != NULL) {
        fluid_mod_set_source1(mod, from->source & 0x7f, mod_flags(from->source));
        fluid_mod_set_source2(mod, from->amount_source & 0x7f, mod_flags(from->amount_source));
        fluid_mod_set_dest(mod, from->dest);
        fluid_mod_set_amount(mod, from->amount);
    }
    return mod;
}

/* FluidSynth sets up libraries below it for the first synthesizer and takes them down with the
 * last; libinstpatch leaves some kilobytes behind each time (seen with 1.1.6). A synthesizer that
 * stays spares a service whose sessions all end, again and again, both the time and the memory. */
static void keep_library(band_bank *bank)
{
    bank->idle_settings = new_fluid_settings();
    if (bank->idle_settings != NULL) {
        (void)fluid_settings_setint(bank->idle_settings, "synth.polyphony", 1);
        (void)fluid_settings_setint(bank->idle_settings, "synth.cpu-cores", 1);
        (void)fluid_settings_setint(bank->idle_settings, "synth.lock-memory", 0);
        bank->idle = new_fluid_synth(bank->idle_settings);
    }
}

band_bank *band_bank_new(band_font *font)
{
    for (int level = FLUID_PANIC; level <= FLUID_DBG; level++) {
        (void)fluid_set_log_function(level, NULL, NULL);
    }
    band_bank *bank = RF_NEW(band_bank);
    bank->font = font;
    bank->mods = RF_NEW_ARRAY(fluid_mod_t *, font->n_mods + 1);
    for (size_t i = 0; i < font->n_mods; i++) {
        bank->mods[i] = make_mod(&font->mods[i]);
    }
    keep_library(bank);
    return bank;
}

band_bank *band_bank_free(band_bank *bank)
{
    if (bank != NULL) {
        for (size_t i = 0; i < bank->font->n_mods; i++) {
            delete_fluid_mod(bank->mods[i]);
        }
        free(bank->mods);
        delete_fluid_synth(bank->idle);
        delete_fluid_settings(bank->idle_settings);
        (void)band_font_free(bank->font);
        free(bank);
    }
    return NULL;
}

const band_font *band_bank_font(const band_bank *bank)
{
    return bank->font;
}

void band_bank_modulate(const band_bank *bank, fluid_voice_t *voice, band_font_span span,
                        bool replaces)
{
    for (uint32_t i = span.first; i < span.first + span.n; i++) {
        if (bank->mods[i] != NULL) {
            fluid_voice_add_mod(voice, bank->mods[i],
                                replaces ? FLUID_VOICE_OVERWRITE : FLUID_VOICE_ADD);
        }
    }
}
