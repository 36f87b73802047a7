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

typedef struct gateway_openapi_schema {
    const char *name; /* in the route table */
    const char *json;
} gateway_openapi_schema;

typedef struct gateway_openapi_parameter {
    const char *key;    /* in the route table */
    const char *name;   /* in the request */
    const char *in;     /* "path" and "signature" are required; the latter stands in the query */
    const char *schema; /* JSON */
} gateway_openapi_parameter;

extern const gateway_openapi_schema gateway_openapi_schemas[];
extern const size_t gateway_n_openapi_schemas;
extern const gateway_openapi_parameter gateway_openapi_parameters[];
extern const size_t gateway_n_openapi_parameters;

#endif
