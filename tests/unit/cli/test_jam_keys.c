#include "cli_jam_keys.h"

#include <criterion/criterion.h>
#include <string.h>

static cli_jam_controls fresh(const char *params)
{
    json_t *p = json_loads(params, 0, NULL);
    cli_jam_controls c;
    cli_jam_controls_init(&c, p);
    json_decref(p);
    return c;
}

/* Presses keys and expects the fields of the last update and its words. */
static void expect(cli_jam_controls *c, const char *keys, const char *fields, const char *said)
{
    char words[CLI_JAM_SAID] = "";
    json_t *got = NULL;
    for (; *keys != '\0'; keys++) {
        json_decref(got);
        got = NULL;
        cr_assert_eq(cli_jam_key(c, *keys, 117.6, &got, words), CLI_JAM_UPDATE, "%c", *keys);
    }
    json_t *wanted = json_loads(fields, 0, NULL);
    cr_expect(json_equal(got, wanted), "%s", json_dumps(got, 0));
    cr_expect_str_eq(words, said);
    json_decref(wanted);
    json_decref(got);
}

Test(jam_keys, tempo_steps_go_from_the_tempo_heard_and_stay_in_range)
{
    cli_jam_controls c = fresh("{}");
    expect(&c, "+", "{\"bpm\":120.0,\"ramp_ms\":400}", "tempo 120 bpm");
    expect(&c, "--", "{\"bpm\":116.0,\"ramp_ms\":400}", "tempo 116 bpm");
    c = fresh("{\"bpm\":199}");
    expect(&c, "=", "{\"bpm\":200.0,\"ramp_ms\":400}", "tempo 200 bpm");
    c = fresh("{\"bpm\":60}");
    expect(&c, "-", "{\"bpm\":60.0,\"ramp_ms\":400}", "tempo 60 bpm");
}

Test(jam_keys, levels_step_by_a_tenth_within_0_and_1)
{
    cli_jam_controls c = fresh("{\"density\":0.95}");
    expect(&c, "D", "{\"density\":1.0,\"ramp_ms\":400}", "density 1.0");
    expect(&c, "ddd", "{\"density\":0.7,\"ramp_ms\":400}", "density 0.7");
    expect(&c, "bbbbbb", "{\"brightness\":0.0,\"ramp_ms\":400}", "brightness 0.0");
}

Test(jam_keys, stems_are_muted_and_soloed)
{
    cli_jam_controls c = fresh("{}");
    expect(&c, "2", "{\"stems\":{\"bass\":{\"mute\":true}}}", "bass mute on");
    expect(&c, "3", "{\"stems\":{\"chords\":{\"mute\":true}}}", "chords mute on");
    expect(&c, "2", "{\"stems\":{\"bass\":{\"mute\":false}}}", "bass mute off");
    expect(&c, "5", "{\"stems\":{\"drums\":{\"solo\":true}}}", "drums solo on");
    expect(&c, "85", "{\"stems\":{\"drums\":{\"solo\":false}}}", "drums solo off");
}

Test(jam_keys, every_section_has_a_key)
{
    cli_jam_controls c = fresh("{}");
    expect(&c, "i", "{\"section\":\"intro\"}", "section intro");
    expect(&c, "v", "{\"section\":\"verse\"}", "section verse");
    expect(&c, "f", "{\"section\":\"fill\"}", "section fill");
    expect(&c, "k", "{\"section\":\"break\"}", "section break");
    expect(&c, "o", "{\"section\":\"drop\"}", "section drop");
    expect(&c, "e", "{\"section\":\"ending\"}", "section ending");
    cr_expect_str_eq(c.ordered, "ending");
}

Test(jam_keys, a_section_is_heard_once_the_server_took_the_order)
{
    cli_jam_controls c = fresh("{}");
    expect(&c, "o", "{\"section\":\"drop\"}", "section drop");
    cr_expect_str_eq(cli_jam_section_at(&c.section, 9), "verse");
    json_t *other = json_pack("{s:[s]}", "updated", "bpm");
    json_t *taken = json_pack("{s:[s,s]}", "updated", "bpm", "section");
    json_t *reset = json_pack("{s:b}", "reset", 1);
    cli_jam_controls_applied(&c, other, 4);
    cr_expect_str_eq(cli_jam_section_at(&c.section, 9), "verse");
    cli_jam_controls_applied(&c, taken, 4);
    cr_expect_str_eq(cli_jam_section_at(&c.section, 4), "verse");
    cr_expect_str_eq(cli_jam_section_at(&c.section, 5), "drop");
    cli_jam_controls_applied(&c, reset, 20);
    cr_expect_str_eq(cli_jam_section_at(&c.section, 1), "drop");
    json_decref(other);
    json_decref(taken);
    json_decref(reset);
}

Test(jam_keys, styles_go_round)
{
    cli_jam_controls c = fresh("{}");
    json_t *none = NULL;
    char said[CLI_JAM_SAID];
    cr_expect_eq(cli_jam_key(&c, 'n', 120, &none, said), CLI_JAM_NOTHING);
    cli_jam_controls_style(&c, "a");
    cli_jam_controls_style(&c, "b");
    expect(&c, "n", "{\"styles\":[\"a\"],\"style_ramp_seconds\":2.0}", "style a");
    expect(&c, "nn", "{\"styles\":[\"a\"],\"style_ramp_seconds\":2.0}", "style a");
    expect(&c, "p", "{\"styles\":[\"b\"],\"style_ramp_seconds\":2.0}", "style b");
    cli_jam_controls_done(&c);
    c = fresh("{}");
    cli_jam_controls_style(&c, "a");
    cli_jam_controls_style(&c, "b");
    expect(&c, "p", "{\"styles\":[\"b\"],\"style_ramp_seconds\":2.0}", "style b");
    cli_jam_controls_done(&c);
}

Test(jam_keys, keys_and_scales)
{
    cli_jam_controls c = fresh("{\"key\":\"Bb\",\"scale\":\"dorian\"}");
    expect(&c, "c", "{\"key\":\"B\"}", "key B");
    expect(&c, "c", "{\"key\":\"C\"}", "key C");
    expect(&c, "CC", "{\"key\":\"A#\"}", "key A#");
    expect(&c, "m", "{\"scale\":\"major\"}", "scale major");
    expect(&c, "m", "{\"scale\":\"minor\"}", "scale minor");
    c = fresh("{\"key\":\"auto\"}");
    expect(&c, "c", "{\"key\":\"C\"}", "key C");
}

Test(jam_keys, names_of_keys_both_ways)
{
    for (int k = -1; k < 12; k++) {
        cr_expect_eq(cli_jam_key_number(cli_jam_key_name(k)), k);
    }
    cr_expect_eq(cli_jam_key_number("Db"), 1);
    cr_expect_eq(cli_jam_key_number("Gb"), 6);
    cr_expect_eq(cli_jam_key_number("Bb"), 10);
    cr_expect_eq(cli_jam_key_number("H"), -1);
    cr_expect_eq(cli_jam_key_number(" "), -1);
    cr_expect_eq(cli_jam_key_number(""), -1);
    cr_expect_eq(cli_jam_key_number(NULL), -1);
}

Test(jam_keys, the_rest)
{
    static const struct {
        int key;
        cli_jam_action action;
        const char *said;
    } cases[] = {{' ', CLI_JAM_PAUSE, "paused"},      {' ', CLI_JAM_GO_ON, "going on"},
                 {'r', CLI_JAM_FRESH, "fresh ideas"}, {'?', CLI_JAM_HELP, ""},
                 {'q', CLI_JAM_QUIT, "stopping"},     {4, CLI_JAM_QUIT, "stopping"},
                 {'x', CLI_JAM_NOTHING, ""},          {'\n', CLI_JAM_NOTHING, ""},
                 {0xc3, CLI_JAM_NOTHING, ""}};
    cli_jam_controls c = fresh("{}");
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        json_t *fields = NULL;
        char said[CLI_JAM_SAID];
        cr_expect_eq(cli_jam_key(&c, cases[i].key, 120, &fields, said), cases[i].action, "%zu", i);
        cr_expect_str_eq(said, cases[i].said);
        cr_expect_null(fields);
    }
}
