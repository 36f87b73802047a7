/* analysis_drums_net.h - the network of the kick's and the snare's masks: a constant table. */
#ifndef ANALYSIS_DRUMS_NET_H
#define ANALYSIS_DRUMS_NET_H

#include "analysis_net.h"

extern const analysis_context_net analysis_drums_context;
extern const analysis_net analysis_drums_net;

#endif
