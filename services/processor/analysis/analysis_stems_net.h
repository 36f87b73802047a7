/* analysis_stems_net.h - the network of the vocals' mask: a constant table. */
#ifndef ANALYSIS_STEMS_NET_H
#define ANALYSIS_STEMS_NET_H

#include "analysis_net.h"

extern const analysis_context_net analysis_stems_context;
extern const analysis_net analysis_stems_net;

#endif
