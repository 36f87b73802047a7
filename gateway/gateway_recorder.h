/*
 * gateway_recorder.h - handlers of the recorder's routes (spec recorder.md section 8). The JSON
 * documents are the service's own and pass through; errors as gateway_recorder_error.h says. Loop
 * thread.
 */
#ifndef GATEWAY_RECORDER_H
#define GATEWAY_RECORDER_H

#include "gateway_exchange.h"

void gateway_recorder_start(gateway_exchange *ex);
void gateway_recorder_list(gateway_exchange *ex);
void gateway_recorder_get(gateway_exchange *ex);
void gateway_recorder_stop(gateway_exchange *ex);
void gateway_recorder_pause(gateway_exchange *ex);
void gateway_recorder_resume(gateway_exchange *ex);
void gateway_recorder_marker(gateway_exchange *ex);
void gateway_recorder_delete(gateway_exchange *ex);
void gateway_recorder_segment(gateway_exchange *ex);
void gateway_recorder_stream(gateway_exchange *ex);
void gateway_recorder_peaks(gateway_exchange *ex);
void gateway_recorder_notes(gateway_exchange *ex);
void gateway_recorder_devices(gateway_exchange *ex);
void gateway_recorder_async_api(gateway_exchange *ex);
void gateway_recorder_socket(gateway_exchange *ex); /* GET /ws/recorder */

#endif
