/*
 * gateway_json.h - JSON bodies of requests: checked as a whole (UTF-8, depth, no duplicate keys),
 * then read by key. Parts that only pass through are handed on as the client wrote them, so that no
 * number changes its digits. Any thread.
 */
#ifndef GATEWAY_JSON_H
#define GATEWAY_JSON_H

#include "rf_base.h"
#include "rf_buf.h"
#include "rf_crypto.h"

#include <jansson.h>

#define GATEWAY_JSON_DEPTH 32

/* gateway_json_parse checks text and returns its tree, NULL when it is not JSON, holds a duplicate
 * key or is deeper than GATEWAY_JSON_DEPTH; why (256 bytes) then says what is wrong. */
json_t *gateway_json_parse(const char *text, size_t len, char why[256]);

/* gateway_json_raw finds the value of key in the object that begins text, which gateway_json_parse
 * has accepted, and copies it as it stands; the caller frees. NULL when the key is not there under
 * that very spelling. */
char *gateway_json_raw(const char *text, size_t len, const char *key);

/* gateway_json_is_text: what a protobuf string can hold (UTF-8 without NUL), of a body whose JSON
 * the service reads. */
bool gateway_json_is_text(const rf_buf *body);

/* gateway_json_sha256 hashes the canonical form: sorted keys, no spaces. */
void gateway_json_sha256(const json_t *value, uint8_t ret[RF_SHA256_LEN]);

#endif
