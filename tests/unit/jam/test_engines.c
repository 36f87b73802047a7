/* The list of engines, plug-ins among them. */
#include "jam_engines.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#define PATH_MAX_BYTES 512

static int load(const char *const *names, size_t n, jam_engines **ret)
{
    char paths[4][PATH_MAX_BYTES];
    char *items[4];
    for (size_t i = 0; i < n; i++) {
        snprintf(paths[i], sizeof(paths[i]), PLUGIN_DIR "/%s.so", names[i]);
        items[i] = paths[i];
    }
    const rf_list list = {.items = items, .n = n};
    return jam_engines_new(NULL, NULL, &list, ret);
}

Test(engines, a_plug_in_is_found_by_its_name)
{
    const char *const names[] = {"jam_plugin_good", "jam_plugin_slow"};
    jam_engines *engines;
    cr_assert_eq(load(names, 2, &engines), 0);
    cr_assert_eq(engines->n, 2);
    cr_assert_str_eq(jam_engines_find(engines, "good")->engine->name, "good");
    cr_assert_eq(jam_engines_find(engines, "slow")->number, 1);
    cr_assert_null(jam_engines_find(engines, "band"));
    cr_assert_null(jam_engines_free(engines));
}

Test(engines, one_that_cannot_be_used_is_refused)
{
    static const struct {
        const char *name;
        int err;
    } cases[] = {
        {"jam_plugin_newer", -EINVAL},    {"jam_plugin_smaller", -EINVAL},
        {"jam_plugin_nameless", -EINVAL}, {"jam_plugin_none", -ENOEXEC},
        {"no_such_file", -ENOENT},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        jam_engines *engines;
        cr_assert_eq(load(&cases[i].name, 1, &engines), cases[i].err, "%s", cases[i].name);
    }
}

Test(engines, a_name_is_taken_once)
{
    const char *const names[] = {"jam_plugin_good", "jam_plugin_good"};
    jam_engines *engines;
    cr_assert_eq(load(names, 2, &engines), -EEXIST);
}

Test(engines, the_reason_of_a_refusal_is_told)
{
    char why[256];
    jam_engine engine = {.struct_size = sizeof(engine), .abi_version = 7};
    cr_assert_eq(jam_engine_check(&engine, why, sizeof(why)), -EINVAL);
    cr_assert_str_eq(why, "it has ABI version 7, this host knows 1");
    engine.abi_version = 1;
    engine.struct_size = 16;
    cr_assert_eq(jam_engine_check(&engine, why, sizeof(why)), -EINVAL);
    engine.struct_size = sizeof(engine);
    engine.name = "x";
    cr_assert_eq(jam_engine_check(&engine, why, sizeof(why)), -EINVAL);
    cr_assert_str_eq(why, "it lacks a callback");
}

Test(engines, the_measured_cost_follows_the_chunks)
{
    const jam_engine engine = {.name = "x", .realtime_ratio = 0.5};
    jam_engine_entry entry = {.engine = &engine, .ratio = 0.5};
    jam_engine_measure(&entry, 20 * RF_NS_PER_MS, 50); /* 2 s of audio */
    cr_assert_float_eq(entry.ratio, 0.01, 1e-9, "the first counts alone");
    for (int i = 0; i < 200; i++) {
        jam_engine_measure(&entry, 40 * RF_NS_PER_MS, 50);
    }
    cr_assert_float_eq(entry.ratio, 0.02, 1e-4);
}
