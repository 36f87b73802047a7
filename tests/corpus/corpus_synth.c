#include "corpus_synth.h"

#include <errno.h>
#include <fluidsynth.h>
#include <math.h>
#include <unistd.h>

struct corpus_synth {
    fluid_settings_t *settings;
    fluid_synth_t *synth;
    int font_id;
};

static const struct {
    const char *path, *package;
} fonts[CORPUS_N_FONTS] = {
    {"/usr/share/sounds/sf2/FluidR3_GM.sf2", "fluid-soundfont-gm"},
    {"/usr/share/sounds/sf2/TimGM6mb.sf2", "timgm6mb-soundfont"},
    {"/usr/share/sounds/sf3/MuseScore_General_Lite.sf3", "musescore-general-soundfont-small"},
    {"/usr/share/sounds/sf2/OPL-3_FM_128M.sf2", "opl3-soundfont"},
};

const char *corpus_font_package(int font)
{
    return fonts[font].package;
}

void corpus_sounding_init(corpus_sounding *sounding, size_t n_frames)
{
    sounding->left = RF_NEW_ARRAY(float, n_frames);
    sounding->right = RF_NEW_ARRAY(float, n_frames);
    sounding->n_frames = n_frames;
}

void corpus_sounding_done(corpus_sounding *sounding)
{
    free(sounding->left);
    free(sounding->right);
    *sounding = (corpus_sounding){0};
}

int corpus_synth_new(int font, corpus_synth **ret)
{
    if (access(fonts[font].path, R_OK) != 0) {
        return -ENOENT;
    }
    corpus_synth *synth = RF_NEW(corpus_synth);
    (void)fluid_set_log_function(FLUID_WARN, NULL, NULL);
    synth->settings = new_fluid_settings();
    (void)fluid_settings_setnum(synth->settings, "synth.sample-rate", CORPUS_RATE_HZ);
    (void)fluid_settings_setnum(synth->settings, "synth.gain", 0.5);
    (void)fluid_settings_setint(synth->settings, "synth.reverb.active", 0);
    (void)fluid_settings_setint(synth->settings, "synth.chorus.active", 0);
    (void)fluid_settings_setint(synth->settings, "synth.polyphony", 256);
    (void)fluid_settings_setint(synth->settings, "synth.dynamic-sample-loading", 1);
    synth->synth = new_fluid_synth(synth->settings);
    synth->font_id = fluid_synth_sfload(synth->synth, fonts[font].path, 1);
    if (synth->font_id == FLUID_FAILED) {
        corpus_synth_free(synth);
        return -EIO;
    }
    *ret = synth;
    return 0;
}

corpus_synth *corpus_synth_free(corpus_synth *synth)
{
    if (synth != NULL) {
        delete_fluid_synth(synth->synth);
        delete_fluid_settings(synth->settings);
        free(synth);
    }
    return NULL;
}

typedef struct event {
    size_t frame;
    int pitch;
    int velocity; /* 0: off */
} event;

/* Offs before ons at one instant, so that repeated notes sound again. */
static int compare_events(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->frame != y->frame) {
        return x->frame < y->frame ? -1 : 1;
    }
    return (x->velocity > 0) - (y->velocity > 0);
}

static event *list_events(const corpus_track *track, size_t n_frames)
{
    event *events = RF_NEW_ARRAY(event, track->n_notes * 2 + 1);
    for (size_t i = 0; i < track->n_notes; i++) {
        const corpus_note *note = &track->notes[i];
        size_t on = RF_MIN((size_t)(note->start_s * CORPUS_RATE_HZ), n_frames);
        size_t off = RF_MIN((size_t)(note->end_s * CORPUS_RATE_HZ), n_frames);
        events[2 * i] = (event){on, note->pitch, note->velocity};
        events[2 * i + 1] = (event){off, note->pitch, 0};
    }
    qsort(events, track->n_notes * 2, sizeof(*events), compare_events);
    return events;
}

static void set_up_channel(corpus_synth *s, const corpus_track *track, int channel, double cents)
{
    double pitches[12];
    for (int i = 0; i < 12; i++) {
        pitches[i] = cents;
    }
    (void)fluid_synth_system_reset(s->synth);
    (void)fluid_synth_bank_select(s->synth, channel, track->is_drums ? 128 : 0);
    (void)fluid_synth_program_change(s->synth, channel, track->program);
    if (!track->is_drums) {
        (void)fluid_synth_activate_octave_tuning(s->synth, 0, 0, "detuned", pitches, 0);
        (void)fluid_synth_activate_tuning(s->synth, channel, 0, 0, 0);
    }
}

int corpus_synth_render(corpus_synth *s, const corpus_track *track, double cents,
                        corpus_sounding *out)
{
    int channel = track->is_drums ? 9 : 0;
    set_up_channel(s, track, channel, cents);
    RF_CLEANUP(rf_cleanup_free) event *events = list_events(track, out->n_frames);
    size_t frame = 0;
    for (size_t i = 0; i <= track->n_notes * 2; i++) {
        size_t until = i < track->n_notes * 2 ? events[i].frame : out->n_frames;
        if (until > frame &&
            fluid_synth_write_float(s->synth, (int)(until - frame), out->left, (int)frame, 1,
                                    out->right, (int)frame, 1) != FLUID_OK) {
            return -EIO;
        }
        frame = until;
        if (i == track->n_notes * 2) {
            break;
        }
        if (events[i].velocity > 0) {
            (void)fluid_synth_noteon(s->synth, channel, events[i].pitch, events[i].velocity);
        } else {
            (void)fluid_synth_noteoff(s->synth, channel, events[i].pitch);
        }
    }
    return 0;
}
