/*
 * jam_params.h - settings, controls and changes as the JSON that a client would have written:
 * what jam_change_parse reads back. Any thread.
 */
#ifndef JAM_PARAMS_H
#define JAM_PARAMS_H

#include "jam_change.h"
#include "jam_text.h"

/* jam_params_put writes the object `params` of a start that begins with these settings and
 * controls. A seed is left out. */
void jam_params_put(jam_text *text, const jam_settings *settings, const jam_controls *controls);

/* jam_params_put_change writes an object with the fields that the change holds. */
void jam_params_put_change(jam_text *text, const jam_change *change);

#endif
