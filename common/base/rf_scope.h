/*
 * rf_scope.h - scopes: what the owner of an API key may do beyond the ordinary.
 *
 * A list of scopes is text: names of the table below, each once, one space between, or
 * RF_SCOPES_NONE. The gateway reads it with the key and sends it along with every call
 * (rf_rpc_meta.scopes); a client has no say in it. "" is a caller that came past no gateway, a
 * program that may open the service's own socket: it has every scope. Any thread.
 */
#ifndef RF_SCOPE_H
#define RF_SCOPE_H

#include "rf_status.h"

#define RF_SCOPE_JAM_RECORD "jam.record"           /* record a jam */
#define RF_SCOPE_RECORDER_DEVICE "recorder.device" /* list and record the machine's devices */

#define RF_SCOPES_NONE "none"
#define RF_SCOPES_DEFAULT RF_SCOPE_JAM_RECORD /* of a key made without a word about scopes */
#define RF_SCOPES_MAX 64                      /* bytes of a list, with the terminator */

/* rf_scope_has says whether the list holds the scope; "" holds all. */
bool rf_scope_has(const char *scopes, const char *scope);

/* rf_scope_require returns 0 when the list holds the scope; else -EACCES, and *st is
 * PERMISSION_DENIED with a message that names the scope. */
int rf_scope_require(const char *scopes, const char *scope, rf_status *st) RF_MUST_USE;

/* rf_scopes_make writes the list of the names: RF_SCOPES_DEFAULT for no name at all, RF_SCOPES_NONE
 * for that word alone, else each once in the order of the table. -EINVAL for an unknown name, or
 * for RF_SCOPES_NONE beside others. */
int rf_scopes_make(const char *const *names, size_t n, char out[RF_SCOPES_MAX]) RF_MUST_USE;

#endif
