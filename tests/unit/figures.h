/*
 * How much of its material a test goes through: all of it in a plain build, where figures count
 * (the word FIGURES of rf_test has CI run it there); every n-th part for a sanitizer, which judges
 * the code.
 */
#ifndef FIGURES_H
#define FIGURES_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FIGURES_COUNT false
#define FIGURES_EVERY(n) (n)
#else
#define FIGURES_COUNT true
#define FIGURES_EVERY(n) 1
#endif

#endif
