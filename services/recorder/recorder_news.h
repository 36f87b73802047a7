/*
 * recorder_news.h - what the journal tells on its threads, handed over to the owner loop: what is
 * written and durable, checkpoints to make, the state of the disk.
 */
#ifndef RECORDER_NEWS_H
#define RECORDER_NEWS_H

#include "recorder_service.h"

/* recorder_news_open opens the service's journal and log behind what was recovered (NULL: there was
 * no journal). 0 or the errno of recorder_journal_open. */
int recorder_news_open(recorder_service *s, const recorder_recovery *recovered);

#endif
