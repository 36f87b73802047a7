#include "band_synth.h"

#include <fluidsynth.h>
#include <string.h>

/* FluidSynth ends voices 90 dB below full scale after this gain; the mixer gives back what it
 * takes, see BAND_SYNTH_MAKEUP_DB. */
#define SYNTH_GAIN 0.1
#define PAIR_CB 30 /* what panning to the middle takes */
/* Longest release of a brief note, in timecents: 125 ms. Of fast notes the tails are what costs. */
#define BRIEF_RELEASE (-3600.0F)

/* General MIDI's distorted guitars, and where its synthesizers begin. */
enum { OVERDRIVE = 29, DISTORTION = 30, FIRST_SYNTH = 80 };

/* What a part's notes cost: voices are dear. Rooms, width and thickness are the mixer's. */
static const struct {
    int layers;    /* of a note, at most */
    float release; /* longest, in timecents: 1200 log2 of seconds */
    bool curved;   /* samples are joined by curves; else by straight lines, which will do for what
                      plays at its own pitch, is low, lies behind a low-pass, or is rough */
} costs[BAND_N_PARTS] = {
    [BAND_DRUMS] = {2, -3600, false}, [BAND_PERCUSSION] = {2, -3600, false},
    [BAND_BASS] = {2, -1800, false},  [BAND_COMP] = {1, -1800, true},
    [BAND_PAD] = {1, -400, false},    [BAND_ARP] = {1, -1800, false},
    [BAND_LEAD] = {2, -1200, true},   [BAND_COUNTER] = {1, -1200, false},
};

/* What a FluidSynth preset of a part points at. */
typedef struct part_sound {
    const band_synth *synth;
    size_t preset; /* of the font */
    bool brief;    /* the note that starts now */
} part_sound;

struct band_synth {
    const band_bank *bank;
    fluid_settings_t *settings;
    fluid_synth_t *synth;
    fluid_sample_t **samples; /* headers of our own: FluidSynth counts voices in them */
    fluid_sfont_t *sfont;
    fluid_preset_t *presets[BAND_N_PARTS];
    part_sound sounds[BAND_N_PARTS];
    uint32_t last_note;
};

/* A voice that plays one layer, not yet started. */
static fluid_voice_t *make_voice(const part_sound *sound, const band_font_layer *layer, int channel,
                                 int pitch, int velocity)
{
    const band_synth *synth = sound->synth;
    const band_font *font = band_bank_font(synth->bank);
    fluid_sample_t *sample = synth->samples[layer->sample];
    (void)fluid_voice_optimize_sample(sample); /* once; tells at what level it is silent */
    fluid_voice_t *voice = fluid_synth_alloc_voice(synth->synth, sample, channel, pitch, velocity);
    if (voice == NULL) {
        return NULL;
    }
    for (uint32_t i = layer->set.first; i < layer->set.first + layer->set.n; i++) {
        fluid_voice_gen_set(voice, font->gens[i].id, font->gens[i].value);
    }
    band_bank_modulate(synth->bank, voice, layer->set_mods, true);
    for (uint32_t i = layer->add.first; i < layer->add.first + layer->add.n; i++) {
        fluid_voice_gen_incr(voice, font->gens[i].id, font->gens[i].value);
    }
    band_bank_modulate(synth->bank, voice, layer->add_mods, false);
    fluid_voice_gen_set(voice, GEN_REVERBSEND, 0);
    fluid_voice_gen_set(voice, GEN_CHORUSSEND, 0);
    return voice;
}

static void cap_release(fluid_voice_t *voice, int part, bool brief)
{
    const float most = brief ? RF_MIN(BRIEF_RELEASE, costs[part].release) : costs[part].release;
    if (fluid_voice_gen_get(voice, GEN_VOLENVRELEASE) > most) {
        fluid_voice_gen_set(voice, GEN_VOLENVRELEASE, most);
    }
}

static bool is_hit(const band_font_layer *layer, int pitch, int velocity)
{
    return pitch >= layer->key_lo && pitch <= layer->key_hi && velocity >= layer->velocity_lo &&
           velocity <= layer->velocity_hi;
}

/* Of a stereo pair the left half plays alone, in the middle and as loud. */
static void start_layer(const part_sound *sound, const band_font_layer *layer, int part, int pitch,
                        int velocity)
{
    fluid_voice_t *voice = make_voice(sound, layer, part, pitch, velocity);
    if (voice == NULL) {
        return;
    }
    if (layer->half < 0) {
        fluid_voice_gen_set(voice, GEN_PAN, 0);
        fluid_voice_gen_incr(voice, GEN_ATTENUATION, -PAIR_CB);
    }
    cap_release(voice, part, sound->brief);
    fluid_synth_start_voice(sound->synth->synth, voice);
}

/* FluidSynth calls this from fluid_synth_start; channels are parts. */
static int preset_noteon(fluid_preset_t *preset, fluid_synth_t *fluid, int channel, int pitch,
                         int velocity)
{
    (void)fluid;
    const part_sound *sound = fluid_preset_get_data(preset);
    const band_font *font = band_bank_font(sound->synth->bank);
    const band_font_span span = font->presets[sound->preset].layers;
    int left = costs[channel].layers;
    for (uint32_t i = span.first; i < span.first + span.n && left > 0; i++) {
        if (font->layers[i].half <= 0 && is_hit(&font->layers[i], pitch, velocity)) {
            start_layer(sound, &font->layers[i], channel, pitch, velocity);
            left--;
        }
    }
    return FLUID_OK;
}

static const char *no_name(fluid_preset_t *preset)
{
    (void)preset;
    return "";
}

static int no_number(fluid_preset_t *preset)
{
    (void)preset;
    return 0;
}

static const char *no_font_name(fluid_sfont_t *sfont)
{
    (void)sfont;
    return "";
}

static fluid_preset_t *no_preset(fluid_sfont_t *sfont, int bank, int program)
{
    (void)sfont, (void)bank, (void)program;
    return NULL;
}

static fluid_settings_t *make_settings(void)
{
    static const struct {
        const char *name;
        int value;
    } numbers[] = {
        {"synth.polyphony", BAND_SYNTH_VOICES},
        {"synth.midi-channels", 16},
        {"synth.audio-channels", BAND_N_PARTS},
        {"synth.audio-groups", BAND_N_PARTS},
        {"synth.reverb.active", 0},
        {"synth.chorus.active", 0},
        {"synth.ladspa.active", 0},
        {"synth.cpu-cores", 1},
        {"synth.threadsafe-api", 0},
        {"synth.dynamic-sample-loading", 0},
        {"synth.lock-memory", 0},
        {"synth.min-note-length", 0},
    };
    fluid_settings_t *settings = new_fluid_settings();
    for (size_t i = 0; settings != NULL && i < RF_ARRAY_LEN(numbers); i++) {
        (void)fluid_settings_setint(settings, numbers[i].name, numbers[i].value);
    }
    if (settings != NULL) {
        (void)fluid_settings_setnum(settings, "synth.sample-rate", JAM_RATE_HZ);
        (void)fluid_settings_setnum(settings, "synth.gain", SYNTH_GAIN);
    }
    return settings;
}

static fluid_sample_t *make_sample(const band_font_sample *from)
{
    fluid_sample_t *sample = new_fluid_sample();
    if (sample == NULL || from->n == 0) {
        return sample;
    }
    /* not written to: the data are not copied and FluidSynth only reads them */
    (void)fluid_sample_set_sound_data(sample, (short *)(uintptr_t)from->data, NULL, from->n,
                                      from->rate_hz, 0);
    (void)fluid_sample_set_loop(sample, from->loop_start, from->loop_end);
    (void)fluid_sample_set_pitch(sample, from->root_key, from->tune_cents);
    return sample;
}

static bool make_samples(band_synth *synth)
{
    const band_font *font = band_bank_font(synth->bank);
    synth->samples = RF_NEW_ARRAY(fluid_sample_t *, font->n_samples + 1);
    for (size_t i = 0; i < font->n_samples; i++) {
        synth->samples[i] = make_sample(&font->samples[i]);
        if (synth->samples[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool make_parts(band_synth *synth)
{
    synth->sfont = new_fluid_sfont(no_font_name, no_preset, NULL, NULL, delete_fluid_sfont);
    for (int part = 0; synth->sfont != NULL && part < BAND_N_PARTS; part++) {
        fluid_preset_t *preset = new_fluid_preset(synth->sfont, no_name, no_number, no_number,
                                                  preset_noteon, delete_fluid_preset);
        if (preset == NULL) {
            return false;
        }
        synth->presets[part] = preset;
        synth->sounds[part] = (part_sound){synth, 0, false};
        (void)fluid_preset_set_data(preset, &synth->sounds[part]);
        (void)fluid_synth_cc(synth->synth, part, 7, 127);
        (void)fluid_synth_cc(synth->synth, part, 11, 127);
    }
    return synth->sfont != NULL;
}

band_synth *band_synth_new(const band_bank *bank)
{
    band_synth *synth = RF_NEW(band_synth);
    synth->bank = bank;
    synth->settings = make_settings();
    synth->synth = synth->settings != NULL ? new_fluid_synth(synth->settings) : NULL;
    if (synth->synth == NULL || !make_samples(synth) || !make_parts(synth)) {
        return band_synth_free(synth);
    }
    return synth;
}

band_synth *band_synth_free(band_synth *synth)
{
    if (synth == NULL) {
        return NULL;
    }
    delete_fluid_synth(synth->synth);
    delete_fluid_settings(synth->settings);
    for (int part = 0; part < BAND_N_PARTS; part++) {
        delete_fluid_preset(synth->presets[part]);
    }
    (void)delete_fluid_sfont(synth->sfont);
    for (size_t i = 0; synth->samples != NULL && i < band_bank_font(synth->bank)->n_samples; i++) {
        delete_fluid_sample(synth->samples[i]);
    }
    free(synth->samples);
    free(synth);
    return NULL;
}

/* Sounds in which straight lines between samples are not heard. */
static bool is_rough(band_part part, int program)
{
    return program == OVERDRIVE || program == DISTORTION ||
           (part == BAND_COMP && program >= FIRST_SYNTH);
}

void band_synth_program(band_synth *synth, band_part part, int bank, int program)
{
    const bool curved = costs[part].curved && !is_rough(part, program);
    (void)fluid_synth_set_interp_method(synth->synth, (int)part,
                                        curved ? FLUID_INTERP_4THORDER : FLUID_INTERP_LINEAR);
    synth->sounds[part].preset = band_font_find(band_bank_font(synth->bank), bank, program);
}

uint32_t band_synth_start(band_synth *synth, band_part part, int pitch, int velocity, bool brief)
{
    synth->sounds[part].brief = brief;
    synth->last_note = synth->last_note == INT32_MAX ? 1 : synth->last_note + 1;
    (void)fluid_synth_start(synth->synth, synth->last_note, synth->presets[part], 0, (int)part,
                            pitch, velocity);
    return synth->last_note;
}

void band_synth_stop(band_synth *synth, uint32_t note)
{
    (void)fluid_synth_stop(synth->synth, note);
}

void band_synth_render(band_synth *synth, float ret[BAND_SYNTH_ROWS][BAND_BLOCK])
{
    float *rows[BAND_SYNTH_ROWS];
    for (size_t i = 0; i < BAND_SYNTH_ROWS; i++) {
        rows[i] = ret[i];
    }
    memset(ret, 0, sizeof(float) * BAND_SYNTH_ROWS * BAND_BLOCK);
    (void)fluid_synth_process(synth->synth, BAND_BLOCK, 0, NULL, BAND_SYNTH_ROWS, rows);
}

int band_synth_voices(const band_synth *synth)
{
    return fluid_synth_get_active_voice_count(synth->synth);
}
