#include "cli_jam_section.h"

#include <criterion/criterion.h>

static void expect(const cli_jam_section *s, uint64_t from, uint64_t to, const char *name)
{
    for (uint64_t bar = from; bar <= to; bar++) {
        cr_expect_str_eq(cli_jam_section_at(s, bar), name, "bar %d", (int)bar);
    }
}

Test(jam_section, an_intro_becomes_a_verse_after_4_bars)
{
    cli_jam_section s;
    cli_jam_section_init(&s, "intro");
    expect(&s, 1, 4, "intro");
    expect(&s, 5, 20, "verse");
}

Test(jam_section, an_order_takes_effect_at_the_next_bar)
{
    cli_jam_section s;
    cli_jam_section_init(&s, "verse");
    cli_jam_section_order(&s, "drop", 7);
    expect(&s, 6, 7, "verse");
    expect(&s, 8, 30, "drop");
}

Test(jam_section, a_fill_lasts_a_bar_and_gives_back_what_was)
{
    cli_jam_section s;
    cli_jam_section_init(&s, "verse");
    cli_jam_section_order(&s, "drop", 2);
    cli_jam_section_order(&s, "fill", 5);
    expect(&s, 3, 5, "drop");
    expect(&s, 6, 6, "fill");
    expect(&s, 7, 9, "drop");
    cli_jam_section_order(&s, "fill", 6);
    expect(&s, 7, 7, "fill");
    expect(&s, 8, 9, "drop");
}

Test(jam_section, a_break_lasts_8_bars_and_becomes_a_drop)
{
    cli_jam_section s;
    cli_jam_section_init(&s, "verse");
    cli_jam_section_order(&s, "break", 1);
    expect(&s, 2, 9, "break");
    expect(&s, 10, 30, "drop");
}

Test(jam_section, a_restart_goes_on_in_the_same_section)
{
    cli_jam_section s;
    cli_jam_section_init(&s, "verse");
    cli_jam_section_order(&s, "ending", 40);
    cli_jam_section_restart(&s);
    expect(&s, 1, 3, "ending");
}
