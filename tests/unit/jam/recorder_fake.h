/*
 * recorder_fake.h - a recorder service made of memory, for worlds: what it was sent is kept take by
 * take, and it fails when it is told to. One fake may stand behind several worlds, as the one
 * recorder behind two processes. All on the test's thread.
 */
#ifndef RECORDER_FAKE_H
#define RECORDER_FAKE_H

#include "world.h"

#define FAKE_TAKES_MAX 16
#define FAKE_GAPS_MAX 16

typedef struct fake_take {
    char id[JAM_RECORDER_ID_SIZE];
    char key[64];
    char tenant[64];
    char *body; /* of its start */
    float *pcm; /* pairs; silence in gaps */
    int64_t n_frames, durable, cap;
    struct {
        int64_t first, n;
    } gaps[FAKE_GAPS_MAX];
    size_t n_gaps;
    bool is_live; /* a link publishes it */
    bool is_over;
    int64_t stopped_at; /* frames that the stop named, -1: none */
    char *notes;
    bool out_of_order; /* a frame was sent that did not follow */
} fake_take;

typedef struct fake_recorder {
    fake_take takes[FAKE_TAKES_MAX];
    size_t n_takes;
    bool is_away;       /* links are lost at once */
    bool is_mute;       /* nothing becomes durable */
    bool is_full;       /* takes nothing */
    const char *refuse; /* the code with which a start, attach or stop is refused; NULL: none */
    int notes_fail;     /* so many times */
    struct jam_link *links;
    struct fake_port *ports;
} fake_recorder;

/* fake_recorder_on gives the recorder as that world sees it. */
jam_recorder *fake_recorder_on(fake_recorder *fake, world *w);
void fake_recorder_done(fake_recorder *fake);

/* fake_recorder_kill: links are lost, and with them what was not durable; it stays away.
 * fake_recorder_return: it is back. fake_recorder_room: it takes what it can again. */
void fake_recorder_kill(fake_recorder *fake);
void fake_recorder_return(fake_recorder *fake);
void fake_recorder_room(fake_recorder *fake);

#endif
