#include "band_scene.h"

#include <string.h>

#include "band_random.h"

#define INTRO_BARS 4
#define BREAK_BARS 8
#define FILL_FROM 8 /* step, at the end of a phrase */

#define PART(part) (1u << (part))
#define DRUMS PART(BAND_DRUMS)
#define PERC PART(BAND_PERCUSSION)
#define BASS PART(BAND_BASS)
#define COMP PART(BAND_COMP)
#define PAD PART(BAND_PAD)
#define ARP PART(BAND_ARP)
#define LEAD PART(BAND_LEAD)
#define COUNTER PART(BAND_COUNTER)
#define ALL (DRUMS | PERC | BASS | COMP | PAD | ARP | LEAD | COUNTER)

/* Who is in after so many bars of an intro: a live band, and a floor. */
static const unsigned INTROS[2][INTRO_BARS] = {
    {PAD | COMP, PAD | COMP | BASS, PAD | COMP | BASS | PERC | ARP, ALL & ~(LEAD | COUNTER)},
    {PAD | DRUMS, PAD | DRUMS | PERC | ARP, PAD | DRUMS | PERC | ARP | BASS,
     ALL & ~(LEAD | COUNTER)},
};

static const unsigned CASTS[BAND_N_CASTS] = {
    [CAST_ALL] = ALL,
    [CAST_NO_LEAD] = ALL & ~(LEAD | COUNTER),
    [CAST_NO_ARP] = ALL & ~ARP,
    [CAST_NO_PERC] = ALL & ~PERC,
    [CAST_SOLO] = ALL & ~(COUNTER | ARP),
    [CAST_RHYTHM] = ALL & ~(LEAD | COUNTER | ARP),
    [CAST_NO_COUNTER] = ALL & ~COUNTER,
    [CAST_NO_PAD_LEAD] = ALL & ~(LEAD | PERC),
};

/* The section that follows of its own accord when the present one has had its bars. */
static jam_section after(const band_composer *c)
{
    switch (c->section) {
    case JAM_SECTION_INTRO:
        return c->section_bar >= INTRO_BARS ? JAM_SECTION_VERSE : c->section;
    case JAM_SECTION_FILL:
        return c->section_before;
    case JAM_SECTION_BREAK:
        return c->section_bar >= BREAK_BARS ? JAM_SECTION_DROP : c->section;
    default:
        return c->section;
    }
}

/* A fill is a bar of the section it stands in, whose bars go on counting. */
static bool order(band_composer *c, jam_section section)
{
    if (section == JAM_SECTION_FILL) {
        c->section_before = c->section == JAM_SECTION_FILL ? c->section_before : c->section;
        c->section = section;
        c->over_beat = -1;
        return false;
    }
    c->section = section;
    c->section_bar = 0;
    c->over_beat = -1;
    return true;
}

bool band_scene_enter(band_composer *c)
{
    bool first = c->letter == NULL;
    if (!first) {
        c->section_bar++;
    }
    if (c->section_count != c->controls.section_count) {
        c->section_count = c->controls.section_count;
        return order(c, c->controls.section);
    }
    jam_section was = c->section;
    c->section = after(c);
    if (was == JAM_SECTION_FILL) {
        /* The section before goes on, unless its time ran out meanwhile. */
        c->section = after(c);
        was = c->section_before;
        if (was == JAM_SECTION_ENDING) {
            return order(c, was);
        }
    }
    if (c->section != was) {
        c->section_bar = 0;
        return true;
    }
    return false;
}

static void play(band_scene *scene, unsigned parts)
{
    for (int i = 0; i < BAND_N_PARTS; i++) {
        scene->plays[i] = (parts & PART(i)) != 0;
    }
}

/* The bars in which the drummer does the phrase's own little thing. */
static bool twists(const band_composer *c)
{
    return c->bar % 2 == 1 || band_random_u64(c->chooser.seed, BAND_LUCK_DRUMS,
                                              ((uint64_t)c->form_bars << 32) + c->bar) %
                                      4 ==
                                  0;
}

static void set_verse(const band_composer *c, band_scene *scene)
{
    play(scene, CASTS[c->letter->picks[K_CAST]]);
    scene->twist = twists(c) ? c->letter->picks[K_TWIST] : TWIST_NONE;
    scene->crash = c->bar == 0 && (c->phrase % 2 == 0 || c->section_bar == 0);
    if (c->bar == BAND_PHRASE_BARS - 1) {
        /* Longer at the end of eight bars than in their middle. */
        scene->fill = c->letter->picks[K_FILL];
        scene->fill_from = c->phrase % 2 == 1 ? FILL_FROM - 4 : FILL_FROM + 4;
    }
}

static void set_intro(const band_composer *c, band_scene *scene)
{
    size_t bar = RF_MIN((size_t)c->section_bar, (size_t)INTRO_BARS - 1);
    play(scene, INTROS[c->club][bar]);
    scene->kick_only = c->club && bar == 0;
    scene->loud = -8 + 2 * (int)bar;
    if (bar == INTRO_BARS - 1) {
        scene->fill = FILL_PICKUP;
        scene->fill_from = FILL_FROM;
    }
}

/* A fill of its own: never none. */
static void set_fill(const band_composer *c, band_scene *scene)
{
    play(scene, CASTS[c->letter->picks[K_CAST]] & ~(LEAD | COUNTER));
    scene->plays[BAND_DRUMS] = true;
    uint8_t fill = c->letter->picks[K_FILL];
    bool thin = fill == FILL_NONE || fill == FILL_CYMBAL || fill == FILL_PICKUP;
    scene->fill = thin ? FILL_TOMS : fill;
    scene->lift = 0.3;
}

static void set_break(const band_composer *c, band_scene *scene)
{
    play(scene, ALL & ~(DRUMS | PERC));
    scene->long_bass = true;
    scene->riser = c->club && c->section_bar >= BREAK_BARS - 2;
    scene->loud = -10 + (int)c->section_bar;
}

static void set_drop(const band_composer *c, band_scene *scene)
{
    set_verse(c, scene);
    play(scene, ALL);
    scene->crash = c->bar == 0;
    scene->lift = 0.35;
    scene->loud = 8;
}

static void set_ending(const band_composer *c, band_scene *scene)
{
    play(scene, ALL & ~(PERC | COUNTER));
    scene->last = c->bar > 0;
    scene->crash = scene->last;
    if (!scene->last) {
        scene->fill = FILL_TOMS_SLOW;
        scene->fill_from = FILL_FROM;
    }
}

void band_scene_set(band_composer *c)
{
    band_scene *scene = &c->scene;
    memset(scene, 0, sizeof(*scene));
    scene->fill = FILL_NONE;
    switch (c->section) {
    case JAM_SECTION_INTRO:
        set_intro(c, scene);
        break;
    case JAM_SECTION_FILL:
        set_fill(c, scene);
        break;
    case JAM_SECTION_BREAK:
        set_break(c, scene);
        break;
    case JAM_SECTION_DROP:
        set_drop(c, scene);
        break;
    case JAM_SECTION_ENDING:
        set_ending(c, scene);
        break;
    default:
        set_verse(c, scene);
        break;
    }
    for (int i = 0; i < BAND_N_PARTS; i++) {
        scene->plays[i] = scene->plays[i] && !c->mix.parts[i].silent;
    }
}
