/*
 * band_desk.h - mixing desks (levels, places, sends and rooms that styles share) and feels (how far
 * parts lie behind the grid). Constant data.
 */
#ifndef BAND_DESK_H
#define BAND_DESK_H

#include "band_style.h"

typedef struct band_desk_part {
    int8_t level_db;
    int8_t pan;     /* % */
    uint8_t reverb; /* % */
    uint8_t chorus; /* % */
    uint8_t drive;  /* % */
    uint8_t cutoff; /* hundreds of Hz; 0: none */
} band_desk_part;

typedef struct band_desk_row {
    double room_s;
    double pump;
    double width;
    bool club;
    band_desk_part parts[BAND_N_PARTS];
} band_desk_row;

typedef struct band_feel_row {
    double late[BAND_N_PARTS]; /* beats behind the grid */
    double loose;              /* beats of chance on top */
} band_feel_row;

extern const band_desk_row BAND_DESKS[BAND_N_DESKS];
extern const band_feel_row BAND_FEELS[BAND_N_FEELS];

#endif
