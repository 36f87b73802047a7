/*
 * fault_session.h - sessions of a program that dies, loses its disk or is restarted again and
 * again, and what must be true of all of them in the end: every acknowledged frame once and in its
 * place, one object a session, one event of a kind. One thread; what must hold and does not ends
 * the test.
 */
#ifndef FAULT_SESSION_H
#define FAULT_SESSION_H

#include "figures.h"
#include "recorder_program.h"

#define FAULT_RATE 16000
#define FAULT_MESSAGE 320 /* frames */

typedef struct fault_session {
    program_publisher pub; /* stream NULL: not attached */
    char session[33];      /* "": none here */
    char key[1025];
    uint64_t sent;
    uint64_t acked;
    bool stopping; /* its end was asked for */
    bool over;     /* nothing more is sent */
} fault_session;

/* What there is of the program. */
typedef enum fault_answer { FAULT_DEAD, FAULT_ALIVE } fault_answer;

/* fault_begin starts a session that is stored in `format`; when the program dies first, none is
 * here. */
fault_answer fault_begin(fault_session *s, recorder_program *p, const char *format);

/* fault_attach goes on after a restart: no acknowledged frame may be missing. A session whose end
 * was asked for may have ended. */
fault_answer fault_attach(fault_session *s, recorder_program *p);

/* fault_send sends n messages, fault_stop the end. */
void fault_send(fault_session *s, int n);
void fault_stop(fault_session *s);

/* fault_read takes one message, if any is due: an acknowledgement or the end. */
fault_answer fault_read(fault_session *s);

/* fault_leave gives up the connection. */
void fault_leave(fault_session *s);

/* fault_finish stops the session by the running program and compares: at least the acknowledged and
 * at most the sent frames, every sample of the master, the object's own length. */
void fault_finish(fault_session *s, recorder_program *p);

/* fault_expect_decodable: ffmpeg makes exactly the session's frames of its object, and complains of
 * nothing. After fault_finish. */
void fault_expect_decodable(const fault_session *s, recorder_program *p);

/* fault_expect_objects: the store holds one object a session of the program and nothing else. */
void fault_expect_objects(recorder_program *p);

/* fault_expect_events: the bus has SEGMENT_FINISHED and SESSION_ENDED of each of these sessions,
 * under one id however often. The program must not run. */
void fault_expect_events(const recorder_program *p, const fault_session *sessions, size_t n);

#endif
