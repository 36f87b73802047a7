/*
 * jam_recorder.h - the recorder service as a recording of this one sees it: links, each of which
 * publishes one take (recorder.v1.Recorder/Publish). jam_recorder_rpc.h is the real one; tests
 * bring their own.
 *
 *     start or attach --begun--> audio, gap --durable, room--> ... stop --stopped-->
 *           \--refused              \--refused, lost at any time
 *
 * Owner loop; events come on it, never from within a call. After close no event comes.
 */
#ifndef JAM_RECORDER_H
#define JAM_RECORDER_H

#include "jam_block.h"

#define JAM_RECORDER_ID_SIZE 33
#define JAM_RECORDER_KEY_SIZE 1025

typedef struct jam_link jam_link;

typedef struct jam_link_events {
    /* The take is there. next_frame: of the recorder's, from where to go on. */
    void (*begun)(void *user, const char *id, const char *key, int64_t next_frame);
    void (*durable)(void *user, int64_t n_frames);
    void (*room)(void *user); /* after -EAGAIN */
    /* The recorder refuses what was sent last, for this reason: a name of recorder.md section 8. */
    void (*refused)(void *user, const char *code);
    void (*stopped)(void *user); /* the take has ended and is stored */
    void (*lost)(void *user);    /* the link is dead: only close is left */
} jam_link_events;

typedef struct jam_recorder {
    /* start begins a take of a tenant with the JSON body of recorder.md section 8; attach goes on
     * with one that was begun. */
    jam_link *(*start)(struct jam_recorder *self, const char *tenant, const char *body,
                       const jam_link_events *events, void *user);
    jam_link *(*attach)(struct jam_recorder *self, const char *tenant, const char *id,
                        const jam_link_events *events, void *user);
    /* audio sends n_frames pairs of float32 of the block, from pair `offset` on; a reference is
     * taken. Each of the three: 0, or -EAGAIN: nothing was sent, room follows. */
    int (*audio)(jam_link *link, int64_t first_frame, uint32_t n_frames, jam_block *block,
                 size_t offset);
    int (*gap)(jam_link *link, int64_t first_frame, int64_t n_frames);
    int (*stop)(jam_link *link, int64_t n_frames);
    void (*close)(jam_link *link);
    /* notes stores the JSON text beside the take that has ended: done(user, 0) or a negative errno,
     * unless user is let go of by forget. */
    struct jam_notes *(*notes)(struct jam_recorder *self, const char *tenant, const char *id,
                               const char *json, void (*done)(void *user, int err), void *user);
    void (*forget)(struct jam_notes *notes);
} jam_recorder;

#endif
