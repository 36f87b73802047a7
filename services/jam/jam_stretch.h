/*
 * jam_stretch.h - makes music a little longer at equal pitch: overlap-add of pieces that continue
 * each other best (WSOLA: Verhelst and Roelands, ICASSP 1993). Private to the stream. At factor 1
 * it is a queue that gives what it was given, bit for bit. No heap after new.
 */
#ifndef JAM_STRETCH_H
#define JAM_STRETCH_H

#include "jam_controls.h"

#define JAM_STRETCH_MAX 1.1
#define JAM_STRETCH_OUT_MAX 8192 /* pairs that one push can bring */

typedef struct jam_stretch jam_stretch;

jam_stretch *jam_stretch_new(void);
jam_stretch *jam_stretch_free(jam_stretch *stretch);

/* jam_stretch_factor: 1.0 to JAM_STRETCH_MAX, from the next output on. */
void jam_stretch_factor(jam_stretch *stretch, double factor);

/* jam_stretch_push takes one frame; jam_stretch_pull gives what is ready, at most
 * JAM_STRETCH_OUT_MAX pairs. */
void jam_stretch_push(jam_stretch *stretch, const float *frame);
uint32_t jam_stretch_pull(jam_stretch *stretch, float *out);

/* jam_stretch_held: pairs that were pushed and not pulled. */
uint32_t jam_stretch_held(const jam_stretch *stretch);

#endif
