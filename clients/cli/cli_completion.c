/* cli_completion.c - `reflection completion`: scripts made from the table of commands. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static void print_bash(void)
{
    puts("_reflection() {\n"
         "    local word=\"${COMP_WORDS[COMP_CWORD]}\"\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "        COMPREPLY=($(compgen -W \"\\");
    for (const cli_command *c = cli_commands; c->name != NULL; c++) {
        printf("%s ", c->name);
    }
    puts("\" -- \"$word\"))\n"
         "        return\n"
         "    fi\n"
         "    case \"${COMP_WORDS[1]}\" in");
    for (const cli_command *c = cli_commands; c->name != NULL; c++) {
        printf("    %s) COMPREPLY=($(compgen -f -W \"%s\" -- \"$word\")) ;;\n", c->name, c->words);
    }
    puts("    esac\n"
         "}\n"
         "complete -F _reflection reflection");
}

int cli_completion_main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "bash") == 0) {
        print_bash();
        return CLI_OK;
    }
    if (argc == 2 && strcmp(argv[1], "zsh") == 0) {
        puts("autoload -U +X bashcompinit && bashcompinit");
        print_bash();
        return CLI_OK;
    }
    bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;
    fputs("Usage: reflection completion bash|zsh\n\n"
          "For bash: source <(reflection completion bash)\n",
          asked ? stdout : stderr);
    return asked ? CLI_OK : CLI_USAGE;
}
