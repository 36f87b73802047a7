/*
 * analysis_frontend_store.h - the memory of features: allocation inside the library.
 */
#ifndef ANALYSIS_FRONTEND_STORE_H
#define ANALYSIS_FRONTEND_STORE_H

#include "analysis_frontend.h"

/* analysis_frontend_alloc gives a zeroed frontend its arrays, sized for the duration. Returns 0 or
 * -ENOMEM; analysis_frontend_free frees what was made either way. */
int analysis_frontend_alloc(analysis_frontend *frontend, double duration_s);

#endif
