/*
 * scenes.h - one of each writing operation of the store, ready to run: what must be there before,
 * the operation, and how to see that it took place. For the tests that make it fail halfway.
 */
#ifndef SCENES_H
#define SCENES_H

#include "job_fixture.h"

typedef struct scene {
    const char *name;
    void (*prepare)(fixture *f); /* NULL: nothing but the fixture's application */
    int (*act)(fixture *f);      /* returns the operation's err */
    const char *took_place;      /* query for a number: not 0 once it did */
} scene;

#define SCENES_MAX 32
extern const scene scenes[];
extern const size_t n_scenes;

#endif
