/* Documents are parsed once, kept while they are among the last ones, and are whole for each who
 * asks. */
#include "processor_documents.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "rf_base.h"

static json_t *numbered(int i)
{
    char text[64];
    snprintf(text, sizeof(text), "{\"number\":%d}", i);
    json_t *document = processor_documents_get(text);
    cr_assert_eq(json_integer_value(json_object_get(document, "number")), i);
    return document;
}

Test(documents, an_equal_text_is_not_parsed_again)
{
    json_t *first = numbered(1);
    json_t *again = numbered(1);
    cr_assert_eq(again, first);
    json_decref(first);
    json_decref(again);
}

Test(documents, the_oldest_gives_way_and_lives_as_long_as_it_is_used)
{
    json_t *first = numbered(0);
    for (int i = 1; i <= PROCESSOR_DOCUMENTS_MAX; i++) {
        json_decref(numbered(i));
    }
    json_t *again = numbered(0);
    cr_assert_neq(again, first);
    cr_assert(json_equal(again, first));
    json_decref(first);
    json_decref(again);
}

Test(documents, what_is_no_json_is_none)
{
    cr_assert_null(processor_documents_get("{"));
    cr_assert_null(processor_documents_get(""));
}

Test(documents, a_large_one_is_not_kept)
{
    char *text = rf_alloc(PROCESSOR_DOCUMENT_KEPT_MAX + 3);
    memset(text, ' ', PROCESSOR_DOCUMENT_KEPT_MAX);
    memcpy(text + PROCESSOR_DOCUMENT_KEPT_MAX, "{}", 3);
    json_t *first = processor_documents_get(text);
    json_t *again = processor_documents_get(text);
    cr_assert(json_is_object(first));
    cr_assert_neq(again, first);
    json_decref(first);
    json_decref(again);
    free(text);
}

static void *ask_for_many(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        json_decref(numbered(i % (2 * PROCESSOR_DOCUMENTS_MAX)));
    }
    return arg;
}

Test(documents, threads_share_them)
{
    pthread_t threads[4];
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, ask_for_many, NULL), 0);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
}
