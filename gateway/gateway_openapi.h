/*
 * gateway_openapi.h - the OpenAPI 3.1 document, made from the route table at start. Schemas and
 * parameters stand in gateway_openapi_parts.c.
 */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

#include "rf_base.h"

/* gateway_openapi_make returns the document as JSON text for a server whose public base is base;
 * the caller frees. NULL when the parts are not JSON, which a test rules out. */
char *gateway_openapi_make(const char *base, size_t *ret_len);

/* JSON texts: an object of schemas, an object of parameters by the names of the route table. */
extern const char gateway_openapi_schemas[];
extern const char gateway_openapi_parameters[];

#endif
