/*
 * recorder_pin.h - capture streams of this process stay on the source they were opened on (S3).
 *
 * The sound library reaches PulseAudio through ALSA's plug-in, which asks for streams that may be
 * moved. A definition of pa_stream_connect_record in the program, seen by the libraries that it
 * loads, stands before libpulse's, so that the plug-in's call comes here; it adds
 * PA_STREAM_DONT_MOVE and goes on to the library.
 */
#ifndef RECORDER_PIN_H
#define RECORDER_PIN_H

#include "recorder_lib.h"

/* recorder_pin_init tells it libpulse's function, before the first stream is opened. */
void recorder_pin_init(const recorder_lib *lib);

#endif
