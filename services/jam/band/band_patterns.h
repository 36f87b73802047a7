/*
 * band_patterns.h - the vocabulary of the band: everything that styles choose from, by name, with
 * the neutral weight of each item. A bar has 16 steps of a sixteenth; two bars may be written.
 *
 * Drums, comp: X accent, x plain, o soft, g ghost, 2-4 so many strokes within the step; O open hat;
 * - the chord is held, . nothing. Bass: r root, R accented root, 8 octave, 5 fifth, 3 third,
 * 7 seventh, a step or half-step before the next root, w the next note of a walk, l a note of the
 * line of this phrase, - held. Arp: 0-9 chord tones upwards. Rhythm: x a note, - held.
 * Fill: s S snare soft and loud, r two strokes, h m l toms, k kick, c crash, p clap.
 */
#ifndef BAND_PATTERNS_H
#define BAND_PATTERNS_H

#include "rf_base.h"

#define BAND_STEPS 16 /* a bar */

typedef struct band_pattern {
    uint8_t neutral; /* weight */
    uint8_t key;     /* drums: General MIDI key of the first lane */
    uint8_t key2;    /* of the second */
    const char *steps;
    const char *steps2; /* NULL: no second lane */
} band_pattern;

/* name, neutral weight, key, steps, key of second lane, steps */
#define BAND_KICKS(X)                                                                              \
    X(KICK_NONE, 1, 36, "................", 0, NULL)                                               \
    X(KICK_FOUR, 10, 36, "X...X...X...X...", 0, NULL)                                              \
    X(KICK_FOUR_PICKUP, 3, 36, "X...X...X...X...X...X...X...X.o.", 0, NULL)                        \
    X(KICK_FOUR_SKIP, 2, 36, "X...X..oX...X..o", 0, NULL)                                          \
    X(KICK_FOUR_ROLL, 2, 36, "X..oX...X..oX.o.", 0, NULL)                                          \
    X(KICK_ONE_THREE, 10, 36, "X.......X.......", 0, NULL)                                         \
    X(KICK_ROCK, 10, 36, "X.......X.x.....", 0, NULL)                                              \
    X(KICK_ROCK_PUSH, 6, 36, "X.....x...X.....", 0, NULL)                                          \
    X(KICK_ROCK_DRIVE, 5, 36, "X..x....x.X..x..", 0, NULL)                                         \
    X(KICK_ROCK_LONG, 5, 36, "X.......X.x.....X..x....x.x.....", 0, NULL)                          \
    X(KICK_ONE, 3, 36, "X...............", 0, NULL)                                                \
    X(KICK_ONE_DROP, 2, 36, "........X.......", 0, NULL)                                           \
    X(KICK_BOOM_BAP, 5, 36, "X......x..x.....", 0, NULL)                                           \
    X(KICK_BOOM_BAP_LAZY, 4, 36, "X..x......x.....X.....x...x..o..", 0, NULL)                      \
    X(KICK_TRAP, 3, 36, "X.....x...x.....", 0, NULL)                                               \
    X(KICK_TRAP_LONG, 3, 36, "X......x......x.X..x......x.....", 0, NULL)                          \
    X(KICK_DRILL, 1, 36, "X..x......x..x..", 0, NULL)                                              \
    X(KICK_TWO_STEP, 3, 36, "X.........X.....", 0, NULL)                                           \
    X(KICK_TWO_STEP_LONG, 2, 36, "X.........X.....X..x......X.....", 0, NULL)                      \
    X(KICK_BREAK, 3, 36, "X.x.......xx....", 0, NULL)                                              \
    X(KICK_BREAK_LONG, 3, 36, "X.x.......xx....X.x.......x.....", 0, NULL)                         \
    X(KICK_GARAGE, 2, 36, "X.........x..x..", 0, NULL)                                             \
    X(KICK_ELECTRO, 2, 36, "X.....x...X..x..", 0, NULL)                                            \
    X(KICK_FUNK, 5, 36, "X.x....x..x.....", 0, NULL)                                               \
    X(KICK_FUNK_ONE, 4, 36, "X..x..x...x..o..", 0, NULL)                                           \
    X(KICK_FEATHER, 3, 36, "o...o...o...o...", 0, NULL)                                            \
    X(KICK_JAZZ_DROPS, 2, 36, "o.....g...o.....o.........o...x.", 0, NULL)                         \
    X(KICK_DOUBLE_BASS, 1, 36, "XoxoXoxoXoxoXoxo", 0, NULL)                                        \
    X(KICK_GALLOP, 1, 36, "X.xxX.xxX.xxX.xx", 0, NULL)                                             \
    X(KICK_EIGHTHS, 1, 36, "X.x.X.x.X.x.X.x.", 0, NULL)                                            \
    X(KICK_DBEAT, 2, 36, "X..x....X.x.....", 0, NULL)                                              \
    X(KICK_BOSSA, 4, 36, "X..oX..oX..oX..o", 0, NULL)                                              \
    X(KICK_SAMBA, 2, 36, "o..oX..oo..oX..o", 0, NULL)                                              \
    X(KICK_SALSA, 2, 36, "X.....x.......x.", 0, NULL)                                              \
    X(KICK_AFROBEAT, 2, 36, "X..x..x.o.x...x.", 0, NULL)                                           \
    X(KICK_AMAPIANO, 1, 36, "X...x...X...x..o", 0, NULL)                                           \
    X(KICK_SECOND_LINE, 2, 36, "X..x..x...x.x...", 0, NULL)                                        \
    X(KICK_HALF_SYNC, 2, 36, "X......x...x....", 0, NULL)                                          \
    X(KICK_FOOTWORK, 1, 36, "X..x..x.X..x..x.", 0, NULL)                                           \
    X(KICK_CINEMA, 1, 36, "X.......o.....x.", 41, "........x...x...")

#define BAND_SNARES(X)                                                                             \
    X(SNARE_NONE, 2, 38, "................", 0, NULL)                                              \
    X(SNARE_BACKBEAT, 10, 38, "....X.......X...", 0, NULL)                                         \
    X(SNARE_GHOSTS, 6, 38, "....X..g.g..X..g", 0, NULL)                                            \
    X(SNARE_FUNKY, 3, 38, "....X.ggg.g.X.gg", 0, NULL)                                             \
    X(SNARE_CLAP, 6, 39, "....X.......X...", 0, NULL)                                              \
    X(SNARE_CLAP_LATE, 2, 39, "....X.......X.......X.......X..o", 0, NULL)                         \
    X(SNARE_STACK, 3, 38, "....X.......X...", 39, "....x.......x...")                              \
    X(SNARE_RIM, 4, 37, "....x.......x...", 0, NULL)                                               \
    X(SNARE_RIM_GHOST, 2, 37, "....x..g....x.g.", 0, NULL)                                         \
    X(SNARE_HALF, 4, 38, "........X.......", 38, "......g........g")                               \
    X(SNARE_HALF_CLAP, 3, 39, "........X.......", 37, "...........g..g.")                          \
    X(SNARE_ONE_DROP, 2, 37, "........X.......", 38, "..............g.")                           \
    X(SNARE_BREAK, 3, 38, "....X..g.g..X..g....X..g.gg...X.", 0, NULL)                             \
    X(SNARE_AMEN, 2, 38, "....X..x.x..X..x", 0, NULL)                                              \
    X(SNARE_TRAIN, 2, 38, "ogXgogXgogXgogXg", 0, NULL)                                             \
    X(SNARE_BRUSH, 2, 38, "o.x.o.x.o.x.o.x.", 0, NULL)                                             \
    X(SNARE_JAZZ, 2, 38, "......g.......o......g...o......", 0, NULL)                              \
    X(SNARE_DEMBOW, 2, 38, "...x..X....x..X.", 0, NULL)                                            \
    X(SNARE_BLAST, 1, 38, ".X.X.X.X.X.X.X.X", 0, NULL)                                             \
    X(SNARE_SKANK, 1, 38, "..X...X...X...X.", 0, NULL)                                             \
    X(SNARE_BOSSA, 3, 37, "x..x..x...x..x..", 0, NULL)                                             \
    X(SNARE_MARCH, 1, 38, "X.ggx.ggX.ggxggg", 0, NULL)                                             \
    X(SNARE_FOUR, 2, 38, "X...X...X...X...", 0, NULL)                                              \
    X(SNARE_SHUFFLE, 2, 38, "g.g.X.g.g.g.X.g.", 0, NULL)                                           \
    X(SNARE_SECOND_LINE, 1, 38, "g.gXg.xgg.gXg.x2", 0, NULL)                                       \
    X(SNARE_DRILL, 1, 38, "......X.......X.", 37, ".g........g.....")                              \
    X(SNARE_AFRO, 2, 37, "...x..x...x.x...", 0, NULL)                                              \
    X(SNARE_TRIP, 2, 38, "....X..o......X.", 0, NULL)

#define BAND_HATS(X)                                                                               \
    X(HAT_NONE, 2, 42, "................", 0, NULL)                                                \
    X(HAT_EIGHTHS, 10, 42, "X.x.X.x.X.x.X.x.", 0, NULL)                                            \
    X(HAT_EIGHTHS_SOFT, 5, 42, "x.o.x.o.x.o.x.og", 0, NULL)                                        \
    X(HAT_SIXTEENTHS, 5, 42, "XoxoXoxoXoxoXoxo", 0, NULL)                                          \
    X(HAT_SIXTEENTHS_SOFT, 3, 42, "oxoxoxoxoxoxoxox", 0, NULL)                                     \
    X(HAT_OFFBEAT, 5, 46, "..X...X...X...X.", 42, "o..go..go..go..g")                              \
    X(HAT_OFFBEAT_CLOSED, 3, 42, "..x...x...x...x.", 42, "...g...g...g...g")                       \
    X(HAT_HOUSE, 4, 42, "o.XoogXoo.XoogXo", 46, "..........x.....")                                \
    X(HAT_DISCO, 3, 42, "xx.xxx.xxx.xxx.x", 46, "..X...X...X...X.")                                \
    X(HAT_TECHNO, 3, 42, "ogXgogXgogXgogXg", 46, "..x...x...x...x.")                               \
    X(HAT_QUARTERS, 4, 42, "x...x...x...x...", 44, "..g...g...g...g.")                             \
    X(HAT_TRAP, 2, 42, "x.x.x.x.x.x.x3x.x.x.x.2.x.x.x.44", 0, NULL)                                \
    X(HAT_TRAP_BUSY, 2, 42, "xoxox2xoxox3xoxoxoxox.33x2xoxo44", 0, NULL)                           \
    X(HAT_DRILL, 1, 42, "x..x..x.x..x.3x.", 0, NULL)                                               \
    X(HAT_TRIP, 2, 42, "x.oxx.o.x.oxx.oO", 0, NULL)                                                \
    X(HAT_LOFI, 3, 42, "x.x.o.xgx.x.o.x.", 0, NULL)                                                \
    X(HAT_FUNK, 3, 42, "XoxoXoxOXoxoXoxo", 0, NULL)                                                \
    X(HAT_BREAK, 3, 42, "x.x.x.x.x.x.x.O.", 0, NULL)                                               \
    X(HAT_ROLLING, 2, 42, "x.xox.xox.xox.xo", 51, "..g...g...g...g.")                              \
    X(HAT_SWING, 3, 51, "x...X.o.x...X.o.", 44, "....x.......x...")                                \
    X(HAT_SWING_BUSY, 2, 51, "x.g.X.o.x...X.o.x...X.g.x.o.X.o.", 44, "....x.......x...")           \
    X(HAT_RIDE, 4, 51, "X.x.X.x.X.x.X.x.", 44, "....o.......o...")                                 \
    X(HAT_RIDE_QUARTERS, 2, 51, "X...X...X...X...", 42, "..g...g...g...g.")                        \
    X(HAT_RIDE_BELL, 2, 53, "..x...x...x...x.", 42, "x...x...x...x...")                            \
    X(HAT_CRASH, 1, 57, "X...x...X...x...", 42, "..o...o...o...o.")                                \
    X(HAT_PEDAL, 3, 44, "....x.......x...", 51, "o.....g.o.....g.")                                \
    X(HAT_REGGAE, 2, 42, "..x.o.x...x.o.xo", 0, NULL)                                              \
    X(HAT_GARAGE, 2, 42, "o.x.o.xog.x.o.xo", 46, "..............x.")                               \
    X(HAT_SAMBA, 2, 42, "XooxXooxXooxXoox", 0, NULL)                                               \
    X(HAT_SPARSE, 3, 51, "o.......g.......o.......g...o...", 0, NULL)

#define BAND_PERCS(X)                                                                              \
    X(PERC_NONE, 10, 70, "................", 0, NULL)                                              \
    X(PERC_SHAKER, 6, 70, "oxoXoxoXoxoXoxoX", 0, NULL)                                             \
    X(PERC_SHAKER_EIGHTHS, 4, 70, "x.o.x.o.x.o.x.o.", 69, "..g...g...g...g.")                      \
    X(PERC_CABASA, 2, 69, "oxXooxXooxXooxXo", 0, NULL)                                             \
    X(PERC_TAMBOURINE, 4, 54, "..o.x.o...o.x.o.", 0, NULL)                                         \
    X(PERC_TAMBOURINE_BUSY, 2, 54, "xooxXooxxooxXoox", 0, NULL)                                    \
    X(PERC_CONGAS, 4, 62, "o.o.X.o.o.o.X.o.", 63, "......xx......xx")                              \
    X(PERC_CONGAS_ROLL, 2, 63, "..x..x....x..xx.", 64, "x.......x..x....")                         \
    X(PERC_BONGOS, 3, 60, "Xox.xox.Xox.xox.", 61, "...x...x...x...x")                              \
    X(PERC_CLAVE_SON, 2, 75, "x..x..x...x.x...", 69, "o.o.o.o.o.o.o.o.")                           \
    X(PERC_CLAVE_BOSSA, 2, 75, "o..o..o...o..o..", 70, "xoxoxoxoxoxoxoxo")                         \
    X(PERC_COWBELL, 2, 56, "x...x...x...x...", 70, "..o...o...o...o.")                             \
    X(PERC_MAMBO_BELL, 1, 56, "X.x.Xo.xX.x.Xo.x", 65, "......x.......xx")                          \
    X(PERC_AGOGO, 2, 67, "x..x..x...x.....", 68, ".x......x...x.x.")                               \
    X(PERC_GUIRO, 1, 73, "..oo..oo..oo..oo", 74, "x...x...x...x...")                               \
    X(PERC_CLAPS, 3, 39, "....x.......x...", 70, "..o...o...o...o.")                               \
    X(PERC_CLAPS_SYNC, 2, 39, "...o..x....o..x.", 0, NULL)                                         \
    X(PERC_SNAPS, 3, 37, "....o.......o...", 70, "..g...g...g...g.")                               \
    X(PERC_TRIANGLE, 2, 81, "x.......x.......", 80, "..oo..oo..oo..oo")                            \
    X(PERC_TIMBALES, 1, 65, "..x...x...x.xx..", 66, "x...........x...")                            \
    X(PERC_SURDO, 1, 41, "x.......X.......", 54, "XooxXooxXooxXoox")                               \
    X(PERC_WOOD, 2, 76, "..x..x....x..x..", 77, "x.......x....x..")                                \
    X(PERC_TOMS, 2, 45, "..x..x....x..xx.", 41, "x..o....x..o....")                                \
    X(PERC_TAIKO, 1, 41, "X..x..x.X..x.xx.", 45, "....o.......o..o")                               \
    X(PERC_GLITCH, 2, 76, "...o..g..x....o.", 37, ".g...o......g..g")                              \
    X(PERC_RIDE_AIR, 2, 51, "..o...o...o...o.", 70, "o.g.o.g.o.g.o.g.")                            \
    X(PERC_LOG_DRUM, 1, 41, "..x..x....x.x...", 70, "oxoXoxoXoxoXoxoX")                            \
    X(PERC_DJEMBE, 2, 64, "X..x..x.X.x.x...", 60, "..oo.oo...oo.ooo")                              \
    X(PERC_BELLS, 1, 53, "o...........o...", 81, "......g.........")

#define BAND_FILLS(X)                                                                              \
    X(FILL_NONE, 6, 0, "................", 0, NULL)                                                \
    X(FILL_PICKUP, 6, 0, "............s.sS", 0, NULL)                                              \
    X(FILL_SNARE, 4, 0, "S.ssS.ssS.ssSsss", 0, NULL)                                               \
    X(FILL_TOMS, 5, 0, "SsshSshhhmmmlllS", 0, NULL)                                                \
    X(FILL_TOMS_SLOW, 4, 0, "h.h.h.m.m.m.l.l.", 0, NULL)                                           \
    X(FILL_ROCK, 4, 0, "S.sSk.hhk.mmk.ll", 0, NULL)                                                \
    X(FILL_ROLL, 2, 0, "ssssssssrrrrrrrr", 0, NULL)                                                \
    X(FILL_BUILD, 3, 0, "s...s...s.s.s.s.", 0, NULL)                                               \
    X(FILL_BUILD_FAST, 2, 0, "s.s.s.s.ssssrrrr", 0, NULL)                                          \
    X(FILL_CLAPS, 3, 0, "p..p..p.p..p..pp", 0, NULL)                                               \
    X(FILL_BREAK, 3, 0, "k.s..ks.kks.s.ss", 0, NULL)                                               \
    X(FILL_STUTTER, 2, 0, "k..k..k.k.k.kkkk", 0, NULL)                                             \
    X(FILL_JAZZ, 3, 0, "s.hs.mk.s.sk.ls.", 0, NULL)                                                \
    X(FILL_LATIN, 2, 0, "h.hh.hm..mm.l.ll", 0, NULL)                                               \
    X(FILL_METAL, 1, 0, "SkkSkkhkkhkkmkkl", 0, NULL)                                               \
    X(FILL_CYMBAL, 3, 0, "............c...", 0, NULL)

#define BAND_BASSES(X)                                                                             \
    X(BASS_WHOLE, 6, 0, "R---------------", 0, NULL)                                               \
    X(BASS_HALVES, 6, 0, "R-------r-------", 0, NULL)                                              \
    X(BASS_ROOT_FIFTH, 8, 0, "R------.5-----a.", 0, NULL)                                          \
    X(BASS_TWO_BEAT, 4, 0, "R---....5---....", 0, NULL)                                            \
    X(BASS_DOTTED, 6, 0, "R-----r---r---a-", 0, NULL)                                              \
    X(BASS_EIGHTHS, 6, 0, "R-r-r-r-r-r-r-a-", 0, NULL)                                             \
    X(BASS_EIGHTHS_DRIVE, 4, 0, "R.r.r.r.r.r.5.a.", 0, NULL)                                       \
    X(BASS_SIXTEENTHS, 1, 0, "RrrrRrrrRrrrRrrr", 0, NULL)                                          \
    X(BASS_GALLOP, 1, 0, "R.rrR.rrR.rrR.rr", 0, NULL)                                              \
    X(BASS_WALK, 4, 0, "R---w---w---a---", 0, NULL)                                                \
    X(BASS_WALK_SKIPS, 3, 0, "R---w-w-w---a---R---w---w-w-a-a-", 0, NULL)                          \
    X(BASS_WALK_TWO, 3, 0, "R-------w-----a-", 0, NULL)                                            \
    X(BASS_BOOGIE, 2, 0, "R-3-5-w-8-7-5-3-", 0, NULL)                                              \
    X(BASS_SHUFFLE, 3, 0, "R-r-5-5-7-5-3-a-", 0, NULL)                                             \
    X(BASS_OCTAVES, 4, 0, "R.8.r.8.r.8.r.8.", 0, NULL)                                             \
    X(BASS_DISCO, 3, 0, "R.8.r.8.r.8.5.a8", 0, NULL)                                               \
    X(BASS_OFFBEAT, 4, 0, "..R-..R-..R-..R-", 0, NULL)                                             \
    X(BASS_ROLLING, 2, 0, ".Rrr.Rrr.Rrr.Rrr", 0, NULL)                                             \
    X(BASS_ROLLING_OCTAVE, 2, 0, ".Rr8.Rr8.Rr8.R85", 0, NULL)                                      \
    X(BASS_HOUSE, 3, 0, "R..r..8...r.7.8.", 0, NULL)                                               \
    X(BASS_DEEP, 3, 0, "R--...r--.r...5.R--...r-.....7a.", 0, NULL)                                \
    X(BASS_ACID, 2, 0, "RllrlRl8lrlRrll8", 0, NULL)                                                \
    X(BASS_ACID_SPARSE, 1, 0, "R.lR.l8.R.l.Rl.8", 0, NULL)                                         \
    X(BASS_SUB, 4, 0, "R-----------....R-------r---....", 0, NULL)                                 \
    X(BASS_808, 3, 0, "R-----r---r-----R-----r---8---a-", 0, NULL)                                 \
    X(BASS_808_GLIDE, 2, 0, "R------r-----8-.R--r------r--a-.", 0, NULL)                           \
    X(BASS_REESE, 2, 0, "R---------r-----R-----7---r---a-", 0, NULL)                               \
    X(BASS_WOBBLE, 2, 0, "R-----r-r---r-r-R---r-r-r-r-r-r-", 0, NULL)                              \
    X(BASS_BOOM_BAP, 3, 0, "R------r--5---a-R------8--r-----", 0, NULL)                            \
    X(BASS_FUNK, 3, 0, "R..r..8.r..5.7a.", 0, NULL)                                                \
    X(BASS_SLAP, 2, 0, "R.8r.8r..8.r7.8a", 0, NULL)                                                \
    X(BASS_MOTOWN, 3, 0, "R-..r-5-.r5-8-7a", 0, NULL)                                              \
    X(BASS_REGGAE, 2, 0, "R-..r-5-..8-5-..", 0, NULL)                                              \
    X(BASS_DUB, 2, 0, "R---..r-r---....R---..5-3---....", 0, NULL)                                 \
    X(BASS_BOSSA, 4, 0, "R-----5-5-----a-", 0, NULL)                                               \
    X(BASS_SAMBA, 2, 0, "R--55---r--55-a-", 0, NULL)                                               \
    X(BASS_TUMBAO, 2, 0, "R-----5-----a---", 0, NULL)                                              \
    X(BASS_DEMBOW, 2, 0, "R-.r..r-r-.5..r-", 0, NULL)                                              \
    X(BASS_AFRO, 2, 0, "R..r..5-..r.8.5.", 0, NULL)                                                \
    X(BASS_RIFF, 2, 0, "R.rl.l8.R.rl.la.", 0, NULL)                                                \
    X(BASS_PULSE, 2, 0, "R.r.R.r.R.r.R.r.", 0, NULL)                                               \
    X(BASS_DRONE, 2, 0, "R-------------------------------", 0, NULL)

#define BAND_COMPS(X)                                                                              \
    X(COMP_NONE, 3, 0, "................", 0, NULL)                                                \
    X(COMP_WHOLE, 6, 0, "x---------------", 0, NULL)                                               \
    X(COMP_HALVES, 6, 0, "X-------x-------", 0, NULL)                                              \
    X(COMP_QUARTERS, 5, 0, "X--.x--.X--.x--.", 0, NULL)                                            \
    X(COMP_QUARTERS_SHORT, 3, 0, "x.o.X.o.x.o.X.o.", 0, NULL)                                      \
    X(COMP_EIGHTHS, 6, 0, "X-x-x-x-X-x-x-x-", 0, NULL)                                             \
    X(COMP_BALLAD, 4, 0, "X-o-x-o-X-o-x-o-", 0, NULL)                                              \
    X(COMP_STRUM, 6, 0, "X---x-o--ox-x-o-", 0, NULL)                                               \
    X(COMP_STRUM_BUSY, 3, 0, "X-o-x-oox-o-x-oo", 0, NULL)                                          \
    X(COMP_CHARLESTON, 3, 0, "x-----x-.......gx-----x-....x-..", 0, NULL)                          \
    X(COMP_JAZZ_OFF, 3, 0, "......x-......x-..x---......x-..", 0, NULL)                            \
    X(COMP_JAZZ_ANTIC, 2, 0, "..x-....x-....x-......x-..o-..x-", 0, NULL)                          \
    X(COMP_FREDDIE, 2, 0, "x-..X-..x-..X-..", 0, NULL)                                             \
    X(COMP_OFFBEAT, 3, 0, "..x...x...x...x.", 0, NULL)                                             \
    X(COMP_SKANK, 2, 0, "..X...X...X...Xg", 0, NULL)                                               \
    X(COMP_BACKBEAT, 3, 0, "....X.......X...", 0, NULL)                                            \
    X(COMP_STABS, 3, 0, "X..x..x...x..x..", 0, NULL)                                               \
    X(COMP_STABS_LONG, 3, 0, "X--x--x---x--x--X--x--x---x---x-", 0, NULL)                          \
    X(COMP_HOUSE, 3, 0, "..x..x....x..x..x..x....x..x..x.", 0, NULL)                               \
    X(COMP_TECHNO_STAB, 2, 0, "...x......x.....", 0, NULL)                                         \
    X(COMP_DUB, 2, 0, "..X.....o.......", 0, NULL)                                                 \
    X(COMP_TRANCE_GATE, 2, 0, "x.xxx.xxx.xxx.xx", 0, NULL)                                         \
    X(COMP_FUNK, 3, 0, "x..xog.x..x.og.x", 0, NULL)                                                \
    X(COMP_FUNK_SPARSE, 3, 0, "....x..x......x.....x..x..xx....", 0, NULL)                         \
    X(COMP_CHUG, 2, 0, "X.xxX.xxX.xxX.xx", 0, NULL)                                                \
    X(COMP_CHUG_EIGHTHS, 3, 0, "X.x.x.x.X.x.x.x.", 0, NULL)                                        \
    X(COMP_CHUG_RIFF, 2, 0, "X.xX.xX.xxX-----X.xX.xX.xxX-X---", 0, NULL)                           \
    X(COMP_POWER, 3, 0, "X-------X-----x-", 0, NULL)                                               \
    X(COMP_POWER_SYNC, 3, 0, "X-----X---X-----", 0, NULL)                                          \
    X(COMP_TREMOLO, 1, 0, "XxxxxxxxXxxxxxxx", 0, NULL)                                             \
    X(COMP_BOSSA, 3, 0, "x--x--x---x--x--x--x--x---x---x-", 0, NULL)                               \
    X(COMP_MONTUNO, 2, 0, "x.xx.x.x.xx.x.x.", 0, NULL)                                             \
    X(COMP_TANGO, 1, 0, "X.....x-X...x...", 0, NULL)                                               \
    X(COMP_GOSPEL, 2, 0, "X---o-x-..x-X-o-", 0, NULL)                                              \
    X(COMP_CHOP, 2, 0, "..x.X.x...x.X.x.", 0, NULL)                                                \
    X(COMP_LOFI, 3, 0, "x------x--------..x-----....x---", 0, NULL)                                \
    X(COMP_AFRO, 2, 0, "x..x.x.x..x.x...", 0, NULL)                                                \
    X(COMP_PUSHES, 3, 0, "X-----x-------X-", 0, NULL)

#define BAND_ARPS(X)                                                                               \
    X(ARP_NONE, 10, 0, "................", 0, NULL)                                                \
    X(ARP_UP, 4, 0, "0.1.2.3.0.1.2.3.", 0, NULL)                                                   \
    X(ARP_UP_FAST, 3, 0, "0123012301230123", 0, NULL)                                              \
    X(ARP_UP_DOWN, 4, 0, "0.1.2.3.4.3.2.1.", 0, NULL)                                              \
    X(ARP_UP_DOWN_FAST, 2, 0, "0123432101234321", 0, NULL)                                         \
    X(ARP_DOWN, 2, 0, "3.2.1.0.3.2.1.0.", 0, NULL)                                                 \
    X(ARP_ALBERTI, 3, 0, "0.2.1.2.0.2.1.2.", 0, NULL)                                              \
    X(ARP_PICKING, 4, 0, "0.2.1.3.0.2.1.3.", 0, NULL)                                              \
    X(ARP_PICKING_TRAVIS, 2, 0, "0..21.3.0..21.32", 0, NULL)                                       \
    X(ARP_THREES, 3, 0, "0..2..4..2..0..2", 0, NULL)                                               \
    X(ARP_TRESILLO, 2, 0, "0.23.1.20.23.1.2", 0, NULL)                                             \
    X(ARP_GATE, 2, 0, "00.11.00.11.22.2", 0, NULL)                                                 \
    X(ARP_TRANCE, 2, 0, "0.240.240.240.24", 0, NULL)                                               \
    X(ARP_SLOW, 4, 0, "0...2...1...3...", 0, NULL)                                                 \
    X(ARP_DRIFT, 3, 0, "0.....2.....4...........3...1...", 0, NULL)                                \
    X(ARP_CHIP, 1, 0, "0240240240240246", 0, NULL)                                                 \
    X(ARP_BROKEN, 2, 0, "0..2.1..3..1.2..", 0, NULL)                                               \
    X(ARP_OCTAVES, 2, 0, "0.3.0.3.0.3.0.3.", 0, NULL)                                              \
    X(ARP_BLIPS, 2, 0, "..3..5....4..3..", 0, NULL)                                                \
    X(ARP_GUAJEO, 1, 0, "0.21.2.0.21.2.1.", 0, NULL)                                               \
    X(ARP_STRINGS, 2, 0, "0212021202120212", 0, NULL)

#define BAND_RHYTHMS(X)                                                                            \
    X(RHYTHM_WHOLE, 4, 0, "x--------------.", 0, NULL)                                             \
    X(RHYTHM_HALVES, 6, 0, "x-------x------.", 0, NULL)                                            \
    X(RHYTHM_HALF_QUARTERS, 8, 0, "x-------x---x---", 0, NULL)                                     \
    X(RHYTHM_QUARTERS, 6, 0, "x---x---x---x---", 0, NULL)                                          \
    X(RHYTHM_DOTTED, 8, 0, "x-----x-x------.", 0, NULL)                                            \
    X(RHYTHM_PICKUP, 6, 0, "x-------....x-x-", 0, NULL)                                            \
    X(RHYTHM_LATE, 5, 0, "....x---x-----x-", 0, NULL)                                              \
    X(RHYTHM_EIGHTHS, 5, 0, "x-x-x-x-x---x---", 0, NULL)                                           \
    X(RHYTHM_EIGHTHS_RUN, 4, 0, "x-x-x-x-x-x-x-x-", 0, NULL)                                       \
    X(RHYTHM_EIGHTHS_GAP, 5, 0, "x-x-x---..x-x---", 0, NULL)                                       \
    X(RHYTHM_BEBOP, 2, 0, "..x-x-x-x-x-x-x.", 0, NULL)                                             \
    X(RHYTHM_BEBOP_LONG, 2, 0, "x-x-xxx-x-x-x-x-", 0, NULL)                                        \
    X(RHYTHM_SWUNG, 3, 0, "x---..x-x---..x-", 0, NULL)                                             \
    X(RHYTHM_CALL, 5, 0, "x-x-x-----......", 0, NULL)                                              \
    X(RHYTHM_SHOUT, 3, 0, "x-..x-..x---....", 0, NULL)                                             \
    X(RHYTHM_SYNC, 5, 0, "x--x--x---x--x--", 0, NULL)                                              \
    X(RHYTHM_TRESILLO, 4, 0, "x-----x-----x---", 0, NULL)                                          \
    X(RHYTHM_OFFBEATS, 3, 0, "..x-..x-..x-..x-", 0, NULL)                                          \
    X(RHYTHM_PUSH, 4, 0, "x-----x-------x-", 0, NULL)                                              \
    X(RHYTHM_FUNK, 3, 0, "x..x.xx-..x-.x..", 0, NULL)                                              \
    X(RHYTHM_SIXTEENTHS, 2, 0, "xxx-x-x-xxx-x---", 0, NULL)                                        \
    X(RHYTHM_SHRED, 1, 0, "xxxxxxxxxxxxxxxx", 0, NULL)                                             \
    X(RHYTHM_GALLOP, 1, 0, "x-xxx-xxx-xxx-xx", 0, NULL)                                            \
    X(RHYTHM_HOOK, 4, 0, "x--x--x-x--x--x-", 0, NULL)                                              \
    X(RHYTHM_HOOK_SHORT, 4, 0, "x..x..x.........", 0, NULL)                                        \
    X(RHYTHM_STAB, 2, 0, "x...............", 0, NULL)                                              \
    X(RHYTHM_ANTHEM, 4, 0, "x---x--x---x----", 0, NULL)                                            \
    X(RHYTHM_RAP, 2, 0, "x-xx-xx-x-xx-x..", 0, NULL)                                               \
    X(RHYTHM_LAZY, 3, 0, "......x-x----x--", 0, NULL)                                              \
    X(RHYTHM_CLAVE, 2, 0, "x--x--x---x-x---", 0, NULL)                                             \
    X(RHYTHM_BLUES, 3, 0, "..x-x-x-----....", 0, NULL)                                             \
    X(RHYTHM_REST, 3, 0, "................", 0, NULL)                                              \
    X(RHYTHM_FLOAT, 3, 0, "....x-----------", 0, NULL)                                             \
    X(RHYTHM_ECHO, 2, 0, "x--.....x--.....", 0, NULL)

#define BAND_PATTERN_NAME(name, neutral, key, steps, key2, steps2) name,

typedef enum band_kick { BAND_KICKS(BAND_PATTERN_NAME) BAND_N_KICKS } band_kick;
typedef enum band_snare { BAND_SNARES(BAND_PATTERN_NAME) BAND_N_SNARES } band_snare;
typedef enum band_hat { BAND_HATS(BAND_PATTERN_NAME) BAND_N_HATS } band_hat;
typedef enum band_perc { BAND_PERCS(BAND_PATTERN_NAME) BAND_N_PERCS } band_perc;
typedef enum band_fill { BAND_FILLS(BAND_PATTERN_NAME) BAND_N_FILLS } band_fill;
typedef enum band_bass { BAND_BASSES(BAND_PATTERN_NAME) BAND_N_BASSES } band_bass;
typedef enum band_comp { BAND_COMPS(BAND_PATTERN_NAME) BAND_N_COMPS } band_comp;
typedef enum band_arp { BAND_ARPS(BAND_PATTERN_NAME) BAND_N_ARPS } band_arp;
typedef enum band_rhythm { BAND_RHYTHMS(BAND_PATTERN_NAME) BAND_N_RHYTHMS } band_rhythm;

#undef BAND_PATTERN_NAME

#endif
