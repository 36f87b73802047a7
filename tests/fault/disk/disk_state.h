/*
 * disk_state.h - what a disk would still have of the files below one folder if the power went now.
 * Files themselves hold what programs see; this remembers, for every sector of 512 bytes written
 * since the last sync, what it was before, and for every new, renamed or removed name how to undo
 * it. A cut puts a random part of that back. All functions: under the layer's lock, unless said
 * otherwise.
 */
#ifndef DISK_STATE_H
#define DISK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct disk_file disk_file;

/* disk_state_open begins with the folder. seed: of all that is random. */
void disk_state_open(const char *root, uint64_t seed);

/* disk_random is a number below bound. */
uint64_t disk_random(uint64_t bound);

/* disk_file_of gives the file behind fd when it is a regular one below the folder, else NULL. */
disk_file *disk_file_of(int fd);

/* disk_file_before_write is to come before len bytes at `at` change. */
void disk_file_before_write(disk_file *f, int64_t at, size_t len);

/* disk_file_before_size is to come before the file gets another size. */
void disk_file_before_size(disk_file *f, int64_t size);

/* A sync covers what was written before its begin; end says whether it came to be. After a failed
 * one its sectors are lost though the program still sees them, until they are written again. */
void disk_file_sync_begin(disk_file *f);
void disk_file_sync_end(disk_file *f, bool success);
bool disk_file_is_syncing(const disk_file *f);

/* Names, before they change (created: after). path is as the program gave it. */
void disk_name_created(const char *path);
void disk_name_renames(const char *from, const char *to);
void disk_name_removes(const char *path);

/* disk_names_synced: the folder at this path has been synced. */
void disk_names_synced(const char *folder);

/* disk_cut undoes a random part of all that is not synced. The process is to end at once. */
void disk_cut(void);

#endif
