/*
 * recorder_lib.h - PortAudio, libpulse and ALSA, loaded when a device is first asked for: a
 * recorder of publishers alone does without their memory, and runs where they are not installed.
 */
#ifndef RECORDER_LIB_H
#define RECORDER_LIB_H

#include "rf_base.h"

#include <alsa/asoundlib.h>
#include <pa_linux_alsa.h>
#include <portaudio.h>
#include <pulse/pulseaudio.h>

#define RECORDER_LIB_PORTAUDIO(X)                                                                  \
    X(PaAlsa_SetNumPeriods)                                                                        \
    X(Pa_AbortStream)                                                                              \
    X(Pa_CloseStream)                                                                              \
    X(Pa_GetDefaultInputDevice)                                                                    \
    X(Pa_GetDeviceCount)                                                                           \
    X(Pa_GetDeviceInfo)                                                                            \
    X(Pa_GetErrorText)                                                                             \
    X(Pa_GetHostApiInfo)                                                                           \
    X(Pa_Initialize)                                                                               \
    X(Pa_OpenStream)                                                                               \
    X(Pa_SetStreamFinishedCallback)                                                                \
    X(Pa_StartStream)                                                                              \
    X(Pa_Terminate)

#define RECORDER_LIB_PULSE(X)                                                                      \
    X(pa_context_connect)                                                                          \
    X(pa_context_disconnect)                                                                       \
    X(pa_context_get_source_info_by_index)                                                         \
    X(pa_context_get_source_output_info)                                                           \
    X(pa_context_get_source_output_info_list)                                                      \
    X(pa_context_get_state)                                                                        \
    X(pa_context_new)                                                                              \
    X(pa_context_set_state_callback)                                                               \
    X(pa_context_set_subscribe_callback)                                                           \
    X(pa_context_subscribe)                                                                        \
    X(pa_context_unref)                                                                            \
    X(pa_gettimeofday)                                                                             \
    X(pa_operation_unref)                                                                          \
    X(pa_proplist_gets)                                                                            \
    X(pa_stream_connect_record)                                                                    \
    X(pa_threaded_mainloop_free)                                                                   \
    X(pa_threaded_mainloop_get_api)                                                                \
    X(pa_threaded_mainloop_new)                                                                    \
    X(pa_threaded_mainloop_start)                                                                  \
    X(pa_threaded_mainloop_stop)                                                                   \
    X(pa_timeval_add)

#define RECORDER_LIB_ALSA(X)                                                                       \
    X(snd_config)                                                                                  \
    X(snd_config_search)                                                                           \
    X(snd_config_update)                                                                           \
    X(snd_config_update_free_global)                                                               \
    X(snd_lib_error_set_handler)

/* Under their own names; snd_config is a variable. */
typedef struct recorder_lib {
#define RECORDER_LIB_MEMBER(name) __typeof__(name) *name;
    RECORDER_LIB_PORTAUDIO(RECORDER_LIB_MEMBER)
    RECORDER_LIB_PULSE(RECORDER_LIB_MEMBER)
    RECORDER_LIB_ALSA(RECORDER_LIB_MEMBER)
#undef RECORDER_LIB_MEMBER
} recorder_lib;

/* recorder_lib_get loads them, once for the process, and gives the table, which is constant from
 * then on; NULL where one of them is missing. Any thread; the first call waits for the disk. */
const recorder_lib *recorder_lib_get(void);

/* recorder_lib_keep makes the plug-ins that ALSA has loaded by now stay for as long as the process
 * lives: they lose memory each time they are unloaded, and take time to load. One thread at a time.
 */
void recorder_lib_keep(void);

#endif
