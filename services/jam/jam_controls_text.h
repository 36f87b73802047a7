/*
 * jam_controls_text.h - parts of a control record that documents for clients and sessions at rest
 * write alike. Any thread.
 */
#ifndef JAM_CONTROLS_TEXT_H
#define JAM_CONTROLS_TEXT_H

#include "jam_controls.h"
#include "jam_fields.h"
#include "jam_text.h"

/* jam_controls_put_stems writes member "stems", as clients give it. */
void jam_controls_put_stems(jam_text *text, const jam_controls *controls);

/* jam_controls_key_name gives the name that field `key` has for it: "auto" when it is none of its
 * choices. */
const char *jam_controls_key_name(int key, char ret[JAM_CHOICE_SIZE]);

#endif
