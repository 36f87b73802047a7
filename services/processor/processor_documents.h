/*
 * processor_documents.h - workflow documents as they were parsed. Jobs of one workflow come with
 * the same text, the parsing of which would be most of the work of a job that does little. Any
 * thread may call.
 */
#ifndef PROCESSOR_DOCUMENTS_H
#define PROCESSOR_DOCUMENTS_H

#include <jansson.h>

#define PROCESSOR_DOCUMENTS_MAX 16        /* that are kept; the oldest gives way */
#define PROCESSOR_DOCUMENT_KEPT_MAX 32768 /* bytes of text of one that is kept */

/* processor_documents_get returns the document of a text, a reference that the caller ends with
 * json_decref and shares with others, so that nothing in it may be changed. NULL: no JSON. */
json_t *processor_documents_get(const char *text);

#endif
