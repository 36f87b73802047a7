/*
 * recorder_request.h - the JSON body that starts a session or opens a recorder (section 8, POST
 * /v1/recordings). Every field has its range; an error names field and limit. Pure.
 */
#ifndef RECORDER_REQUEST_H
#define RECORDER_REQUEST_H

#include "recorder_change.h"
#include "recorder_error.h"

#define RECORDER_BODY_MAX 16384 /* bytes */

/* recorder_request_default fills in everything but ids and times; the folder is the prefix alone.
 */
void recorder_request_default(recorder_start *ret);

/* recorder_request_read overwrites what the body has. key_prefix is the tenant's. int8 and uint8
 * are kept as int16, and for a publisher the format that is sent becomes the source's name; for a
 * device input_device_index does. "" changes nothing. */
recorder_code recorder_request_read(const char *body, const char *key_prefix, recorder_start *ret,
                                    recorder_error *error);

/* recorder_request_sent: the sample format in which a publisher sends: that kept, or what
 * source_name says for 8-bit samples. */
recorder_sample_format recorder_request_sent(const recorder_start *start);

#endif
