#include "processor_documents.h"

#include <pthread.h>
#include <string.h>

#include "rf_base.h"

typedef struct known_document {
    char *text;
    size_t len;
    json_t *document;
} known_document;

static struct {
    pthread_mutex_t mutex;
    known_document known[PROCESSOR_DOCUMENTS_MAX];
    size_t next; /* gives way to the next new one */
} kept = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static json_t *find_locked(const char *text, size_t len)
{
    for (size_t i = 0; i < PROCESSOR_DOCUMENTS_MAX; i++) {
        const known_document *k = &kept.known[i];
        if (k->document != NULL && k->len == len && memcmp(k->text, text, len) == 0) {
            return json_incref(k->document);
        }
    }
    return NULL;
}

static json_t *find(const char *text, size_t len)
{
    pthread_mutex_lock(&kept.mutex);
    json_t *found = find_locked(text, len);
    pthread_mutex_unlock(&kept.mutex);
    return found;
}

/* Another thread may have kept the same one meanwhile, which does no harm. */
static void keep(const char *text, size_t len, json_t *document)
{
    known_document new = {rf_strdup(text), len, json_incref(document)};
    pthread_mutex_lock(&kept.mutex);
    known_document old = kept.known[kept.next];
    kept.known[kept.next] = new;
    kept.next = (kept.next + 1) % PROCESSOR_DOCUMENTS_MAX;
    pthread_mutex_unlock(&kept.mutex);
    free(old.text);
    json_decref(old.document);
}

json_t *processor_documents_get(const char *text)
{
    size_t len = strlen(text);
    json_t *document = find(text, len);
    if (document != NULL) {
        return document;
    }
    document = json_loads(text, 0, NULL);
    if (document != NULL && len <= PROCESSOR_DOCUMENT_KEPT_MAX) {
        keep(text, len, document);
    }
    return document;
}
