/*
 * band_scene.h - sections: what each asks of the parts, bar by bar, and which follows which.
 *
 *   intro --4 bars--> verse        fill --1 bar--> the section before it
 *   break --8 bars--> drop         ending --2 bars--> over
 *
 * Any order takes effect at the next bar line.
 */
#ifndef BAND_SCENE_H
#define BAND_SCENE_H

#include "band_state.h"

/* band_scene_enter moves to the section of the bar that begins; true when music starts afresh with
 * it: a phrase begins. */
bool band_scene_enter(band_composer *c);

/* band_scene_set fills c->scene for the bar. */
void band_scene_set(band_composer *c);

#endif
