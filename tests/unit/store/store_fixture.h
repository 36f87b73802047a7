/*
 * store_fixture.h - what the store tests share. REFLECTION_STORE_URL names an S3 store to test, of
 * which each test gets a prefix of its own; without it a directory of its own.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "rf_store.h"

#include <criterion/criterion.h>

#define NO_LIMIT UINT64_MAX

extern char store_url[512];
extern char store_dir[256]; /* "" unless the store is a directory */
extern rf_store *store;

/* store_below writes the URL of a place below an S3 store. */
void store_below(const char *url, const char *below, char out[512]);
bool store_is_s3(void);

void store_setup(void);
void store_teardown(void);

/* store_key gives "<prefix of the test>/<rest>"; one of 8 static buffers in turn. */
const char *store_key(const char *rest);
const char *store_prefix(void);

/* store_put writes and commits an object of a text; returns the error of the first step that fails.
 */
int store_put_text(const char *key, const char *text, unsigned flags);

/* store_expect asserts that the object holds exactly text; NULL: that there is none. */
void store_expect(const char *key, const char *text);

#endif
