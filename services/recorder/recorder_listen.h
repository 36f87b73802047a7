/*
 * recorder_listen.h - the words with which a client says how it wants to hear a session, the same
 * in RPC and sockets. Pure, any thread. "" is the default of each.
 */
#ifndef RECORDER_LISTEN_H
#define RECORDER_LISTEN_H

#include "recorder_streams.h"

/* recorder_listen_from reads now (the default), start, or f: and a frame. */
recorder_code recorder_listen_from(const char *from, recorder_listen *ret, recorder_error *error);

/* recorder_listen_format reads the name of a format. */
recorder_code recorder_listen_format(const char *format, recorder_output *ret,
                                     recorder_error *error);

/* recorder_listen_ways reads wait, drop or disconnect, whose default follows ret->from (L5, L6),
 * and continuous or standalone. */
recorder_code recorder_listen_ways(const char *lag_policy, const char *framing,
                                   recorder_listen *ret, recorder_error *error);

#endif
