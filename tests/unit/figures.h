/*
 * How much of its material a test goes through: all of it in a plain build, where figures count
 * (the word FIGURES of rf_test has CI run it there); every n-th part for a sanitizer, which judges
 * the code.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* figures_are_long: it goes through all that takes hours, too (scripts/test --long). */
static inline bool figures_are_long(void)
{
    const char *value = getenv("REFLECTION_LONG");
    return value != NULL && strcmp(value, "1") == 0;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FIGURES_COUNT false
#define FIGURES_EVERY(n) (n)
#else
#define FIGURES_COUNT true
#define FIGURES_EVERY(n) 1
#endif

#endif
