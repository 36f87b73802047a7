/* cli_jam_render.c - `reflection jam render`: one file of music by POST /v1/jam/render. */
#include "cli_jam.h"

#include "cli_http.h"

#include <stdio.h>

int cli_jam_render(const cli_server *server, const cli_jam_options *options)
{
    json_t *body = json_pack("{s:O, s:f}", "params", options->params, "seconds", options->seconds);
    cli_http *h = cli_http_new(server);
    char seed[32];
    int code = cli_http_post_file(h, "/jam/render", body, options->out, "X-Seed", seed);
    cli_http_free(h);
    json_decref(body);
    if (code == CLI_OK) {
        printf("%s  %g s  seed %s\n", options->out, options->seconds, seed);
    }
    return code;
}
