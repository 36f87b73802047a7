/*
 * recorder_kill.h - named points of the program at which a test may have it killed.
 * REFLECTION_RECORDER_KILL=<point>:<n> in the environment, read once, makes the n-th passage (from
 * 1) of that point end the process by SIGKILL, as the kernel or an operator would. Without it a
 * point costs one comparison. Any thread.
 */
#ifndef RECORDER_KILL_H
#define RECORDER_KILL_H

/* recorder_kill_point: the points of the journal are append, master, sync, durable, seal, rename,
 * floor, remove and recover; its README says where they stand. */
void recorder_kill_point(const char *point);

#endif
