/* cli_main.c - the table of commands and the way into them. */
#include "cli.h"

#include "cli_call.h"

#include <stdio.h>
#include <string.h>

const cli_command cli_commands[] = {
    {"up", "start the platform on this machine and keep it running", cli_up_main,
     "--data --http --https --sql --store --set --ready-file --only --tied --help"},
    {"demo", "make a song, analyse it and print its lead sheet", cli_demo_main,
     "--out --data --help"},
    {"jam", "play endless music and steer it, or render some into a file", cli_jam_main,
     "render --style --weights --bpm --key --scale --density --brightness --section --engine "
     "--seed "
     "--seconds --play --device --out --pace --format --url --api-key --ca --data --help"},
    {"record", "record a device, a file or standard input", cli_record_main,
     "--device --file --rate --channels --sample-format --seconds --prefix --format --out --option "
     "--json --url --api-key --ca --data --help"},
    {"recordings", "list, show, cut, draw and play recordings", cli_recordings_main,
     "list show cut peaks play-info --state --prefix --from --to --limit --out --format --rate "
     "--channels --clip --wait-ms --spp --bits --json --data --help"},
    {"devices", "list the input devices of the platform", cli_devices_main, "--json --data --help"},
    {"job", "run, list, show, wait for, watch, cancel and delete jobs", cli_job_main,
     "run list show wait watch cancel delete batch dead redrive --help"},
    {"workflow", "list, show, add, check and remove workflows", cli_workflow_main,
     "list show add validate remove --replace --data --help"},
    {"webhook", "make the secret of webhooks, try a receiver", cli_webhook_main,
     "secret test --secret --data --help"},
    {"analyse", "chords, key, tempo, sections and loudness of a file", cli_analyse_main,
     "--json --data --help"},
    {"keys", "create, list, revoke and rotate API keys; limits of applications", cli_keys_main,
     "create list revoke rotate limits --help"},
    {"call", "list, describe and call the services themselves", cli_call_main, "--help"},
    {"bench", "measure the platform against its peers", cli_bench_main, "--list --json --help"},
    {"completion", "print a completion script for bash or zsh", cli_completion_main, "bash zsh"},
    {NULL, NULL, NULL, NULL},
};

static int print_help(FILE *to)
{
    fputs("Usage: reflection COMMAND [ARGUMENTS]\n\nCommands:\n", to);
    for (const cli_command *c = cli_commands; c->name != NULL; c++) {
        fprintf(to, "  %-12s%s\n", c->name, c->summary);
    }
    fputs(
        "\n`reflection COMMAND --help` explains a command.\n\n"
        "Environment: REFLECTION_DATA (data directory), REFLECTION_URL, REFLECTION_API_KEY,\n"
        "REFLECTION_CA_FILE (another platform than the one started here).\n\n"
        "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 no platform answers, 4 key refused.\n",
        to);
    return to == stdout ? CLI_OK : CLI_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return print_help(stderr);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return print_help(stdout);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("reflection " RF_VERSION);
        return CLI_OK;
    }
    for (const cli_command *c = cli_commands; c->name != NULL; c++) {
        if (strcmp(c->name, argv[1]) == 0) {
            return c->main(argc - 1, argv + 1);
        }
    }
    cli_fail(CLI_USAGE, "unknown command \"%s\"", argv[1]);
    return print_help(stderr);
}
