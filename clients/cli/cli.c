#include "cli.h"

#include "rf_buf.h"
#include "rf_file.h"
#include "rf_install.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cli_fail(int code, const char *fmt, ...)
{
    va_list args;
    fputs("reflection: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

static char *absolute(const char *path)
{
    char cwd[PATH_MAX];
    if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL) {
        return rf_strdup(path);
    }
    return rf_asprintf("%s/%s", cwd, path);
}

char *cli_data_dir(const char *option)
{
    const char *set = option != NULL ? option : getenv("REFLECTION_DATA");
    if (set != NULL && set[0] != '\0') {
        return absolute(set);
    }
    const char *xdg = getenv("XDG_DATA_HOME");
    if (xdg != NULL && xdg[0] == '/') {
        return rf_asprintf("%s/reflection", xdg);
    }
    const char *home = getenv("HOME");
    return rf_asprintf("%s/.local/share/reflection", home != NULL ? home : "/root");
}

char *cli_program_path(const char *name)
{
    char path[PATH_MAX];
    return rf_strdup(rf_install_program(name, path, sizeof(path)) == 0 ? path : name);
}

static void take(json_t *ready, const char *name, char **field)
{
    const char *value = json_string_value(json_object_get(ready, name));
    if (*field == NULL && value != NULL) {
        *field = rf_strdup(value);
    }
}

static void take_environment(const char *name, char **field)
{
    const char *value = getenv(name);
    if (value != NULL && value[0] != '\0') {
        *field = rf_strdup(value);
    }
}

int cli_server_find(const char *data_option, cli_server *server)
{
    *server = (cli_server){0};
    take_environment("REFLECTION_URL", &server->url);
    take_environment("REFLECTION_API_KEY", &server->key);
    take_environment("REFLECTION_CA_FILE", &server->ca_file);
    RF_CLEANUP(rf_cleanup_free) char *data = cli_data_dir(data_option);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/ready.json", data);
    json_t *ready = json_load_file(path, 0, NULL);
    bool other = server->url != NULL;
    take(ready, "https_url", &server->url);
    if (!other) { /* key and authority of the local platform fit no other */
        take(ready, "api_key", &server->key);
        take(ready, "ca_file", &server->ca_file);
    }
    json_decref(ready);
    if (server->url == NULL) {
        return cli_fail(CLI_UNREACHABLE,
                        "no platform is running here (%s is missing); start one with `reflection "
                        "up`, or set REFLECTION_URL and REFLECTION_API_KEY",
                        path);
    }
    size_t len = strlen(server->url);
    while (len > 0 && server->url[len - 1] == '/') {
        server->url[--len] = '\0';
    }
    return CLI_OK;
}

void cli_server_done(cli_server *server)
{
    free(server->url);
    free(server->key);
    free(server->ca_file);
    *server = (cli_server){0};
}
