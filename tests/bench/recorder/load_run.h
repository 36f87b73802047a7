/* load_run.h - the runs of the load generator; each prints one line of JSON at its end. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

/* load_play: `sessions` publishers on `connections`, 20 ms messages for `seconds`, then all stop.
 */
void load_play(const char *url, int sessions, int seconds, int connections, long pid);

/* load_chunks: an hour of one session, unpaced, with consumers that take MP3 in chunks of a second;
 * what the recorder spends a chunk in minute 1 and in the last minute. */
void load_chunks(const char *url, int consumers, int minutes, long pid);

/* load_extract: a session of so many minutes, extracts of 1 s of each format at random places, then
 * its stop: how long it takes and how far memory grows. */
void load_extract(const char *url, int minutes, int extracts, long pid);

/* load_files: sessions that files fill, unpaced, then extracts of them as above, in turns. They are
 * from one hour, the last but one of a session that has more: what can be compared is how far
 * behind the beginning they lie, not whether the processor's cache holds an hour and no day. */
void load_files(const char *url, int extracts, char *const names[], int n);

/* load_interrupt: sessions of so many seconds that nobody stops, the last of them in 20 ms messages
 * in turn, so that the audio of each lies scattered in the log; they wait window_s for their
 * publisher once the recorder has started again. */
void load_interrupt(const char *url, int sessions, int seconds, int window_s);

/* load_probe: how long it takes until a session is accepted, tried until it is, and stopped. */
void load_probe(const char *url);

/* load_count: how many sessions are in a state, and their frames. */
void load_count(const char *url, const char *state);

#endif
