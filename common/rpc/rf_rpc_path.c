#include "rf_rpc_path.h"

#include "rf_base.h"

#include <stdio.h>

size_t rf_rpc_path_push(rf_rpc_path *p, const char *name, size_t index)
{
    size_t mark = p->len;
    size_t room = sizeof(p->text) - p->len;
    int n = name != NULL ? snprintf(p->text + p->len, room, "%s%s", p->len > 0 ? "." : "", name)
                         : snprintf(p->text + p->len, room, "[%zu]", index);
    p->len += RF_MIN((size_t)RF_MAX(n, 0), room - 1);
    while (p->len > mark && !rf_utf8_valid(p->text + mark, p->len - mark)) {
        p->text[--p->len] = '\0'; /* cut before a character, not inside it */
    }
    return mark;
}

void rf_rpc_path_pop(rf_rpc_path *p, size_t mark)
{
    p->len = mark;
    p->text[mark] = '\0';
}

int rf_rpc_path_fail(const rf_rpc_path *p, rf_status *st, rf_code code, const char *what)
{
    return rf_status_set(st, code, "%s%s%s", p->text, p->len > 0 ? ": " : "", what);
}
