#include "cli_jam_section.h"

#include <string.h>

/* What ends by itself, after how many bars, and what follows; NULL: what was before. */
static const struct {
    const char *name;
    uint64_t bars;
    const char *next;
} passing[] = {{"intro", 4, "verse"}, {"fill", 1, NULL}, {"break", 8, "drop"}};

void cli_jam_section_init(cli_jam_section *s, const char *name)
{
    *s = (cli_jam_section){.bar = 1};
    rf_copy_str(s->name, sizeof(s->name), name);
    rf_copy_str(s->before, sizeof(s->before), "verse");
}

void cli_jam_section_order(cli_jam_section *s, const char *name, uint64_t bar)
{
    const char *now = cli_jam_section_at(s, bar);
    if (strcmp(now, "fill") != 0) { /* a fill is followed by what was before the fill */
        char copy[sizeof(s->before)];
        rf_copy_str(copy, sizeof(copy), now);
        rf_copy_str(s->before, sizeof(s->before), copy);
    }
    rf_copy_str(s->name, sizeof(s->name), name);
    s->bar = bar + 1;
}

void cli_jam_section_restart(cli_jam_section *s)
{
    s->bar = 1;
}

const char *cli_jam_section_at(const cli_jam_section *s, uint64_t bar)
{
    if (bar < s->bar) {
        return s->before;
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(passing); i++) {
        if (strcmp(s->name, passing[i].name) == 0 && bar - s->bar >= passing[i].bars) {
            return passing[i].next != NULL ? passing[i].next : s->before;
        }
    }
    return s->name;
}
