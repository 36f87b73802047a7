/*
 * processor_hints.h - the messages of a worker's topic from taking to committing (K2, K3, K4):
 *
 *     taken --a JobReady-----> hint ---------------- claimed ----> handled
 *       '-----anything else--> unsent --produced--> on its way --durable--> handled
 *                                ^------- refused -------'
 *
 * Offsets are committed in the order of taking, up to the first message that is not handled: that
 * of a record nobody can read, and those after it, only once its dead letter is durable.
 *
 * Everything is called by the worker's claimer; the bus's thread tells of letters and calls wake.
 */
#ifndef PROCESSOR_HINTS_H
#define PROCESSOR_HINTS_H

#include "rf_bus.h"

#define PROCESSOR_HINTS_MAX 256u /* messages taken and not committed */

typedef struct processor_hints processor_hints;

/* processor_hints_new makes an empty list; wake is called when processor_hints_commit has something
 * to do, never after processor_hints_free. Letters still on their way then may arrive or not. */
processor_hints *processor_hints_new(rf_bus *bus, void (*wake)(void *user), void *user);
processor_hints *processor_hints_free(processor_hints *hints);

/* processor_hints_take takes what is there, without waiting, until the list is full: sub is to be
 * paused then, and this serves the membership only. Returns what ended it: -EAGAIN when there is no
 * more or no room, -ESTALE when the membership is to be had anew, else the error of rf_bus_next. */
int processor_hints_take(processor_hints *hints, rf_bus_sub *sub);
bool processor_hints_full(processor_hints *hints);

/* processor_hints_ids writes the jobs of the hints and returns their number. They live until the
 * next call of another function. processor_hints_claimed says that a claim with them was made. */
size_t processor_hints_ids(processor_hints *hints, const char *ids[PROCESSOR_HINTS_MAX]);
void processor_hints_claimed(processor_hints *hints);

/* processor_hints_commit commits what may be, and sends the letters that were refused again, at
 * most once a second. */
void processor_hints_commit(processor_hints *hints, rf_bus_sub *sub);

/* processor_hints_drop forgets all without committing: they will come again. */
void processor_hints_drop(processor_hints *hints);

#endif
