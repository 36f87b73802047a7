/* The engine of the tests as plug-ins. PLUGIN says how it behaves: well, or as its name says. */
#include "engine_fixture.h"

#include <string.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const jam_engine *jam_engine_plugin(void);

static void spoil(engine_fixture *f, const char *how)
{
    f->engine.name = how;
    if (strcmp(how, "hangs") == 0) {
        f->hang_at = 2L * JAM_RATE_HZ;
    } else if (strcmp(how, "nan") == 0) {
        f->nan_at = 2L * JAM_RATE_HZ;
    } else if (strcmp(how, "slow") == 0) {
        f->slow_us = 20000;
    } else if (strcmp(how, "refuses") == 0) {
        f->fail_open = true;
    } else if (strcmp(how, "newer") == 0) {
        f->engine.abi_version = JAM_ENGINE_ABI + 1;
    } else if (strcmp(how, "smaller") == 0) {
        f->engine.struct_size = sizeof(jam_engine) - 8;
    } else if (strcmp(how, "nameless") == 0) {
        f->engine.name = "";
    }
}

const jam_engine *jam_engine_plugin(void)
{
    static engine_fixture fixture;
    if (fixture.engine.name == NULL) {
        engine_fixture_init(&fixture);
        spoil(&fixture, TEXT(PLUGIN));
    }
    return &fixture.engine;
}
