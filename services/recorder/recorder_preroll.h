/*
 * recorder_preroll.h - the source of an open recorder, which runs before start() and keeps its past
 * (section 7, Pre-roll): a device or a file that Open or a start has named, with preroll_ms.
 *
 *                      start                   caught up
 *     keeping ----------------------> draining -----------> passing
 *        ^------------- the session has ended -----------------/
 *
 * Keeping, the last preroll_ms lie in a recorder_past. A session gets them as its first frames,
 * with the times at which they came; what comes meanwhile queues up behind them. To the session it
 * is a source like others. A source that ends or is lost while nobody records is opened again,
 * after 0.5 s doubling to 60 s. The owner loop alone; a pool's thread reads and writes the file.
 */
#ifndef RECORDER_PREROLL_H
#define RECORDER_PREROLL_H

#include "recorder_source.h"

struct recorder_service;
typedef struct recorder_preroll recorder_preroll;

/* recorder_preroll_open opens the source of start. Errors: those of the source's open, and NO_SPACE
 * when the ring file cannot be made. */
recorder_code recorder_preroll_open(struct recorder_service *service, const recorder_start *start,
                                    recorder_preroll **ret, recorder_error *error);

/* recorder_preroll_close: its recorder is closed. A session that has it goes on with it. */
recorder_preroll *recorder_preroll_close(recorder_preroll *preroll);

/* recorder_preroll_fits: it is what this start asks for, and no session has it. */
bool recorder_preroll_fits(const recorder_preroll *preroll, const recorder_start *start);

/* recorder_preroll_give makes it the source of a session, whose events are told from the next turn
 * of the loop on, as after an open; the ops are recorder_preroll_ops (but for open). *ret_frames
 * from before now come first. The errors of the source's open, where that is to be opened again. */
recorder_code recorder_preroll_give(recorder_preroll *preroll, const recorder_source_events *events,
                                    void *user, uint32_t *ret_frames, recorder_error *error);
extern const recorder_source_ops recorder_preroll_ops;

#endif
