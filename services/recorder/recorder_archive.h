/*
 * recorder_archive.h - finished sessions as files, one snapshot each: what the journal need not
 * hold any more.
 */
#ifndef RECORDER_ARCHIVE_H
#define RECORDER_ARCHIVE_H

#include "recorder_service.h"

/* recorder_archive_write puts the session as it is now into its file, in the background, and then
 * has the journal forget it. The loop. */
void recorder_archive_write(recorder_session *s);

/* recorder_archive_then does so and tells fn when all that has changed so far is on disk, or could
 * not be written. One at a time. */
void recorder_archive_then(recorder_session *s, void (*fn)(void *user, int err), void *user);

/* What a walk over the archive asks of each file, by its session's id, and gives of those that are
 * wanted (NULL: all): the take goes over to it; false ends the walk. */
typedef struct recorder_archive_reader {
    bool (*wants)(void *user, const uint8_t *id);
    bool (*take)(void *user, recorder_take *take);
} recorder_archive_reader;

/* recorder_archive_walk reads the archive in the recorder's folder, in no order. Any thread; blocks
 * on the disk. 0 or the errno of reading the directory. */
int recorder_archive_walk(const char *dir, const recorder_archive_reader *reader, void *user);

/* recorder_archive_load restores all of them that the registry does not have, in the background,
 * and then tells the registry so. A file that cannot be read is logged and left; a folder that
 * cannot is logged, and the registry goes on without its sessions, which it may not call unknown.
 */
void recorder_archive_load(recorder_service *s);

#endif
