/*
 * cli_jam_keys.h - what each key does while a jam plays. Plain bookkeeping of the controls as the
 * user has set them; sends nothing itself.
 */
#ifndef CLI_JAM_KEYS_H
#define CLI_JAM_KEYS_H

#include "cli_jam_section.h"

#include <jansson.h>

#define CLI_JAM_STEMS 4
#define CLI_JAM_SAID 64

typedef struct cli_jam_controls {
    double bpm;        /* 0: the style's */
    double density;    /* negative: the style's */
    double brightness; /* negative: the style's */
    int key;           /* 0 C to 11 B, -1 auto */
    char scale[16];
    cli_jam_section section;
    char ordered[16];         /* section that the server has not yet taken; "" for none */
    bool mute[CLI_JAM_STEMS]; /* drums, bass, chords, lead */
    bool solo[CLI_JAM_STEMS];
    bool paused;
    char **styles; /* to go through; owned */
    size_t n_styles;
    size_t style; /* of styles, n_styles: as started */
} cli_jam_controls;

typedef enum cli_jam_action {
    CLI_JAM_NOTHING, /* no such key */
    CLI_JAM_UPDATE,  /* send *ret_fields */
    CLI_JAM_PAUSE,
    CLI_JAM_GO_ON,
    CLI_JAM_FRESH, /* reset_context */
    CLI_JAM_QUIT,
    CLI_JAM_HELP,
} cli_jam_action;

/* cli_jam_controls_init takes what the start was given: an object of params (borrowed). */
void cli_jam_controls_init(cli_jam_controls *c, const json_t *params);
void cli_jam_controls_done(cli_jam_controls *c);

/* cli_jam_controls_style adds a name to go through with n and p. */
void cli_jam_controls_style(cli_jam_controls *c, const char *name);

/* cli_jam_controls_applied notes that the server took an update, the message of which is status, in
 * a bar. */
void cli_jam_controls_applied(cli_jam_controls *c, const json_t *status, uint64_t bar);

/* cli_jam_key changes the controls by one key. bpm_now is the tempo heard, from which steps go when
 * none was set. With CLI_JAM_UPDATE *ret_fields is the caller's to decref, and said tells what was
 * done in a few words (for every action but CLI_JAM_NOTHING and CLI_JAM_HELP). */
cli_jam_action cli_jam_key(cli_jam_controls *c, int key, double bpm_now, json_t **ret_fields,
                           char said[CLI_JAM_SAID]);

/* The table of keys, for people. */
extern const char cli_jam_keys_help[];

/* cli_jam_key_name is "C" to "B", or "auto". */
const char *cli_jam_key_name(int key);

/* cli_jam_key_number is its inverse, flats included; -1 for auto and what is none. */
int cli_jam_key_number(const char *name);

#endif
