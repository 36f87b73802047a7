/*
 * fault_vfs.h - a layer between SQLite and the disk that counts writes, syncs, truncations and
 * removals, and at a chosen one of them fails or ends the process, as a crash would.
 *
 * Everything above it is the real thing. One process; the counters are atomic, since the store has
 * threads.
 */
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

typedef enum fault_kind {
    FAULT_NONE,
    FAULT_KILL, /* half of a write reaches the file, then SIGKILL */
    FAULT_EIO,  /* the step fails, and so does all that follows until it is armed again */
    FAULT_FULL, /* the same, as when the disk is full; syncs go on working */
} fault_kind;

/* fault_vfs_install makes the layer the default for connections opened from now on. */
void fault_vfs_install(void);

/* fault_vfs_arm counts anew; the at-th step (from 1) and those after it meet the fault. */
void fault_vfs_arm(fault_kind kind, unsigned at);

/* fault_vfs_steps is how many steps were counted since. */
unsigned fault_vfs_steps(void);

#endif
