/*
 * processor_modules.h - the run functions of the modules, named by processor_table.c. Each obeys
 * processor_module.h: inputs and outputs in the order of its ports there.
 */
#ifndef PROCESSOR_MODULES_H
#define PROCESSOR_MODULES_H

#include "processor_module.h"

/* Inline. */
int processor_copy_run(processor_call *call);
int processor_noop_run(processor_call *call);

/* In a child. */
int processor_convert_run(processor_call *call);
int processor_loudness_run(processor_call *call);
int processor_features_run(processor_call *call);
int processor_beats_run(processor_call *call);
int processor_chords_run(processor_call *call);
int processor_key_run(processor_call *call);
int processor_sections_run(processor_call *call);
int processor_stems_run(processor_call *call);
int processor_drums_run(processor_call *call);

#define PROCESSOR_COPY_VERSION 1
#define PROCESSOR_NOOP_VERSION 1
#define PROCESSOR_DECODE_VERSION 1
#define PROCESSOR_CONVERT_VERSION 1
#define PROCESSOR_LOUDNESS_VERSION 1
#define PROCESSOR_ANALYSIS_VERSION 1
#define PROCESSOR_SPLIT_VERSION 1
#define PROCESSOR_JAM_VERSION 1

#endif
