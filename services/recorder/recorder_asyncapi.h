/*
 * recorder_asyncapi.h - the AsyncAPI 3 document of /ws/recorder (section 8), made from one table of
 * messages and the tables of options, formats, states and codes. Allocates; any thread.
 */
#ifndef RECORDER_ASYNCAPI_H
#define RECORDER_ASYNCAPI_H

#include "rf_buf.h"

/* recorder_asyncapi_write appends the document as JSON. Returns 0 or the error of out. */
int recorder_asyncapi_write(rf_buf *out);

#endif
