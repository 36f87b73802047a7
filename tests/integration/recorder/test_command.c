/* `reflection devices` and `reflection record` on a microphone without hardware. */
#include "vmic.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* S5, S2 */
Test(command, devices_are_listed_and_recorded_from)
{
    vmic mic = {0};
    vmic_setup(&mic);
    vmic_up(&mic);
    vmic_tone(&mic);
    int status =
        system("exec python3 \"$REFLECTION_SOURCE\"/tests/compat/with_platform.py -- "
               "python3 \"$REFLECTION_SOURCE\"/tests/integration/recorder/check_command.py");
    vmic_down(&mic);
    cr_assert_eq(status, 0);
}
