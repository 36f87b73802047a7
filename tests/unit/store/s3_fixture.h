/*
 * s3_fixture.h - what the tests of the S3 backend share, beside store_fixture.h. They run under
 * tests/servers/with s3, some of them with its proxy (faults=yes), which counts and spoils
 * requests.
 */
#ifndef S3_FIXTURE_H
#define S3_FIXTURE_H

#include "rf_store_s3.h"
#include "server_control.h"
#include "store_fixture.h"

/* s3_setup skips the test where no server is, else it is store_setup; s3_teardown undoes faults. */
void s3_setup(void);
void s3_teardown(void);

/* s3_open opens the store of the test with more options, "&timeout=2"; returns the error. */
int s3_open(const char *options, rf_store **ret);

/* s3_uploads counts the multipart uploads of the test that have neither been completed nor ended.
 */
size_t s3_uploads(void);

/* s3_bytes gives byte i of a body that is the same each time. */
uint8_t s3_byte(uint64_t i);

/* s3_put writes len such bytes in pieces of 1 MiB; returns the first error. */
int s3_put(rf_store *s, const char *key, uint64_t len, unsigned flags);

/* s3_expect asserts that bytes [offset, offset + len) of the object are those. */
void s3_expect(rf_store_object *object, uint64_t offset, size_t len);

/* s3_log_begin collects what is written to standard error; s3_log_end gives it, valid until the
 * next call. */
void s3_log_begin(void);
const char *s3_log_end(void);

#endif
