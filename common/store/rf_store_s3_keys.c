#include "rf_store_s3.h"

#include "rf_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (1u << 20)

struct rf_s3_keychain {
    pthread_mutex_t mutex;
    char *path; /* NULL: the environment has them */
    char *profile;
    rf_s3_keys keys;   /* guarded by mutex, as is all below */
    struct stat of;    /* the file when it was read */
    const char *fault; /* why keys are none; NULL: they are */
    unsigned generation;
};

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value == NULL ? "" : value;
}

/* The file that the URL names, else the environment's own keys, else its file, else the home's. */
static char *choose_file(const rf_s3_config *c)
{
    if (c->credentials != NULL) {
        return rf_strdup(c->credentials);
    }
    if (env("AWS_ACCESS_KEY_ID")[0] != '\0') {
        return NULL;
    }
    if (env("AWS_SHARED_CREDENTIALS_FILE")[0] != '\0') {
        return rf_strdup(env("AWS_SHARED_CREDENTIALS_FILE"));
    }
    return rf_asprintf("%s/.aws/credentials", env("HOME"));
}

/* ---- taking them ---- */

static int take(rf_s3_keys *keys, const char *name, const char *value)
{
    if (strcmp(name, "aws_access_key_id") == 0) {
        return rf_copy_str(keys->access, sizeof(keys->access), value);
    }
    if (strcmp(name, "aws_secret_access_key") == 0) {
        return rf_copy_str(keys->secret, sizeof(keys->secret), value);
    }
    if (strcmp(name, "aws_session_token") == 0) {
        return rf_copy_str(keys->token, sizeof(keys->token), value);
    }
    return 0;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL) {
        text[--n] = '\0';
    }
    return text;
}

/* One line of the file; *inside: the section wanted has begun. */
static int read_line(char *line, const char *profile, bool *inside, rf_s3_keys *keys)
{
    line = trim(line);
    if (line[0] == '[') {
        line[strcspn(line, "]")] = '\0';
        *inside = strcmp(trim(line + 1), profile) == 0;
        return 0;
    }
    char *value = strchr(line, '=');
    if (!*inside || line[0] == '#' || line[0] == ';' || value == NULL) {
        return 0;
    }
    *value++ = '\0';
    return take(keys, trim(line), trim(value));
}

static const char *check(const rf_s3_keys *keys)
{
    const char *const texts[] = {keys->access, keys->secret, keys->token};
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        for (const char *p = texts[i]; *p != '\0'; p++) {
            if (*p <= ' ' || *p > '~') {
                return "a credential holds a character that none can have";
            }
        }
    }
    return keys->access[0] != '\0' && keys->secret[0] != '\0'
               ? NULL
               : "there are no credentials: neither AWS_ACCESS_KEY_ID nor a credentials file has "
                 "them";
}

static const char *read_text(char *text, const char *profile, rf_s3_keys *keys)
{
    bool inside = false;
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        if (read_line(line, profile, &inside, keys) < 0) {
            return "a credential in the credentials file is too long";
        }
        line = end;
    }
    return check(keys);
}

static const char *read_file(const rf_s3_keychain *chain, rf_s3_keys *keys)
{
    rf_buf text;
    rf_buf_init(&text, FILE_MAX_BYTES);
    const char *fault = "the credentials file cannot be read";
    if (rf_file_read(chain->path, &text) == 0 && rf_buf_append_char(&text, '\0') == 0) {
        fault = read_text((char *)text.data, chain->profile, keys);
        explicit_bzero(text.data, text.len);
    }
    rf_buf_done(&text);
    return fault;
}

static const char *read_environment(rf_s3_keys *keys)
{
    bool fits = take(keys, "aws_access_key_id", env("AWS_ACCESS_KEY_ID")) == 0 &&
                take(keys, "aws_secret_access_key", env("AWS_SECRET_ACCESS_KEY")) == 0 &&
                take(keys, "aws_session_token", env("AWS_SESSION_TOKEN")) == 0;
    return fits ? check(keys) : "a credential in the environment is too long";
}

/* ---- keeping them ---- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether what was read before still holds; a file that has gone is being replaced. */
static bool is_fresh(const rf_s3_keychain *chain, const struct stat *now, bool is_there)
{
    return chain->keys.access[0] != '\0' &&
           (chain->path == NULL || !is_there || is_same_file(now, &chain->of));
}

/* With the lock. What was read stays when the file has gone bad. */
static void refresh(rf_s3_keychain *chain)
{
    struct stat now = {0};
    bool is_there = chain->path != NULL && stat(chain->path, &now) == 0;
    if (is_fresh(chain, &now, is_there)) {
        return;
    }
    rf_s3_keys fresh = {0};
    const char *fault = chain->path != NULL ? read_file(chain, &fresh) : read_environment(&fresh);
    if (fault == NULL) {
        chain->keys = fresh;
        chain->of = now;
        chain->generation++;
    }
    chain->fault = chain->keys.access[0] != '\0' ? NULL : fault;
    explicit_bzero(&fresh, sizeof(fresh));
}

rf_s3_keychain *rf_s3_keychain_new(const rf_s3_config *config)
{
    rf_s3_keychain *chain = RF_NEW(rf_s3_keychain);
    pthread_mutex_init(&chain->mutex, NULL);
    chain->path = choose_file(config);
    chain->profile = rf_strdup(config->profile);
    return chain;
}

rf_s3_keychain *rf_s3_keychain_free(rf_s3_keychain *chain)
{
    if (chain != NULL) {
        explicit_bzero(&chain->keys, sizeof(chain->keys));
        pthread_mutex_destroy(&chain->mutex);
        free(chain->path);
        free(chain->profile);
        free(chain);
    }
    return NULL;
}

int rf_s3_keychain_get(rf_s3_keychain *chain, rf_s3_keys *ret, const char **ret_why)
{
    pthread_mutex_lock(&chain->mutex);
    refresh(chain);
    *ret = chain->keys;
    *ret_why = chain->fault;
    pthread_mutex_unlock(&chain->mutex);
    return *ret_why == NULL ? 0 : -EACCES;
}

unsigned rf_s3_keychain_generation(rf_s3_keychain *chain)
{
    pthread_mutex_lock(&chain->mutex);
    refresh(chain);
    unsigned generation = chain->generation;
    pthread_mutex_unlock(&chain->mutex);
    return generation;
}
