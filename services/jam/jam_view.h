/*
 * jam_view.h - the JSON documents of the REST endpoints (jam.md section 11). Owner loop.
 */
#ifndef JAM_VIEW_H
#define JAM_VIEW_H

#include "jam_service.h"
#include "rf_buf.h"
#include "rf_status.h"

#define JAM_VIEW_MAX (1u << 20) /* bytes of any document */

/* Each appends its document to out. They return 0, or the negative errno of *st. */

/* jam_view_sessions: the tenant's sessions, newest first. limit 1-100, 0 means 20; cursor is what
 * the page before gave as `next_cursor`, "" for the first. */
int jam_view_sessions(const jam_service *s, const char *tenant, uint32_t limit, const char *cursor,
                      rf_buf *out, rf_status *st);
int jam_view_session(const jam_service *s, const char *tenant, const char *id, rf_buf *out,
                     rf_status *st);
int jam_view_engines(const jam_service *s, rf_buf *out, rf_status *st);
int jam_view_health(const jam_service *s, rf_buf *out, rf_status *st);
int jam_view_model(const jam_service *s, rf_buf *out, rf_status *st);

#endif
