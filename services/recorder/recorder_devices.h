/*
 * recorder_devices.h - the input devices of the machine: their list, and the device source (S2 to
 * S5). The sound libraries and their threads begin with the first use; where there is no sound the
 * list is empty. The owner loop alone.
 *
 * source_name is the index of the list, or a device's name; "" is the default device.
 */
#ifndef RECORDER_DEVICES_H
#define RECORDER_DEVICES_H

#include "recorder_sound.h"
#include "recorder_source.h"

typedef struct recorder_devices recorder_devices;

recorder_devices *recorder_devices_new(rf_loop *loop);

/* recorder_devices_free: its sources have been stopped. Lists that were asked for are told of. */
recorder_devices *recorder_devices_free(recorder_devices *devices);

/* recorder_devices_list tells, later, of the devices as recorder_sound_list does; on a machine
 * without sound of none. */
void recorder_devices_list(recorder_devices *devices, recorder_sound_list_fn fn, void *user);

/* factory: recorder_devices. Failures are DEVICE_UNAVAILABLE, or UNSUPPORTED_FORMAT where the
 * device cannot do what was asked; both name it. */
extern const recorder_source_ops recorder_device_source;

#endif
