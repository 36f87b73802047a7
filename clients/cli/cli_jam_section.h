/*
 * cli_jam_section.h - which section of the music is heard, from the orders given and the rules of
 * jam.md section 7: sections begin at the next bar line, and some give way to another by
 * themselves. Plain bookkeeping.
 */
#ifndef CLI_JAM_SECTION_H
#define CLI_JAM_SECTION_H

#include "rf_base.h"

typedef struct cli_jam_section {
    char before[16]; /* heard before the last order took effect */
    char name[16];   /* of the last order */
    uint64_t bar;    /* it begins there; from 1 */
} cli_jam_section;

/* cli_jam_section_init: name is what the start ordered, from bar 1 on. */
void cli_jam_section_init(cli_jam_section *s, const char *name);

/* cli_jam_section_order notes an order that the server took in bar. */
void cli_jam_section_order(cli_jam_section *s, const char *name, uint64_t bar);

/* cli_jam_section_restart: bars count from 1 again, the section goes on. */
void cli_jam_section_restart(cli_jam_section *s);

/* cli_jam_section_at names the section of a bar. */
const char *cli_jam_section_at(const cli_jam_section *s, uint64_t bar);

#endif
